"""Attacks that need certain files: long compressed ones, bombs, sparse ones, very many of them."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable
from functools import partial
from typing import Final

from siege import days
from siege.frames import flood_of
from siege.plan import Attack, Surroundings
from siege.target import Target, persist, together

LATE_TIME: Final = "15:45"
PAUSE_SECONDS: Final = 0.3
"""Between two tickers that are asked for late, so that each one's cost shows."""

FEW: Final = 256
"""Descriptors that macOS gives a process."""

FEW_DESCRIPTORS: Final = Surroundings(descriptors=FEW)


def _flow(ticker: str) -> str:
    return f"/v2/{ticker}/orderflow/orderflow"


def late(target: Target) -> None:
    """A key at a late time asks for each of the compressed days."""
    wanted = json.dumps({"key": "late", "playback": "clock", "time": LATE_TIME}).encode()
    target.begun()

    def each() -> None:
        target.request("POST", "/_gexfaker/sessions", "late", wanted)
        for ticker in days.LATE:
            target.refused += target.request("GET", _flow(ticker), "late")[0] != 200
            target.did += 1
            time.sleep(PAUSE_SECONDS)

    persist(target, each)


def poll(paths: Iterable[str], target: Target) -> None:
    """Ask for all of these again and again on each connection, whatever is answered."""
    wanted = list(paths)

    def one(number: int) -> None:
        for path in itertools.cycle(wanted[number % len(wanted) :] + wanted[: number % len(wanted)]):
            target.refused += target.request("GET", path, f"attacker-{number}")[0] != 200
            target.did += 1

    together(target, one)


def _wrong_join(number: int) -> dict[str, object]:
    return {"type": "joinGroup", "group": f"blue_X{number}Y_orderflow_orderflow", "ackId": number}


ATTACKS: Final[dict[str, Attack]] = {
    "late-zst": Attack(late, 1, "the end of long zstd files", partial(days.write_late, "zst"), is_right=True),
    "late-gz": Attack(late, 1, "the end of long gzip files", partial(days.write_late, "gz"), is_right=True),
    "bombs-zst": Attack(
        partial(poll, map(_flow, days.BOMBS)), 4, "200 MB of zeros as zstd", partial(days.write_bombs, "zst")
    ),
    "bombs-gz": Attack(
        partial(poll, map(_flow, days.BOMBS)), 4, "200 MB of zeros as gzip", partial(days.write_bombs, "gz")
    ),
    "sparse": Attack(partial(poll, [_flow(days.SPARSE)]), 1, "a sparse file of 5 GB", days.write_sparse),
    "unreadable": Attack(
        partial(poll, [_flow(days.UNREADABLE)]), 1, "a file of which no line is a record", days.write_unreadable
    ),
    "packed-files": Attack(
        partial(poll, days.PACKED_PATHS),
        2,
        "360 gzip files, 256 descriptors",
        days.write_packed,
        surroundings=FEW_DESCRIPTORS,
        newcomer=days.PACKED_PATHS[-1],
        slack=FEW // 2,
        is_right=True,
    ),
    "folders": Attack(partial(flood_of, _wrong_join), 4, "wrong joins, 20,000 tickers", days.write_folders),
    "folders-asked": Attack(
        partial(poll, [f"/v2/Y{number}/orderflow/orderflow" for number in range(100)]),
        4,
        "wrong tickers, 20,000 right ones",
        days.write_folders,
    ),
}

"""A simulated market, as a newcomer runs it: each key at a place of its own, fifteen groups each, a record a second.

It is the way that has to make every record before it can be sent. What a message costs must not depend on how many
places there are, up to the limit of the machine.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from bench.days import feeds_of, hubs_of
from bench.processes import Counted, gexfaker, loaded
from bench.report import Report

KEYS: Final = (5, 20, 40, 80, 200)
FEEDS: Final = feeds_of(["SPX"])
DAY: Final = "2026-06-17"
"""A day with a record in every second."""

FIRST: Final = datetime.datetime(2026, 6, 17, 9, 45, tzinfo=datetime.UTC)
APART: Final = datetime.timedelta(seconds=83)
SECONDS: Final = 20.0
JSON: Final = "json.webpubsub.azure.v1"


def times_of(keys: int) -> list[str]:
    """Where each key begins: apart by more than a minute, and not by whole minutes."""
    return [f"{FIRST + APART * number:%H:%M:%S}" for number in range(keys)]


def played(keys: int) -> Counted:
    """What so many keys get and cost; they settle first, as all begin at once."""
    job: dict[str, Any] = {"clients": keys, "keys": keys, "subprotocol": JSON, "hubs": hubs_of(FEEDS)}
    job |= {"times": times_of(keys), "settle": 10.0 + keys / 5, "seconds": SECONDS}
    with gexfaker(None, data_date=DAY, simulate="true", tickers="SPX", queue_messages=10_000) as (process, url):
        counted = loaded(process, "bench.load", job | {"target": url})
    cores = counted["cpu"] / SECONDS
    return counted | {
        "delivered": counted["frames"] / (keys * len(FEEDS) * SECONDS),
        "cores": cores,
        "us_message": 1e6 * counted["cpu"] / max(counted["frames"], 1),
    }


def measure(report: Report, root: Path, progress: Progress) -> None:
    """The same for more and more keys."""
    task = progress.add_task("simulated, places of their own", total=len(KEYS))
    for keys in KEYS:
        report.note_all(
            f"simulated, {keys} keys x 15 groups", played(keys), "delivered", "cores", "us_message", "rss_mb"
        )
        progress.advance(task)

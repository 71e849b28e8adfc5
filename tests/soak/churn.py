"""Clients that come and go, for half an hour: ``python -m tests.soak.churn [SECONDS]``. Memory must not grow.

Forty visitors at a time: each takes one of a few keys of its own, negotiates in one of both ways, speaks one of five
subprotocols, joins some groups, asks by REST, seeks now and then, and leaves in one of several ways: in order, with a
reset, or without a word, so that its connection waits for it in vain. The server's memory is looked at all the time;
after a first third, in which it may fill what it keeps, its level must stay.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any, Final

from rich.console import Console

from support.raw import JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE, TEXT, GoneError, RawSocket, connect, frame
from support.server import Running, running_process

VISITORS: Final = 40
KEYS: Final = 8
"""Of each visitor; they are its own, because a POST ends the connections of the one before it."""

DIALECTS: Final = (JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE, "")
FEEDS: Final = ("SPX_classic_gex_full", "SPX_classic_gex_zero", "SPX_classic_gex_one", "ES_SPX_classic_gex_zero")
PATHS: Final = (
    "/v2/SPX/classic/gex_zero",
    "/SPX/state/gamma_zero/majors",
    "/v2/ES_SPX/orderflow/orderflow",
    "/tickers",
    "/nothing/here",
)
SAMPLE_SECONDS: Final = 1.0
GROWTH: Final = 1.03
"""The memory's level at the end, of that after a third: what malloc leaves between the pieces moves it by a percent."""


class Totals:
    """What the visitors did, under a lock, and the memory they were seen with, MB.

    Attributes:
        longest: seconds that one waited for a frame.
    """

    def __init__(self) -> None:
        self.did: Final[Counter[str]] = Counter()
        self.memory: Final[list[float]] = []
        self.longest = 0.0
        self._lock: Final = threading.Lock()

    def note(self, what: str) -> None:
        """Count it."""
        with self._lock:
            self.did[what] += 1

    def waited(self, seconds: float) -> None:
        """For a frame."""
        with self._lock:
            self.longest = max(self.longest, seconds)

    def level(self, start: float, end: float) -> float:
        """The memory's median between two shares of the run."""
        count = len(self.memory)
        return statistics.median(self.memory[int(start * count) : max(int(start * count) + 1, int(end * count))])


class Visit:
    """One visitor's connection."""

    def __init__(self, server: Running, number: int, random: Random, totals: Totals) -> None:
        self._server: Final = server
        self._random: Final = random
        self._totals: Final = totals
        self._key: Final = f"churn-{number}-{random.randrange(KEYS)}"

    def run(self) -> None:
        """From negotiation to the end."""
        if self._random.random() < 0.3:
            self._ask()
        raw = self._open()
        for _ in range(self._random.randrange(12)):
            began = time.monotonic()
            with contextlib.suppress(GoneError):
                raw.read_frame()
            self._totals.waited(time.monotonic() - began)
        if self._random.random() < 0.3:
            self._seek()
        leave: Callable[[RawSocket], None] = self._random.choice([self._close, self._reset, self._vanish])
        leave(raw)
        self._totals.note(leave.__name__.removeprefix("_"))

    def _open(self) -> RawSocket:
        dialect = self._random.choice(DIALECTS)
        self._totals.note(dialect or "no subprotocol")
        if dialect not in (JSON, JSON_RELIABLE) or self._random.random() < 0.3:
            url = self._server.post(*self._random.sample(FEEDS, 2), key=self._key)["classic"]
            self._totals.note("post")
            return connect(url, *filter(None, [dialect]))
        raw = connect(self._server.negotiate(self._key)["classic"], dialect)
        for name in self._random.sample(FEEDS, 2):
            raw.send(frame(TEXT, json.dumps({"type": "joinGroup", "group": f"blue_{name}"}).encode()))
        return raw

    def _ask(self) -> None:
        self._server.get(self._random.choice(PATHS), {"Authorization": f"Bearer {self._key}"})
        self._totals.note("rest")

    def _seek(self) -> None:
        # Few places, because here it is not the simulation of the market that is to be tried.
        time_of_day = f"{self._random.randint(10, 15)}:{self._random.choice(['05', '35'])}"
        body: dict[str, Any] = {"time": time_of_day}
        self._server.request("POST", f"/_gexfaker/sessions/{self._key}/seek", json.dumps(body).encode(), {})
        self._totals.note("seek")

    def _close(self, raw: RawSocket) -> None:
        with contextlib.suppress(GoneError, OSError):
            raw.close(1000)
            raw.read_close()
        raw.socket.close()

    def _reset(self, raw: RawSocket) -> None:
        raw.abort()

    def _vanish(self, raw: RawSocket) -> None:
        raw.socket.close()


def memory_mb(server: Running) -> float:
    """Resident memory of the server; 0 where nobody tells it (only Linux does)."""
    status = Path(f"/proc/{server.process.pid}/status")
    return int(status.read_text().split("VmRSS:")[1].split()[0]) / 1024 if status.exists() else 0.0


def soak(server: Running, seconds: float, totals: Totals, seed: int = 1) -> None:
    """That long, or until a visitor meets what it should not, which is raised; ``totals`` tell what was until then."""
    over = threading.Event()
    timer = threading.Timer(seconds, over.set)

    def visit(number: int) -> None:
        random = Random(f"{seed} {number}")
        try:
            while not over.is_set():
                Visit(server, number, random, totals).run()
        finally:
            over.set()

    with ThreadPoolExecutor(VISITORS) as pool:
        timer.start()
        visitors = [pool.submit(visit, number) for number in range(VISITORS)]
        while not over.wait(SAMPLE_SECONDS):
            totals.memory.append(memory_mb(server))
        timer.cancel()
        for visitor in visitors:
            visitor.result()
    assert not [line for line in server.stderr if "Traceback" in line or "ERROR" in line], server.stderr


@contextlib.contextmanager
def churn_server() -> Iterator[Running]:
    """A simulated day that never ends, a short memory of lost clients."""
    settings = {"speed": "4", "cache_mode": "rotation", "recovery_window": "5s", "log_level": "error"}
    with running_process(simulate="true", **settings) as server:
        yield server


def main(seconds: float) -> None:
    """Run, and print figures."""
    console, totals, seed = Console(), Totals(), int(time.time())
    status = console.status(f"{VISITORS} visitors for {seconds:.0f} s, seed {seed}")
    try:
        with churn_server() as server, status:
            soak(server, seconds, totals, seed)
    finally:
        _tell(console, totals)
    assert totals.level(0.9, 1.0) <= GROWTH * totals.level(0.3, 0.4), "it grows"


def _tell(console: Console, totals: Totals) -> None:
    console.print(", ".join(f"{what} {count:,}" for what, count in totals.did.most_common()))
    levels = [f"{totals.level(part / 6, (part + 1) / 6):.1f}" for part in range(6) if totals.memory]
    console.print(
        f"memory in MB, by sixths of the run: {', '.join(levels)}; most {max(totals.memory, default=0.0):.1f}"
    )
    console.print(f"longest wait for a frame: {totals.longest:.2f} s")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1800.0)

"""One ticker's simulated day as files: the task, its feeds, and the work."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gexfaker import __version__
from gexfaker.catalog import STANDARD_KINDS, Feed
from gexfaker.errors import DataError
from gexfaker.jobs.targets import Archive, Folder, Mark, Target, check_beside
from gexfaker.market.numeric.noise import SIMULATION
from gexfaker.shell import expanded
from gexfaker.tapes.lock import WriteLock
from gexfaker.tapes.tape import Tape

LOCK_SECONDS: Final = 20.0
"""How long to wait for another run to end: a killed one's workers need a moment to notice."""

LOCK_POLL_SECONDS: Final = 0.05


def open_feeds(
    ticker: str, date: str, seed: int, scenario: str | None = None, feedback: float | None = None
) -> list[Tape]:
    """The standard feeds of a ticker's simulated day, which share what they compute; nothing is made yet.

    Raises DataError: the ticker is not simulated, or there is no such day or scenario.
    """
    from gexfaker.market.scenarios.scenariofile import read_scenario
    from gexfaker.market.simulation import Market  # here, because numpy takes its time to load

    market = Market(date, seed, None if scenario is None else read_scenario(scenario), feedback=feedback)
    feeds = [Feed(ticker, *kind) for kind in STANDARD_KINDS]
    return [market.tape(feed) for feed in feeds]


@dataclass(frozen=True)
class Outcome:
    """What was done for a task.

    Attributes:
        place: the folder or archive.
        written: feeds written now.
        skipped: feeds that were complete.
        records: records of each.
    """

    place: Path
    written: int
    skipped: int
    records: int

    def __str__(self) -> str:
        parts = []
        if self.written:
            parts.append(f"{_feeds(self.written)} of {self.records:,} records written")
        if self.skipped:
            parts.append(f"{_feeds(self.skipped)} skipped: complete already")
        return f"{self.place}: {', '.join(parts)}"


def _feeds(count: int) -> str:
    return f"{count} feed{'s' if count != 1 else ''}"


@dataclass(frozen=True)
class Task:
    """One ticker's day to be written.

    Attributes:
        date: YYYY-MM-DD.
        out: the data folder, or where archives go.
        form: jsonl, jsonl.zst or eod.
        limit: how many records of each feed; None for all.
        force: replace what is there.
        scenario: what happens on the day: a name or a file; an ordinary one without.
        feedback: how strong hedging moves the price; None for the usual.
    """

    date: str
    ticker: str
    seed: int
    out: Path
    form: str
    limit: int | None = None
    force: bool = False
    scenario: str | None = None
    feedback: float | None = None

    @property
    def target(self) -> Target:
        """Where it goes."""
        if self.form == "eod":
            return Archive(self.out, self.date, self.ticker)
        return Folder(self.out, self.date, self.ticker, self.form)

    def check(self) -> int:
        """Records of each feed. Raises DataError when the task would be refused; writes nothing."""
        tapes = open_feeds(self.ticker, self.date, self.seed, self.scenario, self.feedback)
        try:
            records = self.count(tapes)
        finally:
            _close(tapes)
        if not self.force:
            self.refuse(self.target, records)
        return records

    def refuse(self, target: Target, records: int) -> None:
        """Raises DataError: what is there was not written by this task, or would be hidden by what it writes."""
        target.refuse(self.mark(records))
        check_beside(target, self.out, self.date, self.ticker)

    def count(self, tapes: list[Tape]) -> int:
        """Records of each feed, the longest if they differ."""
        longest = max(len(tape) for tape in tapes)
        return longest if self.limit is None else min(longest, self.limit)

    def mark(self, records: int) -> Mark:
        """What a resumed run must agree with."""
        mark = {"generator": "gexfaker", "version": __version__, "simulation": SIMULATION, "seed": self.seed}
        mark |= {"records": records}
        mark |= {} if self.feedback is None else {"feedback": self.feedback}
        return mark if self.scenario is None else mark | {"scenario": _identity(self.scenario)}


def _identity(scenario: str) -> str:
    """The name of a scenario; of a file its content, too, because it may be changed."""
    path = expanded(Path(scenario))
    if path.suffix != ".toml":
        return scenario
    return f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


def write_day(task: Task, report: Callable[[int], None]) -> Outcome:
    """Write one ticker's day, or what is missing of it; tells how many records of each feed are done.

    Raises DataError: another run writes there, something else is there, the disk is full, ...
    """
    target = task.target
    tapes = open_feeds(task.ticker, task.date, task.seed, task.scenario, task.feedback)
    try:
        mark = task.mark(task.count(tapes))
        with _alone(target.lock):
            if task.force:
                target.clear()
            else:
                task.refuse(target, mark["records"])
            target.tidy()
            written = target.write(tapes, mark, report)
    finally:
        _close(tapes)
    return Outcome(target.path, written, len(tapes) - written, mark["records"])


def _close(tapes: list[Tape]) -> None:
    for tape in tapes:
        tape.close()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    lock = WriteLock(path)
    deadline = time.monotonic() + LOCK_SECONDS
    while not lock.acquire():
        if time.monotonic() > deadline:
            raise DataError(f"{path.parent} is being written by another gexfaker generate: wait for its end")
        time.sleep(LOCK_POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()

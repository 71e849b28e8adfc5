"""What recorded days there are, and which of them are worth a look, by counts, times and gaps.

Of each ticker's day one feed is looked through, that of the smallest records. What was seen of a file is kept beside
the days and is good as long as the file is the same.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from gexfaker.catalog import Feed
from gexfaker.errors import DataError, RecordError
from gexfaker.exchange.calendar import is_trading_day
from gexfaker.exchange.hours import closing as closing_of
from gexfaker.exchange.hours import opening as opening_of
from gexfaker.exchange.hours import shown
from gexfaker.inspection.times import LATE_SECONDS
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.tape import Tape
from gexfaker.tapes.writer import PartFile

KEPT: Final = ".gexfaker-coverage.json"
LOOKED_AT: Final = (("orderflow", "orderflow"), ("classic", "gex_zero"), ("classic", "gex_one"))
"""The feed of a ticker's day that is looked through, the first that is there; else the first of all."""

GAP_SECONDS: Final = 120
FEWER: Final = 0.9
"""Less than this share of the ticker's median is told."""

MEDIAN_DAYS: Final = 20
LEAST_DAYS: Final = 5
"""Of fewer days no median is made."""

LONGEST_STEP: Final = 1.3
"""Seconds from one snapshot to the next on a usual day; half of what that makes of a session is far fewer."""

REPORT_EVERY: Final = 1000
Progress = Callable[[str, int], None]
"""Is told which feed is looked through, and how many of its records are done."""


class Shape(NamedTuple):
    """What was seen of a feed's day.

    Attributes:
        snapshots: records within the session.
        first, last: epoch seconds of the first and the last of them; None when there is none.
        gap: the longest time between two of them, seconds.
        gap_at: when it began, epoch seconds.
    """

    snapshots: int
    first: int | None
    last: int | None
    gap: int
    gap_at: int


class Finding(NamedTuple):
    """What is worth a look: the name of its rule, and a sentence."""

    rule: str
    text: str


class Row(NamedTuple):
    """A ticker's day.

    Attributes:
        feeds: how many there are; 0 where the day is missing.
        size: of their files, in bytes; a file with several feeds counts once.
        shape: None while it was not looked through.
        findings: what is worth a look.
        half: whether the exchange closed early.
    """

    date: str
    ticker: str
    feeds: int
    size: int
    shape: Shape | None
    findings: tuple[Finding, ...]
    half: bool

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        shape = None if self.shape is None else {**self.shape._asdict()}
        findings = [finding._asdict() for finding in self.findings]
        return {**self._asdict(), "shape": shape, "findings": findings}


def shape_of(times: Iterable[int], date: str) -> Shape:
    """What the times of a feed's records (epoch seconds, in order) make of a day."""
    day = datetime.date.fromisoformat(date)
    begin, end = opening_of(day), closing_of(day)
    count, first, last, gap, gap_at = 0, None, None, 0, 0
    for at in times:
        if not begin <= at <= end:
            continue
        count += 1
        if first is None:
            first = at
        if last is not None and at - last > gap:
            gap, gap_at = at - last, last
        last = at
    return Shape(count, first, last, gap, gap_at)


def judge(shape: Shape, date: str, usual: float | None) -> Iterator[Finding]:
    """What is worth a look in a day; ``usual`` is the ticker's median of snapshots, None when it is not known."""
    day = datetime.date.fromisoformat(date)
    begin, end = opening_of(day), closing_of(day)
    if shape.first is None or shape.last is None:
        yield Finding("sparse-session", "it has no snapshot in market hours")
        return
    if shape.first - begin > LATE_SECONDS:
        yield Finding("late-open", f"the first snapshot is of {shown(shape.first)}")
    if end - shape.last > LATE_SECONDS:
        yield Finding("early-close", f"the last snapshot is of {shown(shape.last)}, and the close is at {shown(end)}")
    if shape.gap > GAP_SECONDS:
        yield Finding("gap", f"there is none for {shape.gap} s from {shown(shape.gap_at)} on")
    if shape.snapshots < (end - begin) / LONGEST_STEP / 2:
        yield Finding("sparse-session", f"it has {shape.snapshots:,} snapshots in {(end - begin) / 3600:g} hours")
    elif usual is not None and shape.snapshots < usual * FEWER * _share(day):
        yield Finding("low-snapshots", f"it has {shape.snapshots:,} snapshots, usual are {usual:,.0f}")


def _share(day: datetime.date) -> float:
    """How long a session is compared with a whole one."""
    return (closing_of(day) - opening_of(day)) / (6.5 * 3600)


class Coverage:
    """The days of a data folder.

    Args:
        folder: the days.
        looks: whether files that were not seen yet are looked through.
        progress: is told how far it is.
    """

    def __init__(
        self,
        folder: DataFolder,
        *,
        looks: bool = True,
        progress: Callable[[str, int], None] = lambda _name, _done: None,
    ) -> None:
        self._folder: Final = folder
        self._looks: Final = looks
        self._progress: Final = progress
        self._kept: Final = _read(folder.root / KEPT)
        self._new = False

    def rows(self, begin: datetime.date, end: datetime.date, tickers: Sequence[str] = ()) -> list[Row]:
        """Every trading day from ``begin`` to ``end`` of each ticker, and days that are there although none was traded.

        Without ``tickers`` they are those of all days in between, or where there are none of the newest day.
        """
        dates = [date for date in self._folder.dates() if begin.isoformat() <= date <= end.isoformat()]
        there = {date: self._feeds_of(date) for date in dates}
        known = there or {date: self._feeds_of(date) for date in self._folder.dates()[-1:]}
        wanted = list(tickers) or sorted({ticker for feeds in known.values() for ticker in feeds})
        rows = list[Row]()
        for ticker in wanted:
            rows += self._judged(ticker, begin, end, {date: feeds.get(ticker, []) for date, feeds in there.items()})
        self._keep()
        return sorted(rows)

    def _feeds_of(self, date: str) -> dict[str, list[Feed]]:
        found: dict[str, list[Feed]] = {}
        for feed in self._folder.feeds(date):
            found.setdefault(feed.ticker, []).append(feed)
        return found

    def _judged(
        self, ticker: str, begin: datetime.date, end: datetime.date, there: Mapping[str, list[Feed]]
    ) -> Iterator[Row]:
        days = (begin + datetime.timedelta(days=number) for number in range((end - begin).days + 1))
        shapes: list[Shape] = []
        for day in days:
            date, feeds = day.isoformat(), there.get(day.isoformat(), [])
            half = is_trading_day(day) and _share(day) < 1
            if feeds:
                shape = self._shape(date, feeds)
                usual = _usual(shapes)
                findings = () if shape is None else tuple(judge(shape, date, usual))
                if shape is not None and not half:
                    shapes.append(shape)
                yield Row(date, ticker, len(feeds), self._size(date, feeds), shape, findings, half)
            elif is_trading_day(day):
                yield Row(date, ticker, 0, 0, None, (), half)

    def _size(self, date: str, feeds: Sequence[Feed]) -> int:
        paths = set()
        for feed in feeds:
            with suppress(DataError):
                paths.add(self._folder.place(date, feed).path)
        return sum(path.stat().st_size for path in paths if path.exists())

    def _shape(self, date: str, feeds: Sequence[Feed]) -> Shape | None:
        """What was seen of a ticker's day, or is seen now."""
        chosen = {(feed.package, feed.category): feed for feed in feeds}
        feed = next((chosen[kind] for kind in LOOKED_AT if kind in chosen), feeds[0])
        try:
            place = self._folder.place(date, feed)
            state = place.path.stat()
        except (DataError, OSError):
            return None
        name = f"{date} {feed.group}"
        mark = [str(place.name), state.st_size, state.st_mtime_ns]
        known = self._kept.get(name)
        if isinstance(known, list) and known[:3] == mark and len(known) == len(mark) + len(Shape._fields):
            return Shape(*known[3:])
        if not self._looks:
            return None
        shape = self._look(date, feed)
        if shape is not None:
            self._kept[name], self._new = [*mark, *shape], True
        return shape

    def _look(self, date: str, feed: Feed) -> Shape | None:
        try:
            with closing(self._folder.open(date, feed)) as tape:
                return shape_of(self._times(tape, f"{date} {feed.group}"), date)
        except (DataError, OSError, ValueError):
            return Shape(0, None, None, 0, 0)  # that it cannot be read is worth a look

    def _times(self, tape: Tape, name: str) -> Iterator[int]:
        index = 0
        while tape.has(index):
            with suppress(RecordError):
                yield tape.timestamp(index)
            index += 1
            if index % REPORT_EVERY == 0:
                self._progress(name, index)

    def _keep(self) -> None:
        """Keep what was seen; a folder that may not be written to is looked through again the next time."""
        if self._new:
            with suppress(DataError, OSError):
                part = PartFile(self._folder.root / KEPT)
                try:
                    part.file.write(json.dumps(self._kept).encode())
                    part.commit()
                finally:
                    part.discard()


def _usual(shapes: Sequence[Shape]) -> float | None:
    """The median of the days before, if there are enough of them."""
    from statistics import median  # with decimal and fractions, which take as long to load as the rest of this

    counts = [shape.snapshots for shape in shapes[-MEDIAN_DAYS:]]
    return median(counts) if len(counts) >= LEAST_DAYS else None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

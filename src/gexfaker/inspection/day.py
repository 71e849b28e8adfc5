"""A ticker's day, feed by feed: which checks look at which feed, and what they found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from gexfaker.catalog import GEX_CATEGORIES, Feed
from gexfaker.errors import RecordError
from gexfaker.inspection.check import Check, Facts
from gexfaker.inspection.findings import VERDICTS, Finding, Severity, Tally
from gexfaker.inspection.joins import SOURCES, Columns, Correlations, Keep, Levels
from gexfaker.inspection.ladder import Ladder, StateZeros, StrikeSums
from gexfaker.inspection.layout import Reader
from gexfaker.inspection.numbers import Ranges
from gexfaker.inspection.orderflow import DexSums, FlowDifferences, HourlyFlow, Resets
from gexfaker.inspection.priors import Priors
from gexfaker.inspection.times import Day, Times
from gexfaker.tapes.tape import Tape

PROGRESS_EVERY: Final = 256
"""Records between two reports of progress."""

Progress = Callable[[Feed, int], None]
"""Called now and then with the feed and the number of its records that were looked at."""


@dataclass
class FeedReport:
    """What was found in one feed.

    Attributes:
        records: lines that are not blank.
        tally: the findings.
        facts: what the checks counted, by name.
        identities: how often each identity was looked at, and held.
    """

    feed: Feed
    tally: Tally
    records: int = 0
    facts: Facts = field(default_factory=dict)
    identities: list[Facts] = field(default_factory=list)

    @property
    def severity(self) -> Severity:
        """The worst found."""
        return self.tally.severity

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "package": self.feed.package,
            "category": self.feed.category,
            "verdict": VERDICTS[self.severity],
            "records": self.records,
            **self.facts,
            "identities": self.identities,
            "findings": [_as_json(*item) for item in self.tally.items()],
        }


def _as_json(kind: Any, count: int, examples: list[Any]) -> dict[str, Any]:
    return {
        "check": kind.name,
        "severity": kind.severity.name.lower(),
        "count": count,
        "what": kind.what,
        "remedy": kind.remedy,
        "examples": [example._asdict() for example in examples],
    }


@dataclass
class DayReport:
    """What was found in the feeds of one ticker on one day."""

    date: str
    ticker: str
    feeds: list[FeedReport] = field(default_factory=list)

    @property
    def severity(self) -> Severity:
        """The worst found in any feed."""
        return max((feed.severity for feed in self.feeds), default=Severity.USUAL)

    def as_json(self) -> dict[str, Any]:
        """As JSON values; ``open`` and ``close`` are the market's on that day, in epoch seconds."""
        day = Day(self.date)
        return {
            "date": self.date,
            "ticker": self.ticker,
            "open": day.open,
            "close": day.close,
            "verdict": VERDICTS[self.severity],
            "feeds": [feed.as_json() for feed in self.feeds],
        }


def inspect_day(date: str, feeds: list[Feed], opener: Callable[[Feed], Tape], progress: Progress) -> DayReport:
    """Look through the feeds of one ticker, one after the other.

    Args:
        date: YYYY-MM-DD.
        feeds: all of the same ticker, at least one.
        opener: opens a feed's tape, which is closed afterwards; its DataError goes through.
        progress: told now and then.
    """
    report = DayReport(date, feeds[0].ticker)
    kept: dict[str, Columns] = {}
    for feed in sorted(feeds, key=_turn):
        tape = opener(feed)
        try:
            report.feeds.append(_inspect(tape, _checks(feed, Day(date), kept), progress))
        finally:
            tape.close()
    report.feeds.sort(key=lambda found: feeds.index(found.feed))
    return report


def _turn(feed: Feed) -> bool:
    """Orderflow last, when the columns it is compared with are there."""
    return feed.package == "orderflow"


def _checks(feed: Feed, day: Day, kept: dict[str, Columns]) -> list[Check]:
    checks: list[Check] = [Times(day), Ranges(feed.category)]
    if feed.package == "orderflow":
        checks += [DexSums(), FlowDifferences(day), Resets(day), HourlyFlow(day)]
        checks += [Levels(day, kept), Correlations(day, kept)]
    elif feed.category in GEX_CATEGORIES:
        checks += [Ladder("strikes"), StrikeSums(), Priors(day)]
        checks += [StateZeros()] if feed.package == "state" else []
    else:
        checks += [Ladder("mini_contracts")]
    if feed.package == "state" and feed.category in SOURCES:
        keep = Keep(SOURCES[feed.category])
        kept[feed.category] = keep.columns
        checks.append(keep)
    return checks


def _inspect(tape: Tape, checks: list[Check], progress: Progress) -> FeedReport:
    report = FeedReport(tape.feed, Tally(tape.place))
    with _warnings() as warnings:
        for finding in _read(tape, checks, report, progress):
            report.tally.add(finding)
    for text in warnings:
        report.tally.add(Finding("archive", max(0, report.records - 1), text))
    for check in checks:
        for name, value in check.facts().items():
            if name == "identities":
                report.identities += value
            else:
                report.facts[name] = value
    progress(tape.feed, report.records)
    return report


def _read(tape: Tape, checks: list[Check], report: FeedReport, progress: Progress) -> Iterator[Finding]:
    reader = Reader(tape.feed)
    while tape.has(report.records):
        index = report.records
        report.records += 1
        yield from _look(tape, reader, checks, index)
        if index % PROGRESS_EVERY == 0:
            progress(tape.feed, index)
    if not report.records:
        yield Finding("empty", 0, "0 records")
    for check in checks:
        yield from check.finish()


def _look(tape: Tape, reader: Reader, checks: list[Check], index: int) -> Iterator[Finding]:
    try:
        line = tape.json(index)
    except RecordError as error:
        yield Finding("unreadable", index, str(error))
        return
    row, findings = reader.read(index, line)
    yield from findings
    if row is not None:
        for check in checks:
            yield from check.feed(row)


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What tapes warn of meanwhile: a damaged archive ends where it is damaged, and only its log says so."""
    logger, listener = logging.getLogger("gexfaker.tapes"), _Listener()
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(listener)
    try:
        yield listener.texts
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagate

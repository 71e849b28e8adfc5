"""The times of a feed: first, last, gaps, repeats, steps back, and rows that belong to another time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from gexfaker.exchange.hours import NEW_YORK, closing, epoch, opening
from gexfaker.inspection.check import Facts
from gexfaker.inspection.findings import Finding
from gexfaker.inspection.layout import Row

GAP_SECONDS: Final = 3
"""The longest usual distance of two snapshots; anything longer is a gap."""

LATE_SECONDS: Final = 300
"""A first record later after the open, or a last one earlier before the close, is told."""

STALE_ROWS: Final = 10
"""Rows of the close before that a day may begin with: real days have one. More are of another day."""


class Day:
    """The seconds of one market day, YYYY-MM-DD: midnight to midnight, and the hours of the market."""

    def __init__(self, date: str) -> None:
        day = dt.date.fromisoformat(date)
        self.begin = epoch(day, dt.time())
        self.open = opening(day)
        self.close = closing(day)
        self.end = epoch(day + dt.timedelta(days=1), dt.time())

    def holds(self, timestamp: int) -> bool:
        """Whether a time is of this day."""
        return self.begin <= timestamp < self.end

    def hour(self, timestamp: int) -> int:
        """The hour of the day in New York; a day of 23 or 25 hours changes in the night, when nothing is recorded."""
        return 9 + (timestamp - self.open + 1800) // 3600


class Times:
    """A check of the timestamps of any feed."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._first: int | None = None
        self._last: int | None = None
        self._waiting: list[Finding] = []
        self._steps = 0
        self._gaps = self._largest = self._repeated = self._backward = self._stale = 0

    def feed(self, row: Row) -> Iterator[Finding]:
        """Repeats, gaps, steps back; rows of another day or hour."""
        if self._day.holds(row.timestamp):
            yield from self._begin()
            yield from self._in_the_day(row)
        elif self._last is None and row.timestamp < self._day.begin and len(self._waiting) < STALE_ROWS:
            self._waiting.append(Finding("stale-row", row.number, _moment(row.timestamp)))
        else:
            yield Finding("other-day", row.number, _moment(row.timestamp))

    def _begin(self) -> Iterator[Finding]:
        """The day begins, so that the rows before it are those of the close before."""
        self._stale += len(self._waiting)
        yield from self._waiting
        self._waiting.clear()

    def _in_the_day(self, row: Row) -> Iterator[Finding]:
        last, self._last = self._last, row.timestamp
        if not self._day.open <= row.timestamp <= self._day.close:
            yield Finding("outside-hours", row.number, _moment(row.timestamp))
        if last is None:
            self._first = row.timestamp
        else:
            yield from self._step(row, row.timestamp - last)

    def _step(self, row: Row, step: int) -> Iterator[Finding]:
        self._steps += 1
        if step == 0:
            self._repeated += 1
            yield Finding("repeated", row.number, _moment(row.timestamp))
        elif step < 0:
            self._backward += 1
            yield Finding("backward", row.number, f"{_moment(row.timestamp)}, {-step} s before the row above")
        elif step > GAP_SECONDS:
            self._gaps += 1
            self._largest = max(self._largest, step)
            yield Finding("gap", row.number, f"{step} s to {_moment(row.timestamp)}")

    def finish(self) -> Iterator[Finding]:
        """The rows before a day that never began are of another one."""
        yield from (row._replace(kind="other-day") for row in self._waiting)

    def facts(self) -> Facts:
        """First and last (epoch seconds), mean step (seconds), gaps over 3 s, the largest; None without rows."""
        span = 0 if self._first is None or self._last is None else self._last - self._first
        return {
            "first": self._first,
            "last": self._last,
            "mean_step": round(span / self._steps, 3) if self._steps else None,
            "gaps": self._gaps,
            "largest_gap": self._largest,
            "repeated": self._repeated,
            "backward": self._backward,
            "stale": self._stale,
        }


def _moment(timestamp: int) -> str:
    try:
        return f"{dt.datetime.fromtimestamp(timestamp, NEW_YORK):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return str(timestamp)

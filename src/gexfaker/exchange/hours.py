"""The times of a market day: which second each record of a simulated day belongs to.

Rule: a day of snapshots runs from 09:30:02 to 16:00:00 New York, one a second, in epoch seconds.
Early closes are not known here: every trading day is a full one.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from gexfaker.errors import DataError
from gexfaker.exchange.calendar import is_trading_day, last_trading_day

__all__ = [
    "FIRST_RECORD",
    "LAST_RECORD",
    "NEW_YORK",
    "RECORDS",
    "Session",
    "is_trading_day",
    "latest_trading_day",
    "parse_date",
]

NEW_YORK: Final = ZoneInfo("America/New_York")
FIRST_RECORD: Final = dt.time(9, 30, 2)
LAST_RECORD: Final = dt.time(16, 0, 0)
RECORDS: Final = 23_399
"""Records of a day: 09:30:02 to 16:00:00 inclusive, one a second. No clock change falls into these hours."""


def parse_date(text: str) -> dt.date:
    """The day written ``YYYY-MM-DD``. Raises DataError for any other writing or an impossible day."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = None
    # fromisoformat also reads 20260814 and 2026-W33-5, which would name the same day differently.
    if day is None or day.isoformat() != text:
        raise DataError(f"{text!r} is not a day: write it as YYYY-MM-DD, e.g. 2026-08-14")
    return day


def latest_trading_day(on: dt.date) -> str:
    """The newest trading day that is not after ``on``, as YYYY-MM-DD."""
    return last_trading_day(on).isoformat()


@dataclass(frozen=True, slots=True)
class Session:
    """One day's span of records.

    Attributes:
        date: YYYY-MM-DD (New York).
        first: epoch seconds of record 0.
        last: epoch seconds of the newest record.
    """

    date: str
    first: int
    last: int

    @classmethod
    def of(cls, date: str) -> Session:
        """The session of a day written YYYY-MM-DD. Raises DataError when it is not such a day."""
        day = parse_date(date)
        return cls(date, _epoch(day, FIRST_RECORD), _epoch(day, LAST_RECORD))

    def __len__(self) -> int:
        return self.last - self.first + 1

    def timestamp(self, index: int) -> int:
        """Epoch seconds of record ``index``. Raises IndexError outside the day."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.first + index

    def index_at(self, timestamp: int) -> int:
        """Index of the newest record not after ``timestamp`` (epoch seconds); -1 before the first."""
        return max(-1, min(timestamp, self.last) - self.first)


def _epoch(day: dt.date, time: dt.time) -> int:
    return int(dt.datetime.combine(day, time, NEW_YORK).timestamp())

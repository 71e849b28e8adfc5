"""The hours of a market day: when it opens and closes, what a time of day means, which second a record belongs to.

The market is open from 09:30 to 16:00 New York, and to 13:00 on a day with an early close. A simulated day of snapshots
runs from 09:30:02 to the close, one a second, in epoch seconds.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gexfaker.errors import DataError
from gexfaker.exchange.calendar import DAY, is_early_close, is_trading_day, last_trading_day, next_trading_day
from gexfaker.parsing import TIME_OF_DAY

NEW_YORK: Final = ZoneInfo("America/New_York")
OPEN: Final = dt.time(9, 30)
CLOSE: Final = dt.time(16, 0)
EARLY_CLOSE: Final = dt.time(13, 0)
MIDNIGHT: Final = dt.time(0)
FIRST_RECORD: Final = dt.time(9, 30, 2)
LAST_RECORD: Final = CLOSE
"""Of a whole day."""
RECORDS: Final = 23_399
"""Records of a whole day: 09:30:02 to 16:00:00 inclusive, one a second. No clock change falls into these hours."""


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


def epoch(day: dt.date, time: dt.time) -> int:
    """Epoch seconds of a time of day in New York."""
    return int(dt.datetime.combine(day, time, NEW_YORK).timestamp())


def moment(day: dt.date, text: str) -> int:
    """Epoch seconds of a time of day, HH:MM[:SS] in New York. Raises ValueError when it is none."""
    match = TIME_OF_DAY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of day: write HH:MM or HH:MM:SS")
    time = dt.time(int(match[1]), int(match[2]), int(match[3] or 0))
    return epoch(day, time)


def date_at(moment: float) -> dt.date:
    """The date in New York at a moment (epoch seconds)."""
    return dt.datetime.fromtimestamp(moment, NEW_YORK).date()


def opening(day: dt.date) -> int:
    """Epoch seconds of the opening of a day."""
    return epoch(day, OPEN)


def close_of(day: dt.date) -> dt.time:
    """The time at which a day closes."""
    return EARLY_CLOSE if is_early_close(day) else CLOSE


def closing(day: dt.date) -> int:
    """Epoch seconds of its close."""
    return epoch(day, close_of(day))


def same_time_of_day(day: dt.date, now: float) -> int:
    """Epoch seconds on ``day`` of the time of day it is in New York at ``now``."""
    return epoch(day, dt.datetime.fromtimestamp(now, NEW_YORK).time().replace(microsecond=0))


def is_market_open(now: float) -> bool:
    """Whether the market is open at ``now`` (epoch seconds): from 09:30 New York to the close of a trading day."""
    here = dt.datetime.fromtimestamp(now, NEW_YORK)
    return is_trading_day(here.date()) and OPEN <= here.time() <= close_of(here.date())


def next_opening(now: float) -> int:
    """Epoch seconds of the next time at which the market opens after ``now``."""
    today = date_at(now)
    day = today if is_trading_day(today) and now < opening(today) else next_trading_day(today)
    return opening(day)


def moment_of(day: dt.date, now: float) -> int:
    """Epoch seconds of ``now`` while a day lasts, and of its close afterwards."""
    return min(math.floor(now), closing(day))


def newest_day(now: float) -> dt.date:
    """The newest trading day that has opened by ``now`` (epoch seconds)."""
    here = dt.datetime.fromtimestamp(now, NEW_YORK)
    return last_trading_day(here.date() if here.time() >= OPEN else here.date() - DAY)


def second_of_day(moment: float) -> float:
    """Seconds since midnight in New York at a market time."""
    here = dt.datetime.fromtimestamp(moment, NEW_YORK)
    return here.hour * 3600 + here.minute * 60 + here.second + here.microsecond / 1e6


def shown(moment: float) -> str:
    """A market time for people: ``2026-07-17 09:30:02``."""
    return f"{dt.datetime.fromtimestamp(moment, NEW_YORK):%Y-%m-%d %H:%M:%S}"


def clock_time(timestamp: float) -> str:
    """The time of day of a record, ``09:30:02`` in New York; its number where it is not epoch seconds."""
    try:
        return f"{dt.datetime.fromtimestamp(timestamp, NEW_YORK):%H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{timestamp:>8}"


class TradingSession(msgspec.Struct, frozen=True):
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
    def of(cls, date: str) -> TradingSession:
        """The session of a day written YYYY-MM-DD. Raises DataError when it is not such a day."""
        day = parse_date(date)
        return cls(date, epoch(day, FIRST_RECORD), closing(day))

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

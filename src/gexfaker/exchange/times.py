"""Times of a market day: when it opens and closes, what a time of day means, when the next tick is. Pure."""

from __future__ import annotations

import datetime
import math
from typing import Final
from zoneinfo import ZoneInfo

from gexfaker.exchange.calendar import is_trading_day
from gexfaker.parsing import TIME_OF_DAY

NEW_YORK: Final = ZoneInfo("America/New_York")
OPEN: Final = datetime.time(9, 30)
CLOSE: Final = datetime.time(16, 0)


def moment(day: datetime.date, text: str) -> int:
    """Epoch seconds of a time of day, HH:MM[:SS] in New York. Raises ValueError when it is none."""
    match = TIME_OF_DAY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of day: write HH:MM or HH:MM:SS")
    time = datetime.time(int(match[1]), int(match[2]), int(match[3] or 0))
    return _epoch(day, time)


def opening(day: datetime.date) -> int:
    """Epoch seconds of the opening of a day."""
    return _epoch(day, OPEN)


def closing(day: datetime.date) -> int:
    """Epoch seconds of its close."""
    return _epoch(day, CLOSE)


def same_time_of_day(day: datetime.date, now: float) -> int:
    """Epoch seconds on ``day`` of the time of day it is in New York at ``now``."""
    return _epoch(day, datetime.datetime.fromtimestamp(now, NEW_YORK).time().replace(microsecond=0))


def is_market_open(now: float) -> bool:
    """Whether the market is open at ``now`` (epoch seconds): 09:30 to 16:00 New York on a trading day."""
    here = datetime.datetime.fromtimestamp(now, NEW_YORK)
    return is_trading_day(here.date()) and OPEN <= here.time() <= CLOSE


def shown(moment: float) -> str:
    """A market time for people: ``2026-07-17 09:30:02``."""
    return f"{datetime.datetime.fromtimestamp(moment, NEW_YORK):%Y-%m-%d %H:%M:%S}"


def next_tick(now: float, interval: float) -> float:
    """The first multiple of ``interval`` after ``now`` (epoch seconds): whole seconds for 1 s, halves for 0.5."""
    tick = (math.floor(now / interval) + 1) * interval
    return tick if tick > now else tick + interval


def _epoch(day: datetime.date, time: datetime.time) -> int:
    return int(datetime.datetime.combine(day, time, NEW_YORK).timestamp())

"""Futures contracts: which one is the front one on a day, how it is called, and when it expires. Pure.

The rules are the exchange's in short. Index futures expire on the third Friday of March, June, September and
December, and traders move to the next contract on the Monday before. Gold is left for the next month before its
first notice day, crude oil before it expires; both are rounded to a day of the month before the contract's.
"""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple

MONTH_CODES: Final = "FGHJKMNQUVXZ"
"""January to December, as contracts are called everywhere."""

QUARTERLY: Final = "HMUZ"
ROLL_BEFORE_EXPIRY: Final = dt.timedelta(days=4)
"""From the third Friday back to its Monday, the customary roll date of index futures."""


class Cycle(NamedTuple):
    """The contracts a future has.

    Attributes:
        months: their codes.
        roll_day: of the month before the contract's, from which on the next one is the front one; 0: quarterly.
    """

    months: str
    roll_day: int = 0


class Contract(NamedTuple):
    """One contract: how it is called, and until when it is the front one and is priced for."""

    code: str
    expiry: dt.date


INDEX: Final = Cycle(QUARTERLY)
GOLD: Final = Cycle("GJMQZ", 25)
OIL: Final = Cycle(MONTH_CODES, 17)


def front(future: str, cycle: Cycle, day: dt.date) -> Contract:
    """The front contract of a future on a day: ES on 2026-08-09 is ESU6."""
    year, month = day.year, day.month
    while True:
        code = MONTH_CODES[month - 1]
        if code in cycle.months and day < _roll(cycle, year, month):
            return Contract(f"{future}{code}{year % 10}", _expiry(cycle, year, month))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _roll(cycle: Cycle, year: int, month: int) -> dt.date:
    """From when on a month's contract is not the front one any more."""
    expiry = _expiry(cycle, year, month)
    return expiry if cycle.roll_day else expiry - ROLL_BEFORE_EXPIRY


def _expiry(cycle: Cycle, year: int, month: int) -> dt.date:
    if not cycle.roll_day:
        first = dt.date(year, month, 1)
        return first + dt.timedelta(days=(4 - first.weekday()) % 7 + 14)
    before = dt.date(year, month, 1) - dt.timedelta(days=1)
    return before.replace(day=cycle.roll_day)

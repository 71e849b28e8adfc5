"""Which days the American options market is open, and until when, by the exchanges' published rules, for any year.

Source of the rules: NYSE Rule 7.2 and the exchange's lists of holidays and early closes. No rule gives the days of
mourning and the storms: those of the past are listed.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Final

DAY: Final = dt.timedelta(days=1)
MONDAY, THURSDAY, FRIDAY, SATURDAY = 0, 3, 4, 5

FIRST_YEAR: Final = 1970
"""The year from which on trading days are counted."""

UNFORESEEN: Final = frozenset(
    dt.date.fromisoformat(text)
    for text in (
        *("2001-09-11", "2001-09-12", "2001-09-13", "2001-09-14"),  # the attacks
        *("2004-06-11", "2007-01-02", "2018-12-05", "2025-01-09"),  # mourning for presidents
        *("2012-10-29", "2012-10-30"),  # a hurricane
    )
)
"""Weekdays on which the market was closed, since 2000, although no rule says so."""


def is_trading_day(day: dt.date) -> bool:
    """Whether the market is open on ``day``."""
    return day.weekday() < SATURDAY and day not in holidays(day.year) and day not in UNFORESEEN


def is_early_close(day: dt.date) -> bool:
    """Whether the market closes at 13:00 on ``day``: the day after Thanksgiving, and 3 July and 24 December as a rule.

    Of the last two only one before a holiday that is kept on its own day, from Tuesday to Friday.
    """
    after_thanksgiving = nth(day.year, 11, THURSDAY, 4) + DAY
    is_eve = (day.month, day.day) in ((7, 3), (12, 24)) and day.weekday() < FRIDAY
    return is_trading_day(day) and (day == after_thanksgiving or is_eve)


def next_trading_day(day: dt.date) -> dt.date:
    """The first trading day after ``day``."""
    day += DAY
    while not is_trading_day(day):
        day += DAY
    return day


def last_trading_day(day: dt.date) -> dt.date:
    """The newest trading day that is not after ``day``."""
    while not is_trading_day(day):
        day -= DAY
    return day


def trading_day_number(day: dt.date) -> int:
    """How many trading days there were from FIRST_YEAR to ``day``, itself included; below 0 before."""
    if day.year < FIRST_YEAR:
        return trading_day_number(day.replace(year=FIRST_YEAR)) - 252 * (FIRST_YEAR - day.year)
    years = sum(_trading_days(year) for year in range(FIRST_YEAR, day.year))
    return years + _weekdays(dt.date(day.year, 1, 1), day) - sum(closed <= day for closed in _closed(day.year))


@lru_cache(maxsize=256)
def _trading_days(year: int) -> int:
    return _weekdays(dt.date(year, 1, 1), dt.date(year, 12, 31)) - len(_closed(year))


@lru_cache(maxsize=256)
def _closed(year: int) -> frozenset[dt.date]:
    return holidays(year) | {day for day in UNFORESEEN if day.year == year}


def _weekdays(first: dt.date, last: dt.date) -> int:
    """The days from Monday to Friday, both included."""
    days = (last - first).days + 1
    weeks, rest = divmod(days, 7)
    return 5 * weeks + sum((first.weekday() + day) % 7 < SATURDAY for day in range(rest))


def why_closed(day: dt.date) -> str | None:
    """A sentence about a day on which the market is closed, for whoever asked for it; None on a trading day."""
    if is_trading_day(day):
        return None
    return f"the market is closed on {day}; the next trading day is {next_trading_day(day)}"


@lru_cache(maxsize=256)
def holidays(year: int) -> frozenset[dt.date]:
    """The weekdays of a year on which the market is closed."""
    fixed = [dt.date(year, 7, 4), dt.date(year, 12, 25)]
    if year >= 2022:
        fixed.append(dt.date(year, 6, 19))
    days = {_observed(day) for day in fixed} | {
        nth(year, 1, MONDAY, 3),
        nth(year, 2, MONDAY, 3),
        easter(year) - 2 * DAY,
        _last(year, 5, MONDAY),
        nth(year, 9, MONDAY, 1),
        nth(year, 11, THURSDAY, 4),
    }
    new_year = dt.date(year, 1, 1)
    if new_year.weekday() != SATURDAY:  # a Saturday's New Year is not made up for: December has its year end
        days.add(_observed(new_year))
    return frozenset(days)


def nth(year: int, month: int, weekday: int, number: int) -> dt.date:
    """The ``number``-th ``weekday`` (Monday is 0) of a month."""
    first = dt.date(year, month, 1)
    return first + ((weekday - first.weekday()) % 7 + 7 * (number - 1)) * DAY


def _last(year: int, month: int, weekday: int) -> dt.date:
    fifth = nth(year, month, weekday, 5)
    return fifth if fifth.month == month else fifth - 7 * DAY


def easter(year: int) -> dt.date:
    """Easter Sunday, by the anonymous Gregorian algorithm (Nature, 1876)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return dt.date(year, month, day + 1)


def _observed(day: dt.date) -> dt.date:
    """A Saturday's holiday is kept on Friday, a Sunday's on Monday."""
    return day - DAY if day.weekday() == SATURDAY else day + DAY if day.weekday() > SATURDAY else day

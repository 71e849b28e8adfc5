"""The market's calendar against the exchange's published lists of holidays."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gexfaker.exchange import calendar
from gexfaker.exchange.calendar import (
    easter,
    holidays,
    is_early_close,
    is_trading_day,
    last_trading_day,
    next_trading_day,
    nth,
    trading_day_number,
)

NYSE = {
    2015: ("01-01 01-19 02-16 04-03 05-25 07-03 09-07 11-26 12-25", "11-27 12-24"),
    2016: ("01-01 01-18 02-15 03-25 05-30 07-04 09-05 11-24 12-26", "11-25"),
    2017: ("01-02 01-16 02-20 04-14 05-29 07-04 09-04 11-23 12-25", "07-03 11-24"),
    2018: ("01-01 01-15 02-19 03-30 05-28 07-04 09-03 11-22 12-05 12-25", "07-03 11-23 12-24"),
    2019: ("01-01 01-21 02-18 04-19 05-27 07-04 09-02 11-28 12-25", "07-03 11-29 12-24"),
    2020: ("01-01 01-20 02-17 04-10 05-25 07-03 09-07 11-26 12-25", "11-27 12-24"),
    2021: ("01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24", "11-26"),
    2022: ("01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26", "11-25"),
    2023: ("01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25", "07-03 11-24"),
    2024: ("01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25", "07-03 11-29 12-24"),
    2025: ("01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25", "07-03 11-28 12-24"),
    2026: ("01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25", "11-27 12-24"),
    2027: ("01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24", "11-26"),
    2028: ("01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25", "07-03 11-24"),
    2029: ("01-01 01-15 02-19 03-30 05-28 06-19 07-04 09-03 11-22 12-25", "07-03 11-23 12-24"),
    2030: ("01-01 01-21 02-18 04-19 05-27 06-19 07-04 09-02 11-28 12-25", "07-03 11-29 12-24"),
    2031: ("01-01 01-20 02-17 04-11 05-26 06-19 07-04 09-01 11-27 12-25", "07-03 11-28 12-24"),
    2032: ("01-01 01-19 02-16 03-26 05-31 06-18 07-05 09-06 11-25 12-24", "11-26"),
    2033: ("01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26", "11-25"),
    2034: ("01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25", "07-03 11-24"),
    2035: ("01-01 01-15 02-19 03-23 05-28 06-19 07-04 09-03 11-22 12-25", "07-03 11-23 12-24"),
}
"""Weekdays without trading, and early closes, of each year, as the package exchange_calendars 4 (XNYS) has them, which
was asked on 2026-11-29: of the past as they were, up to 2028 as announced, and beyond as foreseen."""

DAYS = st.dates(dt.date(2000, 1, 10), dt.date(2100, 12, 1))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def days_of(year: int) -> list[dt.date]:
    first = dt.date(year, 1, 1)
    return [first + number * dt.timedelta(days=1) for number in range((dt.date(year + 1, 1, 1) - first).days)]


@pytest.mark.parametrize("year", NYSE)
def test_the_days_without_trading_are_those_of_the_exchange(year: int) -> None:
    closed = {day(f"{year}-{text}") for text in NYSE[year][0].split()}
    weekdays = {date for date in days_of(year) if date.isoweekday() <= 5}
    assert {date for date in days_of(year) if is_trading_day(date)} == weekdays - closed


@pytest.mark.parametrize("year", NYSE)
def test_the_early_closes_are_those_of_the_exchange(year: int) -> None:
    early = {day(f"{year}-{text}") for text in NYSE[year][1].split()}
    assert {date for date in days_of(year) if is_early_close(date)} == early


@given(DAYS)
def test_trading_days_are_counted_without_a_gap(date: dt.date) -> None:
    number = trading_day_number(date)
    assert trading_day_number(next_trading_day(date)) == number + 1
    assert trading_day_number(last_trading_day(date)) == number


@pytest.mark.parametrize(
    ("year", "count"), [(2018, 251), (2021, 252), (2022, 251), (2023, 250), (2024, 252), (2025, 250), (2026, 251)]
)
def test_how_many_trading_days_a_year_has(year: int, count: int) -> None:
    """The exchange's own counts."""
    start = dt.date(year, 1, 1)
    assert (
        sum(is_trading_day(start + number * dt.timedelta(days=1)) for number in range(365))
        + (year % 4 == 0 and is_trading_day(dt.date(year, 12, 31)))
        == count
    )


@pytest.mark.parametrize(
    ("date", "open_"),
    [
        ("2021-06-18", True),  # Juneteenth was not kept before 2022
        ("2021-12-31", True),  # a Saturday's New Year is not made up for
        ("2025-01-09", False),  # a day of mourning
        ("2018-12-05", False),
        ("2012-10-29", False),  # a hurricane
        ("2026-07-02", True),
        ("2026-11-27", True),  # a short day is a day
        ("2026-10-12", True),  # Columbus Day and Veterans Day are the banks'
        ("2026-11-11", True),
        ("2027-12-31", True),
        ("2028-01-03", True),
        ("2026-11-28", False),
        ("2026-11-29", False),
    ],
)
def test_days_that_are_easily_mistaken(date: str, open_: bool) -> None:
    assert is_trading_day(day(date)) is open_


@pytest.mark.parametrize(
    ("date", "after"),
    [
        ("2026-11-24", "2026-11-25"),
        ("2026-11-25", "2026-11-27"),  # Thanksgiving
        ("2026-11-26", "2026-11-27"),
        ("2026-11-27", "2026-11-30"),
        ("2026-11-28", "2026-11-30"),
        ("2026-07-02", "2026-07-06"),  # the 4th is a Saturday, kept on Friday
        ("2025-12-31", "2026-01-02"),
        ("2021-12-30", "2021-12-31"),
        ("2024-03-28", "2024-04-01"),  # Good Friday
        ("2022-12-23", "2022-12-27"),
    ],
)
def test_the_next_trading_day(date: str, after: str) -> None:
    assert next_trading_day(day(date)) == day(after)


@pytest.mark.parametrize(
    ("date", "newest"),
    [
        ("2026-11-25", "2026-11-25"),
        ("2026-11-26", "2026-11-25"),
        ("2026-11-29", "2026-11-27"),
        ("2026-07-05", "2026-07-02"),
        ("2026-01-01", "2025-12-31"),
        ("2022-01-02", "2021-12-31"),
        ("2023-01-02", "2022-12-30"),
        ("2025-04-20", "2025-04-17"),
    ],
)
def test_the_last_trading_day(date: str, newest: str) -> None:
    assert last_trading_day(day(date)) == day(newest)


@given(DAYS)
@example(dt.date(2001, 9, 10))
@example(dt.date(2012, 10, 26))
def test_the_neighbours_of_any_day(date: dt.date) -> None:
    after, newest = next_trading_day(date), last_trading_day(date)
    assert newest <= date < after
    assert is_trading_day(newest)
    assert is_trading_day(after)
    longest = 7 if newest == day("2001-09-10") else 5  # the exchange was closed until the 17th
    assert after - newest <= dt.timedelta(days=longest)
    between = [newest + number * dt.timedelta(days=1) for number in range(1, (after - newest).days)]
    assert not any(map(is_trading_day, between))
    assert next_trading_day(newest) == after
    assert last_trading_day(after - dt.timedelta(days=1)) == newest


@given(st.integers(2000, 2100))
def test_any_year_has_nine_or_ten_holidays_all_on_weekdays_of_it(year: int) -> None:
    found = holidays(year)
    assert len(found) == 8 + (year >= 2022) + (dt.date(year, 1, 1).isoweekday() != 6)
    assert all(date.year == year and date.isoweekday() <= 5 for date in found)


@pytest.mark.parametrize(
    "sunday",
    "1818-03-22 1943-04-25 1961-04-02 1981-04-19 2000-04-23 2008-03-23 2019-04-21 2024-03-31 2025-04-20 2026-04-05 "
    "2027-03-28 2038-04-25 2049-04-18 2076-04-19 2285-03-22".split(),
)
def test_easter(sunday: str) -> None:
    assert easter(day(sunday).year) == day(sunday)


@pytest.mark.parametrize(
    ("year", "month", "weekday", "number", "expected"),
    [
        (2026, 5, calendar.FRIDAY, 1, "2026-05-01"),
        (2026, 5, calendar.FRIDAY, 3, "2026-05-15"),
        (2026, 8, calendar.FRIDAY, 3, "2026-08-21"),
        (2026, 8, calendar.SATURDAY, 1, "2026-08-01"),
        (2026, 8, calendar.FRIDAY, 1, "2026-08-07"),
        (2026, 11, calendar.THURSDAY, 4, "2026-11-26"),
        (2024, 9, calendar.MONDAY, 1, "2024-09-02"),
        (2025, 9, calendar.MONDAY, 1, "2025-09-01"),
    ],
)
def test_the_nth_weekday_of_a_month(year: int, month: int, weekday: int, number: int, expected: str) -> None:
    assert nth(year, month, weekday, number) == day(expected)

"""The market's calendar against the exchange's published lists of holidays."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.exchange import calendar
from gexfaker.exchange.calendar import easter, holidays, is_trading_day, last_trading_day, next_trading_day, nth

NYSE = {
    2021: "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24",
    2022: "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26",
    2023: "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25",
    2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
    2025: "01-01 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
}
"""As the exchange announced them; 2022 has no New Year, since its 1 January was a Saturday."""

DAYS = st.dates(dt.date(2000, 1, 10), dt.date(2100, 12, 1))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize("year", NYSE)
def test_the_holidays_of_the_exchange(year: int) -> None:
    assert holidays(year) == {day(f"{year}-{text}") for text in NYSE[year].split()}


@pytest.mark.parametrize("year", NYSE)
def test_every_other_weekday_is_a_trading_day(year: int) -> None:
    closed = {day(f"{year}-{text}") for text in NYSE[year].split()}
    days = [dt.date(year, 1, 1) + number * dt.timedelta(days=1) for number in range(366)]
    for date in days:
        if date.year == year:
            assert is_trading_day(date) == (date.isoweekday() <= 5 and date not in closed)


@pytest.mark.parametrize(
    ("year", "count"), [(2021, 252), (2022, 251), (2023, 250), (2024, 252), (2025, 251), (2026, 251)]
)
def test_how_many_trading_days_a_year_has(year: int, count: int) -> None:
    """The exchange's own counts, but for 2025, which lost 9 January to a day of mourning (250)."""
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
        ("2025-01-09", True),  # days of mourning are not known
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
def test_the_neighbours_of_any_day(date: dt.date) -> None:
    after, newest = next_trading_day(date), last_trading_day(date)
    assert newest <= date < after
    assert is_trading_day(newest)
    assert is_trading_day(after)
    assert after - newest <= dt.timedelta(days=5)
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

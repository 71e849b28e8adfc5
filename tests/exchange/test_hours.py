"""The market day's times, across clock changes and weekends."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.errors import DataError
from gexfaker.exchange.calendar import is_early_close, is_trading_day, last_trading_day
from gexfaker.exchange.hours import (
    NEW_YORK,
    RECORDS,
    TradingSession,
    closing,
    is_market_open,
    moment_of,
    newest_day,
    next_opening,
    parse_date,
)


@pytest.mark.parametrize(
    ("date", "first_utc", "last_utc"),
    [
        ("2026-03-06", "14:30:02", "21:00:00"),  # the Friday before the clocks go forward
        ("2026-03-09", "13:30:02", "20:00:00"),  # the Monday after
        ("2026-08-14", "13:30:02", "20:00:00"),
        ("2026-10-30", "13:30:02", "20:00:00"),  # the Friday before they go back
        ("2026-11-02", "14:30:02", "21:00:00"),
    ],
)
def test_day_follows_new_yorks_clock(date: str, first_utc: str, last_utc: str) -> None:
    session = TradingSession.of(date)
    assert dt.datetime.fromtimestamp(session.first, dt.UTC).isoformat() == f"{date}T{first_utc}+00:00"
    assert dt.datetime.fromtimestamp(session.last, dt.UTC).isoformat() == f"{date}T{last_utc}+00:00"


def test_first_second_is_the_observed_one() -> None:
    # The reset row of 2026-08-14 was seen with 1786714204, two seconds after our first record.
    assert TradingSession.of("2026-08-14").first == 1786714202


@given(st.dates(min_value=dt.date(1990, 1, 1), max_value=dt.date(2090, 1, 1)))
def test_every_day_has_one_record_a_second_until_its_close(day: dt.date) -> None:
    session = TradingSession.of(day.isoformat())
    records, close = (12_599, dt.time(13)) if is_early_close(day) else (RECORDS, dt.time(16))
    assert (len(session), RECORDS) == (records, 23_399)
    last = dt.datetime.fromtimestamp(session.timestamp(records - 1), NEW_YORK)
    assert (last.date(), last.time()) == (day, close)
    assert closing(day) == session.last


def new_york(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-27 09:29:59", False),
        ("2026-11-27 09:30", True),
        ("2026-11-27 13:00", True),
        ("2026-11-27 13:00:01", False),  # the day after Thanksgiving
        ("2026-11-25 13:00:01", True),
        ("2026-11-26 12:00", False),
        ("2025-01-09 12:00", False),
        ("2026-12-24 13:00:01", False),
    ],
)
def test_the_market_is_open_until_the_close_of_the_day(at: str, is_open: bool) -> None:
    assert is_market_open(new_york(at)) == is_open


@pytest.mark.parametrize(
    ("at", "newest"),
    [
        ("2026-11-27 09:29:59", "2026-11-25"),
        ("2026-11-27 09:30", "2026-11-27"),
        ("2026-11-29 12:00", "2026-11-27"),
        ("2026-11-30 09:29", "2026-11-27"),
        ("2026-11-30 23:59", "2026-11-30"),
    ],
)
def test_the_newest_day_is_the_last_that_has_opened(at: str, newest: str) -> None:
    assert newest_day(new_york(at)).isoformat() == newest


@pytest.mark.parametrize("index", [-1, RECORDS])
def test_no_record_outside_the_day(index: int) -> None:
    with pytest.raises(IndexError):
        TradingSession.of("2026-08-14").timestamp(index)


@given(st.integers(-5, RECORDS + 5))
def test_index_at_finds_the_newest_record_not_after(offset: int) -> None:
    session = TradingSession.of("2026-08-14")
    index = session.index_at(session.first + offset)
    assert index == min(max(offset, -1), RECORDS - 1)
    assert index == -1 or session.timestamp(index) <= session.first + offset


def test_index_at_far_away() -> None:
    session = TradingSession.of("2026-08-14")
    assert session.index_at(0) == -1
    assert session.index_at(2**40) == RECORDS - 1


@pytest.mark.parametrize(
    "text", ["", "today", "20260814", "2026-W33-5", "2026-8-14", "2026-02-30", "2026-08-14T00:00", "../etc"]
)
def test_other_writings_of_a_day_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="YYYY-MM-DD"):
        parse_date(text)


def test_trading_days() -> None:
    week = [dt.date(2026, 8, 10) + dt.timedelta(days=n) for n in range(7)]
    assert [is_trading_day(day) for day in week] == [True] * 5 + [False] * 2
    friday = "2026-08-14"
    assert [last_trading_day(day).isoformat() for day in week[4:]] == [friday] * 3
    assert last_trading_day(dt.date(2026, 3, 1)).isoformat() == "2026-02-27"


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-25 09:29:59", "2026-11-25 09:30"),
        ("2026-11-25 09:30:00", "2026-11-27 09:30"),
        ("2026-11-26 12:00:00", "2026-11-27 09:30"),
        ("2026-11-27 13:00:01", "2026-11-30 09:30"),
        ("2026-11-29 23:59:59", "2026-11-30 09:30"),
        ("2026-03-07 12:00:00", "2026-03-09 09:30"),
    ],
)
def test_when_the_market_opens_next(now: str, opens: str) -> None:
    assert next_opening(new_york(now)) == new_york(opens)


@pytest.mark.parametrize(
    ("now", "moment"),
    [
        ("2026-11-27 08:00:00.5", "2026-11-27 08:00:00"),
        ("2026-11-27 12:59:59.5", "2026-11-27 12:59:59"),
        ("2026-11-27 13:00:01", "2026-11-27 13:00"),
        ("2026-11-29 11:00:00", "2026-11-27 13:00"),
    ],
)
def test_the_moment_of_a_day_is_now_until_it_is_over(now: str, moment: str) -> None:
    assert moment_of(dt.date(2026, 11, 27), new_york(now)) == new_york(moment)

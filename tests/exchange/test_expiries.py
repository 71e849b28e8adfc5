"""When options expire: literal lists seen from one day, and what holds for every ticker and day."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.catalog import FUTURES, OPTION_TICKERS, STOCKS, WEEKLIES
from gexfaker.exchange.calendar import is_trading_day
from gexfaker.exchange.expiries import HORIZON, expiries, nearest, owner

START = dt.date(2026, 8, 14)
"""A Friday; Labor Day is 7 September."""

DAILY = (
    "08-14 08-17 08-18 08-19 08-20 08-21 08-24 08-25 08-26 08-27 08-28 08-31 09-01 09-02 09-03 09-04 09-08 09-09 "
    "09-10 09-11 09-14 09-15 09-16 09-17 09-18 09-25 09-30 10-02 10-09 10-16 10-23 10-30 11-06"
)
THRICE = "08-14 08-17 08-19 08-21 08-24 08-26 08-28 09-04 09-11 09-18 09-25 10-02 10-09 10-16"
WEEKLY = "08-14 08-21 08-28 09-04 09-11 09-18 09-25 10-02 10-09 10-16"
MONTHLY = "08-21 09-18 10-16"
VOLATILITY = "08-19 08-26 09-02 09-09 09-16 09-23 09-30 10-07 10-14 10-21 10-28 11-04 11-11"

TICKERS = st.sampled_from(sorted(OPTION_TICKERS | WEEKLIES.keys()))
PRICED = st.sampled_from(sorted((OPTION_TICKERS | WEEKLIES.keys()) - {"VIX", "VIXW"}))
DAYS = st.dates(dt.date(2021, 1, 1), dt.date(2032, 12, 31))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def days(texts: str, year: int = 2026) -> tuple[dt.date, ...]:
    return tuple(day(f"{year}-{text}") for text in texts.split())


@pytest.mark.parametrize(
    ("tickers", "listed"),
    [
        ("SPX SPXW NDX NDXP RUT RUTW XSP SPY QQQ IWM", DAILY),
        ("AAPL AMZN AVGO GOOGL META MSFT NVDA TSLA IBIT GLD SLV TLT USO UNG", THRICE),
        ("AMD COIN SOXL F JPM", WEEKLY),
        ("EXK MTCH NXE SBSW CME CBOE NDAQ BOIL", MONTHLY),
        ("VIX VIXW", VOLATILITY),
    ],
    ids=["every day", "three times a week", "every week", "every month", "volatility"],
)
def test_who_lists_what(tickers: str, listed: str) -> None:
    for ticker in tickers.split():
        assert expiries(ticker, START) == days(listed), ticker


@pytest.mark.parametrize(
    ("ticker", "last", "next_"),
    [
        ("SPX", "09-16", "09-17"),  # five weeks of days
        ("AAPL", "08-26", "08-31"),  # two weeks of Mondays and Wednesdays
        ("AMD", "10-02", "10-09"),  # eight weeks of Fridays
        ("VIX", "11-04", "11-11"),  # the horizon itself
    ],
)
def test_how_far_ahead_each_kind_of_day_is_listed(ticker: str, last: str, next_: str) -> None:
    """Seen from Wednesday, 12 August 2026, so that no third Friday or month's end is in the way."""
    listed = expiries(ticker, dt.date(2026, 8, 12))
    assert day(f"2026-{last}") in listed
    assert day(f"2026-{next_}") not in listed


@pytest.mark.parametrize(
    ("ticker", "start", "holiday", "kept"),
    [
        ("AMD", "2025-04-01", "2025-04-18", "2025-04-17"),  # Good Friday, the month's third
        ("EXK", "2025-04-01", "2025-04-18", "2025-04-17"),
        ("SPX", "2025-02-03", "2025-04-18", "2025-04-17"),
        ("AMD", "2026-05-01", "2026-06-19", "2026-06-18"),  # Juneteenth, the month's third
        ("NDAQ", "2026-05-01", "2026-06-19", "2026-06-18"),
        ("AMD", "2026-06-15", "2026-07-03", "2026-07-02"),  # Independence Day, an ordinary Friday
        ("AAPL", "2026-06-15", "2026-07-03", "2026-07-02"),
        ("AMD", "2026-03-20", "2026-04-03", "2026-04-02"),
        ("VIX", "2024-12-09", "2024-12-25", "2024-12-24"),  # a Wednesday's holiday moves to Tuesday
        ("VIX", "2024-12-09", "2025-01-01", "2024-12-31"),
    ],
)
def test_a_holiday_moves_the_expiry_to_the_trading_day_before(ticker: str, start: str, holiday: str, kept: str) -> None:
    listed = expiries(ticker, day(start))
    assert day(kept) in listed
    assert day(holiday) not in listed


def test_an_ordinary_thursday_is_no_expiry_of_a_weekly() -> None:
    assert not {date for date in expiries("AMD", dt.date(2026, 9, 1)) if date.isoweekday() != 5}


@given(TICKERS, DAYS)
@settings(deadline=None)
def test_they_are_trading_days_in_order_within_the_horizon(ticker: str, start: dt.date) -> None:
    listed = expiries(ticker, start)
    assert list(listed) == sorted(set(listed))
    assert all(start <= date <= start + dt.timedelta(days=90) for date in listed)
    assert all(map(is_trading_day, listed))
    assert dt.timedelta(days=90) == HORIZON


@given(PRICED, DAYS)
def test_every_month_s_third_friday_is_among_them(ticker: str, start: dt.date) -> None:
    listed = set(expiries(ticker, start))
    for number in range(91):
        date = start + number * dt.timedelta(days=1)
        if date.isoweekday() == 5 and 15 <= date.day <= 21:
            kept = date if is_trading_day(date) else date - dt.timedelta(days=1)
            assert kept in listed or kept < start


@given(TICKERS, DAYS, st.integers(1, 90))
def test_what_is_listed_stays_listed_until_it_expires(ticker: str, start: dt.date, later: int) -> None:
    seen_later = start + dt.timedelta(days=later)
    still_ahead = {date for date in expiries(ticker, start) if date >= seen_later}
    assert still_ahead <= set(expiries(ticker, seen_later))


@given(DAYS)
def test_rarer_listings_are_part_of_more_frequent_ones(start: dt.date) -> None:
    daily, thrice, weekly, monthly = (set(expiries(ticker, start)) for ticker in ("SPX", "AAPL", "AMD", "EXK"))
    assert monthly < weekly <= thrice < daily


@given(DAYS)
def test_a_daily_ticker_expires_on_the_day_itself_and_on_month_ends(start: dt.date) -> None:
    listed = expiries("SPX", start)
    assert (start in listed) == is_trading_day(start)
    trading = [date for date in (start + number * dt.timedelta(days=1) for number in range(91)) if is_trading_day(date)]
    assert set(trading[:20]) <= set(listed)
    ends = {date for date, after in itertools.pairwise(trading) if date.month != after.month}
    assert ends <= set(listed)


# --- zero and one --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ticker", "date", "zero", "one"),
    [
        ("SPX", "2026-08-13", "2026-08-13", "2026-08-14"),
        ("SPX", "2026-08-14", "2026-08-14", "2026-08-17"),
        ("ES_SPX", "2026-08-14", "2026-08-14", "2026-08-17"),
        ("NQ_NDX", "2026-08-14", "2026-08-14", "2026-08-17"),
        ("SPX", "2026-08-15", "2026-08-17", "2026-08-18"),
        ("SPX", "2026-09-04", "2026-09-04", "2026-09-08"),  # over Labor Day
        ("SPX", "2026-11-25", "2026-11-25", "2026-11-27"),  # over Thanksgiving
        ("AAPL", "2026-08-14", "2026-08-14", "2026-08-17"),
        ("AAPL", "2026-08-18", "2026-08-19", "2026-08-21"),
        ("AMD", "2026-08-14", "2026-08-14", "2026-08-21"),
        ("AMD", "2026-08-17", "2026-08-21", "2026-08-28"),
        ("EXK", "2026-08-22", "2026-09-18", "2026-10-16"),
        ("VIX", "2026-08-14", "2026-08-19", "2026-08-26"),
        ("SPX", "2025-12-31", "2025-12-31", "2026-01-02"),
    ],
)
def test_the_nearest_expiry_and_the_one_after_it(ticker: str, date: str, zero: str, one: str) -> None:
    assert nearest(ticker, day(date)) == (day(zero), day(one))


@given(st.sampled_from(sorted(OPTION_TICKERS | WEEKLIES.keys() | set(FUTURES))), DAYS)
def test_everybody_always_has_two(ticker: str, date: dt.date) -> None:
    zero, one = nearest(ticker, date)
    assert date <= zero < one <= date + dt.timedelta(days=90)


@pytest.mark.parametrize(
    ("ticker", "whose"), [("ES_SPX", "SPX"), ("NQ_NDX", "NDX"), ("SPX", "SPX"), ("SPXW", "SPXW"), ("F", "F")]
)
def test_whose_options_a_ticker_shows(ticker: str, whose: str) -> None:
    assert owner(ticker) == whose


def test_whoever_owns_options_shows_its_own() -> None:
    assert all(owner(ticker) == ticker for ticker in (*OPTION_TICKERS, *WEEKLIES, *STOCKS))
    assert {owner(ticker) for ticker in FUTURES} <= OPTION_TICKERS

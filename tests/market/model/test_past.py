"""What days know of each other: closes and opens that fit, at any date, and sizes that a year of them has."""

from __future__ import annotations

import datetime as dt
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.catalog import Feed
from gexfaker.exchange.calendar import is_trading_day, next_trading_day, trading_day_number
from gexfaker.market.model.past import MARKET, NIGHT, Past
from gexfaker.market.model.profiles import MARKET_VOLATILITY, profiles
from gexfaker.market.model.underlying import Underlying
from gexfaker.market.simulation import Market

pytestmark = pytest.mark.long

DATES = st.dates(dt.date(2015, 1, 5), dt.date(2035, 12, 20)).filter(is_trading_day)
YEARS = 4


def underlying(date: dt.date, seed: int, name: str = "SPX") -> Underlying:
    market = Market(date.isoformat(), seed)
    return market._shown(name).chain.underlying


def log_return(first: float, last: float) -> float:
    return float(np.log(last / first))


@given(DATES, st.integers(0, 99), st.sampled_from(["SPX", "SPY", "NDX", "TSLA", "GLD"]))
@settings(deadline=None, max_examples=40)
def test_a_day_opens_from_where_the_day_before_closed(date: dt.date, seed: int, name: str) -> None:
    before, after = underlying(date, seed, name), underlying(next_trading_day(date), seed, name)
    closed = float(before.skeleton.points[-1])
    assert after.close(1) == pytest.approx(closed * np.exp(-before.displacement), rel=3e-5)
    night = log_return(closed, after.opening)
    gap = log_return(after.close(1), after.undisturbed)
    assert night == pytest.approx(gap, abs=6e-5), "nothing but what the night has brought"
    assert abs(night) < 4 * 4 * NIGHT * profiles()[name].deviation


@given(DATES, st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_what_is_seen_from_later_days_stays_the_same(date: dt.date, seed: int) -> None:
    seen, day = [underlying(date, seed).close(1)], date
    for back in range(2, 6):
        day = next_trading_day(day)
        seen.append(underlying(day, seed).close(back))
    assert seen == [seen[0]] * 5


def test_any_date_costs_the_same() -> None:
    """Nothing is worked out day by day: the first close that a new past is asked for is as quick in 2099 as in 1990."""
    costs = []
    for year in (1990, 2026, 2099):
        past, number = Past("9/past"), trading_day_number(dt.date(year, 6, 1))
        began = time.perf_counter()
        past.state(MARKET, number)
        costs.append(time.perf_counter() - began)
    assert max(costs) < 0.1


@pytest.fixture(scope="module")
def years() -> list[list[tuple[float, float, float]]]:
    """Level, night and volatility of the market at each close of four years, of ten seeds."""
    first = trading_day_number(dt.date(2026, 1, 2))
    pasts = [Past(f"{seed}/past") for seed in range(10)]
    return [[past.state(MARKET, first + day) for day in range(252 * YEARS)] for past in pasts]


def test_a_day_moves_as_much_as_it_says(years: list[list[tuple[float, float, float]]]) -> None:
    """Tolerances: three standard errors of 10,000 days, whose squares have a kurtosis of about 4."""
    rows = np.array(years)
    moves = np.diff(rows[:, :, 0], axis=1) - rows[:, 1:, 1]
    assert np.sqrt((moves**2).mean()) == pytest.approx(1.0, abs=0.05)
    assert np.sqrt((rows[:, :, 1] ** 2).mean()) == pytest.approx(NIGHT, abs=0.03)
    assert np.sqrt((rows[:, :, 2] ** 2).mean()) == pytest.approx(1.0, abs=0.05)


def test_a_price_stays_around_its_usual_level(years: list[list[tuple[float, float, float]]]) -> None:
    levels = MARKET_VOLATILITY * np.array(years)[:, :, 0]
    assert 0.025 < levels.std() < 0.06
    assert np.abs(levels).max() < 0.3


def test_volatility_carries_over_and_is_higher_after_a_fall(years: list[list[tuple[float, float, float]]]) -> None:
    rows = np.array(years)
    logs = np.log(rows[:, :, 2])
    assert np.corrcoef(logs[:, :-1].ravel(), logs[:, 1:].ravel())[0, 1] == pytest.approx(0.9, abs=0.03)
    falls = (np.diff(rows[:, :-1, 0], axis=1) - rows[:, 1:-1, 1]) / rows[:, 1:-1, 2]
    change = logs[:, 2:] - 0.9 * logs[:, 1:-1]
    assert np.corrcoef(falls.ravel(), change.ravel())[0, 1] == pytest.approx(-0.6, abs=0.05)


def test_open_interest_is_rolled_and_not_drawn_anew() -> None:
    """An expiry a month ahead: most of what is held on a day was held the day before, and none of it a month later."""

    def held(date: dt.date, expiry: dt.date) -> dict[int, int]:
        chain = Market(date.isoformat(), 5)._shown("SPX").chain
        calls, puts = chain.interest
        row = chain.expiries.index(expiry)
        return {strike: int(calls[row, at] + puts[row, at]) for at, strike in enumerate(chain.strikes)}

    def likeness(first: dict[int, int], second: dict[int, int]) -> float:
        both = sorted(first.keys() & second.keys())
        return float(np.corrcoef([first[one] for one in both], [second[one] for one in both])[0, 1])

    expiry, day = dt.date(2026, 9, 18), dt.date(2026, 8, 10)
    today, tomorrow = held(day, expiry), held(next_trading_day(day), expiry)
    other = held(day, dt.date(2026, 8, 21))
    assert today != tomorrow
    assert likeness(today, tomorrow) > 0.95
    assert likeness(today, other) < 0.8


def test_a_day_with_an_early_close_ends_there() -> None:
    tape = Market("2026-11-27", 3).tape(Feed("SPX", "orderflow", "orderflow"))
    assert 9_500 < len(tape) < 9_700
    last = json.loads(tape.json(len(tape) - 1))
    assert dt.datetime.fromtimestamp(last["timestamp"], dt.UTC).isoformat() == "2026-11-27T18:00:00+00:00"
    assert tape.index_at(last["timestamp"] + 10_000) == len(tape) - 1


def test_expiry_comes_with_the_early_close() -> None:
    """Charm of what expires on the day blows up as it ends, and half a day trades half as much."""
    half, whole = (Market(date, 3).tape(Feed("SPX", "orderflow", "orderflow")) for date in ("2026-11-27", "2026-11-25"))
    for tape in (half, whole):
        noon, close = (abs(json.loads(tape.json(at))["zcharm"]) for at in (len(tape) // 2, len(tape) - 1))
        assert close > 100 * noon
    chains = [Market(date, 3)._shown("SPX").chain for date in ("2026-11-27", "2026-11-25")]
    totals = [chain.books[0].totals for chain in chains]
    short, usual = (int(total.call_volume[-1] + total.put_volume[-1]) for total in totals)
    assert 0.35 < short / usual < 0.75


def test_the_next_day_opens_from_an_early_close() -> None:
    short, after = underlying(dt.date(2026, 11, 27), 3), underlying(dt.date(2026, 11, 30), 3)
    last = float(short.block(209).points[58])
    closed = after.close(1) * np.exp(short.displacement)
    assert closed == pytest.approx(last, rel=0.0005), "two seconds before the end of its minute"

"""The conversion to futures: contracts by date, models, and where the prices come from."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from gexfaker.exchange.futures import GOLD, INDEX, OIL, Cycle, front
from gexfaker.rest.conversion import MODELS, PAIRS, convert, on_grid

DAY = dt.date(2026, 8, 7)


@pytest.mark.parametrize(
    ("future", "cycle", "day", "code"),
    [
        ("ES", INDEX, "2026-08-09", "ESU6"),
        ("ES", INDEX, "2026-09-13", "ESU6"),
        ("ES", INDEX, "2026-09-14", "ESZ6"),
        ("NQ", INDEX, "2026-12-13", "NQZ6"),
        ("NQ", INDEX, "2026-12-14", "NQH7"),
        ("YM", INDEX, "2027-01-04", "YMH7"),
        ("RTY", INDEX, "2026-06-14", "RTYM6"),
        ("GC", GOLD, "2026-08-07", "GCZ6"),
        ("GC", GOLD, "2026-07-24", "GCQ6"),
        ("GC", GOLD, "2026-11-30", "GCG7"),
        ("CL", OIL, "2026-08-07", "CLU6"),
        ("CL", OIL, "2026-08-17", "CLV6"),
        ("CL", OIL, "2026-12-20", "CLG7"),
    ],
)
def test_the_front_contract(future: str, cycle: Cycle, day: str, code: str) -> None:
    assert front(future, cycle, dt.date.fromisoformat(day)).code == code


def test_every_day_has_a_contract_that_is_not_over() -> None:
    for cycle in (INDEX, GOLD, OIL):
        for number in range(800):
            day = dt.date(2025, 1, 1) + dt.timedelta(days=number)
            assert day < front("X", cycle, day).expiry


@pytest.mark.parametrize(
    ("second", "grid"), [(0, 0), (899, 0), (899.99, 0), (900, 900), (1_784_295_002, 1_784_295_000)]
)
def test_the_grid_is_a_quarter_of_an_hour(second: float, grid: int) -> None:
    assert on_grid(second) == grid


def test_the_pairs() -> None:
    assert {f"{ticker}>{future}" for ticker, future in PAIRS} == set(
        "SPX>ES SPY>ES NDX>NQ QQQ>NQ RUT>RTY IWM>RTY DIA>YM GLD>GC USO>CL".split()
    )


def test_the_market_gives_the_basis() -> None:
    prices = {"SPX": 6700.0, "ES_SPX": 6739.65}
    made = convert("SPX", PAIRS["SPX", "ES"], DAY, "additive", prices.get)
    assert made == {"future_contract": "ESU6", "multiplier": 1, "additive": 39.65}
    assert isinstance(made["multiplier"], int)


def test_without_the_future_it_is_the_cost_of_carry() -> None:
    made = convert("SPX", PAIRS["SPX", "ES"], DAY, "additive", {"SPX": 6700.0}.get)
    years = (dt.date(2026, 9, 18) - DAY).days / 365
    assert made["additive"] == round(6700 * (math.exp(0.03 * years) - 1), 9)


def test_a_fund_is_priced_by_its_index_when_it_is_not_played() -> None:
    prices = {"SPX": 6700.0, "ES_SPX": 6739.65}
    made = convert("SPY", PAIRS["SPY", "ES"], DAY, "affine", prices.get)
    assert made == {"future_contract": "ESU6", "multiplier": 10, "additive": 39.65}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("played", [{}, {"SPX": 6700.0, "ES_SPX": 6739.65, "SPY": 668.1, "IWM": 240.0, "NDX": 25000.0}])
def test_all_models_give_the_same_future(pair: tuple[str, str], played: dict[str, float]) -> None:
    prices = {pair[0]: 500.0} | played
    futures = []
    for model in MODELS:
        made = convert(pair[0], PAIRS[pair], DAY, model, prices.get)
        assert list(made) == ["future_contract", "multiplier", "additive"]
        futures.append(prices[pair[0]] * made["multiplier"] + made["additive"])
    assert futures == pytest.approx([futures[0]] * 3, abs=1e-5)


@pytest.mark.parametrize("pair", PAIRS)
def test_something_is_answered_when_nothing_is_played(pair: tuple[str, str]) -> None:
    made = convert(pair[0], PAIRS[pair], DAY, "multiplicative", lambda _: None)
    assert made["multiplier"] > 0
    assert made["additive"] == 0

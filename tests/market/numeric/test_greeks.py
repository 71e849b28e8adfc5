"""The greeks against QuantLib, and those it has not by finite differences of its deltas; parity and arbitrage."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pytest
import QuantLib

from gexfaker.exchange.calendar import trading_day_number
from gexfaker.market.model.chain import Chain
from gexfaker.market.model.edges import Edges, _crossing
from gexfaker.market.model.factors import Factor
from gexfaker.market.model.interest import Positions
from gexfaker.market.model.past import Past
from gexfaker.market.model.profiles import profiles
from gexfaker.market.model.strip import Strip
from gexfaker.market.model.surface import Surface
from gexfaker.market.model.underlying import Underlying
from gexfaker.market.numeric import greeks
from gexfaker.market.numeric.exact import Floats, log, normal_pdf
from gexfaker.market.scenarios.shape import ordinary

CASES = [
    (spot, spot * ratio, vol, years)
    for spot in (7450.0, 27.5)
    for ratio in (0.9, 0.97, 0.995, 1.0, 1.004, 1.03, 1.12)
    for vol in (0.09, 0.35, 1.4)
    for years in (3e-6, 4e-4, 0.004, 0.25)
]


def ours(spot: float, strike: float, vol: float, years: float) -> dict[str, float]:
    s, k, t = np.array([spot]), np.array([strike]), np.array([years])
    deviation = np.array([vol * math.sqrt(years)])
    at = greeks.d1(log(k / s), deviation)
    density = normal_pdf(at)
    return {
        "price": float(greeks.call_price(s, k, at, deviation)[0]),
        "delta": float(greeks.call_delta(at, density)[0]),
        "gamma": float(greeks.gamma(density, s, deviation)[0]),
        "vanna": float(greeks.vanna(density, at, deviation, t)[0]),
        "charm": float(greeks.charm(density, at, deviation, t)[0]),
    }


def calculator(spot: float, strike: float, vol: float, years: float, kind: Any = QuantLib.Option.Call) -> Any:
    return QuantLib.BlackCalculator(QuantLib.PlainVanillaPayoff(kind, strike), spot, vol * math.sqrt(years))


@pytest.mark.parametrize("case", CASES)
def test_against_quantlib(case: tuple[float, float, float, float]) -> None:
    spot = case[0]
    mine, theirs = ours(*case), calculator(*case)
    assert mine["price"] == pytest.approx(theirs.value(), abs=1e-6 * spot * 1e-3)
    assert mine["delta"] == pytest.approx(theirs.delta(spot), abs=1e-6)
    assert mine["delta"] - 1 == pytest.approx(calculator(*case, QuantLib.Option.Put).delta(spot), abs=1e-6)
    # Gamma per 1 % move, so that the tolerance means the same at any price.
    assert mine["gamma"] * spot * 0.01 == pytest.approx(theirs.gamma(spot) * spot * 0.01, abs=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_vanna_and_charm_are_the_changes_of_quantlibs_delta(case: tuple[float, float, float, float]) -> None:
    spot, strike, vol, years = case
    mine = ours(*case)

    def delta(vol: float, years: float) -> float:
        value: float = calculator(spot, strike, vol, years).delta(spot)
        return value

    h = 1e-4
    vanna = (delta(vol * (1 + h), years) - delta(vol * (1 - h), years)) / (2 * h)
    charm = (delta(vol, years * (1 - h)) - delta(vol, years * (1 + h))) / (2 * h)
    # Both per relative change: of volatility, and of time.
    assert mine["vanna"] * vol == pytest.approx(vanna, abs=1e-6)
    assert mine["charm"] * years == pytest.approx(charm, abs=1e-6)


def chain_of(name: str, seed: int) -> Chain:
    key, past, day = f"{seed}/2026-08-12", Past(f"{seed}/past"), dt.date(2026, 8, 12)
    profile, number = profiles()[name], trading_day_number(dt.date(2026, 8, 12))
    market, own = (Factor(f"{key}/{source}", past.session(source, number), 1.0) for source in ("market", name))
    underlying = Underlying(profile, market, own, past, number, ordinary())
    positions = Positions(profile, day, f"{seed}/past", underlying.close)
    return Chain(profile, underlying, day, key, positions, ordinary())


def prices(strip: Strip, chain: Chain) -> tuple[Floats, Floats]:
    strikes = np.array(strip.window) * chain.profile.spacing / 100
    spot = strip.spot.points[:, None]
    at = greeks.d1(chain.strike_logs(strip.window)[None, :] - strip.spot.log[:, None], strip.deviation)
    calls = greeks.call_price(spot, strikes[None, :], at, strip.deviation)
    return calls, calls - spot + strikes


@pytest.mark.parametrize("name", ["SPX", "NDX", "TSLA", "VIX", "GLD"])
@pytest.mark.parametrize("number", [0, 1, 4])
@pytest.mark.parametrize("block", [0, 200, 389])
def test_no_static_arbitrage_where_options_are_quoted(name: str, number: int, block: int) -> None:
    chain = chain_of(name, 4)
    strip = Strip(chain, number, block)
    calls, puts = prices(strip, chain)
    spot, slack = strip.spot.points[:, None], 1e-9 * chain.underlying.opening
    strikes = np.array(strip.window) * chain.profile.spacing / 100
    width = np.diff(strikes)
    quoted_calls, quoted_puts = (quotes > 0 for quotes in strip.quotes())
    # At the very end the neighbours of spot alone are worth a quote.
    assert (quoted_calls.sum(axis=1) >= (0 if (number, block) == (0, 389) else 3)).all()
    # Butterflies cost something, spreads between 0 and their width, options at least what they are worth at once.
    for side, quoted, worth in ((calls, quoted_calls, spot - strikes), (puts, quoted_puts, strikes - spot)):
        slopes = np.diff(side, axis=1) / width
        here = quoted[:, 2:] & quoted[:, 1:-1] & quoted[:, :-2]
        assert (np.diff(slopes, axis=1)[here] >= -slack).all()
        assert (side >= np.maximum(worth, 0) - slack).all()
        assert (np.abs(slopes) <= 1 + 1e-9).all()
    assert (np.diff(calls, axis=1) <= slack).all()
    assert (np.diff(puts, axis=1) >= -slack).all()


@pytest.mark.parametrize("name", ["SPX", "TSLA", "VIX"])
@pytest.mark.parametrize("block", [0, 200, 389])
def test_no_calendar_arbitrage(name: str, block: int) -> None:
    chain = chain_of(name, 4)
    before = None
    for number in range(len(chain.expiries)):
        variance = Strip(chain, number, block).deviation ** 2
        assert before is None or (variance > before).all(), number
        before = variance


def test_the_volatility_of_a_strike_lies_between_its_two_quotes() -> None:
    """Where it is, call - put = spot - strike; the puts are a little dearer, as on the service."""
    calls, puts = Strip(chain_of("SPX", 1), 0, 100).quotes()
    both = (calls > 0) & (puts > 0)
    assert both.any()
    ratio = puts[both] / calls[both]
    assert (ratio > 1.05).all()
    assert (ratio < 1.1).all()


def test_quotes_end_where_nobody_would_trade() -> None:
    chain = chain_of("SPX", 1)
    strip = Strip(chain, 0, 200)
    calls, puts = strip.quotes()
    strikes = np.array(strip.window) * 5
    spot = strip.spot.points[0]
    assert calls[0][strikes < spot - 220].max() == 0
    assert puts[0][strikes > spot + 220].max() == 0
    assert puts[0][(strikes > spot - 100) & (strikes < spot)].min() > 50


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("number", [0, 1, 3])
def test_zero_gamma_is_where_the_chain_revalued_has_none(seed: int, number: int) -> None:
    chain, edge = chain_of("SPX", seed), 150
    strikes = chain.window(edge, chain.profile.near)
    flow = chain.flow(number, edge)
    shown = slice(strikes.start - chain.window(edge, chain.profile.full).start, None)
    traded = (flow.call_volume - flow.put_volume)[0, shown][: len(strikes)].tolist()
    years = chain.surface.years_at(chain.days[number], slice(edge, edge + 1))
    level = chain.surface.level_at(chain.underlying.returns[edge : edge + 1], slice(edge, edge + 1))
    variance = chain.surface.variance(years, level)

    def exposure(spot: float) -> float:
        total = 0.0
        for strike, contracts in zip(strikes, traded, strict=True):
            moneyness = np.array([math.log(strike * 5 / spot)])
            deviation = float(chain.surface.deviation(moneyness, variance)[0])
            payoff = QuantLib.PlainVanillaPayoff(QuantLib.Option.Call, strike * 5.0)
            total += contracts * QuantLib.BlackCalculator(payoff, spot, deviation).gamma(spot) * spot * spot
        return total

    found, spot = Edges(chain).zero_gamma(number, edge), float(chain.underlying.skeleton.points[edge])
    step = chain.profile.near // 2 * 5 / 16
    grid = [exposure(spot + step * n) for n in range(-16, 17)]
    changes = [n for n in range(-16, 16) if grid[n + 16] * grid[n + 17] < 0]
    if changes:
        assert exposure(found - step) * exposure(found + step) < 0 or abs(exposure(found)) < 0.05 * max(map(abs, grid))
        assert abs(found - spot) <= min(max(abs(n), abs(n + 1)) for n in changes) * step
    else:
        assert abs(found - spot) == pytest.approx(16 * step)


@pytest.mark.parametrize(
    ("exposures", "crossing"),
    [
        ([-4.0, -3.0, -1.0, 1.0, 2.0], 12.5),
        ([-1.0, 1.0, 2.0, -2.0, -3.0], 12.5),  # twice: the one nearer to the middle
        ([-1.0, 3.0, 4.0, 5.0, 6.0], 10.25),
        ([-3.0, -2.0, -2.0, -1.0, -0.5], 14.0),  # never: the end that is nearer to 0
        ([0.5, 1.0, 2.0, 3.0, 4.0], 10.0),
    ],
)
def test_crossing(exposures: list[float], crossing: float) -> None:
    assert _crossing(np.arange(10.0, 15.0), np.array(exposures)) == crossing


def test_smile_moves_with_spot_and_rises_when_it_falls() -> None:
    surface = Surface(profiles()["SPX"], ordinary().implied)
    years = surface.years(0, 100)
    assert (np.diff(years) < 0).all()
    usual, fallen = (surface.level(np.full(60, r), 100) for r in (0.0, -0.02))
    assert (fallen > 1.1 * usual).all()
    variance = surface.variance(years, usual)[0]
    low, mid, high = (surface.deviation(np.array([m]), variance)[0] for m in (-0.01, 0.0, 0.01))
    assert low > high > 0.6 * mid
    assert 0.08 < mid / math.sqrt(years[0]) < 0.25


def test_term_structure_rises_from_near_to_far() -> None:
    surface = Surface(profiles()["SPX"], ordinary().implied)
    vols = [
        math.sqrt(surface.variance(surface.years(days, 0), np.ones(60))[0] / surface.years(days, 0)[0])
        for days in (0, 5, 20, 60)
    ]
    assert vols == sorted(vols)
    assert vols[-1] < 1.3 * vols[0]

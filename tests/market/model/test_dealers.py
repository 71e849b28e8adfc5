"""What hedging does to the price: smaller moves in positive gamma, larger in negative, and strikes that attract."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

from gexfaker.exchange.calendar import next_trading_day
from gexfaker.market.model.dealers import FEEDBACK
from gexfaker.market.model.minutes import BLOCKS
from gexfaker.market.simulation import Market
from gexfaker.settings import SETTINGS

DAYS = 120
STEP = 10
AN_HOUR_LEFT = BLOCKS - 60


class Seen(NamedTuple):
    """Of many days: mean squares of moves in positive and negative gamma, and distances to the largest strike."""

    long: float
    short: float
    distance: float


@cache
def seen(feedback: float) -> Seen:
    long, short, distances = list[float](), list[float](), list[float]()
    date = dt.date(2026, 1, 5)
    for number in range(DAYS):
        market = Market(date.isoformat(), number % 7, feedback=feedback)
        underlying, dealers = market.prices.underlying("SPX"), market.prices.dealers("SPX")
        moves = np.diff(underlying.returns) / market.prices.factor("market").scales
        for block in range(0, BLOCKS, STEP):
            lean, _ = dealers._seen(block, float(underlying.returns[block]))
            (long if lean > 0 else short).extend((moves[block : block + STEP] ** 2).tolist())
        distances.append(distance(market))
        date = next_trading_day(date)
    return Seen(float(np.mean(long)), float(np.mean(short)), float(np.median(distances)))


def distance(market: Market) -> float:
    """From the close to the strike of which most was held within 0.4 % an hour before, in points."""
    dealers, spots = market.prices.dealers("SPX"), market.prices.underlying("SPX").skeleton.points
    calls, puts = dealers._held
    strikes = np.array(dealers._strikes) * 5.0
    near = np.abs(strikes / spots[AN_HOUR_LEFT] - 1.0) < 0.004
    return float(abs(spots[-1] - strikes[np.argmax((calls + puts)[0] * near)]))


@pytest.mark.long
def test_without_hedging_gamma_does_not_matter() -> None:
    """Tolerance: 5,000 moves in negative gamma, whose squares have a kurtosis of some 6 and cluster: 10 %."""
    assert seen(0.0).long / seen(0.0).short == pytest.approx(1.0, abs=0.15)


@pytest.mark.long
def test_moves_are_damped_in_positive_gamma_and_driven_in_negative() -> None:
    usual, full = (seen(feedback).long / seen(feedback).short for feedback in (FEEDBACK, 1.0))
    assert usual < 0.9 * seen(0.0).long / seen(0.0).short
    assert full < 0.55


@pytest.mark.long
def test_the_largest_strike_attracts_before_expiry() -> None:
    free, usual, full = (seen(feedback).distance for feedback in (0.0, FEEDBACK, 1.0))
    assert usual < 0.85 * free
    assert full < 0.35 * free


def test_who_follows_is_moved_by_the_same_hedging() -> None:
    market = Market("2026-07-17", 2)
    spx, spy = (market.prices.underlying(name).returns for name in ("SPX", "SPY"))
    assert np.corrcoef(np.diff(spx), np.diff(spy))[0, 1] > 0.999
    assert (market.prices.underlying("SPY").effect.damping == market.prices.underlying("SPX").effect.damping).all()


def test_nothing_is_pulled_on_a_day_on_which_nothing_expires() -> None:
    market = Market("2026-07-14", 2)  # a Tuesday
    assert market.prices.positions("AAPL").days[0] > 0
    assert not market.prices.underlying("AAPL").effect.pull.any()
    assert market.prices.underlying("SPX").effect.pull.any()


def test_the_usual_strength_is_that_of_the_setting() -> None:
    assert float(SETTINGS["FEEDBACK"].default) == FEEDBACK
    usual, told = Market("2026-07-17", 2), Market("2026-07-17", 2, feedback=FEEDBACK)
    assert (usual.prices.underlying("SPX").returns == told.prices.underlying("SPX").returns).all()

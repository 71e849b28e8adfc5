"""An underlying's day: its open, its return at every block's start, and its spot at every record."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import numpy as np

from gexfaker.market.model.dealers import Effect
from gexfaker.market.model.factors import BRIDGES_KEPT, Factor
from gexfaker.market.model.minutes import BLOCK, BLOCKS
from gexfaker.market.model.past import MARKET, Past
from gexfaker.market.model.profiles import MARKET_VOLATILITY, Profile
from gexfaker.market.numeric.exact import Floats, Ints, exp, log
from gexfaker.market.scenarios.shape import Pin, Shape

_ROUND: Final = 5
"""A pin's round strike: every fifth."""

_FARTHEST: Final = 0.35
"""Largest log return since the open, per unit of beta (at least 1, at most 4 times as much). The market's own breakers
stop a day at -20 %, and every strike on the way takes memory all day, so that a scenario must not go on for ever."""

_TIME: Final = np.arange(BLOCK) / BLOCK


class Spot(NamedTuple):
    """Spot at the records of a block: in cents, in points, and as a logarithm."""

    cents: Ints
    points: Floats
    log: Floats


class Underlying:
    """One underlying on one day.

    Args:
        profile: level, volatility and beta.
        market: the market's factor, shared by all of the day.
        own: the factor of its family: nobody else's but for those who follow it.
        past: what was before.
        number: of the trading day.
        shape: the day's departures from the ordinary.

    Attributes:
        hedged: what hedging makes of the moves of the day; None when nobody hedges.
        left_behind: gives the displacement of the day before, at which this one opens, and which it loses evenly.
    """

    def __init__(self, profile: Profile, market: Factor, own: Factor, past: Past, number: int, shape: Shape) -> None:
        self._profile = profile
        self._market = market
        self._own = own
        self._past = past
        self._number = number
        self._shape = shape
        self.hedged: Callable[[Floats, Floats], Effect] | None = None
        self.left_behind: Callable[[], float] = lambda: 0.0
        self.block = lru_cache(maxsize=BRIDGES_KEPT)(self._block)

    @cached_property
    def undisturbed(self) -> float:
        """Spot at the open, in points, if nobody had hedged the day before.

        It is where the days before have left it, and what the night made of it.
        """
        profile, past, number = self._profile, self._past, self._number
        nights = (np.array([past.state(name, number).night]) for name in self._sources)
        gap = self._mix(*nights) + profile.beta * self._shape.gap
        return self.close(1) * float(exp(gap + self._fear[0])[0])

    @cached_property
    def opening(self) -> float:
        """Spot at the open, in points."""
        return self.undisturbed * float(exp(np.array([self._left]))[0])

    @cached_property
    def _left(self) -> float:
        return self.left_behind()

    @property
    def displacement(self) -> float:
        """Where hedging has moved the close, as a log return."""
        return float(np.cumsum(self.free * self.effect.damping + self.effect.pull - self.free)[-1])

    @property
    def _sources(self) -> tuple[str, str]:
        """The names of what moves it: the market, and its family."""
        return MARKET, self._profile.follows or self._profile.name

    def close(self, back: int) -> float:
        """Where it closed so many trading days before, in points; without what fear adds to it."""
        levels = (np.array([self._past.state(name, self._number - back).level]) for name in self._sources)
        return self._profile.level * float(exp(self._mix(*levels))[0])

    @cached_property
    def _fear(self) -> Floats:
        """The part of the log price that is a scenario's implied volatility, at each block's start."""
        if not self._profile.fear:
            return np.zeros(BLOCKS + 1)
        return np.asarray(self._profile.fear * log(self._shape.implied))

    @cached_property
    def free(self) -> Floats:
        """The move of each block, if nobody hedged."""
        steps = self._mix(self._market.steps, self._own.steps) * self._shape.volatility
        return np.where(np.array(self._shape.still), 0.0, steps)

    @property
    def _drift(self) -> Floats:
        """What a scenario adds to the move of each block, whoever hedges."""
        return np.where(np.array(self._shape.still), 0.0, self._profile.beta * self._shape.drift)

    @cached_property
    def effect(self) -> Effect:
        """What hedging does to the moves."""
        return Effect(np.ones(BLOCKS), np.zeros(BLOCKS)) if self.hedged is None else self.hedged(self.free, self._drift)

    @cached_property
    def returns(self) -> Floats:
        """Log return since the open at each block's start; BLOCKS + 1 values."""
        shape = self._shape
        moves = ~np.array(shape.still) & (np.arange(BLOCKS) < shape.session)
        lost = self._left / max(1, int(moves.sum()))
        steps = np.where(moves, self.free * self.effect.damping + self.effect.pull + self._drift - lost, 0.0)
        path = np.zeros(BLOCKS + 1)
        np.cumsum(steps, out=path[1:])
        for pin in shape.pins:
            path = self._pinned(path, steps, pin)
        return self._bounded(path + (self._fear - self._fear[0]))

    @cached_property
    def skeleton(self) -> Spot:
        """Spot at each block's start, and at the close."""
        return self._spot(self.returns)

    def _block(self, block: int) -> Spot:
        start, end = self.returns[block], self.returns[block + 1]
        if self._shape.still[block]:
            return self._spot(np.full(BLOCK, start))
        way = self._mix(self._market.bridge(block), self._own.bridge(block))[:-1] * (
            self._shape.volatility[block] * self.effect.damping[block]
        )
        return self._spot(self._bounded(start + (end - start) * _TIME + way))

    def _bounded(self, returns: Floats) -> Floats:
        most = _FARTHEST * min(max(abs(self._profile.beta), 1.0), 4.0)
        return np.asarray(np.minimum(np.maximum(returns, -most), most))

    def _mix(self, market: Floats, own: Floats) -> Floats:
        return np.asarray(self._profile.beta * MARKET_VOLATILITY * market + self._profile.own * own)

    def _spot(self, returns: Floats) -> Spot:
        # All that follows sees the price as it is printed, so that a reader can repeat the arithmetic.
        cents = np.maximum(np.rint(100.0 * self.opening * exp(returns)), 1.0)
        points = cents / 100.0
        return Spot(cents.astype(np.int64), points, log(points))

    def _pinned(self, path: Floats, steps: Floats, pin: Pin) -> Floats:
        path = path.copy()
        target = self._target(float(path[pin.first]), pin.strike)
        level = float(path[pin.first])
        for block in range(pin.first, pin.last):
            level += pin.pull * (target - level) + float(steps[block])
            path[block + 1] = level
        path[pin.last + 1 :] = level + np.cumsum(steps[pin.last :])
        return path

    def _target(self, start: float, strike: float) -> float:
        if strike:
            return float(log(np.array([strike]))[0])
        spot = self.opening * float(exp(np.array([start]))[0])
        step = _ROUND * self._profile.spacing / 100
        rounded = max(1, int(spot / step + 0.5)) * step
        return float(log(np.array([rounded / self.opening]))[0])

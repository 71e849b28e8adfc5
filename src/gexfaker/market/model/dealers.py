"""What dealers do to the price: they hedge the options that others hold.

Where customers' calls outweigh their puts, dealers are long gamma: they sell what rises and buy what falls, and moves
are smaller. Where puts outweigh, they are short gamma, and have to run after the price. On an expiry's last hours
hedging draws the price to the strike at which most gamma is left. How strong all this is, is a matter of opinion: one
number, ``feedback``, scales it, and 0 switches it off.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from gexfaker.market.model.interest import Positions
from gexfaker.market.model.minutes import BLOCKS
from gexfaker.market.model.profiles import Profile
from gexfaker.market.model.surface import Surface
from gexfaker.market.numeric import greeks
from gexfaker.market.numeric.exact import Floats, Ints, add_rows, log, normal_pdf

FEEDBACK: Final = 0.3
"""How strong hedging is unless told otherwise."""

_EXPIRIES: Final = 4
"""The nearest expiries, whose gamma is nearly all there is."""

_REACTION: Final = 15
"""Blocks for which dealers go by what they have seen last."""

_STRENGTH: Final = 2.5
"""Change of the size of moves, for full feedback and where there are calls only."""

_LEAST, _MOST = 0.35, 1.9
"""Bounds of it."""

_PULL: Final = 0.12
"""Share of the distance to the strike with most gamma that is made up in the last minute, for full feedback."""

_LAST: Final = 120
"""Blocks before the close in which that grows from nothing."""

_REACH: Final = 8.0
"""How far from the open positions count, in usual days' moves."""


class Effect(NamedTuple):
    """What hedging does by block: a factor on the moves, and a log return added."""

    damping: Floats
    pull: Floats


class Dealers:
    """The dealers of one underlying on one day.

    Args:
        surface: by which they value options.
        positions: what customers hold.
        opening: spot at the open, in points.
        feedback: how strong their hedging is, 0 to 1.
        session: blocks until the close.
    """

    def __init__(
        self, profile: Profile, surface: Surface, positions: Positions, opening: float, feedback: float, session: int
    ) -> None:
        self._profile = profile
        self._surface = surface
        self._positions = positions
        self._opening = opening
        self._feedback = feedback
        self._session = session

    def effect(self, steps: Floats, drift: Floats) -> Effect:
        """What hedging makes of a day whose moves would be these, by block, besides what drifts whoever hedges."""
        damping, pull, path = np.ones(BLOCKS), np.zeros(BLOCKS), 0.0
        for first in range(0, self._session, _REACTION):
            lean, target = self._seen(first, path)
            factor = min(max(1.0 - self._feedback * _STRENGTH * lean, _LEAST), _MOST)
            for block in range(first, min(first + _REACTION, self._session)):
                damping[block] = factor
                pull[block] = self._strength(block) * (target - path)
                path += float(steps[block]) * factor + float(drift[block] + pull[block])
        return Effect(damping, pull)

    def _strength(self, block: int) -> float:
        """How strong the pull is in a block; none on a day on which nothing expires."""
        if self._positions.days[0]:
            return 0.0
        return self._feedback * _PULL * max(0.0, 1.0 - (self._session - 1 - block) / _LAST)

    def _seen(self, block: int, path: float) -> tuple[float, float]:
        """Calls' gamma over puts', as a share of both, and where most gamma is that expires next (a log return)."""
        calls, puts = self._held
        gammas = self._gammas(block, path)
        both = gammas * (calls + puts)
        signed, gross = (float(add_rows(values.ravel())) for values in (gammas * (calls - puts), both))
        lean = signed / max(gross, 1e-300)
        return lean, float(self._moneyness[int(both[0].argmax())])

    def _gammas(self, block: int, path: float) -> Floats:
        """Gamma of a contract, up to a factor: expiries by strikes."""
        here, surface = slice(block, block + 1), self._surface
        days = np.array(self._positions.days[:_EXPIRIES], dtype=np.float64)
        level = surface.level_at(np.array([path]), here)
        variance = surface.variance(surface.years_at(days, here), level)[:, None]
        away = (self._moneyness - path)[None, :]
        deviation = surface.deviation(away, variance)
        return np.asarray(normal_pdf(greeks.d1(away, deviation)) / deviation)

    @cached_property
    def _strikes(self) -> range:
        spot = self._opening * 100.0 / self._profile.spacing
        reach = max(10, int(_REACH * self._profile.deviation * spot))
        return range(max(1, int(spot) - reach), int(spot) + reach + 1)

    @cached_property
    def _moneyness(self) -> Floats:
        """Of each strike, as a log return from the open."""
        strikes = np.arange(self._strikes.start, self._strikes.stop, dtype=np.float64)
        return np.asarray(log(strikes * (self._profile.spacing / 100.0 / self._opening)))

    @cached_property
    def _held(self) -> tuple[Ints, Ints]:
        return self._positions.at(self._strikes, _EXPIRIES)

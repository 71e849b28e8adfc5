"""The implied volatility surface: one formula for all strikes, expiries and moments, free of static arbitrage.

Total variance follows SSVI: Gatheral and Jacquier, Arbitrage-free SVI volatility surfaces (Quantitative Finance, 2014),
with phi(theta) = ETA / sqrt(theta). By their theorem 4.2 there is no butterfly arbitrage while ETA sqrt(theta)
(1 + |skew|) < 4 and ETA**2 (1 + |skew|) <= 4, and by theorem 4.1 no calendar arbitrage because theta grows with time.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Final

import numpy as np

from gexfaker.market.model import minutes
from gexfaker.market.model.minutes import BLOCK, BLOCKS
from gexfaker.market.model.profiles import DAYS_A_YEAR, Profile
from gexfaker.market.numeric.exact import Floats

ETA: Final = 0.6
"""Curvature of the smile in standard deviations."""

_LONG_RATIO: Final = 1.25
"""Volatility of far expiries over that of the nearest: people pay for what they do not know."""

_NEAR: Final = 0.1
"""Years over which the one turns into the other."""

_SESSION: Final = 0.75
"""Share of a day's variance that falls into the session; the rest is the night's."""

_PREMIUM: Final = 1.05
"""Implied volatility over what is realised on average: whoever sells options wants to be paid for it."""

_FLOOR: Final = 140 / 23_400 * _SESSION / DAYS_A_YEAR
"""Time to expiry never counts as less than 140 seconds of a session: settlement is not instantaneous, and gamma at the
close stays what the wire format can carry."""

_RESPONSE: Final = 12.0
"""Relative change of volatility per return, for a skew of -1: an index (-0.5) that falls 1 % gains 6 %."""

_LOWEST, _HIGHEST = 0.5, 4.0
"""Bounds of the level relative to usual; reached in crashes only."""

_FADE: Final = np.arange(BLOCK) / BLOCK

_RISK: Final = 0.6744897501960817
"""Where a 25-delta option lies, in standard deviations."""


class Surface:
    """The surface of one underlying.

    Args:
        implied: the day's factor on implied volatility at each block's start.
        session: blocks until the close.
    """

    def __init__(self, profile: Profile, implied: Floats, session: int = BLOCKS) -> None:
        self._skew = profile.skew
        # The deviation is the session's alone; options live through the nights, too.
        self._short = _PREMIUM * profile.deviation * math.sqrt(DAYS_A_YEAR / _SESSION)
        self._implied = implied
        self._session = session

    @cached_property
    def _remaining(self) -> Floats:
        return np.array(minutes.remaining(self._session))

    def years(self, days: int, block: int) -> Floats:
        """Time to an expiry ``days`` trading days ahead, in years, at the records of a block."""
        return self._years(days, _between(self._remaining, block))

    def years_at(self, days: int | Floats, blocks: slice) -> Floats:
        """The same at the starts of blocks."""
        return self._years(days, self._remaining[blocks])

    def level(self, returns: Floats, block: int) -> Floats:
        """Volatility relative to usual at the records of a block, where the returns since the open are these."""
        return self._level(returns, _between(self._implied, block))

    def level_at(self, returns: Floats, blocks: slice) -> Floats:
        """The same at the starts of blocks."""
        return self._level(returns, self._implied[blocks])

    def variance(self, years: Floats, level: Floats) -> Floats:
        """At-the-money total variance: it grows with time at a rate that goes from near to far volatility."""
        near, far = self._short * self._short, self._short * self._short * _LONG_RATIO * _LONG_RATIO
        return np.asarray(level * level * (far * years + (near - far) * _NEAR * years / (years + _NEAR)))

    def deviation(self, moneyness: Floats, variance: Floats) -> Floats:
        """Volatility times the root of time of options at log(strike / spot), given the at-the-money variance."""
        root = np.sqrt(variance)
        return np.asarray(root * np.sqrt(self._smile(moneyness / root)))

    def risk_reversal(self, years: Floats, level: Floats) -> Floats:
        """Volatility of the 25-delta put over that of the 25-delta call."""
        low, high = (math.sqrt(float(self._smile(np.array([at]))[0])) for at in (-_RISK, _RISK))
        return np.asarray(np.sqrt(self.variance(years, level) / years) * (low - high))

    def _smile(self, z: Floats) -> Floats:
        """Total variance relative to at-the-money, ``z`` standard deviations away: SSVI."""
        skew, q = self._skew, ETA * z
        return np.asarray(0.5 * (1.0 + skew * q + np.sqrt((q + skew) * (q + skew) + (1.0 - skew * skew))))

    def _years(self, days: int | Floats, remaining: Floats) -> Floats:
        return np.asarray((days + _SESSION * remaining) / DAYS_A_YEAR + _FLOOR)

    def _level(self, returns: Floats, implied: Floats) -> Floats:
        moved = 1.0 + self._skew * _RESPONSE * returns
        return implied * np.minimum(np.maximum(moved, _LOWEST), _HIGHEST)


def _between(ends: Floats, block: int) -> Floats:
    start, end = ends[block], ends[block + 1]
    return np.asarray(start + (end - start) * _FADE)

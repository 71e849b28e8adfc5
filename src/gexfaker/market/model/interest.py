"""Open interest: what was held at the open, by strike. It does not change during the day.

Calls and puts balance at the money and part on the way out: puts are held below spot, calls above. So exposure is small
and moderately positive where the market was, negative further down and positive further up.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from gexfaker.market.numeric.exact import Floats, Ints
from gexfaker.market.numeric.hashing import uniforms, words

_APART: Final = 0.75
"""Calls over puts far above spot, as a share of both, and puts over calls far below: both are alike at the money."""

_LOPSIDED: Final = 0.25
"""Largest departure of one strike from that."""

_INSURANCE: Final = 1.3
"""How much wider holdings reach below spot than above."""

_MASS: Final = 1.5707963267948966
"""Area under 1 / (1 + x * x) ** 2."""

_ROUND: Final = ((20, 3.0), (10, 2.0), (5, 1.3), (1, 0.6))
"""Strikes by roundness, in strike numbers, and how much more is held there."""


def held(key: str, contracts: float, spot: float, width: float, strikes: range, calls: float) -> tuple[Ints, Ints]:
    """Open calls and puts of one expiry by strike.

    Args:
        key: its noise.
        contracts: open on each side, about.
        spot: in strikes.
        width: a standard deviation at expiry, in strikes.
        calls: calls over puts at the money, as a share of both.
    """
    numbers = np.arange(strikes.start, strikes.stop, dtype=np.float64)
    bits = words(f"{key}/interest", range(1), strikes)
    away = (numbers - spot) / width
    luck = 3.0 * uniforms(bits, 0)[0] * uniforms(bits, 0)[0]
    half = contracts * round_strikes(numbers, _ROUND) / (_MASS * width) * _hump(away) * luck
    apart = calls + _APART * away * np.abs(away) / (1.0 + away * away) + _LOPSIDED * (2.0 * uniforms(bits, 1)[0] - 1.0)
    apart = np.minimum(np.maximum(apart, -0.98), 0.98)
    return np.floor(half * (1.0 + apart)).astype(np.int64), np.floor(half * (1.0 - apart)).astype(np.int64)


def round_strikes(numbers: Floats, table: tuple[tuple[int, float], ...]) -> Floats:
    """The factor of each strike number: that of the roundest step of the table it is a multiple of."""
    factor = np.zeros_like(numbers)
    for step, weight in table:
        factor = np.maximum(factor, np.where(np.floor(numbers / step) * step == numbers, weight, 0.0))
    return factor


def _hump(away: Floats) -> Floats:
    away = np.where(away < 0, away / _INSURANCE, away)
    bell = 1.0 / (1.0 + away * away)
    return np.asarray(bell * bell)

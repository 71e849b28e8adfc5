"""Open interest: what was held at the open, by strike. It does not change during the day."""

from __future__ import annotations

from typing import Final

import numpy as np

from gexfaker.market.exact import Floats, Ints
from gexfaker.market.hashing import uniforms, words

_CALLS_ABOVE: Final = 0.3
"""Where most calls are, in standard deviations at expiry: sold against stock, above spot."""

_PUTS_BELOW: Final = 1.0
"""Where most puts are: bought as insurance, further below."""

_PUTS_PER_CALL: Final = 1.05
_SHARED: Final = 0.7
"""Share of a strike's popularity that calls and puts have in common."""

_MASS: Final = 1.5707963267948966
"""Area under 1 / (1 + x * x) ** 2."""

_ROUND: Final = ((20, 3.0), (10, 2.0), (5, 1.3), (1, 0.6))
"""Strikes by roundness, in strike numbers, and how much more is held there."""


def held(key: str, contracts: float, spot: float, width: float, strikes: range) -> tuple[Ints, Ints]:
    """Open calls and puts of one expiry by strike.

    Args:
        key: its noise.
        contracts: open on each side, about.
        spot: in strikes.
        width: a standard deviation at expiry, in strikes.
    """
    numbers = np.arange(strikes.start, strikes.stop, dtype=np.float64)
    bits = words(f"{key}/interest", range(1), strikes)
    shared = uniforms(bits, 2)[0]
    size = contracts * round_strikes(numbers, _ROUND) / (_MASS * width)
    sides = ((_CALLS_ABOVE, 1.0, 0), (-_PUTS_BELOW, _PUTS_PER_CALL, 1))
    calls, puts = (
        np.floor(size * factor * _hump((numbers - spot) / width - at) * _luck(shared, uniforms(bits, part)[0]))
        for at, factor, part in sides
    )
    return calls.astype(np.int64), puts.astype(np.int64)


def round_strikes(numbers: Floats, table: tuple[tuple[int, float], ...]) -> Floats:
    """The factor of each strike number: that of the roundest step of the table it is a multiple of."""
    factor = np.zeros_like(numbers)
    for step, weight in table:
        factor = np.maximum(factor, np.where(np.floor(numbers / step) * step == numbers, weight, 0.0))
    return factor


def _hump(away: Floats) -> Floats:
    bell = 1.0 / (1.0 + away * away)
    return np.asarray(bell * bell)


def _luck(shared: Floats, own: Floats) -> Floats:
    """Mean 1: a strike that is popular is so with buyers of calls and of puts, mostly."""
    return np.asarray(3.0 * (_SHARED * shared * shared + (1.0 - _SHARED) * own * own))

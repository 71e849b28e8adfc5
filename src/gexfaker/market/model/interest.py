"""Open interest: what was held at the open, by strike. It does not change during the day, and a part of it each night.

Calls and puts balance at the money and part on the way out: puts are held below spot, calls above. So exposure is small
and moderately positive where the market was, negative further down and positive further up.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from gexfaker.market.numeric.exact import Floats, Ints
from gexfaker.market.numeric.hashing import Words, uniforms, words

_APART: Final = 0.75
"""Calls over puts far above spot, as a share of both, and puts over calls far below: both are alike at the money."""

_BEFORE: Final = 1 << 16
"""Added to the number of a day, so that days before the first are numbers, too."""

_LOPSIDED: Final = 0.25
"""Largest departure of one strike from that."""

_INSURANCE: Final = 1.3
"""How much wider holdings reach below spot than above."""

_MASS: Final = 1.5707963267948966
"""Area under 1 / (1 + x * x) ** 2."""

_ROUND: Final = ((20, 3.0), (10, 2.0), (5, 1.3), (1, 0.6))
"""Strikes by roundness, in strike numbers, and how much more is held there."""


REMEMBERED: Final = 6
"""Days of which the trades are still held: what is older is in the strike's own luck."""

_ROLLED: Final = 0.7
"""What is left of a position a day later: three in ten are closed or rolled on a day, and as many are opened."""

_LASTING: Final = 0.5
"""Share of a strike's luck that it has on all days until expiry; the rest is of the days on which it was traded."""


class Holding(NamedTuple):
    """What is held of one expiry.

    Attributes:
        key: its noise, the same on all days.
        contracts: open on each side, about.
        width: a standard deviation at expiry, in strikes.
        calls: calls over puts at the money, as a share of both.
    """

    key: str
    contracts: float
    width: float
    calls: float


def held(holding: Holding, spots: Floats, number: int, strikes: range) -> tuple[Ints, Ints]:
    """Open calls and puts of one expiry by strike: each day before has left a part around its close.

    Args:
        holding: how much of what.
        spots: the closes of the REMEMBERED days before in strikes, yesterday's first.
        number: of the trading day.
    """
    numbers = np.arange(strikes.start, strikes.stop, dtype=np.float64)
    lasting = words(f"{holding.key}/interest", range(1), strikes)
    days = words(f"{holding.key}/traded", range(number + _BEFORE - REMEMBERED, number + _BEFORE), strikes)[::-1]
    away = (numbers[None, :] - spots[:, None]) / holding.width
    parts = np.cumprod(np.full(REMEMBERED, _ROLLED))
    parts = (
        (parts / np.cumsum(parts)[-1])[:, None]
        * _hump(away)
        * (_LASTING * _luck(lasting) + (1.0 - _LASTING) * _luck(days))
    )
    half = holding.contracts * round_strikes(numbers, _ROUND) / (_MASS * holding.width) * _added(parts)
    lopsided = _LOPSIDED * (2.0 * uniforms(lasting, 2)[0] - 1.0)
    # Positions are rolled to where the market is: puts are below yesterday's close, whenever they were bought.
    out = away[0]
    apart = holding.calls + _APART * out * np.abs(out) / (1.0 + out * out) + lopsided
    apart = np.minimum(np.maximum(apart, -0.98), 0.98)
    return np.floor(half * (1.0 + apart)).astype(np.int64), np.floor(half * (1.0 - apart)).astype(np.int64)


def _luck(bits: Words) -> Floats:
    """How many like a strike: few are liked much; 0.75 on average."""
    return np.asarray(3.0 * uniforms(bits, 0) * uniforms(bits, 0))


def _added(rows: Floats) -> Floats:
    """The rows' sum, in a fixed order."""
    return np.asarray(np.cumsum(rows, axis=0)[-1])


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

"""The market's minutes: the blocks a day is made of, and how busy and how volatile each usually is."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise
from typing import Final

from gexfaker.exchange.hours import RECORDS

BLOCK: Final = 60
"""Records made at once. A minute, because every look-back of the feeds is whole minutes: the values of 1, 5, 10, 15
and 30 minutes ago are the same row of an earlier block."""

BLOCKS: Final = -(-RECORDS // BLOCK)
"""Block b holds records b*BLOCK to b*BLOCK + 59; the last one ends a record early. A day with an early close has as
many, and nothing happens in those after it."""

Knots = tuple[tuple[float, float], ...]

VOLATILITY: Final[Knots] = ((0.0, 1.9), (0.08, 1.3), (0.3, 0.85), (0.6, 0.75), (0.85, 1.0), (1.0, 1.5))
"""Volatility over the day (0 open, 1 close): busy open, quiet noon, busy close."""

VOLUME: Final[Knots] = ((0.0, 1.5), (0.08, 1.15), (0.35, 0.85), (0.6, 0.85), (0.85, 1.15), (0.94, 2.2), (1.0, 6.0))
"""Contracts traded over the day."""


@cache
def volatility(session: int = BLOCKS) -> tuple[float, ...]:
    """The volatility of each block of a day that has ``session`` of them; root mean square 1, and 0 after the close."""
    raw = _spread(VOLATILITY, session)
    *_, total = _running([value * value for value in raw])
    scale = math.sqrt(session / total)
    return tuple(value * scale for value in raw)


@cache
def volume(session: int = BLOCKS) -> tuple[float, ...]:
    """The share of a whole day's volume traded in each block. They add up to 1; on a short day to what it is of one."""
    raw = _spread(VOLUME, session)
    *_, total = _running(raw)
    return tuple(value * session / (total * BLOCKS) for value in raw)


@cache
def remaining(session: int = BLOCKS) -> tuple[float, ...]:
    """The variance still ahead at each block's start, as a share of a whole session's: down to 0; BLOCKS + 1 values."""
    gone = _running([value * value for value in volatility(session)])
    return (*(max(session - value, 0.0) / BLOCKS for value in (0.0, *gone[:-1])), 0.0)


def _spread(knots: Knots, session: int) -> list[float]:
    after = [0.0] * (BLOCKS - session)
    return [interpolate(knots, (block + 0.5) / session) for block in range(session)] + after


def _running(values: list[float]) -> list[float]:
    # Not sum(): since Python 3.12 it compensates floats, so that its last bit depends on the version.
    totals, total = [], 0.0
    for value in values:
        total += value
        totals.append(total)
    return totals


def interpolate(knots: Knots, at: float) -> float:
    """The knots joined by straight lines, at ``at``; the last value beyond the last knot."""
    for (x0, y0), (x1, y1) in pairwise(knots):
        if at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return knots[-1][1]

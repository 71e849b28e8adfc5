"""Random paths that can be entered anywhere: a coarse skeleton, and each stretch of it filled in alone.

A path has one skeleton point every BLOCK records (183 blocks a day, well under a millisecond to make).
The records between two points are drawn from the block's own noise and then tilted to end at the next
point, so record 20,000 costs no more than record 1 and comes out the same in any order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, pairwise
from typing import Final

from gexfaker.market.noise import normals, sign, uniform
from gexfaker.market.session import RECORDS

BLOCK: Final = 128
"""Records filled in at once: what a first access costs (a few ms), and what is kept per block (~150 KB).
Long enough that pinning a block's end hardly shows, short enough that volatility may be constant in it."""

BLOCKS: Final = -(-(RECORDS - 1) // BLOCK)
"""Block b holds records b*BLOCK+1 to (b+1)*BLOCK; its row 0 is the record before them (so that differences
need no other block). The last block reaches past the close; those rows are never served."""

WANDER: Final = 0.35
"""Share of a flow's random walk that survives a block. The rest is noise that comes back, as it does in
the real flows; it also keeps the trend, and with it the typical size, visible on every day."""

Knots = tuple[tuple[float, float], ...]

U_SHAPE: Final[Knots] = ((0.0, 1.9), (0.08, 1.3), (0.3, 0.85), (0.6, 0.75), (0.85, 1.0), (1.0, 1.7))
"""Volatility over the day (0 open, 1 close) relative to its average: busy open, quiet noon, busy close."""

CLOSING_RUSH: Final[Knots] = (
    # 95th percentile of |gexoflow| by full hour, 10:00 to 16:00 New York: 106 143 217 285 396 1396.
    (0.0, 0.45),
    (0.154, 0.49),
    (0.308, 0.66),
    (0.462, 1.0),
    (0.615, 1.31),
    (0.77, 1.8),
    (0.85, 2.7),
    (0.95, 6.5),
    (1.0, 14.0),
)
"""The same for gamma and convexity, relative to noon: at-the-money gamma explodes as expiry nears."""


@dataclass(frozen=True, slots=True)
class PathSpec:
    """How a path behaves; units are those of the field.

    Attributes:
        name: its noise; no two paths of a chain share it.
        typical: median absolute level over the day (reached by a trend, or by reverting around 0).
        step: size of a usual change per record, before tail and pace.
        tail: weight of the cubic part of a change: 0 normal, 0.5 heavy, 3 mostly still with bursts.
        pace: volatility over the day.
        flicker: noise on top of the level that is gone with the next record, in changes.
        memory: 1 for a trending walk; below 1 the share of the level kept per block (mean reverting).
        lean: level per unit of the index's move (one unit: a usual day's move).
        side: paths of one side trend into the same direction; default is the path's own name.
        wander: share of the random walk that survives a block.
    """

    name: str
    typical: float
    step: float
    tail: float
    pace: Knots
    flicker: float = 0.0
    memory: float = 1.0
    lean: float = 0.0
    side: str = ""
    wander: float = WANDER


class Path:
    """One random path over a day, starting at 0.

    Args:
        key: what the noise depends on besides the spec's name: seed, date, chain.
        lean: the index's skeleton, for specs that lean on it.
    """

    def __init__(self, spec: PathSpec, key: str, lean: Sequence[float] = ()) -> None:
        self._spec = spec
        self._key = f"{key}/{spec.name}"
        self._side = f"{key}/{spec.side or spec.name}"
        self._lean = lean

    @cached_property
    def skeleton(self) -> list[float]:
        """The path at records 0, BLOCK, 2*BLOCK, ..., BLOCKS*BLOCK."""
        spec = self._spec
        shocks = normals(f"{self._key}/skeleton", BLOCKS)
        points = self._walk(shocks) if spec.memory == 1 else self._reverting(shocks)
        if not spec.lean:
            return points
        return [point + spec.lean * move for point, move in zip(points, self._lean, strict=True)]

    def _walk(self, shocks: list[float]) -> list[float]:
        spec, tail = self._spec, self._spec.tail
        # Second moment of z * (1 + tail * z * z) for a normal z.
        rms = spec.step * math.sqrt((1 + 6 * tail + 15 * tail * tail) * BLOCK)
        # A straight trend is at its median half way.
        end = sign(f"{self._side}/sign") * 2 * spec.typical * uniform(f"{self._key}/trend", 0.75, 1.35)
        paces = pace(spec.pace)
        moves = (end / BLOCKS + spec.wander * rms * p * z for p, z in zip(paces, shocks, strict=True))
        return list(accumulate(moves, initial=0.0))

    def _reverting(self, shocks: list[float]) -> list[float]:
        # The median absolute value of a normal number is 0.6745 of its standard deviation.
        keep, deviation = self._spec.memory, self._spec.typical / 0.6745
        fresh = deviation * math.sqrt(1 - keep * keep)
        return list(accumulate(shocks, lambda level, z: keep * level + fresh * z, initial=0.0))

    def block(self, block: int) -> list[float]:
        """The path at the BLOCK + 1 records from ``block * BLOCK``, both ends being skeleton points."""
        start, end = self.skeleton[block : block + 2]
        changes = self._changes(block)
        *_, drift = accumulate(changes)
        *_, travel = accumulate(map(abs, changes))
        # Tilting in proportion keeps small changes small and quiet records quiet.
        tilt = (end - start - drift) / travel
        values = list(accumulate((c + abs(c) * tilt for c in changes), initial=start))
        if flicker := self._spec.flicker:
            values[1:] = [value + flicker * c for value, c in zip(values[1:], changes, strict=True)]
        # To the last bit: the next block starts here, and a cent's difference would break the identities.
        values[-1] = end
        return values

    def _changes(self, block: int) -> list[float]:
        step, tail = self._spec.step * pace(self._spec.pace)[block], self._spec.tail
        return [step * z * (1 + tail * z * z) for z in normals(f"{self._key}/{block}", BLOCK)]


@cache
def pace(knots: Knots) -> tuple[float, ...]:
    """The volatility of each block: the knots joined by straight lines."""
    return tuple(_interpolate(knots, (block + 0.5) / BLOCKS) for block in range(BLOCKS))


def _interpolate(knots: Knots, at: float) -> float:
    for (x0, y0), (x1, y1) in pairwise(knots):
        if at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return knots[-1][1]

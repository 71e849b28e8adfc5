"""The index's path over a day: what every ticker of its family follows."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Final

from gexfaker.market.legacy_profiles import INDEX_PROFILES
from gexfaker.market.noise import normals
from gexfaker.market.path import BLOCK, BLOCKS, U_SHAPE, Path, PathSpec

_OPENING_GAP: Final = 0.006
"""Standard deviation of a day's open around the profile's level, so that days differ."""

# A walk without trend whose standard deviation at the close is about 1: a usual day's move.
_MOVE: Final = PathSpec("move", typical=0.0, step=0.8 / math.sqrt(BLOCK * BLOCKS), tail=0.05, pace=U_SHAPE, wander=1.0)


class Index:
    """One index on one day; the same for every ticker that follows it.

    Args:
        key: seed and date. The market's part of the move depends on nothing else: indexes move together.
        name: SPX or NDX.
    """

    def __init__(self, key: str, name: str) -> None:
        self._profile = INDEX_PROFILES[name]
        self._market = Path(_MOVE, f"{key}/market")
        self._own = Path(_MOVE, f"{key}/{name}")
        (gap,) = normals(f"{key}/open", 1)
        self._open = self._profile.level * (1 + _OPENING_GAP * gap)

    @cached_property
    def skeleton(self) -> list[float]:
        """The moves since the open at every BLOCK-th record, in usual days' moves."""
        return self._mix(self._market.skeleton, self._own.skeleton)

    def moves(self, block: int) -> list[float]:
        """The moves since the open at the BLOCK + 1 records of a block."""
        if self._profile.beta == 1:
            return self._market.block(block)
        return self._mix(self._market.block(block), self._own.block(block))

    def price(self, move: float) -> float:
        """The index, in points, at a move."""
        return self._open * (1 + self._profile.volatility * move)

    def _mix(self, market: list[float], own: list[float]) -> list[float]:
        beta = self._profile.beta
        rest = math.sqrt(1 - beta * beta)
        return [beta * m + rest * o for m, o in zip(market, own, strict=True)]

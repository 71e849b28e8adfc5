"""Random sources of the day's moves: the market's, and each underlying's own. Entered anywhere at the same cost.

A factor has a step for each block, and within a block a bridge: the way it takes, as its distance from the straight
line between the block's ends. Steps have volatility that clusters (an autoregressive log volatility), the usual
seasonality of a day, and now and then a jump.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from gexfaker.market.model import minutes
from gexfaker.market.model.minutes import BLOCK, BLOCKS
from gexfaker.market.numeric.exact import Floats, exp
from gexfaker.market.numeric.hashing import normals, uniforms, walk, words

BRIDGES_KEPT: Final = 40
"""Blocks of a factor in memory, half a kilobyte each: the half hour that look-backs reach, and some."""

_CLUSTER_MEMORY: Final = 0.97
"""What is left of a minute's log volatility in the next: half of it is gone after 23 minutes."""

_CLUSTER_SIZE: Final = 0.3
"""Standard deviation of log volatility."""

_SPREAD: Final = 1.1206
"""What clusters and jumps add to the day's standard deviation, sqrt(exp(2 * 0.3 ** 2) * (1 + 0.004 * 3.5 ** 2)): taken
out again, so that a day is as volatile as it says."""

_TAIL: Final = 0.08
"""Weight of the cubic part of a second's move: kurtosis of about 6."""

_JUMP_CHANCE: Final = 0.004
"""Chance of a jump in a minute: one or two a day."""

_JUMP_SIZE: Final = 3.5
"""Typical jump, in usual minutes' moves."""

_BOUNCE: Final = 0.35
"""Noise of a single print (bid or ask), in usual seconds' moves: gone with the next."""

_FADE: Final = np.arange(BLOCK + 1) / BLOCK


class Factor:
    """One source of moves over a day, in usual days' moves (standard deviation 1 at the close).

    Args:
        key: its noise.
        goal: where it is at the close.
        volatility: of the day, relative to usual.
        session: blocks until the close.
    """

    def __init__(self, key: str, goal: float, volatility: float, session: int = BLOCKS) -> None:
        self._key = key
        self._goal = goal
        self._volatility = volatility
        self._session = session
        self.bridge = lru_cache(maxsize=BRIDGES_KEPT)(self._bridge)

    @cached_property
    def scales(self) -> Floats:
        """The usual move of each block."""
        seasonal = np.array(minutes.volatility(self._session)) / (_SPREAD * math.sqrt(BLOCKS))
        return np.asarray(self._volatility * seasonal * exp(_CLUSTER_SIZE * self._clusters()))

    @cached_property
    def jumps(self) -> Floats:
        """The jump of each block, mostly 0."""
        bits = words(f"{self._key}/jumps", range(BLOCKS))[:, 0]
        size = normals(words(f"{self._key}/jump-size", range(BLOCKS)))[:, 0]
        happens = uniforms(bits, 0) < _JUMP_CHANCE
        return np.where(happens, _JUMP_SIZE * size * self.scales, 0.0)

    @cached_property
    def steps(self) -> Floats:
        """The move of each block, jumps included.

        What they are short of the goal is spread over the day by the usual variance of its minutes, as it is where a
        random walk is known to end somewhere (a Brownian bridge).
        """
        free = walk(f"{self._key}/steps", BLOCKS) * self.scales + self.jumps
        usual = np.array(minutes.volatility(self._session))
        return np.asarray(free + (self._goal - np.cumsum(free)[-1]) * usual * usual / self._session)

    def _clusters(self) -> Floats:
        fresh = math.sqrt(1 - _CLUSTER_MEMORY * _CLUSTER_MEMORY)
        shocks = walk(f"{self._key}/clusters", BLOCKS).tolist()
        levels, level = [], shocks[0]
        for shock in shocks:
            level = _CLUSTER_MEMORY * level + fresh * shock
            levels.append(level)
        return np.array(levels)

    def _bridge(self, block: int) -> Floats:
        z = normals(words(f"{self._key}/seconds", range(block * BLOCK, (block + 1) * BLOCK)))[:, 0]
        usual = float(self.scales[block]) / math.sqrt(BLOCK)
        path = np.zeros(BLOCK + 1)
        np.cumsum(z * (1.0 - _TAIL + _TAIL * z * z) * usual, out=path[1:])
        path -= _FADE * path[-1]
        # Bits of their own: those above are in z, and a bounce that knows the next move is a trend.
        bounce = words(f"{self._key}/bounce", range(block * BLOCK + 1, (block + 1) * BLOCK))
        path[1:-1] += _BOUNCE * usual * (2.0 * uniforms(bounce, 0)[:, 0] - 1.0)
        return path + self._jump(block)

    def _jump(self, block: int) -> Floats:
        """A jump falls on one second; the straight line, which has it spread out, is taken off."""
        size = float(self.jumps[block])
        if not size:
            return np.zeros(BLOCK + 1)
        at = 1 + int(uniforms(words(f"{self._key}/jumps", range(block, block + 1)), 1)[0, 0] * (BLOCK - 1))
        return np.asarray(np.where(np.arange(BLOCK + 1) >= at, size, 0.0) - size * _FADE)

"""The levels a trader watches: strikes of the largest exposure, and where customers are long or short gamma."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from gexfaker.market.model.ledger import Ledger
from gexfaker.market.model.minutes import BLOCK
from gexfaker.market.model.stretches import drawn, stretches
from gexfaker.market.numeric.exact import Ints
from gexfaker.market.numeric.hashing import uniforms, words

MAJORS_KEPT: Final = 64
"""Blocks of levels in memory, one kilobyte each: four levels of eight feeds."""

_OFF_STRIKE: Final = 0.12
"""Share of the time a major by volume lies just beside its strike: 4 to 21 % are observed."""

_OFF_REACH: Final = 0.06
"""How far at most, in strikes: 7505.26 was seen for 7505."""

_BELOW: Final = 0.15
"""How much of that it lies below: 6339.92 was seen for 6340."""

_STRETCH: Final = 8
"""Seconds a displacement lasts, on average."""

_HOLD: Final = 10
"""Seconds a gamma level stays on one of its two nodes, about."""

_BREATH: Final = 0.03
"""How far a node itself moves as trades come in, in strikes."""


class Pair(NamedTuple):
    """Two levels in cents, by record: of the largest positive and negative, or long and short, exposure."""

    positive: Ints
    negative: Ints


class Majors:
    """The levels of one chain on one day.

    Args:
        key: their noise.
    """

    def __init__(self, ledger: Ledger, key: str) -> None:
        self._ledger = ledger
        self._key = f"{key}/{ledger.chain.profile.name}/majors"
        self._spacing = ledger.chain.profile.spacing
        self.strikes = lru_cache(maxsize=MAJORS_KEPT)(self._strikes)
        self.nodes = lru_cache(maxsize=MAJORS_KEPT)(self._nodes)

    def _strikes(self, name: str, number: int, block: int) -> Pair:
        """The strikes of a column's largest positive and negative exposure; spot's own where there is none."""
        first, cents = self._ledger.column(name, number, block)
        middle = self._ledger.chain.centres[block] - first
        high, low = cents.argmax(axis=1), cents.argmin(axis=1)
        rows = np.arange(BLOCK)
        high = np.where(cents[rows, high] > 0, high, middle)
        low = np.where(cents[rows, low] < 0, low, middle)
        sides = enumerate((high, low))
        return Pair(*((first + at) * self._spacing + self._off(f"{name}/{number}", block, side) for side, at in sides))

    def _off(self, name: str, block: int, side: int) -> Ints:
        """Cents that a major is beside its strike; one by open interest never is."""
        if name.startswith("held"):
            return np.zeros(BLOCK, dtype=np.int64)
        key = f"{self._key}/{name}/{side}"
        numbers = stretches(key, block, _STRETCH)
        draw, other = drawn(key, numbers), drawn(key, numbers, 1)
        away = np.floor(draw / _OFF_STRIKE * (_OFF_REACH * self._spacing) + 1.0)
        moved: Ints = np.where(draw < _OFF_STRIKE, np.where(other < _BELOW, -away, away), 0.0).astype(np.int64)
        return moved

    def _nodes(self, number: int, block: int) -> Pair:
        """Where customers are longest and shortest gamma: two nodes each, between which the level jumps."""
        first, cents = self._ledger.column("gamma", number, block)
        order = np.argsort(cents[-1], kind="stable")
        longest, shortest = first + order[[-1, -2]], first + order[[0, 1]]
        return Pair(self._jumping(longest, f"{number}/long", block), self._jumping(shortest, f"{number}/short", block))

    def _jumping(self, strikes: Ints, name: str, block: int) -> Ints:
        nodes = strikes * self._spacing + np.array([self._within(name, int(strike)) for strike in strikes])
        records = np.arange(block * BLOCK, (block + 1) * BLOCK)
        whole, within = records // _HOLD, records % _HOLD
        bits = words(f"{self._key}/{name}/jumps", range(whole[0], whole[-1] + 1))
        # The jump falls anywhere in the first half of a stretch, so that it is not a metronome.
        wait = np.floor(uniforms(bits, 0)[:, 0] * (_HOLD // 2)).astype(np.int64)[whole - whole[0]]
        breath = np.floor(uniforms(bits, 1)[:, 0] * (_BREATH * self._spacing)).astype(np.int64)
        level: Ints = nodes[(whole - (within < wait)) % 2] + breath[whole - whole[0]]
        return level

    def _within(self, name: str, strike: int) -> int:
        """A node lies between two strikes: always at the same place between the same two."""
        draw = uniforms(words(f"{self._key}/{name}/nodes", range(strike, strike + 1)), 0)
        return int(draw[0, 0] * self._spacing)

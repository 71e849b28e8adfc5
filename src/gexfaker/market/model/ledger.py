"""A chain's columns by strike, in cents, at any record: those in play and those the look-backs refer to.

A column is a matrix, records of a block by strikes, with the number of its first strike; the same strike's value some
minutes ago is another block's row, moved by as many strikes as the window has moved. A strike that was not in the
window then, and any before the open, counts as 0.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gexfaker.bounded import Bounded
from gexfaker.exchange.hours import RECORDS
from gexfaker.market.model.chain import NEAR, NEXT, Chain
from gexfaker.market.model.edges import FULL, Edges
from gexfaker.market.model.minutes import BLOCK
from gexfaker.market.model.stretches import drawn, stretches
from gexfaker.market.model.strip import Strip
from gexfaker.market.numeric.exact import Floats, Ints

STRIPS_KEPT: Final = 26
"""Strips in memory for all chains of a day, half a megabyte each for SPX. A place of a chain takes twelve: the two
nearest expiries of the block in play, and of the five blocks to which the look-backs of its feeds refer."""

COLUMNS_KEPT: Final = 320
"""Columns in memory, 20 KB each for SPX: half an hour of each gex feed, ten minutes of each greek."""

_REVALUED: Final = 6
"""Seconds for which zero gamma is valued once, on average."""

_OFF: Final = 0.03
"""What it is off by each time, in usual days' moves, at most."""

_APART: Final = 0.00012
"""How far apart the values are at which it is seen, as a share: it jumps between a few (SPY: 661.24, 661.32)."""

_UNEVEN: Final = 0.6
"""What of that distance is drawn for each of the values."""

Cents = NDArray[np.int32]


Strips = Bounded[tuple[str, int, int], Strip]
"""Strips by the key of their chain, the number of the expiry, and the block."""


class Column(NamedTuple):
    """Cents by record and strike, and the number of the first strike."""

    first: int
    cents: Cents


class Ledger:
    """The columns of one chain on one day.

    Args:
        served: for each second of the day, the newest second not after it that has a record of its own; -1: none.
        strips: those in memory, of all chains of the day.
    """

    def __init__(self, chain: Chain, served: Ints, strips: Strips) -> None:
        self.chain = chain
        self.edges = Edges(chain)
        self._served = served
        self._strips = strips
        self.column = lru_cache(maxsize=COLUMNS_KEPT)(self._column)

    def strip(self, number: int, block: int) -> Strip:
        """The strip of an expiry in a block."""
        key = (self.chain.key, number, block)
        found = self._strips.get(key)
        if found is None:
            found = self._strips[key] = Strip(self.chain, number, block)
        return found

    def _column(self, name: str, number: int, block: int) -> Column:
        """A column of an expiry, or of all (FULL).

        Args:
            name: classic, held, state, delta, gamma, vanna, charm or volume.
        """
        if number == FULL:
            return self._full(name, block)
        strip = self.strip(number, block)
        cents: Ints = getattr(strip, name)()
        shown = self.shown(block)
        return Column(strip.window.start + shown.start, cents[:, shown].astype(np.int32))

    def shown(self, block: int) -> slice:
        """Which of a strip's strikes the columns of one expiry show in a block."""
        profile = self.chain.profile
        skip = self.chain.window(block, profile.near).start - self.chain.window(block, profile.full).start
        return slice(skip, skip + profile.near)

    def _full(self, name: str, block: int) -> Column:
        near, further = (getattr(self.strip(number, block), name)() for number in (NEAR, NEXT))
        window = self.chain.window(block, self.chain.profile.full)
        here, field = self.chain.here(window), {"classic": 0, "held": 1, "state": 2}[name]
        start, end = (self.edges.far(edge)[field][here] for edge in (block, block + 1))
        far = np.rint(between(start, end)).astype(np.int64)
        return Column(window.start, (near + further + far).astype(np.int32))

    def zero_gamma(self, number: int, block: int) -> Ints:
        """Zero gamma at each record of a block, in cents: one of a few values, which come again."""
        start, end = (np.array([self.edges.zero_gamma(number, edge)]) for edge in (block, block + 1))
        level = between(start, end)[:, 0] * (1.0 + self._restless(number, block))
        apart = 100.0 * self.chain.profile.level * _APART
        numbers = np.maximum(np.rint(100.0 * level / apart).astype(np.int64), 0)
        uneven = _UNEVEN * (drawn(f"{self.chain.key}/zero-gamma", numbers) - 0.5)
        return np.rint((numbers + uneven) * apart).astype(np.int64)

    def _restless(self, number: int, block: int) -> Floats:
        """What zero gamma is off by at each record of a block, as a share of it."""
        key = f"{self.chain.key}/zero-gamma/{number}"
        draws = drawn(key, stretches(key, block, _REVALUED))
        return np.asarray((2.0 * draws - 1.0) * (_OFF * self.chain.profile.deviation))

    def back(self, name: str, number: int, block: int, seconds: int) -> Ints:
        """A column's values so many seconds before each record of a block, at the strikes of that block."""
        now = self.column(name, number, block)
        then = self.earlier(block, seconds)
        found = np.zeros(now.cents.shape, dtype=np.int64)
        for source in sources(then):
            rows = np.flatnonzero(then // BLOCK == source)
            old = self.column(name, number, source)
            found[rows] = _shifted(old, now)[then[rows] % BLOCK]
        return found

    def earlier(self, block: int, seconds: int) -> Ints:
        """The second of the record that was the newest so many seconds before each record of a block; -1: none."""
        last = min((block + 1) * BLOCK, RECORDS)
        at = np.arange(block * BLOCK, (block + 1) * BLOCK)
        return np.where(at < seconds, -1, self._served[np.minimum(np.maximum(at - seconds, 0), last - 1)])


def sources(then: Ints) -> list[int]:
    """The blocks of these seconds, in order; of -1: none. Not by np.unique, which loads numpy.ma for it."""
    return sorted(set((then[then >= 0] // BLOCK).tolist()))


def between(start: Floats, end: Floats) -> Floats:
    """Rows that go evenly from ``start`` to just before ``end`` during a block."""
    share = (np.arange(BLOCK) / BLOCK)[:, None]
    return np.asarray(start[None, :] + (end - start)[None, :] * share)


def _shifted(old: Column, now: Column) -> Cents:
    """The old matrix at the new window's strikes, 0 where it has none."""
    count, moved = now.cents.shape[1], now.first - old.first
    if not moved:
        return old.cents
    placed = np.zeros((old.cents.shape[0], count), dtype=np.int32)
    low, high = max(0, moved), min(count, count + moved)
    if low < high:
        placed[:, low - moved : high - moved] = old.cents[:, low:high]
    return placed

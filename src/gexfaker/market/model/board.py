"""The scalars of an expiry that make up orderflow, in cents by record: sums over strikes, and sums over trades.

Sums over strikes are those of the state feeds' own columns, so the feeds agree. Sums over trades (``agg``, charm, and
what convexity has besides gamma) count a trade at its own moment; they follow the book's totals.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gexfaker.exchange.hours import RECORDS
from gexfaker.market.model.book import Flow
from gexfaker.market.model.chain import FAR, Chain
from gexfaker.market.model.ledger import Ledger
from gexfaker.market.model.minutes import BLOCK
from gexfaker.market.model.strip import DELTA_CENTS
from gexfaker.market.numeric.exact import Floats, Ints, exp
from gexfaker.market.numeric.hashing import normals, uniforms, walk, words

BOARDS_KEPT: Final = 8
"""Blocks of scalars in memory, 7 KB each: two expiries, of the block in play and of the one before."""

_TRADE_DELTA: Final = 0.3
"""Delta of a typical trade."""

_STEPS: Final = (1.2e-6, 2.5e-7, 2.5e-7)
"""A record's usual change of ``agg``, as a share of the day's traded stock equivalent, by book."""

_TAILS: Final = (1.2, 5.0, 5.0)
"""Weight of the cubic part of such a change: the next expiry mostly stands still, with bursts."""

_CONVEXITY: Final = (-0.8, -0.95, -0.95)
"""Convexity per gamma exposure, by book: gamma seen from the other side, a little smaller."""

_TWIST: Final = (0.28, 0.014, 0.014)
"""Convexity per vanna, by book: it turns with volatility, too, so it is not gamma's mirror image to the last digit."""

_SLOW: Final = (0.002, 0.003, 0.003)
"""Convexity per contract bought, in cents per dollar of spot, by book: what is not the gamma of the moment."""

_DECAY: Final = 1.2
"""Charm: share of the traded stock equivalent that decays over the seconds that are left."""

_DECAY_SPREAD: Final = 0.5
"""Charm: standard deviation of its logarithm between days; from a low day to a high one that is a factor of two."""

_SESSION: Final = 23_400
"""Seconds of a session."""


class Board(NamedTuple):
    """One expiry's scalars, in cents by record of a block."""

    convexity: Ints
    gamma: Ints
    vanna: Ints
    charm: Ints
    agg_call: Ints
    agg_put: Ints
    net_call: Ints
    net_put: Ints


class Boards:
    """The scalars of a chain on one day.

    Args:
        key: their noise.
    """

    def __init__(self, ledger: Ledger, key: str) -> None:
        self._ledger = ledger
        self._chain: Chain = ledger.chain
        self._key = f"{key}/{ledger.chain.profile.name}/board"
        self.block = lru_cache(maxsize=BOARDS_KEPT)(self._block)

    def _block(self, number: int, block: int) -> Board:
        ledger, book = self._ledger, min(number, FAR)
        strip, shown = ledger.strip(number, block), ledger.shown(block)
        gamma = _sums(ledger.column("state", number, block).cents)
        vanna = _sums(ledger.column("vanna", number, block).cents)
        sensitive = _CONVEXITY[book] * gamma + _TWIST[book] * vanna
        convexity = np.rint(sensitive + self._slow(number, block)).astype(np.int64)
        return Board(
            convexity=convexity,
            gamma=gamma,
            vanna=vanna,
            charm=self._charm(number, block),
            agg_call=self._agg(number, block, +1),
            agg_put=self._agg(number, block, -1),
            net_call=_sums(strip.call_delta()[:, shown]),
            net_put=_sums(strip.put_delta()[:, shown]),
        )

    def _totals(self, number: int) -> tuple[Flow, float]:
        share = 1.0 if number < FAR else float(self._chain.shares[number - FAR])
        return self._chain.books[min(number, FAR)].totals, share

    @property
    def _dollars(self) -> float:
        """Cents of stock per contract: at the usual level, so that it does not move with spot."""
        return DELTA_CENTS * self._chain.profile.level

    def _slow(self, number: int, block: int) -> Floats:
        totals, share = self._totals(number)
        start, end = (float(totals.call_net[edge] + totals.put_net[edge]) for edge in (block, block + 1))
        scale = _SLOW[min(number, FAR)] * share * self._chain.profile.level
        return np.asarray(scale * (start + (end - start) * np.arange(BLOCK) / BLOCK))

    def _charm(self, number: int, block: int) -> Ints:
        """The delta that has been traded decays by expiry: one direction all day, and a blow-up at the end."""
        totals, share = self._totals(number)
        ends = [int(totals.call_volume[edge] + totals.put_volume[edge]) for edge in (0, block, block + 1)]
        traded = ends[1] - ends[0] + (ends[2] - ends[1]) * np.arange(BLOCK) / BLOCK
        second = np.arange(block * BLOCK, (block + 1) * BLOCK)
        close = min(self._chain.shape.session * BLOCK, RECORDS)
        left = np.maximum(close + self._chain.days[number] * _SESSION - second, 1)
        return np.rint(self._decay * share * self._dollars * traded / left).astype(np.int64)

    @cached_property
    def _decay(self) -> float:
        """The day's sign and size of charm."""
        sign = 1.0 if uniforms(words(f"{self._key}/charm", range(1)), 0)[0, 0] < 0.5 else -1.0
        return sign * _DECAY * float(exp(_DECAY_SPREAD * walk(f"{self._key}/charm-size", 1))[0])

    def _agg(self, number: int, block: int, sign: int) -> Ints:
        """Delta of what customers bought on balance, each trade at its own moment."""
        totals, share = self._totals(number)
        bought = totals.call_net if sign > 0 else totals.put_net
        book, scale = min(number, FAR), sign * share * self._dollars * _TRADE_DELTA
        start, end = (scale * float(bought[edge]) for edge in (block, block + 1))
        z = normals(words(f"{self._key}/{min(number, FAR)}/{sign}", range(block * BLOCK, (block + 1) * BLOCK)))[:, 0]
        traded = self._chain.books[book].habits.contracts * share * self._dollars
        step = _STEPS[book] * traded * (not self._chain.shape.still[block])
        way = np.cumsum(step * z * (1.0 + _TAILS[book] * z * z))
        shares = np.arange(BLOCK) / BLOCK
        path = np.concatenate([np.zeros(1), way[:-1]]) - shares * way[-1]
        total: Ints = np.rint(start + (end - start) * shares + path).astype(np.int64)
        return total


def _sums(cents: NDArray[np.integer[Any]]) -> Ints:
    total: Ints = cents.sum(axis=1, dtype=np.int64)
    return total

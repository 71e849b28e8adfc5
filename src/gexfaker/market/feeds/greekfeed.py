"""The greeks' snapshots of a chain, and the legacy volume ones of the same shape, as JSON records."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gexfaker.market.feeds.blockcache import Blocks
from gexfaker.market.feeds.printing import amount, rows, templates
from gexfaker.market.feeds.view import View
from gexfaker.market.model.ledger import Cents
from gexfaker.market.model.minutes import BLOCK
from gexfaker.market.numeric.exact import Ints
from gexfaker.records.columns import Columns
from gexfaker.records.fields import Shape
from gexfaker.records.greeks import GREEKS
from gexfaker.records.spot import SPOT

LOOK_BACKS: Final = (60, 300, 600)
"""Seconds to each of a strike's priors: the first three of the gex feeds'."""

_HEAD, _END = templates(GREEKS)
"""A record before its contracts, and behind them."""

_SCALES: Final = np.array([100.0, 1000.0, 1000.0, *(100.0,) * (1 + len(LOOK_BACKS))])
"""What the columns of a row are to be divided by: volatilities are in thousandths, all else in hundredths."""


_SHAPES: Final = {"mini_contracts": b"[,,,,[,,],null,null]"}
"""A row of contracts without its numbers."""


class _Block(NamedTuple):
    """A block's records: the numbers of the head, and the rows of contracts. 0.18 MB for SPX."""

    head: Ints
    contracts: Cents


class GreekFeed:
    """One greek of one ticker and expiry.

    Args:
        view: the ticker's chain as the ticker shows it.
        column: delta, gamma, vanna, charm or volume.
        number: of the expiry.
        blocks: where its blocks are kept.
    """

    def __init__(self, view: View, column: str, number: int, blocks: Blocks) -> None:
        self._view = view
        self._column = column
        self._number = number
        self._head = view.template(_HEAD)
        self._blocks = blocks

    def columns(self, seconds: Ints, shape: Shape) -> Columns | None:
        """The records of some seconds of one minute as numbers."""
        made, rows = self._blocks.block(self, int(seconds[0]) // BLOCK, self._block), seconds % BLOCK
        spot, *levels = made.head[rows].T
        if shape is SPOT:
            return self._view.prices(seconds, spot)
        if shape is not GREEKS:
            return None
        days = (np.full(len(rows), count) for count in self._view.days)
        return Columns(self._view.first + seconds, (spot, *days, *levels, made.contracts[rows]), _SHAPES)

    def json(self, second: int) -> bytes:
        """The record of a second of the day."""
        block, row = divmod(second, BLOCK)
        made = self._blocks.block(self, block, self._block)
        head = self._head % (self._view.first + second, *map(amount, made.head[row].tolist()))
        values = (made.contracts[row] / _SCALES).tolist()
        contracts = [[k, c, p, v, [*priors], None, None] for k, c, p, v, *priors in values]
        return b"".join((head.encode(), rows(contracts), b"}"))

    def clear(self) -> None:
        """Forget the blocks kept."""
        self._blocks.forget(self)

    def _block(self, block: int) -> _Block:
        ledger, majors, basis = self._view.ledger, self._view.majors, self._view.basis
        first, cents = ledger.column(self._column, self._number, block)
        strikes = (first + np.arange(cents.shape[1])) * ledger.chain.profile.spacing + basis
        backs = [ledger.back(self._column, self._number, block, seconds) for seconds in LOOK_BACKS]
        calls, puts = (side[:, ledger.shown(block)] for side in ledger.strip(self._number, block).quotes())
        layers: list[NDArray[Any]] = [np.broadcast_to(strikes, cents.shape), calls, puts, cents, *backs]
        contracts = np.stack(layers, axis=2, dtype=np.int32, casting="same_kind")
        spot = ledger.chain.underlying.block(block).cents
        levels = (*majors.strikes("state", self._number, block), *majors.nodes(self._number, block))
        return _Block(np.stack([level + basis for level in (spot, *levels)], axis=1), contracts)

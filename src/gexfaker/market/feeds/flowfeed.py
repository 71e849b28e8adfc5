"""The orderflow snapshots of a chain as JSON records: the scalars of two expiries, the levels, and the changes."""

from __future__ import annotations

import numpy as np

from gexfaker.market.feeds.blockcache import Blocks
from gexfaker.market.feeds.printing import amount, templates
from gexfaker.market.feeds.view import View
from gexfaker.market.model.board import Board, Boards
from gexfaker.market.model.ledger import sources
from gexfaker.market.model.minutes import BLOCK
from gexfaker.market.numeric.exact import Ints
from gexfaker.records.columns import Columns
from gexfaker.records.fields import Shape
from gexfaker.records.orderflow import ORDERFLOW
from gexfaker.records.spot import SPOT

Numbers = tuple[Ints, ...]


class FlowFeed:
    """Orderflow of one ticker.

    Args:
        view: the ticker's chain as the ticker shows it.
        boards: the chain's scalars.
        near, further: numbers of the two expiries.
        blocks: where its blocks are kept.
    """

    def __init__(self, view: View, boards: Boards, near: int, further: int, blocks: Blocks) -> None:
        self._view = view
        self._boards = boards
        self._numbers = (near, further)
        self._template = view.template(templates(ORDERFLOW)[0])
        self._blocks = blocks

    def columns(self, seconds: Ints, shape: Shape) -> Columns | None:
        """The records of some seconds of one minute as numbers."""
        (rows,) = self._blocks.block(self, int(seconds[0]) // BLOCK, self._block)
        values = tuple(rows[seconds % BLOCK].T)
        if shape is SPOT:
            return self._view.prices(seconds, values[0])
        return Columns(self._view.first + seconds, values, {}) if shape is ORDERFLOW else None

    def json(self, second: int) -> bytes:
        """The record of a second of the day."""
        block, row = divmod(second, BLOCK)
        (rows,) = self._blocks.block(self, block, self._block)
        return (self._template % (self._view.first + second, *map(amount, rows[row].tolist()))).encode()

    def clear(self) -> None:
        """Forget the blocks kept."""
        self._blocks.forget(self)

    def _block(self, block: int) -> tuple[Ints]:
        """The numbers of a block's records, 15 KB."""
        return (np.stack((*self._prices(block), *self._levels(block), *self._changes(block)), axis=1),)

    def _prices(self, block: int) -> Numbers:
        majors, (near, further), basis = self._view.majors, self._numbers, self._view.basis
        spot = self._view.ledger.chain.underlying.block(block).cents
        nodes = (*majors.nodes(near, block), *majors.nodes(further, block))
        strikes = (*majors.strikes("state", near, block), *majors.strikes("state", further, block))
        return tuple(level + basis for level in (spot, *nodes, *strikes))

    def _levels(self, block: int) -> Numbers:
        both = tuple(self._boards.block(number, block) for number in self._numbers)
        single = [values for pair in zip(*(board[:4] for board in both), strict=True) for values in pair]
        agg = [(board.agg_call + board.agg_put, board.agg_call, board.agg_put) for board in both]
        net = [(board.net_call + board.net_put, board.net_call, board.net_put) for board in both]
        deltas = [values for kind in (agg, net) for pair in zip(*kind, strict=True) for values in pair]
        return (*single, *deltas)

    def _changes(self, block: int) -> Numbers:
        """Change since the record before: per snapshot, not per second; none at the first."""
        return tuple(
            values - before
            for number in self._numbers
            for values, before in zip(self._watched(number, block), self._before(number, block), strict=True)
        )

    def _before(self, number: int, block: int) -> Numbers:
        then = self._view.ledger.earlier(block, 1)
        now = self._watched(number, block)
        found = tuple(values.copy() if (then < 0).any() else np.zeros_like(values) for values in now)
        for source in sources(then):
            rows = np.flatnonzero((then >= 0) & (then // BLOCK == source))
            for values, old in zip(found, self._watched(number, source), strict=True):
                values[rows] = old[then[rows] % BLOCK]
        return found

    def _watched(self, number: int, block: int) -> Numbers:
        board: Board = self._boards.block(number, block)
        return board.agg_call + board.agg_put, board.gamma, board.convexity

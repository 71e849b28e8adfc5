"""The gex snapshots of a chain, classic and state, as JSON records."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gexfaker.market.feeds.blockcache import Blocks
from gexfaker.market.feeds.printing import amount, rows, templates, thousandths
from gexfaker.market.feeds.view import View
from gexfaker.market.model.ledger import Cents
from gexfaker.market.model.majors import Majors, Pair
from gexfaker.market.model.minutes import BLOCK
from gexfaker.market.numeric.exact import Ints
from gexfaker.records.columns import Columns
from gexfaker.records.fields import Shape
from gexfaker.records.gex import GEX, PRICE, SUM
from gexfaker.records.spot import SPOT

LOOK_BACKS: Final = (60, 300, 600, 900, 1800)
"""Seconds to each of a strike's priors."""

_HEAD, _TAIL, _END = templates(GEX)
"""A record before its strikes, between them and its max priors, and behind those."""


_TENTHS: Final = SUM // PRICE
_CHANGE: Final = np.array((1, _TENTHS))
"""Hundredths in the units of the fields of sums, and of a row of changes."""

_SHAPES: Final = {"strikes": b"[,,,[,,,,]]", "max_priors": b"[,]"}
"""The rows of strikes and of changes without their numbers."""


class _Block(NamedTuple):
    """A block's records: the numbers of head and tail, and the rows of strikes and of changes, in cents.

    0.15 MB for SPX.
    """

    head: Ints
    tail: Ints
    strikes: Cents
    changes: Cents


class GexFeed:
    """One gex category of one ticker.

    Args:
        view: the ticker's chain as the ticker shows it.
        column: classic or state.
        number: of the expiry, or FULL.
        blocks: where its blocks are kept.
    """

    def __init__(self, view: View, column: str, number: int, blocks: Blocks) -> None:
        self._view = view
        self._ledger = view.ledger
        self._majors: Majors = view.majors
        self._column = column
        self._number = number
        self._head = view.template(_HEAD)
        self._blocks = blocks

    def columns(self, seconds: Ints, shape: Shape) -> Columns | None:
        """The records of some seconds of one minute as numbers."""
        made, rows = self._blocks.block(self, int(seconds[0]) // BLOCK, self._block), seconds % BLOCK
        head, (volume, interest, reversal) = made.head[rows].T, made.tail[rows].T
        if shape is SPOT:
            return self._view.prices(seconds, head[0])
        if shape is not GEX:
            return None
        days = (np.full(len(rows), count) for count in self._view.days)
        sums = (_TENTHS * volume, _TENTHS * interest, reversal)
        values = (*days, *head, made.strikes[rows], *sums, made.changes[rows] * _CHANGE)
        return Columns(self._view.first + seconds, values, _SHAPES)

    def json(self, second: int) -> bytes:
        """The record of a second of the day."""
        block, row = divmod(second, BLOCK)
        made = self._blocks.block(self, block, self._block)
        spot, zero, *levels = made.head[row].tolist()
        head = self._head % (self._view.first + second, *map(amount, (spot, zero, *levels)))
        volume, interest, reversal = made.tail[row].tolist()
        tail = _TAIL % (amount(volume), amount(interest), thousandths(reversal))
        strikes = rows([[k, v, o, [*priors]] for k, v, o, *priors in (made.strikes[row] / 100.0).tolist()])
        changes = rows((made.changes[row] / 100.0).tolist())
        return b"".join((head.encode(), strikes, tail.encode(), changes, _END.encode()))

    def clear(self) -> None:
        """Forget the blocks kept."""
        self._blocks.forget(self)

    def _block(self, block: int) -> _Block:
        ledger, basis = self._ledger, self._view.basis
        first, cents = ledger.column(self._column, self._number, block)
        strikes = (first + np.arange(cents.shape[1])) * ledger.chain.profile.spacing + basis
        backs = [ledger.back(self._column, self._number, block, seconds) for seconds in (1, *LOOK_BACKS)]
        held = self._held(block, cents.shape)
        layers: list[NDArray[Any]] = [np.broadcast_to(strikes, cents.shape), cents, held, *backs[1:]]
        sums = (cents.sum(axis=1, dtype=np.int64), held.sum(axis=1, dtype=np.int64), self._reversal(block))
        return _Block(
            head=np.stack(self._levels(block), axis=1),
            tail=np.stack(sums, axis=1),
            strikes=np.stack(layers, axis=2, dtype=np.int32, casting="same_kind"),
            changes=_largest(cents, backs, strikes),
        )

    def _held(self, block: int, shape: tuple[int, ...]) -> Ints:
        if self._column == "state":
            return np.zeros(shape, dtype=np.int64)
        return self._ledger.column("held", self._number, block).cents.astype(np.int64)

    def _levels(self, block: int) -> tuple[Ints, ...]:
        """Spot, zero gamma, and the majors by volume and open interest, alternating."""
        basis = self._view.basis
        spot = self._ledger.chain.underlying.block(block).cents + basis
        volume = self._majors.strikes(self._column, self._number, block)
        nothing = np.zeros(BLOCK, dtype=np.int64)
        if self._column == "state":
            return spot, nothing, volume.positive + basis, nothing, volume.negative + basis, nothing
        held: Pair = self._majors.strikes("held", self._number, block)
        zero = self._ledger.zero_gamma(self._number, block) + basis
        return spot, zero, *(level + basis for pair in zip(volume, held, strict=True) for level in pair)

    def _reversal(self, block: int) -> Ints:
        if self._column == "state":
            return np.zeros(BLOCK, dtype=np.int64)
        return self._view.risk_reversal(self._number, block)


def _largest(now: NDArray[np.integer[Any]], backs: list[Ints], strikes: Ints) -> Cents:
    """The strike with the largest change over each look-back, and the change: records by look-backs by 2."""
    records = np.arange(len(now))
    pairs = np.empty((len(now), len(backs), 2), dtype=np.int32)
    for place, back in enumerate(backs):
        change = now - back
        at = np.abs(change).argmax(axis=1)
        pairs[:, place, 0] = strikes[at]
        pairs[:, place, 1] = change[records, at]
    return pairs

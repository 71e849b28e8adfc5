"""What a scenario makes of a day, minute by minute; without one, an ordinary day.

The simulation reads only this; ``scenario`` says how events become it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from gexfaker.exchange.hours import RECORDS
from gexfaker.market.model.minutes import BLOCK, BLOCKS
from gexfaker.market.numeric.exact import Floats, Ints


@dataclass(frozen=True, slots=True)
class Pin:
    """Spot is drawn to a round strike from one block to another.

    Attributes:
        first, last: blocks, the last excluded.
        strike: in units of the underlying's level at the open, e.g. 1.002; 0 for the round strike nearest to spot.
        pull: share of the distance made up in a minute.
    """

    first: int
    last: int
    strike: float
    pull: float


@dataclass(frozen=True, slots=True)
class Shape:
    """A day's departures from the ordinary.

    Attributes:
        volatility: factor on realised volatility, by block.
        implied: factor on implied volatility, by block start (BLOCKS + 1).
        drift: market return added, by block.
        volume: factor on contracts traded, by block.
        lean: share of traded calls (and, with the other sign, puts) bought on balance, added, by block.
        still: blocks in which nothing moves.
        pins: stretches with a pinned spot.
        gap: market return over night, added.
        seconds: the second of the day each record of the tapes shows: missing ones are gaps, repeated ones are frozen.
        session: blocks until the close: fewer than BLOCKS on a day with an early close.
    """

    volatility: Floats
    implied: Floats
    drift: Floats
    volume: Floats
    lean: Floats
    still: tuple[bool, ...]
    pins: tuple[Pin, ...]
    gap: float
    seconds: Ints
    session: int = BLOCKS

    def until(self, records: int) -> Shape:
        """The same on a day of so many records, one a second."""
        shown = self.seconds[self.seconds < records]
        return replace(self, seconds=shown, session=-(-records // BLOCK))

    def on_a_day_of(self, implied: float) -> Shape:
        """The same on a day on which options cost so many times the usual."""
        return replace(self, implied=self.implied * implied)


def plain() -> Shape:
    """An ordinary day, with arrays of its own."""
    every = np.arange(RECORDS, dtype=np.int64)
    return Shape(
        volatility=np.ones(BLOCKS),
        implied=np.ones(BLOCKS + 1),
        drift=np.zeros(BLOCKS),
        volume=np.ones(BLOCKS),
        lean=np.zeros(BLOCKS),
        still=(False,) * BLOCKS,
        pins=(),
        gap=0.0,
        seconds=every,
    )


@cache
def ordinary() -> Shape:
    """The ordinary day, shared: not to be written to."""
    return plain()

"""A simulated feed as a tape: which second of the day each record shows, and nothing made before it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Final, Protocol

import numpy as np

from gexfaker.catalog import Feed
from gexfaker.exchange.hours import RECORDS, TradingSession
from gexfaker.market.model.minutes import BLOCK
from gexfaker.market.numeric.exact import Ints
from gexfaker.records.columns import Columns
from gexfaker.records.fields import Shape
from gexfaker.tapes.tape import new_number


class Records(Protocol):
    """A feed's records by second of the day."""

    def columns(self, seconds: Ints, shape: Shape) -> Columns | None:
        """The records of some seconds of one minute as numbers; None where the feed has no such shape."""

    def json(self, second: int) -> bytes:
        """The record of a second."""

    def clear(self) -> None:
        """Forget what is kept."""


class SimulatedTape:
    """One feed's simulated day; implements Tape.

    Args:
        timer: says which second of the day each record shows: missing ones are gaps, repeated ones a frozen feed.
        opener: makes the records.
    """

    def __init__(
        self, feed: Feed, session: TradingSession, timer: Callable[[], Ints], opener: Callable[[], Records]
    ) -> None:
        self.number: Final = new_number()
        self._feed = feed
        self._session = session
        self._timer = timer
        self._opener = opener

    @cached_property
    def _seconds(self) -> Ints:
        # As the records: not before it is needed.
        return self._timer()

    @cached_property
    def _records(self) -> Records:
        # Made at the first record, not at construction: a server opens its tapes before it listens.
        return self._opener()

    @property
    def feed(self) -> Feed:
        """What is simulated."""
        return self._feed

    @property
    def date(self) -> str:
        """The market day, YYYY-MM-DD (New York)."""
        return self._session.date

    def __len__(self) -> int:
        return len(self._seconds)

    def has(self, index: int) -> bool:
        """Whether record ``index`` exists."""
        return 0 <= index < len(self)

    def steps_to_index(self, index: int) -> Iterable[None]:
        """No work is needed."""
        return iter(())

    def knows(self, timestamp: int) -> bool:
        """Always: the seconds of the day are known."""
        return True

    def steps_to_time(self, timestamp: int) -> Iterator[None]:
        """No work is needed."""
        return iter(())

    def timestamp(self, index: int) -> int:
        """Epoch seconds of a record. Raises IndexError outside the day."""
        return self._session.first + self._second(index)

    def json(self, index: int) -> bytes:
        """The record as compact JSON. Raises IndexError outside the day."""
        return self._records.json(self._second(index))

    def payload(self, _index: int) -> bytes | None:
        """Nothing is prepared."""
        return None

    def columns(self, index: int, shape: Shape, most: int) -> Columns | None:
        """Up to ``most`` records from one on, those of its minute. Raises IndexError as ``json``."""
        self._second(index)
        seconds = self._seconds[index : index + most]
        return self._records.columns(seconds[seconds // BLOCK == seconds[0] // BLOCK], shape)

    @property
    def is_prepared(self) -> bool:
        """Never."""
        return False

    def index_at(self, timestamp: int) -> int:
        """Index of the newest record not after ``timestamp`` (epoch seconds); -1 before the first."""
        second = max(-1, min(timestamp - self._session.first, RECORDS))
        return int(np.searchsorted(self._seconds, second, side="right")) - 1

    def place(self, index: int) -> str:
        """Where a record is, for people: ``simulated SPX state delta_zero #17``."""
        feed = self._feed
        what = feed.category if feed.package == feed.category else f"{feed.package} {feed.category}"
        return f"simulated {feed.ticker} {what} #{index}"

    def close(self) -> None:
        """Forget the blocks kept, and what makes them: a closed tape is small, whoever still has it."""
        records: Records | None = self.__dict__.pop("_records", None)
        if records is not None:
            records.clear()
        self._opener = _closed

    def _second(self, index: int) -> int:
        if not 0 <= index < len(self._seconds):
            raise IndexError(index)
        return int(self._seconds[index])


def _closed() -> Records:
    raise ValueError("read of a closed tape")

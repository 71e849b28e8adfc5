"""A feed that has no records of its own, served from another feed's tape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from gexfaker.catalog import Feed
from gexfaker.records.columns import Columns
from gexfaker.records.fields import Shape
from gexfaker.tapes.tape import Tape, new_number


class Alias:
    """``tape`` under the name of ``feed``; implements Tape, with a place in the day of its own."""

    def __init__(self, feed: Feed, tape: Tape) -> None:
        self.feed: Final = feed
        self.number: Final = new_number()
        self._tape: Final = tape

    @property
    def date(self) -> str:
        """The market day, YYYY-MM-DD (New York)."""
        return self._tape.date

    def __len__(self) -> int:
        return len(self._tape)

    def has(self, index: int) -> bool:
        """Whether record ``index`` exists."""
        return self._tape.has(index)

    def steps_to_index(self, index: int) -> Iterable[None]:
        """Work that ``has(index)`` needs, in steps."""
        return self._tape.steps_to_index(index)

    def knows(self, timestamp: int) -> bool:
        """Whether ``index_at(timestamp)`` answers at once."""
        return self._tape.knows(timestamp)

    def steps_to_time(self, timestamp: int) -> Iterator[None]:
        """Work that ``index_at(timestamp)`` needs, in steps."""
        return self._tape.steps_to_time(timestamp)

    def timestamp(self, index: int) -> int:
        """Epoch seconds of a record."""
        return self._tape.timestamp(index)

    def json(self, index: int) -> bytes:
        """The other feed's record, as it is."""
        return self._tape.json(index)

    def payload(self, index: int) -> bytes | None:
        """The other feed's payload, where the two are encoded alike."""
        return self._tape.payload(index) if self.feed.kind == self._tape.feed.kind else None

    def columns(self, index: int, shape: Shape, most: int) -> Columns | None:
        """The other feed's records as numbers."""
        return self._tape.columns(index, shape, most)

    @property
    def is_prepared(self) -> bool:
        """Whether those payloads were made beforehand."""
        return self.feed.kind == self._tape.feed.kind and self._tape.is_prepared

    def index_at(self, timestamp: int) -> int:
        """Index of the newest readable record whose timestamp is not after ``timestamp``; -1 before the first."""
        return self._tape.index_at(timestamp)

    def place(self, index: int) -> str:
        """Where the record is, for people."""
        return self._tape.place(index)

    def close(self) -> None:
        """Nothing to do: the tape belongs to the other feed."""

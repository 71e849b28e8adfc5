"""What every tape can do, be it a file, a compressed file or a simulated day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol

from gexfaker.catalog import Feed

if TYPE_CHECKING:
    from gexfaker.records.columns import Columns
    from gexfaker.records.fields import Shape

_NUMBERS: Final = count()


def new_number() -> int:
    """A number for a tape that no other one has, or ever had."""
    return next(_NUMBERS)


def evenly(last: int, most: int) -> list[int]:
    """Indexes from 0 to ``last``, evenly, at most so many (two or more); both ends are among them."""
    if last < 0:
        return []
    steps = min(most, last + 1) - 1
    return [round(last * step / steps) for step in range(steps + 1)] if steps else [last]


class Tape(Protocol):
    """One feed's day: records 0, 1, 2, ... oldest first, found by index or by time.

    A record that cannot be served keeps its index; reading it raises RecordError, and the reader
    goes on with the next one.
    """

    @property
    def number(self) -> int:
        """By which caches know it: they must not keep the tape itself, whose day may have been closed."""

    @property
    def feed(self) -> Feed:
        """The ticker, package and category of the records."""

    @property
    def date(self) -> str:
        """The market day, YYYY-MM-DD (New York)."""

    def __len__(self) -> int:
        """Number of records; may have to read the day to its end."""

    def has(self, index: int) -> bool:
        """Whether record ``index`` exists; reads no further than it must."""

    def steps_to_index(self, index: int) -> Iterable[None]:
        """Work that ``has(index)`` needs, in steps of about a millisecond; afterwards it answers at once."""

    def knows(self, timestamp: int) -> bool:
        """Whether ``index_at(timestamp)`` answers at once."""

    def steps_to_time(self, timestamp: int) -> Iterator[None]:
        """Work that ``index_at(timestamp)`` needs, in steps of about a millisecond; afterwards it answers at once."""

    def timestamp(self, index: int) -> int:
        """Epoch seconds of a record. Raises IndexError past the end, RecordError when it cannot be read."""

    def json(self, index: int) -> bytes:
        """The record's compact JSON without line end. Raises IndexError, RecordError as above."""

    def payload(self, index: int) -> bytes | None:
        """What is sent for a record in its own feed's format, if it was made beforehand; None: encode the JSON."""

    def columns(self, index: int, shape: Shape, most: int) -> Columns | None:
        """Up to ``most`` records from ``index`` on as numbers, in a shape that the feed has; None where it has text."""

    @property
    def is_prepared(self) -> bool:
        """Whether payloads were made beforehand, if not of every record."""

    def index_at(self, timestamp: int) -> int:
        """Index of the newest readable record whose timestamp is not after ``timestamp``; -1 before the first."""

    def place(self, index: int) -> str:
        """Where the record is, for people: ``path/orderflow.jsonl:17``, or ``simulated SPX orderflow #17``."""

    def close(self) -> None:
        """Give files and temporary space back; the tape is not used afterwards."""

"""A recorded day in the order of its times, in whatever order its file has it.

Nearly every file is in order, and none is read through only to see that. It is read through, in steps and once, when
its beginning speaks for another order: its first records go back in time (newest first), or it begins long after the
opening (its morning may stand behind its afternoon), and some of its records are earlier than those before. That is
decided with the first use, for everybody, so that no record changes its place under a key. A line in the log says when
a file was sorted. In a file that is played as it is, records of an earlier day behind those of the day are left out.
"""

from __future__ import annotations

import datetime
import logging
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from gexfaker.errors import RecordError
from gexfaker.exchange.hours import MIDNIGHT, epoch, opening
from gexfaker.limits import MAX_RECORDS
from gexfaker.records.fields import Shape
from gexfaker.tapes.jsonl import JsonlTape
from gexfaker.tapes.tape import evenly, new_number

log = logging.getLogger(__name__)

FIRST_RECORDS: Final = 10
"""Records that are looked at to see whether a file goes back in time."""

LATE_SECONDS: Final = 60
"""A file that begins so long after the opening may have its morning behind its afternoon."""

SAMPLES: Final = 64
"""Times that are read of a day that begins late to see whether it is in order: a part that is out of it, and is no
smaller than a 64th of the day, is seen. To read all would cost everybody's first use a quarter of a second."""

STEP_RECORDS: Final = 64
"""Times that are read in a step: some 10 us each."""


def goes_back(stamps: Sequence[int]) -> bool:
    """Whether the times of the first records go back; some may be the same."""
    return len(stamps) > 1 and stamps[-1] < stamps[0] and all(later <= earlier for earlier, later in pairwise(stamps))


class SortedTape:
    """``tape`` in order of time; implements Tape. For use by one thread.

    Args:
        tape: closed with this one.
    """

    def __init__(self, tape: JsonlTape) -> None:
        self.feed: Final = tape.feed
        self._tape: Final = tape
        self._is_begun = False
        self._beginning: Iterator[None] | None = None
        self._order: array[int] | None = None
        self._stamps: Sequence[int] = ()
        self._number = 0

    @property
    def number(self) -> int:
        """By which caches know it; another one after it was sorted."""
        return self._tape.number if self._order is None else self._number

    @property
    def date(self) -> str:
        """The market day, YYYY-MM-DD (New York)."""
        return self._tape.date

    def __len__(self) -> int:
        return len(self._tape) if self._order is None else len(self._order)

    def has(self, index: int) -> bool:
        """Whether record ``index`` exists."""
        return self._tape.has(index) if self._order is None else 0 <= index < len(self._order)

    def steps_to_index(self, index: int) -> Iterable[None]:
        """Work that ``has(index)`` needs, in steps. Raises DataError."""
        return self._tape.steps_to_index(index) if self._is_begun else self._steps_to_first_index(index)

    def _steps_to_first_index(self, index: int) -> Iterator[None]:
        yield from self._tape.while_open(self._steps_to_begin())
        yield from self._tape.steps_to_index(index)

    def knows(self, timestamp: int) -> bool:
        """Whether ``index_at(timestamp)`` answers at once."""
        return self._is_begun and (self._order is not None or self._tape.knows(timestamp))

    def steps_to_time(self, timestamp: int) -> Iterator[None]:
        """Work that ``index_at(timestamp)`` needs, in steps. Raises DataError."""
        yield from self._tape.while_open(self._steps_to_begin())
        if self._order is None:
            yield from self._tape.steps_to_time(timestamp)

    def is_current(self) -> bool:
        """Whether its file is still the one that was opened; one that was sorted does not grow. For any thread."""
        return self._tape.is_current(grows=self._order is None)

    def keeping(self) -> Callable[[], None] | None:
        """What is to be done in another thread to keep what is known of the file; None when it is not worth it."""
        return self._tape.keeping()

    @property
    def is_closed(self) -> bool:
        """Whether it is not used any more."""
        return self._tape.is_closed

    def _steps_to_begin(self) -> Iterator[None]:
        """See in which order the file begins. Many keys may come at once: they do it together, a step each."""
        while not self._is_begun:
            if self._beginning is None:
                self._beginning = self._begin()
            if self._goes_on(self._beginning):
                yield

    def _goes_on(self, beginning: Iterator[None]) -> bool:
        """Do a step; False when there was none left."""
        try:
            next(beginning)
        except StopIteration:
            return False
        except BaseException:
            self._beginning = None  # it has ended: whoever asks next tries again
            raise
        return True

    def _begin(self) -> Iterator[None]:
        yield from self._tape.steps_to_index(FIRST_RECORDS - 1)
        firsts = [stamp for index in range(FIRST_RECORDS) if (stamp := self._stamp(index)) is not None]
        day = datetime.date.fromisoformat(self.date)
        if goes_back(firsts):
            yield from self._steps_to_sort()
        elif firsts and firsts[0] > opening(day) + LATE_SECONDS:
            yield from self._tape.steps_to_index(MAX_RECORDS)
            if self._jumps_back():
                yield from self._steps_to_sort()
        if self._order is None:
            self._tape.leave_out_before(epoch(day, MIDNIGHT))
        self._is_begun, self._beginning = True, None  # not before, as another key may ask between two steps

    def _begin_at_once(self) -> None:
        """The same for who has not asked for the steps."""
        for _ in self._steps_to_begin():
            pass

    def _jumps_back(self) -> bool:
        """Whether the times of some records, evenly chosen, are in no order."""
        records = evenly(len(self._tape) - 1, SAMPLES)
        stamps = [stamp for record in records if (stamp := self._stamp(record)) is not None]
        return any(later < earlier for earlier, later in pairwise(stamps))

    def _steps_to_sort(self) -> Iterator[None]:
        """Read all times, and put the records in order."""
        yield from self._tape.steps_to_index(MAX_RECORDS)
        stamps = list[int]()
        while self._tape.has(len(stamps)):
            stamp = self._stamp(len(stamps))
            stamps.append((stamps[-1] if stamps else 0) if stamp is None else stamp)
            if len(stamps) % STEP_RECORDS == 0:
                yield
        self._sort(stamps)

    def _sort(self, stamps: list[int]) -> None:
        """Records of the same time stay as they stand; one without a time stays behind the one before it."""
        way = "newest first" if goes_back(stamps[:FIRST_RECORDS]) else "not in order of time"
        log.warning(
            "%s is %s, and is played in order: gexfaker import --convert jsonl --replace writes it so",
            self._tape.file,
            way,
        )
        self._order = array("q", sorted(range(len(stamps)), key=stamps.__getitem__))
        self._stamps = array("q", sorted(stamps))
        self._number = new_number()

    def _at(self, index: int) -> int:
        """Which record of the file stands at an index."""
        if not self._is_begun:
            self._begin_at_once()
        order = self._order
        return order[index] if order is not None and 0 <= index < len(order) else index

    def _stamp(self, record: int) -> int | None:
        """The time of a record of the file; None where none can be read."""
        try:
            return self._tape.timestamp(record)
        except (RecordError, IndexError):
            return None

    def timestamp(self, index: int) -> int:
        """Epoch seconds of a record. Raises IndexError, RecordError, UnavailableError."""
        return self._tape.timestamp(self._at(index))

    def json(self, index: int) -> bytes:
        """A record's JSON. Raises IndexError, RecordError."""
        return self._tape.json(self._at(index))

    def payload(self, index: int) -> bytes | None:
        """The finished payload of a record, where there is one."""
        return self._tape.payload(self._at(index))

    def columns(self, index: int, shape: Shape, most: int) -> None:
        """None: a file has text."""
        return self._tape.columns(index, shape, most)

    @property
    def is_prepared(self) -> bool:
        """Whether payloads were made beforehand."""
        return self._tape.is_prepared

    def index_at(self, timestamp: int) -> int:
        """Index of the newest readable record that is not after ``timestamp``; -1 before the first."""
        if not self._is_begun:
            self._begin_at_once()
        if self._order is None:
            return self._tape.index_at(timestamp)
        index = bisect_right(self._stamps, timestamp) - 1
        while index >= 0 and self._stamp(self._at(index)) is None:
            index -= 1
        return index

    def place(self, index: int) -> str:
        """Where the record is, for people: ``path/orderflow.jsonl:17``. Raises IndexError past the end."""
        return self._tape.place(self._at(index))

    def close(self) -> None:
        """Give the files and any temporary space back; may be called again."""
        self._tape.close()

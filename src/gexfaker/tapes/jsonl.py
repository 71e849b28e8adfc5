"""A day in a JSON-lines file, plain or compressed: one snapshot a line, oldest first."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec

from gexfaker.catalog import Feed
from gexfaker.errors import DataError, RecordError, UnavailableError
from gexfaker.limits import KIB, SCAN_CHUNK_BYTES
from gexfaker.records.fields import Shape
from gexfaker.tapes.files import Origin
from gexfaker.tapes.habits import as_the_service, first_time, is_array, last_time
from gexfaker.tapes.index import LineIndex
from gexfaker.tapes.kept import IndexFolder, KeptIndex
from gexfaker.tapes.objects import ARRAY_CHUNK_BYTES, ObjectIndex
from gexfaker.tapes.prepared import Prepared
from gexfaker.tapes.source import UTF16_MARKS, FileSource, decoded, open_member, open_source
from gexfaker.tapes.tape import new_number

MARK_STRIDE: Final = 256
"""Records between two time marks: a seek reads one record in 256 up to its time once, then 8 more."""

MAX_TIMESTAMP: Final = 253_402_300_799
"""End of the year 9999: later epoch seconds are milliseconds by mistake and fit no calendar."""

BEFORE_ALL: Final = -1
"""A time mark before any record's."""

UNKNOWN: Final = -1
"""In place of a time that has not been read yet."""

UNREADABLE: Final = -2
"""In place of the time of a record that has none, so that it is not read again."""

ENDING_BYTES: Final = 64 * KIB
"""Of the end of a file, to see which time stands last: the largest real record has 16 KiB."""

SNIFFED_BYTES: Final = 4 * KIB
"""Of the start of a file, to see whether it is an array: there may be white space before its bracket."""

_UNKNOWN_BYTES: Final = array("q", (UNKNOWN,)).tobytes()


class _Stamp(msgspec.Struct):
    timestamp: Annotated[int, msgspec.Meta(ge=0, le=MAX_TIMESTAMP)]


_STAMP: Final = msgspec.json.Decoder(_Stamp)


class _Day(NamedTuple):
    """The market day of a tape.

    Attributes:
        date: YYYY-MM-DD.
        begins: its first second, where records from before it are left out; 0 where none are.
        others: so many records at the start of the file are known not to be of the day.
    """

    date: str
    begins: int = 0
    others: int = 0


class JsonlTape:
    """One feed's day in a ``.jsonl``, ``.jsonl.gz`` or ``.jsonl.zst`` file; opening reads nothing.

    For use by one thread. A plain file may grow while it is read. Should it be cut short or overwritten meanwhile, its
    records raise RecordError.

    Args:
        path: the file to open.
        feed: what it holds.
        date: the market day, YYYY-MM-DD.
        name: the path as the user knows it, for messages; ``path`` by default.
        member: of a zip file, the one to read.
        indexes: where the index of a large plain file is kept.

    Attributes:
        feed: the ticker, package and category of the records.
        prepared: the payloads made beforehand, if there are any.
        file: the path as the user knows it.

    Raises OSError when the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        feed: Feed,
        date: str,
        name: str | None = None,
        member: str = "",
        indexes: IndexFolder | None = None,
    ) -> None:
        self.feed: Final = feed
        self.number = new_number()
        self._day = _Day(date)
        self.file: Final = name or str(path)
        self._origin: Final = Origin(path)  # first: should it be replaced now, that is seen
        self._source = open_member(path, member, self.file) if member else open_source(path, self.file)
        self.prepared: Final = Prepared(Path(self.file), path, feed, date)
        self._kept: Final = None if indexes is None else KeptIndex(indexes, path, self._origin)
        self._marks = array("q")
        self._stamps = array("q")
        self._readable = array("q")
        self._is_growing = False

    @cached_property
    def _index(self) -> LineIndex:
        """Made when something is read: the start says whether the file is an array, and an archive one of UTF-16."""
        start = self._read_start()
        if start.startswith(UTF16_MARKS):
            self._source = decoded(self._source, start, self.file)
            start = self._read_start()
        made = ObjectIndex if is_array(start) else LineIndex
        most = ARRAY_CHUNK_BYTES if made is ObjectIndex else self._source.chunk
        index = made(self._source, self.file, chunk=min(self._source.chunk, most))
        if self._kept is not None and isinstance(self._source, FileSource):
            self._kept.restore(index)
        return index

    def keeping(self) -> Callable[[], None] | None:
        """What is to be done in another thread to keep what is known of a large file; None when it is not worth it."""
        index = self.__dict__.get("_index")
        if self._kept is None or index is None or self._is_growing or not isinstance(self._source, FileSource):
            return None
        return self._kept.keeping(index)

    def _read_start(self) -> bytes:
        try:
            return self._source.read_at(0, SNIFFED_BYTES)
        except OSError as error:
            raise UnavailableError(f"{self.file} cannot be read at the moment: {error.strerror or error}") from error

    @property
    def date(self) -> str:
        """The market day, YYYY-MM-DD (New York)."""
        return self._day.date

    def __len__(self) -> int:
        """Number of records; reads the file to its end."""
        count = self._index.count()
        while self._has_grown():
            count = self._index.count()
        return count

    def __bool__(self) -> bool:
        """Whether there is any record; unlike ``len``, reads no further than the first."""
        return self.has(0)

    def has(self, index: int) -> bool:
        """Whether record ``index`` exists; reads no further than it must. What is half written does not exist yet."""
        if not (self._index.has(index) or (self._has_grown() and self._index.has(index))):
            return False
        return not self._is_growing or not self._is_half_written(index)

    def _is_half_written(self, index: int) -> bool:
        """Whether a recorder has begun with the line, and not ended it."""
        if index != self._index.known - 1 or not self._index.ends_within_a_line:
            return False
        if self._has_grown():
            return self._is_half_written(index)
        return self._stamp(index) is None

    def _has_grown(self) -> bool:
        """Whether more was written since the end of the file was found."""
        index = self._index
        if not isinstance(self._source, FileSource) or not index.look_again():
            return False
        self._is_growing = True
        if index.ends_within_a_line and index.known:  # what is known of the last line may be of the half of it
            self._note(index.known - 1, UNKNOWN)
            self.number = new_number()
        return True

    def is_current(self, *, grows: bool = True) -> bool:
        """Whether its file is the one that was opened, and holds nothing that this tape does not find by itself.

        With ``grows`` lines may be added to a plain file; of what is unpacked, and of an array, any change makes
        another one. May be asked in another thread.
        """
        has_lines = isinstance(self._source, FileSource) and not isinstance(self.__dict__.get("_index"), ObjectIndex)
        return self._origin.is_there(grows=grows and has_lines)

    @property
    def is_closed(self) -> bool:
        """Whether it is not used any more."""
        return self._source.is_closed

    def steps_to_index(self, index: int) -> Iterable[None]:
        """Read on to record ``index`` in steps; afterwards ``has(index)`` answers at once. Raises DataError."""
        return () if index < self._index.known else self.while_open(self._index.steps_to(index))

    def knows(self, timestamp: int) -> bool:
        """Whether the file has been read beyond that time, or to its end."""
        return self._last_mark() > timestamp or self._is_marked_to_its_end()

    def steps_to_time(self, timestamp: int) -> Iterator[None]:
        """Read on to a time in steps; afterwards ``index_at(timestamp)`` answers at once. Raises DataError."""
        return self.while_open(self._steps_to_time(timestamp))

    def while_open(self, steps: Iterator[None]) -> Iterator[None]:
        """These steps. Between two of them the day may be closed, because so many others are played: DataError."""
        try:
            yield from steps
        except ValueError as error:
            raise DataError(f"{self.file} was closed while it was searched: ask again") from error

    def _steps_to_time(self, timestamp: int) -> Iterator[None]:
        while not self.knows(timestamp):
            yield from self._index.steps_to((len(self._marks) + 1) * MARK_STRIDE - 1)
            yield from self._steps_to_stamp(len(self._marks) * MARK_STRIDE)
            if not self._add_mark():
                return
            yield

    def _steps_to_stamp(self, first: int) -> Iterator[None]:
        """Read the times of a stride from its end, in steps, up to a record that has any: mostly that is the first."""
        last = first + MARK_STRIDE - 1
        if not self.has(last):
            return
        begun = self._index.offset(last)
        for index in range(last, first - 1, -1):
            if self._stamp(index) is not None:
                return
            if begun - self._index.offset(index) > SCAN_CHUNK_BYTES:
                begun = self._index.offset(index)
                yield

    def timestamp(self, index: int) -> int:
        """Epoch seconds of a record.

        Raises IndexError past the end, RecordError when the record is not valid JSON, has no usable timestamp or is
        left out, UnavailableError when it cannot be read at the moment.
        """
        stamp = self._read_stamp(index)
        if stamp < self._day.begins and self._is_behind_the_day(index):
            raise self._left_out(stamp)
        return stamp

    def _left_out(self, stamp: int) -> RecordError:
        day = self._day.date
        return RecordError(f"its timestamp {stamp} is before {day}, and it stands behind records of that day")

    def leave_out_before(self, begins: int) -> None:
        """From now on leave out records from before a time (epoch seconds) that stand behind records of the day.

        They would be played out of place.
        """
        self._day = self._day._replace(begins=begins, others=0)

    def _early_stamp(self, index: int) -> int | None:
        """The time of a record that is left out; None of one that is not, or that has no time."""
        with suppress(RecordError):
            stamp = self._read_stamp(index)
            if stamp < self._day.begins and self._is_behind_the_day(index):
                return stamp
        return None

    def _is_behind_the_day(self, index: int) -> bool:
        """Whether one of the first records, which stand before this one, is of the day. Each is looked at once."""
        most, others = min(index, MARK_STRIDE), self._day.others
        while others < most and not self._is_of_the_day(others):
            others += 1
        if others != self._day.others:
            self._day = self._day._replace(others=others)
        return others < most

    def _is_of_the_day(self, index: int) -> bool:
        """Whether a record's time can be read, and is not before the day."""
        try:
            return self._read_stamp(index) >= self._day.begins
        except RecordError:
            return False

    def _read_stamp(self, index: int) -> int:
        """The time of a record, wherever it stands."""
        stamps = self._stamps
        known = stamps[index] if 0 <= index < len(stamps) else UNKNOWN
        if known >= 0:
            return known
        if known == UNREADABLE:
            raise RecordError("no timestamp can be read, as was seen before")
        try:
            stamp = _STAMP.decode(as_the_service(self._index.read(index))).timestamp
        except (msgspec.DecodeError, RecursionError) as error:  # RecursionError: brackets without end
            self._note(index, UNREADABLE)
            raise RecordError(f"no timestamp can be read: {error}") from error
        self._note(index, stamp)
        return stamp

    def _note(self, index: int, stamp: int) -> None:
        if index >= len(self._stamps):
            self._stamps.frombytes(_UNKNOWN_BYTES * (index + 1 - len(self._stamps)))
        self._stamps[index] = stamp

    def json(self, index: int) -> bytes:
        """A record's JSON, without white space around it.

        It is an object from its first to its last byte; what is between is for the encoder to check.
        Raises IndexError past the end, RecordError when it is none, too long, cut off or left out.
        """
        if self._day.begins and (stamp := self._early_stamp(index)) is not None:
            raise self._left_out(stamp)
        line = as_the_service(self._index.read(index))
        if not line.startswith(b"{"):
            raise RecordError("the line is not a JSON object")
        if not line.endswith(b"}"):
            raise RecordError("the line is cut off: its JSON object has no end")
        return line

    def payload(self, index: int) -> bytes | None:
        """The finished payload of a record, where `gexfaker prepare` made one; None otherwise, or past the end."""
        made = self.prepared.payload(index)
        is_early = made is not None and self._day.begins and self._early_stamp(index) is not None
        return None if is_early else made

    def columns(self, _index: int, _shape: Shape, _most: int) -> None:
        """None: a file has text."""
        return

    @property
    def is_prepared(self) -> bool:
        """Whether `gexfaker prepare` made payloads for these records, sound as far as one can see."""
        return self.prepared.is_there

    def index_at(self, timestamp: int) -> int:
        """Index of the newest readable record that is not after ``timestamp``; -1 before the first.

        ``timestamp`` is epoch seconds. Reads little further than that record. Where the file is not
        in order of time, the record found is one that is not after ``timestamp``, and always the same.
        """
        while self._last_mark() <= timestamp and self._add_mark():
            pass
        first = bisect_right(self._marks, timestamp) * MARK_STRIDE
        found = self._bisect(timestamp, first, first + MARK_STRIDE)
        if found >= 0:
            return found
        return self._readable[first // MARK_STRIDE - 1] if first else -1

    def first_stamp(self) -> int | None:
        """The time that stands first in the file, read from its start alone; None where there is none.

        Raises UnavailableError.
        """
        return first_time(self._read_start())

    def last_stamp(self) -> int | None:
        """The time that stands last in a plain file, read from its end; None in another, or where there is none."""
        if not isinstance(self._source, FileSource):
            return None
        with suppress(OSError):
            return last_time(self._source.read_at(max(0, self._origin.identity.size - ENDING_BYTES), ENDING_BYTES))
        return None

    def place(self, index: int) -> str:
        """Where the record is, for people: ``path/orderflow.jsonl:17``. Raises IndexError past the end."""
        return f"{self.file}:{self._index.line_number(index)}"

    def close(self) -> None:
        """Give the files and any temporary space back; may be called again."""
        self._source.close()
        self.prepared.close()

    def _last_mark(self) -> int:
        return self._marks[-1] if self._marks else BEFORE_ALL

    def _is_marked_to_its_end(self) -> bool:
        """Whether the whole file is known, and no full stride is left to be marked."""
        return self._index.complete and self._index.known < (len(self._marks) + 1) * MARK_STRIDE

    def _add_mark(self) -> bool:
        """Note the time at the end of the next stride of records; False when no full stride is left.

        Marks never decrease: a record out of order does not hide the ones before it.
        """
        first = len(self._marks) * MARK_STRIDE
        if not self.has(first + MARK_STRIDE - 1):
            return False
        indexes = range(first + MARK_STRIDE - 1, first - 1, -1)
        last = next((index for index in indexes if self._stamp(index) is not None), None)
        if last is None:
            self._marks.append(self._last_mark())
            self._readable.append(self._readable[-1] if self._readable else -1)
        else:
            self._marks.append(max(self.timestamp(last), self._last_mark()))
            self._readable.append(last)
        return True

    def _bisect(self, timestamp: int, low: int, high: int) -> int:
        """Newest readable record in [low, high) that is not after ``timestamp``; -1 when there is none."""
        self.has(high - 1)
        high = min(high, self._index.known)
        found = -1
        while low < high:
            middle = probe = (low + high) // 2
            while probe >= low and (stamp := self._stamp(probe)) is None:
                probe -= 1
            if probe < low:  # nothing readable from low to middle
                low = middle + 1
            elif stamp is not None and stamp <= timestamp:
                found, low = probe, middle + 1
            else:
                high = probe
        return found

    def _stamp(self, index: int) -> int | None:
        try:
            return self.timestamp(index)
        except RecordError:
            return None

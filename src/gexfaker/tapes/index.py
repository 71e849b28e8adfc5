"""Where each record of a JSON-lines file starts, found only as far as somebody asks.

The scan is a two-state machine over fixed chunks - between records, or inside one - and carries no
text from one chunk to the next, so a line of any length costs no memory. Both states move at C speed:
inside a record to the next line feed, between records to the next byte that is not white space.
"""

from __future__ import annotations

import logging
import re
from array import array
from collections.abc import Iterator
from typing import Final

import msgspec

from gexfaker.errors import RecordError, UnavailableError
from gexfaker.limits import KIB, MAX_LINE_BYTES, MAX_RECORDS, MAX_SCANNED_RECORDS, SCAN_CHUNK_BYTES
from gexfaker.tapes.source import Reader

log = logging.getLogger(__name__)

LINE_READ_BYTES: Final = 32 * KIB
"""What is read at a time to get one record: the largest real one (about 16 KiB) comes in one read."""

MAX_LINE_NUMBER: Final = 2**32 - 1
"""Line numbers are kept in 4 bytes; a file with more lines than that shows the last one."""

BOM: Final = b"\xef\xbb\xbf"
_NON_BLANK: Final = re.compile(rb"\S")


class Scan(msgspec.Struct, array_like=True):
    """How far a file was looked through, and what was found; as ``LineIndex`` and ``ObjectIndex`` keep it.

    Attributes:
        kind: of the index.
        most: the longest record that counted as one, in bytes.
        offsets, lines, ends: arrays of the machine's own numbers.
    """

    kind: str
    most: int
    offsets: bytes
    lines: bytes
    too_long: list[int]
    scanned: int
    line: int
    inside: bool
    complete: bool
    ends: bytes = b""
    depth: int = 0
    in_string: bool = False


class LineIndex:
    """Offsets and line numbers of a source's non-blank lines ("records"), oldest first.

    Nothing is read when it is made. White space around a record, blank lines, a byte order mark and
    a missing last line end do not matter. Records beyond ``max_records`` are not served, with one
    warning. A line over ``max_line`` bytes counts as a record, but reading it raises RecordError.

    Args:
        source: the bytes; the index does not close it.
        name: the file's name for warnings.
        chunk: bytes scanned at a time.
        max_line: longest record that can be read, in bytes from its first one to its line end.
        max_records: how many are indexed.
    """

    def __init__(
        self,
        source: Reader,
        name: str,
        *,
        chunk: int = SCAN_CHUNK_BYTES,
        max_line: int = MAX_LINE_BYTES,
        max_records: int = MAX_RECORDS,
    ) -> None:
        self._source = source
        self._name = name
        self._chunk = chunk
        self._max_line = max_line
        self._max_records = max_records
        self._offsets = array("Q")
        self._lines = array("I")
        self._too_long: set[int] = set()
        self._scanned = 0
        self._line = 1
        self._inside = False
        self._complete = False

    @property
    def known(self) -> int:
        """How many records have been found so far."""
        return len(self._offsets)

    def has(self, index: int) -> bool:
        """Whether record ``index`` exists; scans no further than the chunk it starts in."""
        while index >= len(self._offsets) and not self._complete:
            self._scan()
        return 0 <= index < len(self._offsets)

    @property
    def complete(self) -> bool:
        """Whether all records have been found."""
        return self._complete

    @property
    def ends_within_a_line(self) -> bool:
        """Whether the last line has no end: it is whole, or is still being written."""
        return self._inside

    @property
    def scanned(self) -> int:
        """How far the file has been looked through, in bytes."""
        return self._scanned

    def saved(self) -> bytes | None:
        """What ``restore`` takes; None when the index holds all records that it may, which is told each time."""
        return None if self.known >= self._max_records else msgspec.msgpack.encode(self._scan_state())

    def _scan_state(self) -> Scan:
        return Scan(
            type(self).__name__,
            self._max_line,
            self._offsets.tobytes(),
            self._lines.tobytes(),
            sorted(self._too_long),
            self._scanned,
            self._line,
            self._inside,
            self._complete,
        )

    def restore(self, saved: bytes) -> bool:
        """Go on from where another index of the same file was; False, and nothing is changed, if it was none such."""
        try:
            scan = msgspec.msgpack.decode(saved, type=Scan)
            if (scan.kind, scan.most) != (type(self).__name__, self._max_line):
                return False
            offsets, lines = array("Q", scan.offsets), array("I", scan.lines)
        except (msgspec.DecodeError, ValueError):
            return False
        if len(offsets) != len(lines) or len(offsets) >= self._max_records:
            return False
        self._take_over(scan, offsets, lines)
        return True

    def _take_over(self, scan: Scan, offsets: array[int], lines: array[int]) -> None:
        self._offsets, self._lines, self._too_long = offsets, lines, set(scan.too_long)
        self._scanned, self._line = scan.scanned, scan.line
        self._inside, self._complete = scan.inside, scan.complete

    def look_again(self) -> bool:
        """Whether there is more of the file than when its end was found; then the search goes on there."""
        if not self._complete or len(self._offsets) >= self._max_records:
            return False
        try:
            self._complete = not self._source.read_at(self._scanned, 1)
        except OSError as error:
            raise self._unavailable(error) from error
        return not self._complete

    def steps_to(self, index: int) -> Iterator[None]:
        """Look for record ``index`` a chunk at a time; afterwards ``has(index)`` answers at once."""
        while index >= len(self._offsets) and not self._complete:
            self._scan()
            yield

    def count(self) -> int:
        """How many records there are; scans to the end."""
        while not self._complete:
            self._scan()
        return len(self._offsets)

    def offset(self, index: int) -> int:
        """Offset of a record's first byte that is not white space. Raises IndexError."""
        self._require(index)
        return self._offsets[index]

    def line_number(self, index: int) -> int:
        """Line number of a record, from 1, blank lines counted. Raises IndexError."""
        self._require(index)
        return self._lines[index]

    def read(self, index: int) -> bytes:
        """A record without white space around it.

        Raises IndexError past the end, RecordError when it is too long or the file is no longer what it was when it
        was indexed, and UnavailableError when the system cannot read it at the moment.
        """
        offset = self.offset(index)
        self._reach_end_of(index)
        if index in self._too_long:
            raise RecordError(f"the line is longer than {self._max_line:,} bytes")
        try:
            line = self._read_line(offset, self._room(index)).strip()
        except OSError as error:
            raise self._unavailable(error) from error
        if not line:
            raise RecordError("the file was changed or cut short while in use")
        return line

    def _unavailable(self, error: OSError) -> UnavailableError:
        return UnavailableError(f"{self._name} cannot be read at the moment: {error.strerror or error}")

    def _require(self, index: int) -> None:
        if not self.has(index):
            raise IndexError(f"{self._name} has no record {index}")

    def _reach_end_of(self, index: int) -> None:
        """Scan on until the record is known to be too long or not: its text is never read to find out."""
        while self._inside and not self._complete:
            if index != len(self._offsets) - 1 or index in self._too_long:
                return
            self._scan()

    def _room(self, index: int) -> int:
        """Bytes to read for a record: up to the next one, if that is near."""
        if index + 1 == len(self._offsets):
            return LINE_READ_BYTES
        return min(self._offsets[index + 1] - self._offsets[index], LINE_READ_BYTES)

    def _read_line(self, offset: int, room: int) -> bytes:
        line = bytearray()
        while len(line) <= self._max_line:
            piece = self._source.read_at(offset + len(line), room)
            head, line_feed, _ = piece.partition(b"\n")
            line += head
            if line_feed or not piece:
                return bytes(line)
            room = LINE_READ_BYTES
        # It was shorter when it was indexed.
        raise RecordError(f"the line has grown over {self._max_line:,} bytes while in use")

    def _scan(self) -> None:
        """Index one more chunk."""
        try:
            if not self._scanned and self._source.read_at(0, len(BOM)) == BOM:
                self._scanned = len(BOM)
            chunk = self._source.read_at(self._scanned, self._chunk)
        except OSError as error:
            raise self._unavailable(error) from error
        if not chunk:
            self._complete = True
            return
        self._scanned += self._scan_chunk(chunk)
        if self._inside:
            self._measure(self._scanned)

    def _scan_chunk(self, chunk: bytes) -> int:
        """How far it came: to the end of the chunk, or of the records that a step may find."""
        at, most = 0, len(self._offsets) + MAX_SCANNED_RECORDS
        while at < len(chunk) and not self._complete and len(self._offsets) < most:
            at = self._to_line_end(chunk, at) if self._inside else self._to_record(chunk, at)
        return at

    def _to_line_end(self, chunk: bytes, at: int) -> int:
        end = chunk.find(b"\n", at)
        if end < 0:
            return len(chunk)
        self._inside = False
        self._line += 1
        self._measure(self._scanned + end)
        return end + 1

    def _to_record(self, chunk: bytes, at: int) -> int:
        found = _NON_BLANK.search(chunk, at)
        start = found.start() if found else len(chunk)
        self._line += chunk.count(b"\n", at, start)
        if found:
            self._add(self._scanned + start)
        return start

    def _add(self, offset: int) -> None:
        if len(self._offsets) >= self._max_records:
            log.warning("%s has more than %d records; the rest is not served", self._name, self._max_records)
            self._complete = True
            return
        self._inside = True
        self._offsets.append(offset)
        self._lines.append(min(self._line, MAX_LINE_NUMBER))

    def _measure(self, end: int) -> None:
        if end - self._offsets[-1] > self._max_line:
            self._too_long.add(len(self._offsets) - 1)

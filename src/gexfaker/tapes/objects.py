"""Where each record of a JSON array starts and ends, found only as far as somebody asks; as `index` does for lines.

The records are the objects of the array, whatever stands between them: an array may be written in one line, with a
record a line, or indented. What is looked for are braces outside strings. A run of everything else is skipped by one
pattern at C speed; it cannot go back and forth on damaged text, as each of its parts is taken whole or not at all.
"""

from __future__ import annotations

import re
from array import array
from typing import Final

from gexfaker.errors import RecordError
from gexfaker.limits import KIB, MAX_SCANNED_RECORDS
from gexfaker.tapes.index import LineIndex, Scan
from gexfaker.tapes.source import Reader

ARRAY_CHUNK_BYTES: Final = 128 * KIB
"""How far an array is looked through at a time: a millisecond of work, eight times that of as many lines."""

_BETWEEN: Final = re.compile(rb'(?:[^{}"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
"""All up to the next brace that is not in a string, or to a string without an end."""

_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
"""The rest of a string, up to its quote or to a backslash at the end of the text."""

MAX_BRACES: Final = 1024
"""Braces looked at in a step, two milliseconds: a real record has two, and 128 KiB a hundred."""

_OPEN: Final = ord("{")
_CLOSE: Final = ord("}")
_QUOTE: Final = ord('"')


class ObjectIndex(LineIndex):
    """Offsets and line numbers of the objects of a source that is a JSON array, in its order. See ``LineIndex``."""

    def __init__(self, source: Reader, name: str, **bounds: int) -> None:
        super().__init__(source, name, **bounds)
        self._ends = array("Q")
        self._depth = 0
        self._in_string = False

    def _scan_state(self) -> Scan:
        scan = super()._scan_state()
        scan.ends, scan.depth, scan.in_string = self._ends.tobytes(), self._depth, self._in_string
        return scan

    def _take_over(self, scan: Scan, offsets: array[int], lines: array[int]) -> None:
        super()._take_over(scan, offsets, lines)
        self._ends, self._depth, self._in_string = array("Q", scan.ends), scan.depth, scan.in_string

    def look_again(self) -> bool:
        """Never: an array has an end."""
        return False

    def _room(self, index: int) -> int:
        return (self._ends[index] if index < len(self._ends) else self._scanned) - self._offsets[index]

    def _read_line(self, offset: int, room: int) -> bytes:
        """A record, which may have several lines."""
        record = bytearray()
        while len(record) < room:
            piece = self._source.read_at(offset + len(record), room - len(record))
            if not piece:
                raise RecordError("the file was changed or cut short while in use")
            record += piece
        return bytes(record)

    def _scan_chunk(self, chunk: bytes) -> int:
        at, braces, most = self._leave_string(chunk), 0, len(self._offsets) + MAX_SCANNED_RECORDS
        while at < len(chunk) and braces < MAX_BRACES and not self._complete and len(self._offsets) < most:
            found = _BETWEEN.match(chunk, at)
            brace = found.end() if found else at
            self._line += chunk.count(b"\n", at, brace)
            at = brace
            if at == len(chunk):
                break
            if chunk[at] == _QUOTE:  # the string has no end here: it is looked at again with what comes behind it
                self._in_string = at == 0
                return at or 1
            self._take_brace(chunk[at], self._scanned + at)
            at += 1
            braces += 1
        return at

    def _leave_string(self, chunk: bytes) -> int:
        """Where the string ends that is longer than the chunk before; 0 outside one."""
        if not self._in_string:
            return 0
        found = _STRING.match(chunk)
        end = found.end() if found else 0
        self._line += chunk.count(b"\n", 0, end)
        self._in_string = end == len(chunk) or chunk[end] != _QUOTE
        return end if self._in_string and end else end + 1

    def _take_brace(self, brace: int, offset: int) -> None:
        if brace == _OPEN:
            self._depth += 1
            if self._depth == 1:
                self._add(offset)
        elif self._depth:
            self._depth -= 1
            if not self._depth:
                self._inside = False
                self._ends.append(offset + 1)
                self._measure(offset + 1)

"""A tape as a JSON array or as lines, piece by piece, in constant memory.

A piece is one record with what stands before it; an unreadable record is an empty piece, so that whoever reads
is asked again and may stop. What has no valid JSON in it is left out: the array is valid JSON always.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

import msgspec

from gexfaker.errors import RecordError
from gexfaker.tapes.tape import Tape

MARK_STRIDE: Final = 256
"""Records between two marks of a measured array: 8 bytes each, so that a range does not begin at the beginning."""

_SYNTAX: Final = msgspec.json.Decoder(msgspec.Raw)


class LeftOut(NamedTuple):
    """Records of a tape that cannot be read.

    Attributes:
        records: how many.
        place: of the first, for people.
        why: it cannot be read.
    """

    records: int
    place: str
    why: str


Told = Callable[[LeftOut], None]
"""Who is told, behind the last record, what was left out; nobody when nothing was."""


def pieces(tape: Tape, start: int = 0, *, opened: bool = False, told: Told | None = None) -> Iterator[bytes]:
    """The records from index ``start`` as a JSON array; ``opened`` when records stand before them."""
    before = b"," if opened else b"["
    for record in _records(tape, start, told):
        yield before + record if record else b""
        before = b"," if record else before
    yield b"]" if before == b"," else b"[]"


def lines(tape: Tape, told: Told | None = None) -> Iterator[bytes]:
    """The records as lines of JSON."""
    for record in _records(tape, 0, told):
        yield record + b"\n" if record else b""


def _records(tape: Tape, start: int, told: Told | None) -> Iterator[bytes]:
    """The records from ``start``, empty where there is none that can be read."""
    index, left_out = start, None
    while tape.has(index):
        record = b""
        try:
            record = _checked(tape.json(index))
        except (RecordError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            first = left_out or LeftOut(0, tape.place(index), str(problem))
            left_out = first._replace(records=first.records + 1)
        yield record
        index += 1
    if told is not None and left_out is not None:
        told(left_out)


def _checked(record: bytes) -> bytes:
    """A record that is valid JSON. Raises DecodeError, UnicodeDecodeError, RecursionError."""
    _SYNTAX.decode(record)  # the syntax only, a fifth of the time that the values take
    return record if record.isascii() or record.decode() else b""


class Measured:
    """The length of a tape's array, and where in it every MARK_STRIDE-th record begins.

    Attributes:
        total: bytes of the array, once all steps were taken.
    """

    def __init__(self) -> None:
        self._marks: Final = array("Q")
        self.total = 0

    def steps(self, tape: Tape) -> Iterator[int]:
        """Measure a tape, record by record; gives the bytes so far."""
        for index, piece in enumerate(pieces(tape)):
            if index % MARK_STRIDE == 0:
                self._marks.append(self.total)
            self.total += len(piece)
            yield self.total

    def part(self, tape: Tape, wanted: range) -> Iterator[bytes]:
        """The pieces of those bytes of the array of the tape that was measured."""
        mark = max(at for at, offset in enumerate(self._marks) if offset <= wanted.start)
        offset = self._marks[mark]
        for piece in pieces(tape, mark * MARK_STRIDE, opened=offset > 0):
            yield piece[max(0, wanted.start - offset) : max(0, wanted.stop - offset)]
            offset += len(piece)
            if offset >= wanted.stop:
                return


class Framing(Protocol):
    """A way to write a tape: ``pieces`` or ``lines``."""

    def __call__(self, tape: Tape, *, told: Told | None = None) -> Iterator[bytes]:
        """The tape, piece by piece."""

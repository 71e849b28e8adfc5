"""Many rows encoded at once: scaled, bounded and serialised as one array of numbers.

A record has some hundred rows of the same shape. Taken one by one, as the protobuf library wants them, they cost four
times as much; that way remains for rows that are not alike, and is what this one is tested against: the bytes are the
same. Serialisation follows the protobuf encoding guide: varints, zigzag, packed lists, fields in order, zeros left out.

The rows' shape is what remains of their text without its numbers, such as ``[,,,[,,,,]]``; when it is the same for all,
their numbers are read as one flat list, and where each of them belongs is worked out once for a shape.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from gexfaker.limits import MAX_LAYOUTS
from gexfaker.records.fields import UINT32, Field
from gexfaker.wire.scaling import Fitter

Array = np.ndarray[Any, Any]
LENGTH_DELIMITED: Final = 2
MAX_SHORT: Final = 127
"""Largest length with one byte; rows are far shorter, and longer ones are left to the library."""

VARINT_BYTES: Final = 5
"""What a 32-bit number has at most."""

MAX_SHAPE: Final = 2 * MAX_SHORT
"""Longest shape of a row worth a look: a number takes a byte at least, and adds a comma to the shape."""

_SHIFTS: Final = np.array([[0], [7], [14], [21], [28]], dtype=np.uint32)
_LEAST: Final = np.array([[0], [1 << 7], [1 << 14], [1 << 21], [1 << 28]], dtype=np.uint32)
"""From which number on a varint has its second, third, ... byte."""

_BLANKS: Final = b" \t\r\n"
_IN_NUMBERS: Final = b"0123456789.-+eE" + _BLANKS
_OPEN, _CLOSE = b"[]"
_numbers: Final = msgspec.json.Decoder(list[float])


class UnevenError(Exception):
    """The rows have not all the same shape, or hold what needs a closer look."""


class Rows:
    """The encoder of one list of rows.

    Args:
        field: its line of the table.
        descriptor: of the field in the message.
    """

    def __init__(self, field: Field, descriptor: Any) -> None:
        self._field: Final = field
        self._descriptor: Final = descriptor
        self.layouts: Final[OrderedDict[bytes, Layout]] = OrderedDict()

    def encode(self, text: bytes, fitter: Fitter) -> bytes:
        """The rows as they are in the message; ``text`` is the list in valid JSON.

        Raises:
            UnevenError: it is not a list of rows of one shape, or a number of theirs is not finite.
            msgspec.MsgspecError: a list in a row is empty, or a number is out of range.
        """
        skeleton = skeleton_of(text)
        if skeleton == b"[]" == text.translate(None, _BLANKS):
            return b""
        shape, count = rows_of(skeleton)
        layout = self.layouts.get(shape) or self._learn(shape)
        flat = numbers_in(text)
        return layout.encode(np.fromiter(flat, float, len(flat)).reshape(count, layout.width), fitter, self._field.json)

    def _learn(self, shape: bytes) -> Layout:
        made = self.layouts[shape] = Layout(self._field.columns, self._descriptor, shape)
        if len(self.layouts) > MAX_LAYOUTS:
            self.layouts.popitem(last=False)
        return made


def skeleton_of(text: bytes) -> bytes:
    """The text of a list of rows without its numbers."""
    return text.translate(None, _IN_NUMBERS)


def rows_of(skeleton: bytes) -> tuple[bytes, int]:
    """(shape, how many) of rows that are all of one shape. Raises UnevenError where they are not."""
    shape = _first_row(skeleton)
    count = len(skeleton) // (len(shape) + 1)
    if skeleton != b"[" + b",".join((shape,) * count) + b"]":
        raise UnevenError
    return shape, count


def numbers_in(text: bytes) -> list[float]:
    """The numbers of a list, or of several with commas between them, nulls left out.

    A list without a comma has one number, or none: then a comma here has no number, which is refused.

    Raises:
        msgspec.MsgspecError: a list in a row is empty, or a number is out of range.
    """
    return _numbers.decode(b"[" + text.translate(None, b"[]" + _BLANKS).replace(b",null", b"") + b"]")


def _first_row(skeleton: bytes) -> bytes:
    """The shape of the first row. Raises UnevenError where there is none."""
    if not skeleton.startswith(b"[["):
        raise UnevenError
    depth, end, limit = 1, 2, min(len(skeleton), MAX_SHAPE)
    while depth and end < limit:
        depth += (skeleton[end] == _OPEN) - (skeleton[end] == _CLOSE)
        end += 1
    if depth:
        raise UnevenError
    return skeleton[1:end]


def sizes_of(columns: Sequence[Field], shape: bytes) -> list[int]:
    """How many numbers each column has in a row of that shape. Raises UnevenError where they do not fit the columns."""
    items = re.split(rb",(?![^\[]*\])", shape[1:-1])
    if len(items) > len(columns):
        raise UnevenError
    items += [b"null"] * (len(columns) - len(items))
    return [_size(column, item) for column, item in zip(columns, items, strict=True)]


def _size(column: Field, item: bytes) -> int:
    if item == b"null" and column.optional:
        return 0
    if column.many and re.fullmatch(rb"\[,*\]", item):
        return len(item) - 1
    if item or column.many:
        raise UnevenError
    return 1


def _tag(number: int, wire_type: int) -> int:
    tag = number << 3 | wire_type
    if tag > MAX_SHORT:
        raise ValueError(f"field {number} has a tag of two bytes")
    return tag


class _List(NamedTuple):
    """Where a packed list is in a row: its numbers, its size, and that of its wrapping message (0: it has none)."""

    first: int
    last: int
    size_at: int
    outer_at: int


class Plan(NamedTuple):
    """Known bytes with room for varints, which is used as far as there is something to write.

    Attributes:
        template: the known bytes, one in a row.
        slots: where the bytes of the varints go, VARINT_BYTES for each, one varint after the other.
        tags: where the bytes are that stand there only with their varint.
        owners: of each of these, the number of its varint.
    """

    template: Array
    slots: Array
    tags: Array
    owners: Array

    def lay_out(self, unsigned: Array, sent: Array) -> tuple[Array, Array]:
        """(bytes, which of them are there) of varints x records: a column for each record."""
        count = unsigned.shape[1]
        data, there = varints(unsigned, sent)
        # Bytes x records, so that whatever is done to all records goes over adjacent bytes.
        full = np.empty((len(self.template), count), dtype=np.uint8)
        full[:] = self.template
        full[self.slots] = data.reshape(-1, count)
        kept = np.ones(full.shape, dtype=np.uint8)
        kept[self.slots] = there.reshape(-1, count)
        kept[self.tags] = there[self.owners, 0]
        return full, kept


def squeeze(full: Array, kept: Array) -> bytes:
    """What is there, one record after the other."""
    return bytes(full.T[kept.T.view(bool)].data)


class Layout:
    """Where the numbers of rows of one shape go.

    A row is laid out with room for the longest numbers; what is not there is left out when the rows are put together.
    Columns that are null in all rows, or not there, are not sent.

    Args:
        columns: what rows hold.
        descriptor: of their field in the message.
        shape: a row's text without its numbers.

    Attributes:
        held: the column of each number of a row.
        width: how many numbers a row has.

    Raises:
        UnevenError: rows of that shape are not encoded here.
    """

    def __init__(self, columns: Sequence[Field], descriptor: Any, shape: bytes) -> None:
        self._row = bytearray((_tag(descriptor.number, LENGTH_DELIMITED), 0))
        self._lists: Final[list[_List]] = []
        held: list[Field] = []
        slots: list[int] = []
        tags: list[int] = []
        for column, size in zip(columns, sizes_of(columns, shape), strict=True):
            if size:
                self._open(column, descriptor.message_type.fields_by_name[column.wire], size)
                tags += [] if column.many else [len(self._row) - 1]
                slots += range(len(self._row), len(self._row) + size * VARINT_BYTES)
                self._row += bytes(size * VARINT_BYTES)
                held += [column] * size
        self.held: Final = tuple(held)
        self.width: Final = len(held)
        template = np.frombuffer(bytes(self._row), dtype=np.uint8)[:, None]
        single = np.flatnonzero([not column.many for column in held])
        self._plan: Final = Plan(template, np.array(slots), np.array(tags), single)
        self._sent: Final = np.array([[column.many or column.optional] for column in held])
        self._factors: Final = np.array([[float(column.factor)] for column in held])
        self._bounds: Final = tuple(np.array([[float(column.bounds[side])] for column in held]) for side in (0, 1))
        self._signed: Final = np.array([[int(column.bounds != UINT32)] for column in held])

    def _open(self, column: Field, descriptor: Any, size: int) -> None:
        """What stands in a row before a column's numbers."""
        row, outer_at = self._row, 0
        if not column.many:
            row.append(_tag(descriptor.number, 0))
            return
        if column.inside:
            row += bytes((_tag(descriptor.number, LENGTH_DELIMITED), 0))
            outer_at = len(row) - 1
            descriptor = descriptor.message_type.fields_by_name[column.inside]
        row += bytes((_tag(descriptor.number, LENGTH_DELIMITED), 0))
        self._lists.append(_List(len(row), len(row) + size * VARINT_BYTES, len(row) - 1, outer_at))

    def encode(self, numbers: Array, fitter: Fitter, name: str) -> bytes:
        """Rows x numbers as they are in the message; ``name`` is what is noted as saturated.

        Raises:
            UnevenError: a number is not finite, or a row longer than MAX_SHORT.
        """
        return self.pack(self._scaled(numbers.T.copy(), fitter, name))[0]

    def pack(self, unsigned: Array) -> tuple[bytes, Array]:
        """Numbers x rows, as the unsigned integers of varints, as they are in the message; and each row's bytes.

        Raises:
            UnevenError: a row is longer than MAX_SHORT.
        """
        full, kept = self._plan.lay_out(unsigned, self._sent)
        for first, last, size_at, outer_at in self._lists:
            full[size_at] = size = kept[first:last].sum(axis=0, dtype=np.uint8)
            if outer_at:
                full[outer_at] = size + 2
        lengths = kept[2:].sum(axis=0, dtype=np.uint16)
        if lengths.max() > MAX_SHORT:
            raise UnevenError
        full[1] = lengths
        return squeeze(full, kept), lengths + 2

    def _scaled(self, numbers: Array, fitter: Fitter, name: str) -> Array:
        """``scaling.scale`` and the bounds, as the unsigned integers of varints."""
        nearest = scale_all(numbers, self._factors)
        low, high = self._bounds
        if not ((nearest >= low) & (nearest <= high)).all():
            if not np.isfinite(nearest).all():
                raise UnevenError
            fitter.saturated[name] = None
            nearest = nearest.clip(low, high)
        return zigzag(nearest.astype(np.int64), self._signed)


def scale_all(numbers: Array, factors: Array) -> Array:
    """``scaling.scale`` of many numbers: whole, as doubles; not finite where the product is not."""
    with np.errstate(over="ignore", invalid="ignore"):
        nearest: Array = np.rint(numbers * factors)
        # One too large in magnitude exactly when it leads back beyond the number, as scaling.scale explains.
        nearest -= np.copysign(np.abs(nearest / factors) > np.abs(numbers), nearest)
    return nearest


def zigzag(whole: Array, signed: Array) -> Array:
    """Whole numbers as the unsigned integers of varints; the protobuf types with a sign interleave both signs."""
    unsigned: Array = (whole << signed ^ whole >> 63).astype(np.uint32)
    return unsigned


def varints(numbers: Array, sent: Array) -> tuple[Array, Array]:
    """(bytes, which of them there are) of columns x rows; VARINT_BYTES along a new axis between them.

    A zero has a byte where its column is ``sent``.
    """
    wide = numbers[:, None]
    data = (wide >> _SHIFTS).astype(np.uint8) & 0x7F
    there = (wide >= _LEAST).view(np.uint8)
    data[:, :-1] |= there[:, 1:] << 7
    there[:, 0] = sent | (numbers != 0)
    return data, there

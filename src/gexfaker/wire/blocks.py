"""Many rows encoded at once: scaled, bounded and serialised as columns of one array.

A record has some hundred rows of the same shape. Taken one by one, as the protobuf library wants them, they cost ten
times as much; that way remains for rows that are not alike, and is what this one is tested against: the bytes are the
same. Serialisation follows the protobuf encoding guide: varints, zigzag, packed lists, fields in order, zeros left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from gexfaker.wire.scaling import UINT32, Fitter

if TYPE_CHECKING:
    from gexfaker.wire.tables import Field

Array = np.ndarray[Any, Any]
LENGTH_DELIMITED: Final = 2
MAX_SHORT: Final = 127
"""Largest length with one byte; rows are far shorter, and longer ones are left to the library."""

_SHIFTS: Final = np.array([0, 7, 14, 21, 28], dtype=np.uint64)
"""A 32-bit number has up to five bytes as a varint."""


class UnevenError(Exception):
    """The rows have not all the same shape, or hold what needs a closer look."""


class Column(NamedTuple):
    """A column with the tags of its field: of the wrapping message (0: none) and of the number or list itself."""

    field: Field
    outer: int
    tag: int


class Rows:
    """The encoder of one list of rows.

    Args:
        field: its line of the table.
        descriptor: of the field in the message.
    """

    def __init__(self, field: Field, descriptor: Any) -> None:
        self._tag: Final = _tag(descriptor.number, LENGTH_DELIMITED)
        self._columns: Final = [_column(column, descriptor.message_type) for column in field.columns]
        self._name: Final = field.json

    def encode(self, rows: Sequence[list[Any]], fitter: Fitter) -> bytes:
        """The rows as they are in the message.

        Raises:
            UnevenError: rows of different lengths, a column of which only some are null, a number that is not finite.
        """
        if not rows:
            return b""
        pieces, masks = self._pieces(rows, fitter)
        body, mask = np.concatenate(pieces, axis=1), np.concatenate(masks, axis=1)
        lengths = mask.sum(axis=1)
        if lengths.max() > MAX_SHORT:
            raise UnevenError
        head = np.empty((len(rows), 2), dtype=np.uint8)
        head[:, 0], head[:, 1] = self._tag, lengths
        full = np.concatenate((head, body), axis=1)
        kept = np.concatenate((np.ones_like(head, dtype=bool), mask), axis=1)
        return bytes(full[kept].data)

    def _pieces(self, rows: Sequence[list[Any]], fitter: Fitter) -> tuple[list[Array], list[Array]]:
        try:
            turned = list(zip(*rows, strict=True))
        except ValueError:
            raise UnevenError from None
        if not all(column.field.optional for column in self._columns[len(turned) :]):
            raise UnevenError
        pieces, masks = [], []
        for column, values in zip(self._columns, turned, strict=False):
            if column.field.optional and values.count(None) == len(values):
                continue
            numbers = _scaled(column.field, values, fitter, self._name)
            piece, mask = _list(column, numbers) if column.field.many else _number(column, numbers)
            pieces.append(piece)
            masks.append(mask)
        return pieces, masks


def _tag(number: int, wire_type: int) -> int:
    tag = number << 3 | wire_type
    if tag > MAX_SHORT:
        raise ValueError(f"field {number} has a tag of two bytes")
    return tag


def _column(field: Field, message: Any) -> Column:
    descriptor = message.fields_by_name[field.wire]
    if not field.many:
        return Column(field, 0, _tag(descriptor.number, 0))
    if not field.inside:
        return Column(field, 0, _tag(descriptor.number, LENGTH_DELIMITED))
    inner = descriptor.message_type.fields_by_name[field.inside]
    return Column(field, _tag(descriptor.number, LENGTH_DELIMITED), _tag(inner.number, LENGTH_DELIMITED))


def _scaled(field: Field, values: Sequence[Any], fitter: Fitter, name: str) -> Array:
    """``scaling.scale`` and the bounds on a column (rows, or rows x numbers), as the integers of varints."""
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UnevenError from None
    if numbers.ndim != 1 + field.many:
        raise UnevenError
    with np.errstate(over="ignore", invalid="ignore"):
        product = numbers * field.factor
        nearest = np.rint(product)
        # One too large in magnitude exactly when it leads back beyond the number, as scaling.scale explains.
        nearest -= np.copysign(np.abs(nearest / field.factor) > np.abs(numbers), nearest)
    if not np.isfinite(product).all():
        raise UnevenError
    low, high = field.bounds
    if nearest.size and (nearest.min() < low or nearest.max() > high):
        fitter.saturated[name] = None
        nearest = nearest.clip(low, high)
    whole = nearest.astype(np.int64)
    return (whole if field.bounds == UINT32 else whole << 1 ^ whole >> 63).astype(np.uint64)


def _varints(numbers: Array) -> tuple[Array, Array]:
    """(bytes, which of them there are) of numbers below 2**32, five along a new last axis."""
    parts = numbers[..., None] >> _SHIFTS
    there = parts != 0
    parts &= 0x7F
    data = parts.astype(np.uint8)
    data[..., :-1] |= there[..., 1:].astype(np.uint8) << 7
    there[..., 0] = True
    return data, there


def _number(column: Column, numbers: Array) -> tuple[Array, Array]:
    data, there = _varints(numbers)
    piece = np.empty((len(numbers), 6), dtype=np.uint8)
    piece[:, 0], piece[:, 1:] = column.tag, data
    mask = np.empty((len(numbers), 6), dtype=bool)
    mask[:, 0], mask[:, 1:] = True, there
    if not column.field.optional:
        mask &= (numbers != 0)[:, None]
    return piece, mask


def _list(column: Column, numbers: Array) -> tuple[Array, Array]:
    """A packed list, in its wrapping message if it has one; an empty list leaves the wrapping alone."""
    data, there = (part.reshape(len(numbers), -1) for part in _varints(numbers))
    size = there.sum(axis=1)
    if size.max(initial=0) > MAX_SHORT - 2:
        raise UnevenError
    inner, outer = [column.tag, size] if data.size else [], []
    if column.outer:
        outer = [column.outer, size + len(inner)]
    head = [*outer, *inner]
    piece = np.empty((len(numbers), len(head) + data.shape[1]), dtype=np.uint8)
    for position, value in enumerate(head):
        piece[:, position] = value
    piece[:, len(head) :] = data
    mask = np.ones(piece.shape, dtype=bool)
    mask[:, len(head) :] = there
    return piece, mask

"""Many records encoded at once, from columns of whole numbers: the fast way beside ``tables``, whose bytes it gives.

A record that was just made by arithmetic need not become text first. Its numbers are whole and scaled already, so that
the message is nothing but varints between known bytes. A message is a sequence of parts: runs of plain fields, and
lists of rows. Of each part all records are laid out as one matrix, bytes by records, with room for the longest varint
everywhere; what is not there is masked, and what remains is cut where each record ends. Protobuf leaves out a plain
field that is 0, and so does the mask. Lists of rows are laid out by ``blocks.Layout``, those of all records together.

Numbers that do not fit their field are left to the long way, which notes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np

from gexfaker.records.columns import Columns
from gexfaker.records.fields import INT64, UINT32, Field
from gexfaker.wire.blocks import LENGTH_DELIMITED, VARINT_BYTES, Array, Layout, Plan, UnevenError, squeeze, zigzag
from gexfaker.wire.tables import Table

BATCHES_KEPT: Final = 256
"""Batches in memory, some kilobytes each: those of every ticker's messages that are played at once."""

_VARINT: Final = 0


def encode(table: Table, ticker: str, columns: Columns) -> list[bytes]:
    """The serialised message of each record.

    Raises:
        UnevenError: a number does not fit its field, or a row is too long: the long way encodes them.
    """
    return _batch(table, ticker, tuple(columns.rows.items())).encode(columns)


@lru_cache(maxsize=BATCHES_KEPT)
def _batch(table: Table, ticker: str, rows: tuple[tuple[str, bytes], ...]) -> _Batch:
    return _Batch(table, ticker, dict(rows))


class _Batch:
    """The parts of one ticker's messages of one kind."""

    def __init__(self, table: Table, ticker: str, rows: Mapping[str, bytes]) -> None:
        descriptors = table.message.DESCRIPTOR.fields_by_name
        name = _delimited(descriptors["ticker"].number, ticker.encode())
        self._parts: Final[list[_Plain | _List | _Missing]] = []
        run = [(_TIMESTAMP, _tag(descriptors[_TIMESTAMP.wire]), name)]
        for field in table.fields:
            if not field.columns:
                run.append((field, _tag(descriptors[field.wire]), b""))
                continue
            if run:
                self._parts.append(_Plain(run))
            shape = rows.get(field.json)
            self._parts.append(_List(field, descriptors[field.wire], shape) if shape else _Missing())
            run = []
        if run:
            self._parts.append(_Plain(run))

    def encode(self, columns: Columns) -> list[bytes]:
        """The message of each record. Raises UnevenError."""
        values, count = iter((columns.timestamps, *columns.values)), len(columns.timestamps)
        return [b"".join(pieces) for pieces in zip(*(part.encode(values, count) for part in self._parts), strict=True)]


_TIMESTAMP: Final = Field("timestamp", "timestamp", 1, INT64)


class _Fit:
    """What fits some fields, worked out once."""

    def __init__(self, fields: Sequence[Field]) -> None:
        bounds = [UINT32 if field.bounds == INT64 else field.bounds for field in fields]  # a varint of five bytes
        self._low, self._high = (np.array([[both[side]] for both in bounds]) for side in (0, 1))
        self._signed: Final = np.array([[int(field.bounds not in (UINT32, INT64))] for field in fields])

    def unsigned(self, whole: Array) -> Array:
        """Fields by records as the unsigned integers of varints. Raises UnevenError: one does not fit its field."""
        if not ((whole >= self._low) & (whole <= self._high)).all():
            raise UnevenError
        return zigzag(whole, self._signed)


class _Plain:
    """Fields one after the other that are one number each.

    Args:
        run: each field, its tag, and what stands behind it in every record.
    """

    def __init__(self, run: Sequence[tuple[Field, bytes, bytes]]) -> None:
        self._fields: Final = [field for field, _, _ in run]
        self._fit: Final = _Fit(self._fields)
        template = bytearray()
        slots: list[int] = []
        tags: list[int] = []
        owners: list[int] = []
        for number, (_, tag, behind) in enumerate(run):
            start = len(template) + len(tag)
            tags += range(len(template), start)
            owners += [number] * len(tag)
            slots += range(start, start + VARINT_BYTES)
            template += tag + bytes(VARINT_BYTES) + behind
        column = np.frombuffer(bytes(template), dtype=np.uint8)[:, None]
        self._plan: Final = Plan(column, np.array(slots), np.array(tags), np.array(owners))

    def encode(self, values: Iterator[Array | None], count: int) -> list[bytes]:
        """These fields of so many records. Raises UnevenError."""
        given = [next(values) for _ in self._fields]
        whole = np.stack([np.zeros(count) if one is None else one for one in given]).astype(np.int64)
        sent = [[field.optional and one is not None] for field, one in zip(self._fields, given, strict=True)]
        full, kept = self._plan.lay_out(self._fit.unsigned(whole), np.array(sent))
        return _cut(squeeze(full, kept), kept.sum(axis=0, dtype=np.int64))


class _Missing:
    """A list that no record has."""

    def encode(self, values: Iterator[Array | None], count: int) -> list[bytes]:
        """Nothing for each of so many records."""
        next(values)
        return [b""] * count


class _List:
    """A list of rows, as many in every record."""

    def __init__(self, field: Field, descriptor: Any, shape: bytes) -> None:
        self._wrapping: Final = _varint(descriptor.number << 3 | LENGTH_DELIMITED) if field.inside else b""
        inner = descriptor.message_type.fields_by_name[field.inside] if field.inside else descriptor
        self._layout: Final = Layout(field.columns, inner, shape)
        self._fit: Final = _Fit(self._layout.held)

    def encode(self, values: Iterator[Array | None], count: int) -> list[bytes]:
        """The list of each of so many records. Raises UnevenError."""
        numbers = next(values)
        if numbers is None:
            return [b""] * count
        records, rows, width = numbers.shape
        whole = numbers.reshape(records * rows, width).T.astype(np.int64)
        content, lengths = self._layout.pack(self._fit.unsigned(whole))
        lists = _cut(content, lengths.reshape(records, rows).sum(axis=1, dtype=np.int64))
        return [self._wrapping + _varint(len(one)) + one for one in lists] if self._wrapping else lists


def _cut(content: bytes, lengths: Array) -> list[bytes]:
    ends = [0, *np.cumsum(lengths).tolist()]
    return [content[start:end] for start, end in pairwise(ends)]


def _tag(descriptor: Any) -> bytes:
    return _varint(descriptor.number << 3 | _VARINT)


def _delimited(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes((*found, number))

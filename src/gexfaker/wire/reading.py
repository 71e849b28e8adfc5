"""Many records read at once, from their texts to columns: the fast way beside ``tables``, for ``batch`` to encode.

A recorded feed is read on and on, and its records are alike: the same keys, as many rows, the same columns in each. The
numbers of all rows of such a run are read as one list, become one array, and are scaled at once, so that a record costs
little more than its digits do.

What makes records alike is cheap to see: the ticker, which optional keys are missing, and the text of each list without
its numbers, such as ``[[,,,[,,]],[,,,[,,]]]``. A run ends before the first record that is not like the first, or that
cannot be read; that one is left to the long way, as is a number that fits no field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import takewhile
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import astuple

from gexfaker.bounded import Bounded
from gexfaker.limits import MAX_LAYOUTS
from gexfaker.records.columns import Columns
from gexfaker.wire.blocks import Array, UnevenError, numbers_in, rows_of, scale_all, sizes_of, skeleton_of
from gexfaker.wire.tables import Table

_NULL: Final = b"null"
_LARGEST: Final = 2.0**53
"""From here on a double cannot hold each whole number; every field ends far below."""


class Alike(NamedTuple):
    """Some records of one ticker.

    Attributes:
        ticker: of all of them.
        columns: their numbers.
    """

    ticker: str
    columns: Columns


class _Record(NamedTuple):
    """What was read of one record.

    Attributes:
        ticker: its ticker.
        timestamp: epoch seconds.
        plain: its numbers that are no lists; None where one is missing.
        lists: the text of each list; ``null`` where it is missing.
        likeness: equal for records that are alike.
    """

    ticker: str
    timestamp: int
    plain: Sequence[float | None]
    lists: Sequence[bytes]
    likeness: tuple[Any, ...]


@cache
def reader_of(table: Table) -> Reader:
    """What reads the records of a table's messages."""
    return Reader(table)


class Reader:
    """Reads the records of one kind of message."""

    def __init__(self, table: Table) -> None:
        fields = table.fields
        lists = [place for place, field in enumerate(fields) if field.columns]
        plain = [place for place, field in enumerate(fields) if not field.columns]
        self._fields: Final = fields
        self._decoder: Final = _decoder(table)
        self._plain_of: Final = _getter(plain)
        self._lists_of: Final = _getter(lists)
        self._missing_of: Final = _getter([place for place in plain if fields[place].optional])
        self._factors: Final = np.array([[float(fields[place].factor)] for place in plain])
        self._row_factors: Final[Bounded[tuple[str, bytes], Array]] = Bounded(MAX_LAYOUTS)

    def read(self, texts: Iterable[bytes]) -> Alike:
        """The first of some records, and those after it that are like it; reads at most one text more than it takes.

        Raises:
            UnevenError: the first is for the long way, or a number fits no field.
        """
        records = self._records(texts)
        first = next(records, None)
        if first is None:
            raise UnevenError
        alike = [first, *takewhile(lambda record: record.likeness == first.likeness, records)]
        try:
            return Alike(first.ticker, self._columns(alike))
        except (msgspec.MsgspecError, OverflowError, ValueError):  # a list is empty, a time or a number beyond 64 bits
            raise UnevenError from None

    def _records(self, texts: Iterable[bytes]) -> Iterator[_Record]:
        """As far as they can be read."""
        for text in texts:
            try:
                timestamp, ticker, *values = astuple(self._decoder.decode(text))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return
            if not ticker:  # protobuf leaves an empty text out
                return
            lists = [bytes(raw) for raw in self._lists_of(values)]
            missing = [value is None for value in self._missing_of(values)]
            likeness = (ticker, *missing, *map(skeleton_of, lists))
            yield _Record(ticker, timestamp, self._plain_of(values), lists, likeness)

    def _columns(self, records: Sequence[_Record]) -> Columns:
        """Records that are alike as numbers. Raises UnevenError, MsgspecError, OverflowError, ValueError."""
        plain = self._plain(records)
        texts = zip(*(record.lists for record in records), strict=True)
        values: list[Array | None] = []
        rows: dict[str, bytes] = {}
        for field in self._fields:
            if not field.columns:
                values.append(next(plain))
                continue
            found = next(texts)
            if found[0] == _NULL and field.optional:
                values.append(None)
            else:
                shape, count = rows_of(skeleton_of(found[0]))
                factors = self._factors_of(field.json, shape)
                numbers = np.array(numbers_in(b",".join(found))).reshape(len(found), count, len(factors))
                rows[field.json] = shape
                values.append(_whole(numbers, factors))
        return Columns(np.array([record.timestamp for record in records], dtype=np.int64), tuple(values), rows)

    def _plain(self, records: Sequence[_Record]) -> Iterator[Array | None]:
        """Of each field that is no list its numbers, or None where it is missing."""
        missing = [value is None for value in records[0].plain]
        numbers = np.array([record.plain for record in records], dtype=float).T
        numbers[missing] = 0.0
        for column, absent in zip(_whole(numbers, self._factors), missing, strict=True):
            yield None if absent else column

    def _factors_of(self, name: str, shape: bytes) -> Array:
        """What each number of a row is multiplied by. Raises UnevenError."""
        found = self._row_factors.get((name, shape))
        if found is None:
            columns = next(field.columns for field in self._fields if field.json == name)
            sizes = zip(columns, sizes_of(columns, shape), strict=True)
            found = np.array([float(column.factor) for column, size in sizes for _ in range(size)])
            self._row_factors[name, shape] = found
        return found


def _whole(numbers: Array, factors: Array) -> Array:
    """Scaled to whole numbers. Raises UnevenError: one is too large for any field, or not finite."""
    scaled = scale_all(numbers, factors)
    if not (np.abs(scaled) < _LARGEST).all():
        raise UnevenError
    return scaled.astype(np.int64)


def _decoder(table: Table) -> msgspec.json.Decoder[Any]:
    """Reads a record, its lists unread."""
    members: list[Any] = [("timestamp", int), ("ticker", str)]
    for field in table.fields:
        name = field.json.replace(" ", "_")
        if field.columns:
            members.append((name, msgspec.Raw, msgspec.Raw(_NULL)) if field.optional else (name, msgspec.Raw))
        else:
            members.append((name, float | None, None) if field.optional else (name, float))
    return msgspec.json.Decoder(msgspec.defstruct("Record", members, kw_only=True, gc=False))


def _getter(places: Sequence[int]) -> Any:
    """What takes the values at some places of a list, as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[place] for place in places)

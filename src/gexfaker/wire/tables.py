"""A message as one table: the shape of its record, and the generated class.

The record type, the encoder, the decoder and the documentation of a message are all made from its table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from google.protobuf.message import Message
from msgspec.structs import astuple

from gexfaker.errors import RecordError
from gexfaker.records.fields import INT64, Field, Shape
from gexfaker.wire.blocks import Rows, UnevenError
from gexfaker.wire.scaling import Encoded, Fitter, saturate, unscale


class Table:
    """The table of one kind of message; timestamp and ticker, which all have, are not in it.

    Args:
        shape: of its record; the order of the keys is also that of the field numbers.
        type_url: its name in the Any.
        message: the generated class.
    """

    def __init__(self, shape: Shape, type_url: str, message: type[Message]) -> None:
        fields = shape.fields
        self.shape: Final = shape
        self.kind: Final = shape.kind
        self.type_url: Final = type_url
        self.message: Final = message
        self.fields: Final = fields
        head: list[Any] = [("timestamp", int), ("ticker", str)]
        self._decoder: Final = _decoder(head + _members(fields, msgspec.Raw))
        self._careful: Final = _decoder(head + _members(fields, None))
        blocks = [place for place, field in enumerate(fields) if field.columns and not field.inside]
        self._cut: Final = blocks[0] if blocks else len(fields)
        row_field = fields[self._cut] if blocks else None
        descriptors = message.DESCRIPTOR.fields_by_name
        self._rows: Final = row_field and Rows(row_field, descriptors[row_field.wire])

    def encode(self, record: bytes) -> Encoded:
        """The serialised message of one JSON record.

        Raises:
            RecordError: invalid JSON or UTF-8, a key missing or of the wrong type, a number that is not finite.
        """
        try:
            return self._encode_fast(self._decoder.decode(record))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, UnevenError):
            return self.encode_carefully(record)

    def _encode_fast(self, row: msgspec.Struct) -> Encoded:
        """The fields before the list of rows, the rows as a block, the fields after it."""
        timestamp, ticker, *values = astuple(row)
        fitter = Fitter()
        cut = self._cut
        before = _scale_all(self.fields[:cut], values[:cut], fitter, "")
        parts = [self.message(timestamp=saturate(timestamp, INT64), ticker=ticker, **before).SerializeToString()]
        if self._rows is not None:
            parts.append(self._rows.encode(bytes(values[cut]), fitter))
            after = _scale_all(self.fields[cut + 1 :], values[cut + 1 :], fitter, "")
            parts.append(self.message(**after).SerializeToString())
        return Encoded(b"".join(parts), tuple(fitter.saturated))

    def encode_carefully(self, record: bytes) -> Encoded:
        """The same by the protobuf library alone, row by row: for rows that are not alike, and for errors.

        Raises:
            RecordError: as above.
        """
        try:
            timestamp, ticker, *values = astuple(self._careful.decode(record))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise RecordError(f"not {self.kind} record: {error}") from None
        fitter = Fitter()
        scaled = _scale_all(self.fields, values, fitter, "")
        message = self.message(timestamp=saturate(timestamp, INT64), ticker=ticker, **scaled)
        return Encoded(message.SerializeToString(), tuple(fitter.saturated))

    def decode(self, message: bytes) -> dict[str, Any]:
        """The JSON record of a serialised message: keys in the REST order, integral values as ints.

        Raises:
            google.protobuf.message.DecodeError: not a protobuf message.
        """
        parsed: Any = self.message.FromString(message)
        record: dict[str, Any] = {"timestamp": parsed.timestamp, "ticker": parsed.ticker}
        for field in self.fields:
            if not field.optional or parsed.HasField(field.wire):
                record[field.json] = _unscale(field, getattr(parsed, field.wire))
        return record


def _decoder(members: list[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(msgspec.defstruct("Record", members, kw_only=True, gc=False))


def _members(fields: Sequence[Field], rows: Any) -> list[Any]:
    """The members of a record or row, for ``msgspec.defstruct``; ``rows`` is the type of lists of rows, None: typed."""
    members: list[Any] = []
    for field in fields:
        kind: Any = float
        if field.columns:
            row = msgspec.defstruct("Row", _members(field.columns, rows), array_like=True, gc=False)
            # Rows in a wrapping message are few, and not encoded as a block.
            kind = rows if rows is not None and not field.inside else list[row]  # type: ignore[valid-type]
        elif field.many:
            kind = list[float]
        name = field.json.replace(" ", "_")
        members.append((name, kind | None, None) if field.optional else (name, kind))
    return members


def _scale_all(fields: Sequence[Field], values: Sequence[Any], fitter: Fitter, name: str) -> dict[str, Any]:
    """What to put into a message, by field; ``name`` is the key that errors name, "" for each its own."""
    pairs = zip(fields, values, strict=True)
    return {field.wire: _scale(field, value, fitter, name or field.json) for field, value in pairs if value is not None}


def _scale(field: Field, value: Any, fitter: Fitter, name: str) -> Any:
    if field.columns:
        made: list[Any] = [_scale_all(field.columns, astuple(row), fitter, name) for row in value]
    elif field.many:
        made = [fitter.fit(number, field.factor, field.bounds, name) for number in value]
    else:
        return fitter.fit(value, field.factor, field.bounds, name)
    return {field.inside: made} if field.inside else made


def _unscale(field: Field, value: Any) -> Any:
    held = getattr(value, field.inside) if field.inside else value
    if field.columns:
        return [_row(field.columns, row) for row in held]
    if field.many:
        return [unscale(number, field.factor) for number in held]
    return unscale(held, field.factor)


def _row(columns: Sequence[Field], message: Any) -> list[Any]:
    row: list[Any] = []
    for column in columns:
        if not column.optional or message.HasField(column.wire):
            row.append(_unscale(column, getattr(message, column.wire)))
        elif column.null:
            row.append(None)
    return row

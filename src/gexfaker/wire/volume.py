"""The legacy volume snapshot: ``proto.greek`` by its type URL, but JSON text by its content.

The text has the keys of the message, not those of REST: major_call_gamma for major_positive, major_put_gamma for
major_negative. Numbers pass as they are.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gexfaker.errors import RecordError
from gexfaker.wire.greeks import GREEKS
from gexfaker.wire.scaling import Encoded

KEYS: Final = ("timestamp", "ticker", *(field.wire for field in GREEKS.fields))
"""The keys of the text, in order; the names of the greeks message."""

_REST: Final = {field.wire: field.json for field in GREEKS.fields}
_OPTIONAL: Final = {field.wire for field in GREEKS.fields if field.optional}


def is_text(message: bytes) -> bool:
    """Whether a ``proto.greek`` content is this text: no field of the message starts with a brace's byte."""
    return message[:1] == b"{"


class Volume:
    """The format of the volume feeds; records may use either set of keys."""

    type_url: Final = GREEKS.type_url

    def encode(self, record: bytes) -> Encoded:
        """The compact JSON text of one record. Raises RecordError when it would not be a greeks record."""
        row = _parse(record)
        named = {key: row.get(key, row.get(_REST.get(key, key))) for key in KEYS}
        GREEKS.encode(msgspec.json.encode({_REST.get(key, key): value for key, value in named.items()}))
        kept = {key: value for key, value in named.items() if value is not None or key not in _OPTIONAL}
        return Encoded(msgspec.json.encode(kept), ())

    def decode(self, message: bytes) -> dict[str, Any]:
        """The record with the keys of REST. Raises RecordError."""
        row = _parse(message)
        return {_REST.get(key, key): value for key, value in row.items()}


def _parse(text: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"not a volume record: {error}") from None


VOLUME: Final = Volume()

"""Which message carries which feed: encoders by kind of feed, decoders by type URL."""

from __future__ import annotations

from typing import Any, Final, Protocol

from gexfaker.catalog import GREEKS as GREEK_NAMES
from gexfaker.catalog import Feed
from gexfaker.wire.gex import GEX
from gexfaker.wire.greeks import GREEKS
from gexfaker.wire.orderflow import ORDERFLOW
from gexfaker.wire.scaling import Encoded
from gexfaker.wire.spot import SPOT
from gexfaker.wire.volume import VOLUME, is_text

TABLES: Final = (GEX, GREEKS, ORDERFLOW, SPOT)
"""Every protobuf message of the feed."""


class Format(Protocol):
    """How a JSON record becomes the content of a message, and back."""

    @property
    def type_url(self) -> str:
        """Its name in the Any."""

    def encode(self, record: bytes) -> Encoded:
        """The content for one record. Raises RecordError."""

    def decode(self, message: bytes) -> dict[str, Any]:
        """The record of a content."""


_BY_KIND: Final[dict[str, Format]] = {
    "gex": GEX,
    **dict.fromkeys(GREEK_NAMES, GREEKS),
    "volume": VOLUME,
    "orderflow": ORDERFLOW,
    "spot": SPOT,
}
_BY_TYPE_URL: Final = {table.type_url: table for table in TABLES}


def format_of(feed: Feed) -> Format:
    """The format of a feed."""
    return _BY_KIND[feed.kind]


def decode(type_url: str, message: bytes) -> dict[str, Any]:
    """The record of any message of the feed.

    Raises:
        KeyError: not a type URL of the feed.
        google.protobuf.message.DecodeError, RecordError: not such a message.
    """
    is_volume = type_url == VOLUME.type_url and is_text(message)
    return VOLUME.decode(message) if is_volume else _BY_TYPE_URL[type_url].decode(message)

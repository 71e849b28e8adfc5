"""The payload of a feed: message -> zstd frame without content size -> serialised google.protobuf.Any.

The type URL is the bare string (``proto.orderflow``), as on the service.
"""

from __future__ import annotations

import io
from typing import Final

import zstandard
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

from gexfaker.errors import RecordError
from gexfaker.limits import KIB, MAX_SNAPSHOT_BYTES

ZSTD_LEVEL: Final = 3
_compressor: Final = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_content_size=False)
_WINDOW_BYTES: Final = 8 * 1024 * KIB


def pack(type_url: str, message: bytes) -> bytes:
    """The serialised Any around the compressed message."""
    return Any(type_url=type_url, value=_compressor.compress(message)).SerializeToString()


def unpack(payload: bytes) -> tuple[str, bytes]:
    """(type URL, decompressed message) of a serialised Any.

    Reads as a stream, because a frame without content size cannot be decompressed in one shot, and no
    further than MAX_SNAPSHOT_BYTES.

    Raises:
        RecordError: not an Any, not a zstd frame, or larger than the bound.
    """
    try:
        wrapped = Any.FromString(payload)
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
        with decompressor.stream_reader(io.BytesIO(wrapped.value)) as reader:
            message = reader.read(MAX_SNAPSHOT_BYTES + 1)
    except (DecodeError, zstandard.ZstdError) as error:
        raise RecordError(f"not a feed payload: {error}") from None
    if len(message) > MAX_SNAPSHOT_BYTES:
        raise RecordError(f"the payload unpacks to more than {MAX_SNAPSHOT_BYTES} bytes")
    return wrapped.type_url, message

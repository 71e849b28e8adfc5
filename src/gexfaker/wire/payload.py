"""The payload of a feed: message -> zstd frame without content size -> serialised google.protobuf.Any.

The type URL is the bare string (``proto.orderflow``), as on the service.
"""

from __future__ import annotations

import threading
from typing import Final

import zstandard
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

from gexfaker.errors import RecordError
from gexfaker.limits import KIB, MAX_SNAPSHOT_BYTES

ZSTD_LEVEL: Final = 3
_WINDOW_BYTES: Final = 8 * 1024 * KIB


class _Own(threading.local):
    """A compressor for each thread.

    A compressor is not safe in two threads: it gives up the interpreter lock while it works, and the process dies. Two
    servers in one process, as in the tests of a client, are two threads.
    """

    def __init__(self) -> None:
        self.compressor: Final = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_content_size=False)


_own: Final = _Own()


def pack(type_url: str, message: bytes) -> bytes:
    """The serialised Any around the compressed message. It may be called in any thread."""
    return Any(type_url=type_url, value=_own.compressor.compress(message)).SerializeToString()


def unpack(payload: bytes) -> tuple[str, bytes]:
    """(type URL, decompressed message) of a serialised Any.

    A frame without content size needs a bound to be decompressed in one shot; MAX_SNAPSHOT_BYTES is it. (A
    streaming reader would need none, but it takes the end of a cut frame for the end of the message.)

    Raises:
        RecordError: not an Any, not a whole zstd frame, or larger than the bound.
    """
    try:
        wrapped = Any.FromString(payload)
        if zstandard.frame_content_size(wrapped.value) > MAX_SNAPSHOT_BYTES:
            raise RecordError(f"the payload unpacks to more than {MAX_SNAPSHOT_BYTES} bytes")
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
        return wrapped.type_url, decompressor.decompress(wrapped.value, max_output_size=MAX_SNAPSHOT_BYTES)
    except (DecodeError, zstandard.ZstdError) as error:
        raise RecordError(f"not a feed payload: {error}") from None

"""The protobuf subprotocols: one binary frame a message, both directions."""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from google.protobuf.message import DecodeError

from gexfaker.errors import FrameError
from gexfaker.limits import MAX_STARTS
from gexfaker.wire import messages as m
from gexfaker.wire.frames import BINARY
from gexfaker.wire.generated import webpubsub_pb2 as pb
from gexfaker.wire.protocol import DOWNSTREAM, UPSTREAM
from gexfaker.wire.protofields import INVALID, write_data

OPCODE: Final = BINARY
WRONG_OPCODE: Final = "The protobuf.webpubsub.azure.v1 subprotocol requires binary messages."

_DATA_TAG: Final = b"\x12"  # Downstream.data, length-delimited
_WRAPPED_TAG: Final = b"\x1a"  # DataMessage.data
_ANY_TAG: Final = b"\x1a"  # Data.protobuf
_SEQUENCE_TAG: Final = b"\x20"  # DataMessage.sequence_id, varint

_BY_FIELD: Final = {row.field: row for row in (*UPSTREAM, *DOWNSTREAM)}
_BY_MESSAGE: Final = {row.message: row for row in (*UPSTREAM, *DOWNSTREAM)}
_PART: Final = {row.field: attrgetter(row.field) for row in (*UPSTREAM, *DOWNSTREAM)}


def decode_upstream(payload: bytes) -> m.Received:
    """The client's message in a binary frame.

    Raises:
        FrameError: 1007, undecodable, empty, or lacking what its type needs.
    """
    try:
        frame = pb.Upstream.FromString(payload)
        kind = frame.WhichOneof("message")
    except (DecodeError, ValueError):
        raise FrameError(1007, INVALID, "it is no UpstreamMessage") from None
    if kind is None:
        raise FrameError(1007, INVALID, "it holds no message of a known kind")
    message: m.Upstream = _BY_FIELD[kind].read_proto(getattr(frame, kind))
    return message


def pieces(message: m.DataMessage) -> tuple[bytes, ...]:
    """A data message for a plain client, still in pieces."""
    inner = _inner(message)
    return _DATA_TAG + _varint(sum(map(len, inner))), *inner


def shared(message: m.DataMessage) -> bytes:
    """The inner DataMessage without its sequence id, for every reliable client."""
    return b"".join(_inner(message))


def _inner(message: m.DataMessage) -> tuple[bytes, ...]:
    value = message.data.value
    if message.data.type is m.PROTOBUF and not message.metadata:  # what the feed sends is put in as it is
        length = _varint(len(value))
        wrapped = _varint(1 + len(length) + len(value))
        return _start(message.source, message.group), wrapped, _ANY_TAG, length, value
    return (_whole(message),)


@lru_cache(maxsize=MAX_STARTS)
def _start(source: str, group: str | None) -> bytes:
    """A DataMessage up to the length of its data."""
    fields: dict[str, Any] = {"from": source} | ({} if group is None else {"group": group})
    return pb.Downstream.DataMessage(**fields).SerializeToString(deterministic=True) + _WRAPPED_TAG


def _whole(message: m.DataMessage) -> bytes:
    fields: dict[str, Any] = {"from": message.source, "data": write_data(message.data)}
    if message.group is not None:
        fields["group"] = message.group
    if message.metadata:
        fields["metadata"] = dict(message.metadata)
    return pb.Downstream.DataMessage(**fields).SerializeToString(deterministic=True)


def _varint(number: int) -> bytes:
    if number < 1 << 14:  # as most lengths are
        return bytes((number,) if number < 0x80 else (number & 0x7F | 0x80, number >> 7))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def numbered(part: bytes, sequence_id: int) -> bytes:
    """The whole message for a reliable client. The sequence id comes last: parsers take fields in any order."""
    return _downstream_data(part + _SEQUENCE_TAG + _varint(sequence_id))


def _downstream_data(part: bytes) -> bytes:
    return _DATA_TAG + _varint(len(part)) + part


def encode_downstream(message: m.Downstream) -> bytes:
    """The service's message, serialised."""
    if isinstance(message, m.DataMessage):
        number = message.sequence_id
        return b"".join(pieces(message)) if number is None else numbered(shared(message), number)
    row, down = _BY_MESSAGE[type(message)], pb.Downstream()
    row.write_proto(message, _PART[row.field](down))
    return down.SerializeToString()


def encode_upstream(message: m.Upstream) -> bytes:
    """The client's message, serialised."""
    row, up = _BY_MESSAGE[type(message)], pb.Upstream()
    part = _PART[row.field](up)
    row.write_proto(message, part)
    ack_id = getattr(message, "ack_id", None)
    if ack_id is not None:
        part.ack_id = ack_id
    return up.SerializeToString()


def decode_downstream(payload: bytes) -> m.Downstream:
    """The service's message in a binary frame.

    Raises:
        FrameError: 1007, not a message of the service.
    """
    try:
        down = pb.Downstream.FromString(payload)
        kind = down.WhichOneof("message")
    except (DecodeError, ValueError):
        raise FrameError(1007, "The service's message is not a valid protobuf protocol message.") from None
    if kind is None:
        raise FrameError(1007, "The service's message is empty.")
    if kind == "system":
        kind = "system.disconnected" if down.system.HasField("disconnected") else "system.connected"
    message: m.Downstream = _BY_FIELD[kind].read_proto(_PART[kind](down))
    return message

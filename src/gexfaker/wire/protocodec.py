"""The protobuf subprotocols: one binary frame a message, both directions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, cast

import msgspec
from google.protobuf.message import DecodeError

from gexfaker.errors import FrameError
from gexfaker.limits import MAX_GROUP_LENGTH, MAX_STARTS
from gexfaker.wire import messages as m
from gexfaker.wire.frames import BINARY
from gexfaker.wire.generated import webpubsub_pb2 as pb
from gexfaker.wire.jsoncodec import EVENT_NAME, MAX_TTL_SECONDS

OPCODE: Final = BINARY
INVALID: Final = "The client message is not a valid protobuf protocol message."
WRONG_OPCODE: Final = "The protobuf.webpubsub.azure.v1 subprotocol requires binary messages."

_json: Final = msgspec.json.Decoder(msgspec.Raw)
_DATA_TAG: Final = b"\x12"  # Downstream.data, length-delimited
_WRAPPED_TAG: Final = b"\x1a"  # DataMessage.data
_ANY_TAG: Final = b"\x1a"  # Data.protobuf
_SEQUENCE_TAG: Final = b"\x20"  # DataMessage.sequence_id, varint


def _ack_id(message: Any) -> int | None:
    return message.ack_id if message.HasField("ack_id") else None


def _group(group: str) -> str:
    if not group.strip() or len(group) > MAX_GROUP_LENGTH:
        raise FrameError(1007, INVALID)
    return group


def _data(data: pb.Data) -> m.Data:
    match data.WhichOneof("data"):
        case "text":
            return m.Data(m.DataType.TEXT, data.text.encode())
        case "json":
            return m.Data(m.DataType.JSON, _checked(data.json.encode()))
        case "binary":
            return m.Data(m.DataType.BINARY, data.binary)
        case "protobuf":
            return m.Data(m.DataType.PROTOBUF, data.protobuf.SerializeToString())
    raise FrameError(1007, INVALID)


def _checked(text: bytes) -> bytes:
    """JSON text as it is: receivers that speak JSON get it inside a frame of theirs, so it must be JSON."""
    try:
        _json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        raise FrameError(1007, INVALID) from None
    return text


def _metadata(part: Any) -> m.Metadata:
    metadata = m.metadata_of(dict(part.metadata))
    if metadata is None:
        raise FrameError(1007, INVALID)
    return tuple(sorted(metadata))


def _send(part: pb.Upstream.SendToGroup) -> m.Upstream:
    if part.HasField("stream") or part.ttl_seconds > MAX_TTL_SECONDS:
        raise FrameError(1007, INVALID)
    return m.SendToGroup(_group(part.group), _data(part.data), _ack_id(part), part.no_echo, _metadata(part))


def _event(part: pb.Upstream.Event) -> m.Upstream:
    if not EVENT_NAME.fullmatch(part.event):
        raise FrameError(1007, INVALID)
    return m.Event(part.event, _data(part.data), _ack_id(part), _metadata(part))


_UPSTREAM: Final[dict[str, Callable[[Any], m.Upstream]]] = {
    "join_group": lambda part: m.JoinGroup(_group(part.group), _ack_id(part)),
    "leave_group": lambda part: m.LeaveGroup(_group(part.group), _ack_id(part)),
    "send_to_group": _send,
    "event": _event,
    "sequence_ack": lambda part: m.SequenceAck(part.sequence_id),
    "ping": lambda _: m.Ping(),
}


def decode_upstream(payload: bytes) -> m.Upstream:
    """The client's message in a binary frame.

    Raises:
        FrameError: 1007, undecodable, empty, or lacking what its type needs.
    """
    try:
        frame = pb.Upstream.FromString(payload)
        kind = frame.WhichOneof("message")
    except (DecodeError, ValueError):
        raise FrameError(1007, INVALID) from None
    if kind is None:
        raise FrameError(1007, INVALID)
    return _UPSTREAM[kind](getattr(frame, kind))


def _wrap(data: m.Data) -> pb.Data:
    match data.type:
        case m.DataType.TEXT:
            return pb.Data(text=data.value.decode())
        case m.DataType.JSON:
            return pb.Data(json=data.value.decode())
        case m.DataType.BINARY:
            return pb.Data(binary=data.value)
    wrapped = pb.Data()
    wrapped.protobuf.MergeFromString(data.value)
    return wrapped


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
    fields: dict[str, Any] = {"from": message.source, "data": _wrap(message.data)}
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
    down = pb.Downstream()
    match message:
        case m.DataMessage():
            number = message.sequence_id
            return b"".join(pieces(message)) if number is None else numbered(shared(message), number)
        case m.Connected(connection_id, user_id, token):
            down.system.connected.connection_id = connection_id
            down.system.connected.user_id = user_id or ""
            if token is not None:
                down.system.connected.reconnection_token = token
        case m.Disconnected(text):
            down.system.disconnected.reason = text
        case m.Ack(ack_id, error):
            down.ack.ack_id = ack_id
            down.ack.success = error is None
            if error is not None:
                down.ack.error.name, down.ack.error.message = error.name, error.message
        case m.Pong():
            down.pong.SetInParent()
    return down.SerializeToString()


def encode_upstream(message: m.Upstream) -> bytes:
    """The client's message, serialised."""
    up = pb.Upstream()
    part: Any
    match message:
        case m.JoinGroup(group) | m.LeaveGroup(group):
            part = up.join_group if isinstance(message, m.JoinGroup) else up.leave_group
            part.group = group
        case m.SendToGroup(group, data):
            part = up.send_to_group
            part.group, part.no_echo = group, message.no_echo
            part.data.CopyFrom(_wrap(data))
            part.metadata.update(dict(message.metadata))
        case m.Event(event, data):
            part = up.event
            part.event = event
            part.data.CopyFrom(_wrap(data))
            part.metadata.update(dict(message.metadata))
        case m.SequenceAck(sequence_id):
            up.sequence_ack.sequence_id = sequence_id
            up.sequence_ack.SetInParent()
        case m.Ping():
            up.ping.SetInParent()
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
    match kind:
        case "data":
            part = down.data
            group = part.group if part.HasField("group") else None
            sequence_id = part.sequence_id if part.HasField("sequence_id") else None
            source = cast("Any", getattr(part, "from"))
            metadata = tuple(sorted(part.metadata.items()))
            return m.DataMessage(_data(part.data), group, None, sequence_id, source, metadata)
        case "ack":
            failed = down.ack.HasField("error")
            error = m.AckError(down.ack.error.name, down.ack.error.message) if failed else None
            return m.Ack(down.ack.ack_id, error)
        case "system":
            return _system(down.system)
        case "pong":
            return m.Pong()
    raise FrameError(1007, "The service's message is empty.")


def _system(system: pb.Downstream.System) -> m.Downstream:
    if system.HasField("disconnected"):
        return m.Disconnected(system.disconnected.reason)
    part = system.connected
    token = part.reconnection_token if part.HasField("reconnection_token") else None
    return m.Connected(part.connection_id, part.user_id or None, token)

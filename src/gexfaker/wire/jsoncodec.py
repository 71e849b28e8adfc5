"""The JSON subprotocols: UTF-8 text frames, both directions (webpubsub JSON protocol v1)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, cast

import msgspec
import pybase64
from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.message import DecodeError

from gexfaker.errors import FrameError
from gexfaker.limits import MAX_GROUP_LENGTH, MAX_STARTS
from gexfaker.wire import messages as m
from gexfaker.wire.frames import TEXT

OPCODE: Final = TEXT
INVALID: Final = "The client message is not a valid JSON protocol message."
WRONG_OPCODE: Final = "The JSON subprotocol requires text messages."
EVENT_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,127}")
MAX_TTL_SECONDS: Final = 300

_quote: Final = msgspec.json.encode


class _Frame(msgspec.Struct, gc=False):
    """Every field a client may send; which of them a message needs depends on its type."""

    type: str
    group: str | None = None
    event: str | None = None
    ack_id: int | None = msgspec.field(default=None, name="ackId")
    data_type: str | None = msgspec.field(default=None, name="dataType")
    data: msgspec.Raw = msgspec.Raw(b"null")
    no_echo: bool | None = msgspec.field(default=None, name="noEcho")
    sequence_id: int | None = msgspec.field(default=None, name="sequenceId")
    ttl_seconds: int | None = msgspec.field(default=None, name="ttlSeconds")
    metadata: dict[str, str] | None = None


_frames: Final = msgspec.json.Decoder(_Frame)
_text: Final = msgspec.json.Decoder(str)


def _uint(number: int | None) -> int | None:
    if number is not None and not 0 <= number <= m.MAX_UINT64:
        raise FrameError(1007, INVALID)
    return number


def _group(frame: _Frame) -> str:
    group = frame.group
    if group is None or not group.strip() or len(group) > MAX_GROUP_LENGTH:
        raise FrameError(1007, INVALID)
    return group


def _data(frame: _Frame) -> m.Data:
    raw = bytes(frame.data)
    if raw == b"null":
        raise FrameError(1007, INVALID)
    kind = m.DataType((frame.data_type or m.DataType.JSON).lower())
    if kind is m.DataType.JSON:
        return m.Data(kind, raw)
    text = _text.decode(raw)
    if kind is m.DataType.TEXT:
        return m.Data(kind, text.encode())
    value = base64.b64decode(text, validate=True)
    if kind is m.DataType.PROTOBUF:
        PackedAny.FromString(value)  # a receiver of another dialect gets it as a message
    return m.Data(kind, value)


def _metadata(frame: _Frame) -> m.Metadata:
    metadata = m.metadata_of(frame.metadata or {})
    if metadata is None:
        raise FrameError(1007, INVALID)
    return metadata


def _send(frame: _Frame) -> m.Upstream:
    if not 0 <= (frame.ttl_seconds or 0) <= MAX_TTL_SECONDS:
        raise FrameError(1007, INVALID)
    return m.SendToGroup(_group(frame), _data(frame), _uint(frame.ack_id), bool(frame.no_echo), _metadata(frame))


def _event(frame: _Frame) -> m.Upstream:
    if frame.event is None or not EVENT_NAME.fullmatch(frame.event):
        raise FrameError(1007, INVALID)
    return m.Event(frame.event, _data(frame), _uint(frame.ack_id), _metadata(frame))


def _sequence_ack(frame: _Frame) -> m.Upstream:
    number = _uint(frame.sequence_id)
    if number is None:
        raise FrameError(1007, INVALID)
    return m.SequenceAck(number)


_UPSTREAM: Final[dict[str, Callable[[_Frame], m.Upstream]]] = {
    "joingroup": lambda frame: m.JoinGroup(_group(frame), _uint(frame.ack_id)),
    "leavegroup": lambda frame: m.LeaveGroup(_group(frame), _uint(frame.ack_id)),
    "sendtogroup": _send,
    "event": _event,
    "sequenceack": _sequence_ack,
    "ping": lambda _: m.Ping(),
}


def decode_upstream(payload: bytes) -> m.Upstream:
    """The client's message in a text frame.

    Raises:
        FrameError: 1007, not valid JSON of a known type with all it needs.
    """
    try:
        frame = _frames.decode(payload.decode())
        return _UPSTREAM[frame.type.lower()](frame)
    except (msgspec.MsgspecError, DecodeError, KeyError, ValueError, RecursionError, binascii.Error):
        raise FrameError(1007, INVALID) from None


def _value(data: m.Data) -> bytes:
    if data.type is m.DataType.JSON:
        return data.value
    if data.type is m.DataType.TEXT:
        return msgspec.json.encode(data.value.decode())
    return b'"%b"' % pybase64.b64encode(data.value)


def pieces(message: m.DataMessage) -> tuple[bytes, ...]:
    """A data message for a plain client, still in pieces: the frame around it is put together in one go.

    It names the publisher's user even when there is none, as on the service.
    """
    data, source = message.data, message.source
    if data.type is m.PROTOBUF and source == "group" and message.from_user_id is None and not message.metadata:
        return _feed_start(message.group), pybase64.b64encode(data.value), b'"}'
    start = _start(source, message.group, data.type, message.from_user_id, source == "group")
    return b"{", start, _value(data), _metadata_text(message), b"}"


def shared(message: m.DataMessage) -> bytes:
    """All of a data message but its opening, for every reliable client. It names only a user that there is."""
    start = _start(message.source, message.group, message.data.type, None, False)
    user = b"" if message.source != "group" or message.from_user_id is None else _user(message.from_user_id)
    return b"".join((start, _value(message.data), _metadata_text(message), user, b"}"))


def numbered(part: bytes, sequence_id: int) -> bytes:
    """The whole message for a reliable client: the opening with its sequence id, and the shared part."""
    return b'{"sequenceId":%d,%b' % (sequence_id, part)


@lru_cache(maxsize=MAX_STARTS)
def _feed_start(group: str | None) -> bytes:
    """The text of a message of the feed up to its payload."""
    return b'{%b"' % _start("group", group, m.PROTOBUF, None, True)


@lru_cache(maxsize=MAX_STARTS)
def _start(source: str, group: str | None, data_type: m.DataType, user: str | None, with_user: bool) -> bytes:
    """A data message's text up to its data."""
    parts = [b'"type":"message","from":', _quote(source)]
    if with_user:
        parts.append(_user(user))
    if group is not None:
        parts += [b',"group":', _quote(group)]
    return b"".join((*parts, b',"dataType":', _quote(data_type), b',"data":'))


def _user(user: str | None) -> bytes:
    return b',"fromUserId":' + _quote(user)


def _metadata_text(message: m.DataMessage) -> bytes:
    return b',"metadata":' + _quote(dict(message.metadata)) if message.metadata else b""


def encode_downstream(message: m.Downstream) -> bytes:
    """The service's message as compact JSON."""
    if isinstance(message, m.DataMessage):
        number = message.sequence_id
        return b"".join(pieces(message)) if number is None else numbered(shared(message), number)
    return msgspec.json.encode(_downstream_fields(message))


def _downstream_fields(message: m.Connected | m.Disconnected | m.Ack | m.Pong) -> dict[str, Any]:
    match message:
        case m.Connected(connection_id, user_id, token):
            fields = {
                "type": "system",
                "event": "connected",
                "userId": user_id,
                "connectionId": connection_id,
            }
            return fields if token is None else fields | {"reconnectionToken": token}
        case m.Disconnected(text):
            return {"type": "system", "event": "disconnected", "message": text}
        case m.Ack(ack_id, None):
            return {"type": "ack", "ackId": ack_id, "success": True}
        case m.Ack(ack_id, m.AckError(name, text)):
            error = {"name": name, "message": text}
            return {"type": "ack", "ackId": ack_id, "success": False, "error": error}
    return {"type": "pong"}


def encode_upstream(message: m.Upstream) -> bytes:
    """The client's message as compact JSON."""
    fields: dict[str, Any]
    match message:
        case m.JoinGroup(group) | m.LeaveGroup(group):
            fields = {
                "type": "joinGroup" if isinstance(message, m.JoinGroup) else "leaveGroup",
                "group": group,
            }
        case m.SendToGroup(group, data):
            fields = {
                "type": "sendToGroup",
                "group": group,
                "noEcho": message.no_echo,
                **_data_fields(data, message.metadata),
            }
        case m.Event(event, data):
            fields = {"type": "event", "event": event, **_data_fields(data, message.metadata)}
        case m.SequenceAck(sequence_id):
            fields = {"type": "sequenceAck", "sequenceId": sequence_id}
        case m.Ping():
            fields = {"type": "ping"}
    ack_id = getattr(message, "ack_id", None)
    return msgspec.json.encode(fields if ack_id is None else fields | {"ackId": ack_id})


def _data_fields(data: m.Data, metadata: m.Metadata) -> dict[str, Any]:
    fields: dict[str, Any] = {"dataType": data.type.value, "data": msgspec.Raw(_value(data))}
    return fields | {"metadata": dict(metadata)} if metadata else fields


class _Error(msgspec.Struct, gc=False):
    name: str = ""
    message: str = ""


class _Downstream(msgspec.Struct, gc=False):
    type: str
    event: str = ""
    connection_id: str = msgspec.field(default="", name="connectionId")
    user_id: str | None = msgspec.field(default=None, name="userId")
    token: str | None = msgspec.field(default=None, name="reconnectionToken")
    message: str = ""
    ack_id: int = msgspec.field(default=0, name="ackId")
    success: bool = True
    error: _Error | None = None
    source: str = msgspec.field(default="group", name="from")
    group: str | None = None
    from_user_id: str | None = msgspec.field(default=None, name="fromUserId")
    sequence_id: int | None = msgspec.field(default=None, name="sequenceId")
    data_type: str | None = msgspec.field(default=None, name="dataType")
    data: msgspec.Raw = msgspec.Raw(b"null")
    metadata: dict[str, str] | None = None


_downstreams: Final = msgspec.json.Decoder(_Downstream)


def decode_downstream(payload: bytes) -> m.Downstream:
    """The service's message in a text frame.

    Raises:
        FrameError: 1007, not a message of the service.
    """
    try:
        return _downstream(_downstreams.decode(payload))
    except (msgspec.MsgspecError, DecodeError, KeyError, ValueError, RecursionError):
        raise FrameError(1007, "The service's message is not a valid JSON protocol message.") from None


def _downstream(frame: _Downstream) -> m.Downstream:
    match frame.type, frame.event:
        case "system", "connected":
            return m.Connected(frame.connection_id, frame.user_id, frame.token)
        case "system", "disconnected":
            return m.Disconnected(frame.message)
        case "ack", _:
            error = frame.error or _Error()
            return m.Ack(frame.ack_id, None if frame.success else m.AckError(error.name, error.message))
        case "message", _:
            carrier = _Frame(type="", data_type=frame.data_type, data=frame.data)
            source = cast("Any", frame.source)
            metadata = tuple((frame.metadata or {}).items())
            return m.DataMessage(_data(carrier), frame.group, frame.from_user_id, frame.sequence_id, source, metadata)
        case "pong", _:
            return m.Pong()
    raise KeyError(frame.type)

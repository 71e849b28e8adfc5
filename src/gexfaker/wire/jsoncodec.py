"""The JSON subprotocols: UTF-8 text frames, both directions (webpubsub JSON protocol v1)."""

from __future__ import annotations

import binascii
from functools import lru_cache
from typing import Any, Final

import msgspec
import pybase64

from gexfaker.errors import FrameError
from gexfaker.limits import MAX_STARTS
from gexfaker.wire import messages as m
from gexfaker.wire.frames import TEXT
from gexfaker.wire.jsonfields import INVALID, DownFrame, UpFrame, read_uint, write_value
from gexfaker.wire.protocol import DOWNSTREAM, UPSTREAM, Row

OPCODE: Final = TEXT
WRONG_OPCODE: Final = "The JSON subprotocol requires text messages."

_quote: Final = msgspec.json.encode
_frames: Final = msgspec.json.Decoder(UpFrame)
_downstreams: Final = msgspec.json.Decoder(DownFrame)
_BY_TYPE: Final = {row.json[0].lower(): row for row in UPSTREAM}
_TYPES: Final = ", ".join(row.json[0] for row in UPSTREAM)

SHOWN_CHARS: Final = 40
SHOWN_WHY: Final = 200
"""Of what a client sent, and of what is wrong with it: it may be very long."""

MAX_ID: Final = 256
"""Letters of the id of a call or stream: it is sent back."""

UNSUPPORTED: Final = {
    "invoke": "calls of the application",
    "cancelinvocation": "calls of the application",
    "streamdata": "a stream",
    "streamend": "a stream",
    "setgroupstate": "the state of groups",
    "subscribegroupstate": "the state of groups",
    "unsubscribegroupstate": "the state of groups",
}
"""Types of the newest clients, in small letters, and what they are about. Source: the JavaScript client 1.1.0."""

_BY_EVENT: Final = {row.json: row for row in DOWNSTREAM}
_BY_MESSAGE: Final = {row.message: row for row in (*UPSTREAM, *DOWNSTREAM)}


def decode_upstream(payload: bytes) -> m.Received:
    """The client's message in a text frame.

    Raises:
        FrameError: 1007, not valid JSON of a known type with all it needs.
    """
    try:
        frame = _frames.decode(payload.decode())
        kind = frame.type.lower()
        row = _BY_TYPE.get(kind)
        if kind in UNSUPPORTED or frame.stream is not None:
            return _unsupported(frame)
        if row is None:
            raise FrameError(1007, INVALID, f"there is no type {frame.type[:SHOWN_CHARS]!r}: one of {_TYPES}")
        message: m.Received = row.read_json(frame)
        return message
    except (msgspec.MsgspecError, ValueError, RecursionError, binascii.Error) as error:
        raise FrameError(1007, INVALID, str(error)[:SHOWN_WHY]) from None


def _unsupported(frame: UpFrame) -> m.Unsupported:
    """A message of a feature that is known and not there. Raises FrameError: an id is none, or too long."""
    stream = frame.stream_id if frame.stream is None else frame.stream.stream_id
    what = "a stream" if frame.stream is not None else UNSUPPORTED[frame.type.lower()]
    if max(len(frame.invocation_id or ""), len(stream or "")) > MAX_ID:
        raise FrameError(1007, INVALID, f"an id has at most {MAX_ID} letters")
    is_call = frame.type.lower() == "invoke"
    return m.Unsupported(what, read_uint(frame.ack_id), frame.invocation_id if is_call else None, stream)


def pieces(message: m.DataMessage) -> tuple[bytes, ...]:
    """A data message for a plain client, still in pieces: the frame around it is put together in one go.

    It names the publisher's user even when there is none, as on the service.
    """
    data, source = message.data, message.source
    if data.type is m.PROTOBUF and source == "group" and message.from_user_id is None and not message.metadata:
        return _feed_start(message.group), pybase64.b64encode(data.value), b'"}'
    start = _start(source, message.group, data.type, message.from_user_id, source == "group")
    return b"{", start, write_value(data), _metadata_text(message), b"}"


def shared(message: m.DataMessage) -> bytes:
    """All of a data message but its opening, for every reliable client. It names only a user that there is."""
    start = _start(message.source, message.group, message.data.type, None, False)
    user = b"" if message.source != "group" or message.from_user_id is None else _user(message.from_user_id)
    return b"".join((start, write_value(message.data), _metadata_text(message), user, b"}"))


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
    if isinstance(message, m.InvokeFailed | m.StreamClosed):
        return _quote(_failed(message))
    row = _BY_MESSAGE[type(message)]
    return _quote(_head(row) | row.write_json(message))


def _failed(message: m.InvokeFailed | m.StreamClosed) -> dict[str, Any]:
    error = {"name": message.error.name, "message": message.error.message}
    if isinstance(message, m.StreamClosed):
        return {"type": "streamClosed", "streamId": message.stream_id, "error": error}
    return {"type": "invokeResponse", "invocationId": message.invocation_id, "success": False, "error": error}


def encode_upstream(message: m.Upstream) -> bytes:
    """The client's message as compact JSON."""
    row = _BY_MESSAGE[type(message)]
    fields = _head(row) | row.write_json(message)
    ack_id = getattr(message, "ack_id", None)
    return _quote(fields if ack_id is None else fields | {"ackId": ack_id})


def _head(row: Row) -> dict[str, Any]:
    """The keys that tell which message it is."""
    kind, event = row.json
    return {"type": kind, "event": event} if event else {"type": kind}


def decode_downstream(payload: bytes) -> m.Downstream:
    """The service's message in a text frame.

    Raises:
        FrameError: 1007, not a message of the service.
    """
    try:
        frame = _downstreams.decode(payload)
        row = _BY_EVENT.get((frame.type, frame.event)) or _BY_EVENT[frame.type, ""]
        message: m.Downstream = row.read_json(frame)
        return message
    except (msgspec.MsgspecError, KeyError, ValueError, RecursionError):
        raise FrameError(1007, "The service's message is not a valid JSON protocol message.") from None

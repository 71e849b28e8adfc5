"""The parts of JSON frames: what every message is read from, and how its parts are read and written."""

from __future__ import annotations

import base64
import re
from typing import Any, Final

import msgspec
import pybase64

from gexfaker.errors import FrameError
from gexfaker.limits import MAX_GROUP_LENGTH
from gexfaker.wire import messages as m

INVALID: Final = "The client message is not a valid JSON protocol message."
EVENT_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,127}")
MAX_TTL_SECONDS: Final = 300
_text: Final = msgspec.json.Decoder(str)


class StreamFrame(msgspec.Struct, gc=False):
    """The stream that a client begins."""

    stream_id: str = msgspec.field(default="", name="streamId")


class UpFrame(msgspec.Struct, gc=False):
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
    invocation_id: str | None = msgspec.field(default=None, name="invocationId")
    stream: StreamFrame | None = None
    stream_id: str | None = msgspec.field(default=None, name="streamId")


class ErrorFrame(msgspec.Struct, gc=False):
    """Why an operation failed."""

    name: str = ""
    message: str = ""


class DownFrame(msgspec.Struct, gc=False):
    """Every field the service may send."""

    type: str
    event: str = ""
    connection_id: str = msgspec.field(default="", name="connectionId")
    user_id: str | None = msgspec.field(default=None, name="userId")
    token: str | None = msgspec.field(default=None, name="reconnectionToken")
    message: str = ""
    ack_id: int = msgspec.field(default=0, name="ackId")
    success: bool = True
    error: ErrorFrame | None = None
    source: str = msgspec.field(default="group", name="from")
    group: str | None = None
    from_user_id: str | None = msgspec.field(default=None, name="fromUserId")
    sequence_id: int | None = msgspec.field(default=None, name="sequenceId")
    data_type: str | None = msgspec.field(default=None, name="dataType")
    data: msgspec.Raw = msgspec.Raw(b"null")
    metadata: dict[str, str] | None = None


def read_uint(number: int | None) -> int | None:
    """A number from 0 to 2**64 - 1. Raises FrameError."""
    if number is not None and not 0 <= number <= m.MAX_UINT64:
        raise FrameError(1007, INVALID, "an id is a number from 0 to 2**64 - 1")
    return number


def read_group(frame: UpFrame) -> str:
    """The name of a group. Raises FrameError."""
    group = frame.group
    if group is None or not group.strip() or len(group) > MAX_GROUP_LENGTH:
        raise FrameError(1007, INVALID, f"it needs a 'group', a name of up to {MAX_GROUP_LENGTH} letters")
    return group


def read_data(frame: UpFrame) -> m.Data:
    """A message's content. Raises FrameError, ValueError, MsgspecError."""
    raw = bytes(frame.data)
    if raw == b"null":
        raise FrameError(1007, INVALID, "it needs 'data'")
    kind = m.DataType((frame.data_type or m.DataType.JSON).lower())
    if kind is m.DataType.JSON:
        return m.Data(kind, raw)
    text = _text.decode(raw)
    if kind is m.DataType.TEXT:
        return m.Data(kind, text.encode())
    value = base64.b64decode(text, validate=True)
    if kind is m.DataType.PROTOBUF:
        _check_any(value)
    return m.Data(kind, value)


def _check_any(value: bytes) -> None:
    """A receiver of another dialect gets it as a message, so it must be one. Raises FrameError."""
    from google.protobuf.any_pb2 import Any as PackedAny  # here, because google.protobuf takes 30 ms to load
    from google.protobuf.message import DecodeError

    try:
        PackedAny.FromString(value)
    except DecodeError as error:
        raise FrameError(1007, INVALID, str(error)) from None


def read_metadata(frame: UpFrame) -> m.Metadata:
    """Names and values beside the content. Raises FrameError."""
    metadata = m.metadata_of(frame.metadata or {})
    if metadata is None:
        raise FrameError(1007, INVALID, "its metadata are too many or too long")
    return metadata


def write_value(data: m.Data) -> bytes:
    """A content as JSON text."""
    if data.type is m.DataType.JSON:
        return data.value
    if data.type is m.DataType.TEXT:
        return msgspec.json.encode(data.value.decode())
    return b'"%b"' % pybase64.b64encode(data.value)


def write_data(data: m.Data, metadata: m.Metadata) -> dict[str, Any]:
    """The keys of a content and of what is beside it."""
    fields: dict[str, Any] = {"dataType": data.type.value, "data": msgspec.Raw(write_value(data))}
    return fields | {"metadata": dict(metadata)} if metadata else fields

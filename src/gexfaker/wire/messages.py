"""The messages of the Azure Web PubSub client protocol, independent of how they are written.

Upstream messages go from client to service, downstream messages the other way. Codecs turn them into
bytes and back (jsoncodec, protocodec); the connection machine sees only these classes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

import msgspec

MAX_UINT64: Final = 2**64 - 1


class DataType(StrEnum):
    """How a message's data is meant; the JSON protocol's ``dataType``."""

    TEXT = "text"
    JSON = "json"
    BINARY = "binary"
    PROTOBUF = "protobuf"


PROTOBUF: Final = DataType.PROTOBUF
"""What the feed sends, by a name that costs nothing: Python 3.11 looks members of an enum up by a call."""


class Data(msgspec.Struct, frozen=True, gc=False):
    """A message's content as UTF-8 text, JSON text, raw bytes, or a serialised google.protobuf.Any."""

    type: DataType
    value: bytes


Metadata = tuple[tuple[str, str], ...]
"""Names and values that travel beside a message's data, in order."""

MAX_METADATA_KEY: Final = 256
MAX_METADATA_VALUE: Final = 1024
MAX_METADATA_BYTES: Final = 8 * 1024
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def metadata_of(pairs: Mapping[str, str]) -> Metadata | None:
    """A message's metadata, or None where it breaks the service's rules: ASCII, keys as HTTP tokens, sizes in bytes."""
    for key, value in pairs.items():
        if not _TOKEN.fullmatch(key) or len(key) > MAX_METADATA_KEY:
            return None
        if not value.isascii() or len(value) > MAX_METADATA_VALUE:
            return None
    total = sum(len(key) + len(value) for key, value in pairs.items())
    return tuple(pairs.items()) if total <= MAX_METADATA_BYTES else None


class JoinGroup(msgspec.Struct, frozen=True, gc=False):
    """Ask for the messages of a group."""

    group: str
    ack_id: int | None = None


class LeaveGroup(msgspec.Struct, frozen=True, gc=False):
    """Ask for no more messages of a group."""

    group: str
    ack_id: int | None = None


class SendToGroup(msgspec.Struct, frozen=True, gc=False):
    """Publish to a group; with ``no_echo`` the sender itself is left out."""

    group: str
    data: Data
    ack_id: int | None = None
    no_echo: bool = False
    metadata: Metadata = ()


class Event(msgspec.Struct, frozen=True, gc=False):
    """A custom event for an application server (gexfaker has no handler for any)."""

    event: str
    data: Data
    ack_id: int | None = None
    metadata: Metadata = ()


class SequenceAck(msgspec.Struct, frozen=True, gc=False):
    """Everything up to and including ``sequence_id`` has arrived."""

    sequence_id: int


class Ping(msgspec.Struct, frozen=True, gc=False):
    """Ask for a pong."""


class Unsupported(msgspec.Struct, frozen=True, gc=False):
    """What newer clients ask for and the hub does not have: a call of the application, a stream, a group's state.

    Attributes:
        what: it is, for people.
        invocation_id, stream_id: by which the client knows it, if it waits for more than an ack.
    """

    what: str
    ack_id: int | None = None
    invocation_id: str | None = None
    stream_id: str | None = None


Upstream = JoinGroup | LeaveGroup | SendToGroup | Event | SequenceAck | Ping
Received = Upstream | Unsupported
"""What is read of a client; only the former is ever written."""


class Connected(msgspec.Struct, frozen=True, gc=False):
    """The first frame of a new connection. ``user_id`` is None for an anonymous client."""

    connection_id: str
    user_id: str | None
    reconnection_token: str | None = None


class Disconnected(msgspec.Struct, frozen=True, gc=False):
    """Why the service is about to close."""

    message: str


class AckError(msgspec.Struct, frozen=True, gc=False):
    """Why an operation failed. Clients need both: an error without message is lost by the Python SDK."""

    name: str
    message: str


class Ack(msgspec.Struct, frozen=True, gc=False):
    """The answer to a message that carried an ``ack_id``; success when there is no error."""

    ack_id: int
    error: AckError | None = None


class DataMessage(msgspec.Struct, frozen=True, gc=False):
    """Something published, to a group or by the server; numbered on reliable connections, from 1."""

    data: Data
    group: str | None = None
    from_user_id: str | None = None
    sequence_id: int | None = None
    source: Literal["group", "server"] = "group"
    metadata: Metadata = ()


class Pong(msgspec.Struct, frozen=True, gc=False):
    """The answer to a ping."""


class InvokeFailed(msgspec.Struct, frozen=True, gc=False):
    """A call was not done."""

    invocation_id: str
    error: AckError


class StreamClosed(msgspec.Struct, frozen=True, gc=False):
    """A stream is not there, or is no more."""

    stream_id: str
    error: AckError


Downstream = Connected | Disconnected | Ack | DataMessage | Pong | InvokeFailed | StreamClosed
"""The last two are for clients of the JSON subprotocols only: they have no published protobuf form."""

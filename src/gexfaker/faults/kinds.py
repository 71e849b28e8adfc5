"""The kinds of faults: the one declaration of each, with its attributes, their bounds, and where it acts.

The words are those of Toxiproxy and WireMock where these have one. Times are in milliseconds, as there.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

MAX_MILLISECONDS: Final = 600_000.0
"""The longest time that an attribute names: ten minutes, beyond the patience of any client."""

MAX_RECORDS_BACK: Final = 600
"""How many records back a stale one may be: ten minutes of records, one a second."""

MAX_OVERSIZE_BYTES: Final = 4 * 1024 * 1024
"""The largest message that a fault makes: what a client of ours reads. It takes milliseconds to make."""

MAX_COPIES: Final = 100
"""How often a message is repeated at most."""

MAX_WINDOW: Final = 100
"""How many messages of a connection wait to be reordered at most."""

BROKEN: Final = 1006
"""What clients tell when a connection ends without a close frame; it cannot be sent."""

MAX_TEXT: Final = 65_536
"""The longest body of an answer that a rule gives."""

Milliseconds = Annotated[float, Meta(ge=0, le=MAX_MILLISECONDS)]
Bytes = Annotated[int, Meta(ge=1, le=1 << 30)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]


class Point(StrEnum):
    """Where a fault acts."""

    REQUEST = "request"
    """A REST request or a negotiation of the key."""
    HANDSHAKE = "handshake"
    """A WebSocket is about to be opened or recovered."""
    CONNECTION = "connection"
    """A WebSocket is open, and something happens to it: it opened, it sent or is sent a message."""
    UPSTREAM = "upstream"
    """A client has sent a message or a ping, or is due a ping."""
    MESSAGE = "message"
    """A client is about to be sent a record."""
    FRAME = "frame"
    """Bytes are about to be written to a WebSocket."""


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of fault; the fields of a subclass are its attributes, and its docstring says what it does.

    Attributes:
        NAME: its type in a rule.
        POINTS: where it acts.
    """

    NAME: ClassVar[str]
    POINTS: ClassVar[tuple[Point, ...]]


class Latency(Fault, frozen=True, forbid_unknown_fields=True):
    """An answer, a handshake, or what is written to a WebSocket comes later; the order stays.

    By default always ``latency``, give or take ``jitter``; with ``upper`` evenly between ``lower`` and ``upper``; with
    ``median`` lognormal with that median and ``sigma``.
    """

    NAME = "latency"
    POINTS = (Point.REQUEST, Point.HANDSHAKE, Point.FRAME)
    latency: Milliseconds = 1000.0
    jitter: Milliseconds = 0.0
    lower: Milliseconds = 0.0
    upper: Milliseconds | None = None
    median: Milliseconds | None = None
    sigma: Annotated[float, Meta(ge=0, le=5)] = 0.4


class Bandwidth(Fault, frozen=True, forbid_unknown_fields=True):
    """The body of an answer, or what is written to a WebSocket, comes with ``rate`` kilobytes a second."""

    NAME = "bandwidth"
    POINTS = (Point.REQUEST, Point.FRAME)
    rate: Annotated[float, Meta(gt=0, le=1_000_000)] = 8.0


class Slicer(Fault, frozen=True, forbid_unknown_fields=True):
    """The body of an answer, or a frame, comes in pieces of ``average_size`` bytes, ``delay`` apart."""

    NAME = "slicer"
    POINTS = (Point.REQUEST, Point.FRAME)
    average_size: Bytes = 64
    size_variation: Annotated[int, Meta(ge=0, le=1 << 30)] = 0
    delay: Milliseconds = 10.0


class ResetPeer(Fault, frozen=True, forbid_unknown_fields=True):
    """The TCP connection is reset, after ``timeout``, without an answer. A reliable client may recover."""

    NAME = "reset_peer"
    POINTS = (Point.REQUEST, Point.HANDSHAKE, Point.CONNECTION)
    timeout: Milliseconds = 0.0


# --- requests ------------------------------------------------------------------------------------


class Status(Fault, frozen=True, forbid_unknown_fields=True):
    """Another answer: its status, body and headers. Without a body 429, 401 and 403 have the service's own."""

    NAME = "status"
    POINTS = (Point.REQUEST,)
    code: Annotated[int, Meta(ge=200, le=599)] = 500
    body: Text | None = None
    headers: dict[str, str] = {}


class Timeout(Fault, frozen=True, forbid_unknown_fields=True):
    """No answer: the connection is closed after ``timeout``; with 0 it is held until the client gives up."""

    NAME = "timeout"
    POINTS = (Point.REQUEST, Point.HANDSHAKE)
    timeout: Milliseconds = 0.0


class Empty(Fault, frozen=True, forbid_unknown_fields=True):
    """The connection is closed without a byte of an answer."""

    NAME = "empty"
    POINTS = (Point.REQUEST,)


class Malformed(Fault, frozen=True, forbid_unknown_fields=True):
    """A broken body: half of the JSON, half of the gzip, or fewer bytes than Content-Length says."""

    NAME = "malformed"
    POINTS = (Point.REQUEST,)
    part: Literal["json", "gzip", "length"] = "json"


class LimitData(Fault, frozen=True, forbid_unknown_fields=True):
    """The connection is closed after so many bytes of the body."""

    NAME = "limit_data"
    POINTS = (Point.REQUEST,)
    bytes: Annotated[int, Meta(ge=0, le=1 << 30)] = 100


class Stale(Fault, frozen=True, forbid_unknown_fields=True):
    """An old snapshot: the one of so many records before, by REST or in a message."""

    NAME = "stale"
    POINTS = (Point.REQUEST, Point.MESSAGE)
    records: Annotated[int, Meta(ge=1, le=MAX_RECORDS_BACK)] = 60


class ExpireToken(Fault, frozen=True, forbid_unknown_fields=True):
    """A negotiation gives tokens that are good for ``lifetime`` only; with 0 they have expired already."""

    NAME = "expire_token"
    POINTS = (Point.REQUEST,)
    lifetime: Milliseconds = 0.0


class Quota(Fault, frozen=True, forbid_unknown_fields=True):
    """429, as when the quota of the minute, the day or the month is used up, with the Retry-After of that."""

    NAME = "quota"
    POINTS = (Point.REQUEST,)
    pool: Literal["minute", "day", "month"] = "day"


# --- handshakes and connections ------------------------------------------------------------------


class Reject(Fault, frozen=True, forbid_unknown_fields=True):
    """A WebSocket is refused: by an HTTP status, or by a close code right after it was opened."""

    NAME = "reject"
    POINTS = (Point.HANDSHAKE,)
    code: Annotated[int, Meta(ge=400, le=4999)] = 503
    reason: Annotated[str, Meta(max_length=120)] = ""


class RefuseRecovery(Fault, frozen=True, forbid_unknown_fields=True):
    """A connection cannot be recovered: 1008, as when the service does not know it any more."""

    NAME = "refuse_recovery"
    POINTS = (Point.HANDSHAKE,)


class Close(Fault, frozen=True, forbid_unknown_fields=True):
    """The server closes the WebSocket with this code; a reliable client may recover unless ``recoverable`` is false.

    1006 is no code that can be sent: the connection is reset then.
    """

    NAME = "close"
    POINTS = (Point.CONNECTION,)
    code: Annotated[int, Meta(ge=1000, le=4999)] = 1011
    reason: Annotated[str, Meta(max_length=120)] = ""
    recoverable: bool = True


class HalfOpen(Fault, frozen=True, forbid_unknown_fields=True):
    """Nothing is sent or read any more, and the connection is not closed either: as when a cable is pulled."""

    NAME = "half_open"
    POINTS = (Point.CONNECTION,)


class Kick(Fault, frozen=True, forbid_unknown_fields=True):
    """The connection is ended for good, as by a negotiation elsewhere: ``disconnected``, then 1000."""

    NAME = "kick"
    POINTS = (Point.CONNECTION,)


class NoAck(Fault, frozen=True, forbid_unknown_fields=True):
    """What the client asks for is done, and the acknowledgement never comes."""

    NAME = "no_ack"
    POINTS = (Point.UPSTREAM,)


class LateAck(Fault, frozen=True, forbid_unknown_fields=True):
    """The acknowledgement comes ``delay`` later; other messages are not held up."""

    NAME = "late_ack"
    POINTS = (Point.UPSTREAM,)
    delay: Milliseconds = 5000.0


class ForbidJoin(Fault, frozen=True, forbid_unknown_fields=True):
    """A join is refused with Forbidden."""

    NAME = "forbid_join"
    POINTS = (Point.UPSTREAM,)


class NoPong(Fault, frozen=True, forbid_unknown_fields=True):
    """A ping of the client is not answered."""

    NAME = "no_pong"
    POINTS = (Point.UPSTREAM,)


class NoPing(Fault, frozen=True, forbid_unknown_fields=True):
    """The server sends no pings."""

    NAME = "no_ping"
    POINTS = (Point.UPSTREAM,)


# --- messages ------------------------------------------------------------------------------------


class Drop(Fault, frozen=True, forbid_unknown_fields=True):
    """A message is not sent, and leaves no gap in the sequence ids."""

    NAME = "drop"
    POINTS = (Point.MESSAGE,)


class Duplicate(Fault, frozen=True, forbid_unknown_fields=True):
    """A message is sent ``copies`` times more; each has a sequence id of its own."""

    NAME = "duplicate"
    POINTS = (Point.MESSAGE,)
    copies: Annotated[int, Meta(ge=1, le=MAX_COPIES)] = 1


class Reorder(Fault, frozen=True, forbid_unknown_fields=True):
    """So many messages of a connection in a row are sent in another order."""

    NAME = "reorder"
    POINTS = (Point.MESSAGE,)
    window: Annotated[int, Meta(ge=2, le=MAX_WINDOW)] = 4


class Delay(Fault, frozen=True, forbid_unknown_fields=True):
    """A message comes later, and others overtake it."""

    NAME = "delay"
    POINTS = (Point.MESSAGE,)
    delay: Milliseconds = 5000.0


class Gap(Fault, frozen=True, forbid_unknown_fields=True):
    """Silence: from the message that it hits on nothing of the same group is sent for ``duration``."""

    NAME = "gap"
    POINTS = (Point.MESSAGE,)
    duration: Milliseconds = 60_000.0


class Freeze(Fault, frozen=True, forbid_unknown_fields=True):
    """The record before the new one is sent instead of it; a feed that is hit each time comes one record late."""

    NAME = "freeze"
    POINTS = (Point.MESSAGE,)


class Backdate(Fault, frozen=True, forbid_unknown_fields=True):
    """The timestamp of a record is earlier by ``by``; a negative one makes it later."""

    NAME = "backdate"
    POINTS = (Point.MESSAGE,)
    by: Annotated[float, Meta(ge=-86_400_000 * 366, le=86_400_000 * 366)] = 3_600_000.0


class Corrupt(Fault, frozen=True, forbid_unknown_fields=True):
    """A payload that cannot be read, or not rightly.

    ``bits``: ``flips`` bits of the payload are flipped. ``zstd``: the compressed part is cut in half. ``magic``: it
    begins with another magic number. ``protobuf``: the message inside is cut. ``type_url``: it has an unknown type.
    ``base64``: to clients of JSON the payload is no base64; to others it is cut.
    """

    NAME = "corrupt"
    POINTS = (Point.MESSAGE,)
    part: Literal["bits", "zstd", "magic", "protobuf", "type_url", "base64"] = "bits"
    flips: Annotated[int, Meta(ge=1, le=1000)] = 1


class Mislabel(Fault, frozen=True, forbid_unknown_fields=True):
    """The record says that it is of another ticker."""

    NAME = "mislabel"
    POINTS = (Point.MESSAGE,)
    ticker: Annotated[str, Meta(pattern="^[A-Za-z0-9_./^-]{1,16}$")] = "OTHER"


class Extremes(Fault, frozen=True, forbid_unknown_fields=True):
    """Every number of a record is at the bound of its field: the largest, the smallest, or zero."""

    NAME = "extremes"
    POINTS = (Point.MESSAGE,)
    bound: Literal["largest", "smallest", "zero"] = "largest"


class Sequence(Fault, frozen=True, forbid_unknown_fields=True):
    """Wrong sequence ids on a reliable connection: ``by`` of them skipped, one repeated, or two out of order."""

    NAME = "sequence"
    POINTS = (Point.MESSAGE,)
    kind: Literal["skip", "repeat", "swap"] = "skip"
    by: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class UnknownMessage(Fault, frozen=True, forbid_unknown_fields=True):
    """Before the message one of a type comes that no client knows."""

    NAME = "unknown_message"
    POINTS = (Point.MESSAGE,)


class Oversize(Fault, frozen=True, forbid_unknown_fields=True):
    """The payload of a message has ``bytes`` bytes, of which most mean nothing."""

    NAME = "oversize"
    POINTS = (Point.MESSAGE,)
    bytes: Annotated[int, Meta(ge=1, le=MAX_OVERSIZE_BYTES)] = 2 * 1024 * 1024


KINDS: Final[dict[str, type[Fault]]] = {
    kind.NAME: kind
    for kind in (
        *(Latency, Bandwidth, Slicer, ResetPeer),
        *(Status, Timeout, Empty, Malformed, LimitData, Stale, ExpireToken, Quota),
        *(Reject, RefuseRecovery, Close, HalfOpen, Kick, NoAck, LateAck, ForbidJoin, NoPong, NoPing),
        *(Drop, Duplicate, Reorder, Delay, Gap, Freeze, Backdate, Corrupt, Mislabel, Extremes),
        *(Sequence, UnknownMessage, Oversize),
    )
}
"""Every kind, by its type in a rule."""


def attributes_schema(kind: type[Fault]) -> dict[str, Any]:
    """The attributes of a kind as JSON Schema."""
    found: dict[str, Any] = msgspec.json.schema_components((kind,))[1][kind.__name__]
    found.pop("title", None)
    return found

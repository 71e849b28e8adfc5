"""Messages that are wrong on purpose: their payload is broken, or says what is not so. Each gives another publication.

A payload is a serialised Any whose value is one zstd frame with the message (``wire.payload``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any as Anything
from typing import Final

import msgspec
from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, EncodeError, Message

from gexfaker.errors import RecordError
from gexfaker.faults.kinds import Backdate, Corrupt, Extremes, Fault, Mislabel, Oversize
from gexfaker.hubs.publication import Publication
from gexfaker.records.fields import INT64, SINT32, UINT32
from gexfaker.wire.feeds import TABLES
from gexfaker.wire.frames import frame
from gexfaker.wire.generated import webpubsub_pb2 as pb
from gexfaker.wire.messages import Data, DataMessage, DataType
from gexfaker.wire.payload import pack, unpack
from gexfaker.wire.subprotocols import Codec, Subprotocol
from gexfaker.wire.volume import is_text

SKIPPABLE_MAGIC: Final = 0x184D2A50
"""What a zstd frame begins with that decoders pass over. Source: RFC 8878, section 3.1.2."""

WRONG_MAGIC: Final = b"\x28\xb5\x2f\xfc"
"""One bit away from that of zstd."""

MAX_TRIES: Final = 50
"""Places at which a message is tried to be cut: the longest field of fixed size has eleven bytes."""

UNKNOWN_TYPE: Final = "proto.unknown"
UNKNOWN_EVENT: Final = "somethingNew"
UNKNOWN_FIELD: Final = b"\xfa\x06\x03new"
"""Field 111 of a message, of three bytes: no client knows it."""

_CLASSES: Final = {table.type_url: table.message for table in TABLES}
_BOUNDS: Final = {
    FieldDescriptor.TYPE_UINT32: UINT32,
    FieldDescriptor.TYPE_SINT32: SINT32,
    FieldDescriptor.TYPE_INT64: INT64,
}
Chance = Callable[[], float]


class Mangled(Publication):
    """A publication whose message is changed after it was written for a client of a subprotocol with messages.

    Args:
        message, index: as of any other.
        mangle: gives other bytes for those of the written message.
    """

    __slots__ = ("_mangle",)

    def __init__(self, message: DataMessage, index: int, mangle: Callable[[bytes], bytes]) -> None:
        super().__init__(message, index)
        self._mangle: Final = mangle

    def frame(self, subprotocol: Subprotocol) -> bytes:
        """The whole frame for a plain client; a simple one, which gets no messages, gets half of the payload."""
        codec = subprotocol.codec
        return self._halved().frame(subprotocol) if codec is None else self._written(codec, self.message)

    def _halved(self) -> Publication:
        data = self.message.data
        half = msgspec.structs.replace(data, value=data.value[: len(data.value) // 2])
        return Publication(msgspec.structs.replace(self.message, data=half), self.index)

    def numbered(self, subprotocol: Subprotocol, sequence_id: int) -> bytes:
        """The frame for a reliable client."""
        codec = subprotocol.codec
        if codec is None:
            raise ValueError("a simple client has no sequence ids")
        return self._written(codec, msgspec.structs.replace(self.message, sequence_id=sequence_id))

    def _written(self, codec: Codec, message: DataMessage) -> bytes:
        return frame(codec.OPCODE, self._mangle(codec.encode_downstream(message)))


def spoiled(publication: Publication, fault: Fault, chance: Chance) -> Publication:
    """The publication with a fault of its content; what is no payload of the feed stays as it is."""
    message = publication.message
    if message.data.type is not DataType.PROTOBUF:
        return publication
    try:
        if isinstance(fault, Corrupt) and fault.part == "base64":
            return Mangled(message, publication.index, _without_base64)
        value = _value(message.data.value, fault, chance)
    except (RecordError, DecodeError, EncodeError, msgspec.MsgspecError, ValueError, TypeError, KeyError):
        return publication  # it is a payload of the user's own, which says nothing that could be changed
    return Publication(msgspec.structs.replace(message, data=Data(DataType.PROTOBUF, value)), publication.index)


def _value(payload: bytes, fault: Fault, chance: Chance) -> bytes:
    match fault:
        case Corrupt(part="protobuf"):
            type_url, content = unpack(payload)
            return pack(type_url, _cut(type_url, content))
        case Corrupt(part="type_url"):
            return pack(UNKNOWN_TYPE, unpack(payload)[1])
        case Corrupt():
            return _rewrapped(payload, lambda value: _broken(value, fault, chance))
        case Oversize(bytes=size):
            return _rewrapped(payload, lambda value: value + _padding(size - len(payload)))
        case _:
            type_url, content = unpack(payload)
            return pack(type_url, _edited(type_url, content, fault))


def _cut(type_url: str, content: bytes) -> bytes:
    """About half of a message, cut inside a field: between two fields it would be a message with fewer fields."""
    kind, half = _CLASSES.get(type_url), len(content) // 2
    if kind is None:
        return content[:half]
    for end in range(half, max(half - MAX_TRIES, 0), -1):
        try:
            kind.FromString(content[:end])
        except DecodeError:
            return content[:end]
    return content[:half]


def _rewrapped(payload: bytes, change: Callable[[bytes], bytes]) -> bytes:
    wrapped = Any.FromString(payload)
    wrapped.value = change(wrapped.value)
    return wrapped.SerializeToString()


def _broken(value: bytes, fault: Corrupt, chance: Chance) -> bytes:
    if fault.part == "zstd":
        return value[: len(value) // 2]
    if fault.part == "magic":
        return WRONG_MAGIC + value[len(WRONG_MAGIC) :]
    out = bytearray(value)
    for _ in range(fault.flips if out else 0):
        place = int(chance() * len(out) * 8)
        out[place // 8] ^= 1 << place % 8
    return bytes(out)


def _padding(size: int) -> bytes:
    """So many bytes that a decoder of zstd passes over, header and all."""
    length = max(0, size - 8)
    return SKIPPABLE_MAGIC.to_bytes(4, "little") + length.to_bytes(4, "little") + bytes(length)


def _edited(type_url: str, content: bytes, fault: Fault) -> bytes:
    """The content of a record that says something else."""
    if is_text(content):
        return _edited_text(content, fault)
    kind = _CLASSES.get(type_url)
    if kind is None:
        return content
    record = kind.FromString(content)
    match fault:
        case Backdate(by=by):
            record.timestamp = max(0, record.timestamp - int(by / 1000))  # type: ignore[attr-defined]
        case Mislabel(ticker=ticker):
            record.ticker = ticker  # type: ignore[attr-defined]
        case Extremes(bound=bound):
            stamp = record.timestamp  # type: ignore[attr-defined]
            _stretch(record, bound)
            record.timestamp = stamp  # type: ignore[attr-defined]
    return record.SerializeToString(deterministic=True)


def _edited_text(content: bytes, fault: Fault) -> bytes:
    """The same of the volume feeds, whose content is JSON."""
    row: dict[str, Anything] = msgspec.json.decode(content)
    match fault:
        case Backdate(by=by):
            row["timestamp"] = max(0, int(row["timestamp"] - by / 1000))
        case Mislabel(ticker=ticker):
            row["ticker"] = ticker
        case Extremes(bound=bound):
            row = {name: _extreme_text(value, bound) if name != "timestamp" else value for name, value in row.items()}
    return msgspec.json.encode(row)


def _extreme_text(value: Anything, bound: str) -> Anything:
    if isinstance(value, list):
        return [_extreme_text(one, bound) for one in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return {"largest": 1.7976931348623157e308, "smallest": -1.7976931348623157e308}.get(bound, 0)


def _stretch(message: Message, bound: str) -> None:
    """Every number of a message, and of those inside, is at the bound of its field."""
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else (value,):
                _stretch(inner, bound)
        elif field.type in _BOUNDS:
            least, most = _BOUNDS[field.type]
            at = most if bound == "largest" else least if bound == "smallest" else 0
            if field.is_repeated:
                value[:] = [at] * len(value)
            else:
                setattr(message, field.name, at)


def _without_base64(written: bytes) -> bytes:
    """A written message whose payload cannot be decoded: in JSON by letters that are none of base64, else by a cut."""
    if not written.startswith(b"{"):
        return written[: len(written) // 2]
    start, mark, rest = written.partition(b'"data":"')
    return start + mark + b"*!" + rest[2:] if mark else written[: len(written) // 2]


def unknown_message(subprotocol: Subprotocol) -> bytes | None:
    """The frame of a message whose type no client knows; None for a simple client, which gets no messages."""
    codec = subprotocol.codec
    if codec is None:
        return None
    if (subprotocol.name or "").startswith("json"):
        content = {"type": "system", "event": UNKNOWN_EVENT, "message": "a client that is up to date would know this"}
        return frame(codec.OPCODE, msgspec.json.encode(content))
    return frame(codec.OPCODE, pb.Downstream().SerializeToString() + UNKNOWN_FIELD)

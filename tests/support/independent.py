"""Readers of the wire formats written from the specification alone: they share nothing with gexfaker's encoders.

No generated code, no protobuf runtime, no table of gexfaker's. What is read here is what the bytes say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import zstandard
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import OPEN
from websockets.uri import parse_uri

# Field number, JSON name, wire type of the orderflow message, in the order of the service's record.
ORDERFLOW: Final = (
    (1, "timestamp", "int64"),
    (2, "ticker", "string"),
    (3, "spot", "uint32"),
    (4, "z_mlgamma", "uint32"),
    (5, "z_msgamma", "uint32"),
    (6, "o_mlgamma", "uint32"),
    (7, "o_msgamma", "uint32"),
    (8, "zero_mcall", "uint32"),
    (9, "zero_mput", "uint32"),
    (10, "one_mcall", "uint32"),
    (11, "one_mput", "uint32"),
    (12, "zcvr", "sint32"),
    (13, "ocvr", "sint32"),
    (14, "zgr", "sint32"),
    (15, "ogr", "sint32"),
    (16, "zvanna", "sint32"),
    (17, "ovanna", "sint32"),
    (18, "zcharm", "sint32"),
    (19, "ocharm", "sint32"),
    (20, "agg_dex", "sint32"),
    (21, "one_agg_dex", "sint32"),
    (22, "agg_call_dex", "sint32"),
    (23, "one_agg_call_dex", "sint32"),
    (24, "agg_put_dex", "sint32"),
    (25, "one_agg_put_dex", "sint32"),
    (26, "net_dex", "sint32"),
    (27, "one_net_dex", "sint32"),
    (28, "net_call_dex", "sint32"),
    (29, "one_net_call_dex", "sint32"),
    (30, "net_put_dex", "sint32"),
    (31, "one_net_put_dex", "sint32"),
    (32, "dexoflow", "sint32"),
    (33, "gexoflow", "sint32"),
    (34, "cvroflow", "sint32"),
    (35, "one_dexoflow", "sint32"),
    (36, "one_gexoflow", "sint32"),
    (37, "one_cvroflow", "sint32"),
)
NAMES: Final = tuple(name for _, name, _ in ORDERFLOW)
NUMBERS: Final = NAMES[2:]
UNSIGNED: Final = frozenset(name for _, name, kind in ORDERFLOW if kind == "uint32")
_BY_NUMBER: Final = {number: (name, kind) for number, name, kind in ORDERFLOW}

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The varint at ``at`` and the offset behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        assert shift < 70, "a varint has at most ten bytes"


def fields(message: bytes) -> list[tuple[int, int, int | bytes]]:
    """(field number, wire type, value) of every field, in the order they are in; nothing may be left over."""
    found: list[tuple[int, int, int | bytes]] = []
    at, end = 0, len(message)
    while at < end:
        tag, at = read_varint(message, at)
        number, wire = tag >> 3, tag & 7
        value: int | bytes
        if wire == VARINT:
            value, at = read_varint(message, at)
            assert value < 1 << 64
        else:
            size, at = read_varint(message, at) if wire == BYTES else ({FIXED64: 8, FIXED32: 4}[wire], at)
            value = message[at : at + size]
            at += size
            assert at <= end, "a field runs over the end"
        found.append((number, wire, value))
    return found


def zigzag(value: int) -> int:
    """The signed number behind a zigzag varint."""
    return (value >> 1) ^ -(value & 1)


def signed64(value: int) -> int:
    """The signed number behind an int64 varint."""
    return value - (1 << 64) if value >> 63 else value


def orderflow(message: bytes) -> dict[str, int | str]:
    """Scaled values by JSON name; absent fields are 0 or empty, as proto3 has it."""
    values: dict[str, int | str] = dict.fromkeys(NAMES, 0)
    values["ticker"] = ""
    for number, wire, value in fields(message):
        name, kind = _BY_NUMBER[number]
        if isinstance(value, bytes):
            assert (wire, kind) == (BYTES, "string"), name
            values[name] = value.decode()
        elif kind == "int64":
            values[name] = signed64(value)
        else:
            assert wire == VARINT, name
            assert value < 1 << 32, f"{name} is wider than 32 bits"
            values[name] = zigzag(value) if kind == "sint32" else value
    return values


class Packed(NamedTuple):
    """A google.protobuf.Any."""

    type_url: str
    value: bytes


def any_message(data: bytes) -> Packed:
    """The Any in ``data``, which must hold nothing else."""
    parts: dict[int, bytes] = {}
    for number, wire, value in fields(data):
        assert number in (1, 2)
        assert wire == BYTES
        assert isinstance(value, bytes)
        assert number not in parts
        parts[number] = value
    return Packed(parts.get(1, b"").decode(), parts.get(2, b""))


def assert_no_content_size(frame: bytes) -> None:
    """The zstd frame header by hand (RFC 8878, 3.1.1): the magic, and no Frame_Content_Size field.

    That field is absent only if its flag is 0 and the frame is not a single segment.
    """
    assert frame[:4] == bytes((0x28, 0xB5, 0x2F, 0xFD))
    descriptor = frame[4]
    assert descriptor >> 6 == 0, "Frame_Content_Size_flag"
    assert descriptor >> 5 & 1 == 0, "Single_Segment_flag"
    assert descriptor >> 3 & 1 == 0, "reserved bit"


_streaming: Final = zstandard.ZstdDecompressor()


def unzstd(frame: bytes) -> bytes:
    """The content of exactly one zstd frame, read as a stream."""
    reader = _streaming.decompressobj()
    content = reader.decompress(frame)
    assert reader.eof
    assert reader.unused_data == b""
    return content


def orderflow_payload(data: bytes) -> dict[str, int | str]:
    """The scaled values in a group message's payload: Any, zstd frame without size, orderflow message."""
    packed = any_message(data)
    assert packed.type_url == "proto.orderflow"
    assert_no_content_size(packed.value)
    return orderflow(unzstd(packed.value))


# --- Web PubSub protobuf messages, by field number -----------------------------------------------


def only(message: bytes) -> tuple[int, int | bytes]:
    """The single field of a message."""
    ((number, _, value),) = fields(message)
    return number, value


class DataFields(NamedTuple):
    """DownstreamMessage.data_message as it is on the wire; ``kind`` is the field number in MessageData."""

    source: str
    group: str | None
    kind: int
    value: bytes
    sequence_id: int | None


def data_message(downstream: bytes) -> DataFields:
    """The data message in a DownstreamMessage."""
    number, inner = only(downstream)
    assert number == 2
    assert isinstance(inner, bytes)
    parts = {number: value for number, _, value in fields(inner)}
    source, group, data, sequence_id = parts[1], parts.get(2), parts[3], parts.get(4)
    assert isinstance(source, bytes)
    assert isinstance(data, bytes)
    assert group is None or isinstance(group, bytes)
    assert sequence_id is None or isinstance(sequence_id, int)
    kind, value = only(data)
    assert isinstance(value, bytes)
    return DataFields(source.decode(), None if group is None else group.decode(), kind, value, sequence_id)


# --- WebSocket -----------------------------------------------------------------------------------


def client_frames(pieces: Iterable[bytes]) -> list[Frame]:
    """What a client makes of a server's bytes: the Sans-I/O state machine of websockets, client side."""
    protocol = ClientProtocol(parse_uri("ws://localhost/"), state=OPEN, max_size=None)
    for piece in pieces:
        protocol.receive_data(piece)
        if protocol.parser_exc is not None:
            raise protocol.parser_exc
    return [event for event in protocol.events_received() if isinstance(event, Frame)]

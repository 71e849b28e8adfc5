"""Readers of the wire formats written from the specification alone: they share nothing with gexfaker's encoders.

No generated code, no protobuf runtime, no table of gexfaker's. What is read here is what the bytes say.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final, NamedTuple

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


# --- gex and greeks: messages within messages, by table ------------------------------------------


class Wire(NamedTuple):
    """A field of a message: its JSON name, type, decimal scale, label, and the table of an inner message."""

    name: str
    kind: str
    scale: int = 1
    label: str = ""
    inner: Mapping[int, Wire] = {}


Table = Mapping[int, Wire]

GEX_PRIORS: Final[Table] = {1: Wire("values", "sint32", 100, "repeated")}
GEX_STRIKE: Final[Table] = {
    1: Wire("strike_price", "uint32", 100),
    2: Wire("value_1", "sint32", 100),
    3: Wire("value_2", "sint32", 100),
    4: Wire("priors", "message", 1, "optional", GEX_PRIORS),
}
GEX_CHANGE: Final[Table] = {1: Wire("first_value", "sint32", 100), 2: Wire("second_value", "sint32", 1000)}
GEX_CHANGES: Final[Table] = {1: Wire("tuples", "message", 1, "repeated", GEX_CHANGE)}
GEX: Final[Table] = {
    1: Wire("timestamp", "int64"),
    2: Wire("ticker", "string"),
    3: Wire("min_dte", "sint32", 1, "optional"),
    4: Wire("sec_min_dte", "sint32", 1, "optional"),
    5: Wire("spot", "uint32", 100),
    6: Wire("zero_gamma", "uint32", 100),
    7: Wire("major_pos_vol", "uint32", 100),
    8: Wire("major_pos_oi", "uint32", 100),
    9: Wire("major_neg_vol", "uint32", 100),
    10: Wire("major_neg_oi", "uint32", 100),
    11: Wire("strikes", "message", 1, "repeated", GEX_STRIKE),
    12: Wire("sum_gex_vol", "sint32", 1000),
    13: Wire("sum_gex_oi", "sint32", 1000),
    14: Wire("delta_risk_reversal", "sint32", 1000),
    15: Wire("max_priors", "message", 1, "optional", GEX_CHANGES),
}

GREEK_PUT_PRIORS: Final[Table] = {1: Wire("values", "sint32", 1, "repeated")}
GREEK_CONTRACT: Final[Table] = {
    1: Wire("strike", "uint32", 100),
    2: Wire("call_ivol", "uint32", 1000),
    3: Wire("put_ivol", "uint32", 1000),
    4: Wire("greek", "sint32", 100),
    5: Wire("priors", "sint32", 100, "repeated"),
    6: Wire("put_volume", "sint32", 1, "optional"),
    7: Wire("put_priors", "message", 1, "optional", GREEK_PUT_PRIORS),
}
GREEK: Final[Table] = {
    1: Wire("timestamp", "int64"),
    2: Wire("ticker", "string"),
    3: Wire("spot", "uint32", 100),
    4: Wire("min_dte", "sint32", 1, "optional"),
    5: Wire("sec_min_dte", "sint32", 1, "optional"),
    6: Wire("major_positive", "uint32", 100),
    7: Wire("major_negative", "uint32", 100),
    8: Wire("major_long_gamma", "uint32", 100),
    9: Wire("major_short_gamma", "uint32", 100),
    10: Wire("mini_contracts", "message", 1, "repeated", GREEK_CONTRACT),
}
SPOT: Final[Table] = {
    1: Wire("timestamp", "int64"),
    2: Wire("ticker", "string"),
    3: Wire("spot", "uint32", 100),
    4: Wire("source_timestamp_ms", "int64", 1, "optional"),
}


def _empty(wire: Wire) -> Any:
    """What an absent field reads as: None if it says so itself, no items, 0 or no text."""
    if wire.label:
        return None if wire.label == "optional" else []
    return "" if wire.kind == "string" else 0


def _number(wire: Wire, value: int) -> int:
    if wire.kind == "int64":
        return signed64(value)
    assert value < 1 << 32, f"{wire.name} is wider than 32 bits"
    return zigzag(value) if wire.kind == "sint32" else value


def _packed(wire: Wire, data: bytes) -> list[int]:
    """The numbers of a packed repeated field, as proto3 sends them."""
    found, at = [], 0
    while at < len(data):
        value, at = read_varint(data, at)
        found.append(_number(wire, value))
    return found


def message(data: bytes, table: Table) -> dict[str, Any]:
    """Scaled values by JSON name, inner messages as dicts; absent: None (optional), [] (repeated), 0 or ""."""
    values = {wire.name: _empty(wire) for wire in table.values()}
    seen = set()
    for number, wire_type, value in fields(data):
        wire = table[number]
        one_of_many = wire.kind == "message" and wire.label == "repeated"
        assert one_of_many or number not in seen, f"{wire.name} twice"
        seen.add(number)
        if isinstance(value, int):
            assert wire.kind not in ("string", "message"), wire.name
            assert wire.label != "repeated", f"{wire.name} is not packed"
            values[wire.name] = _number(wire, value)
            continue
        assert wire_type == BYTES, wire.name
        if one_of_many:
            values[wire.name].append(message(value, wire.inner))
        elif wire.kind == "message":
            values[wire.name] = message(value, wire.inner)
        elif wire.kind == "string":
            values[wire.name] = value.decode()
        else:
            assert wire.label == "repeated", wire.name
            values[wire.name] = _packed(wire, value)
    return values


def message_payload(data: bytes, type_url: str, table: Table) -> dict[str, Any]:
    """The scaled values in a group message's payload: Any, zstd frame without size, message."""
    packed = any_message(data)
    assert packed.type_url == type_url
    assert_no_content_size(packed.value)
    return message(unzstd(packed.value), table)


# --- what a number's text must become ------------------------------------------------------------


_BOUNDS: Final = {"uint32": (0, 2**32 - 1), "sint32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


class Scaled(NamedTuple):
    """The integer a field must hold, and whether it is the field's bound because the number did not fit."""

    value: int
    cut: bool


def scaled(text: str, kind: str, scale: int) -> Scaled:
    """A JSON number's text times the scale, truncated toward zero as a decimal, saturated at the type's bounds."""
    number = int((Decimal(text) * scale).to_integral_value(rounding=ROUND_DOWN))
    low, high = _BOUNDS[kind]
    fitted = min(max(number, low), high)
    return Scaled(fitted, fitted != number)


AWKWARD: Final = (
    *("6822.95", "0.29", "1.005", "-2.675", "1.239", "-1.239", "0.57", "1.15", "4.35", "0.001", "-0.001", "-0"),
    *("0", "0.0", "0.01", "-0.01", "0.009999", "-0.009999", "0.019", "64.1", "1.1", "8.41", "2.51", "9.95", "7139"),
    *("1712585.519", "41199.07077", "0.0009999", "-0.0009999", "4.035", "8.203", "-597.68386", "1.0005", "2.0019"),
    *("0.999999", "-0.999999", "56.9999999", "1e-7", "-1e-7", "1E2", "1e+2", "12e-1", "5e-324", "-5e-324"),
    *("42949672.95", "42949672.955", "42949672.96", "21474836.47", "21474836.479", "21474836.48", "-21474836.48"),
    *("-21474836.489", "-21474836.49", "4294967.295", "4294967.2959", "4294967.296", "2147483.647", "2147483.6479"),
    *("2147483.648", "-2147483.648", "-2147483.6489", "-2147483.649", "2147483647", "2147483647.9", "2147483648"),
    *("-2147483648", "-2147483648.9", "-2147483649", "1e15", "-1e15", "1e300", "-1e300", "999999999999.99"),
    *("1.7976931348623157e308", "-1.7976931348623157e308", "123456789012.345"),
)


def number_texts(rng: random.Random, count: int) -> list[str]:
    """Numbers like those of a day, and every kind that is hard; never more than 15 significant digits."""
    return list(itertools.islice(_number_texts(rng), count))


def _number_texts(rng: random.Random) -> Iterator[str]:
    while True:
        yield from AWKWARD
        for _ in range(200):
            yield f"{rng.uniform(1, 9999):.{rng.randrange(4)}f}"
            yield f"{rng.uniform(-99999, 99999):.{rng.randrange(7)}f}"
            yield f"{rng.uniform(-1, 1):.{rng.randrange(1, 6)}f}"
        for _ in range(60):
            yield f"{rng.choice((42949672, 21474836, -21474836))}.{rng.randrange(100, 1000)}"
            yield f"{rng.choice((4294967, 2147483, -2147483))}.{rng.randrange(6000, 7000)}"
            yield f"{rng.uniform(-9, 9):.13f}e{rng.randrange(-30, 30)}"
            yield str(rng.randrange(-(10 ** rng.randrange(1, 15)), 10 ** rng.randrange(1, 15)))


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

"""A decoder of the wire written by hand from the protocol's description; it shares nothing with the server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import zstandard

Value = int | bytes

# Field numbers of the orderflow message, typed from its description; the values are hundredths.
UNSIGNED = {
    3: "spot",
    4: "z_mlgamma",
    5: "z_msgamma",
    6: "o_mlgamma",
    7: "o_msgamma",
    8: "zero_mcall",
    9: "zero_mput",
    10: "one_mcall",
    11: "one_mput",
}
ZIGZAG = {
    12: "zcvr",
    13: "ocvr",
    14: "zgr",
    15: "ogr",
    16: "zvanna",
    17: "ovanna",
    18: "zcharm",
    19: "ocharm",
    20: "agg_dex",
    21: "one_agg_dex",
    22: "agg_call_dex",
    23: "one_agg_call_dex",
    24: "agg_put_dex",
    25: "one_agg_put_dex",
    26: "net_dex",
    27: "one_net_dex",
    28: "net_call_dex",
    29: "one_net_call_dex",
    30: "net_put_dex",
    31: "one_net_put_dex",
    32: "dexoflow",
    33: "gexoflow",
    34: "cvroflow",
    35: "one_dexoflow",
    36: "one_gexoflow",
    37: "one_cvroflow",
}


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A protobuf varint and the position behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """(field number, varint or bytes) of a protobuf message, as they come."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
            yield tag >> 3, value
        elif tag & 7 == 2:
            length, at = varint(data, at)
            assert at + length <= len(data), "cut off"
            yield tag >> 3, data[at : at + length]
            at += length
        else:
            raise AssertionError(f"wire type {tag & 7} is not used by these messages")


def message(data: bytes) -> dict[int, Value]:
    """A protobuf message whose fields come once each."""
    found: dict[int, Value] = {}
    for number, value in fields(data):
        assert number not in found, f"field {number} twice"
        found[number] = value
    return found


def inner(value: Value) -> bytes:
    """A field that must be bytes."""
    assert isinstance(value, bytes)
    return value


def unzstd(frame: bytes) -> bytes:
    """A zstd frame's content; the frame must not tell its size, so that it has to be read as a stream."""
    assert frame[:4] == b"\x28\xb5\x2f\xfd", frame[:4]
    descriptor = frame[4]
    assert descriptor >> 6 == 0, "the frame has a content size field"
    assert descriptor & 0x20 == 0, "the frame is a single segment, which implies a content size"
    reader = zstandard.ZstdDecompressor().decompressobj()
    content = reader.decompress(frame)
    assert reader.eof
    assert reader.unused_data == b""
    return content


def orderflow(any_message: bytes) -> dict[str, int | str]:
    """The record in a serialised Any: hundredths as integers, by JSON name; absent fields are 0."""
    outer = message(any_message)
    assert set(outer) == {1, 2}
    assert outer[1] == b"proto.orderflow"
    found = message(unzstd(inner(outer[2])))
    assert set(found) <= {1, 2, *UNSIGNED, *ZIGZAG}
    record: dict[str, int | str] = {"timestamp": _integer(found.get(1, 0)), "ticker": inner(found[2]).decode()}
    for number, name in UNSIGNED.items():
        record[name] = _integer(found.get(number, 0))
    for number, name in ZIGZAG.items():
        raw = _integer(found.get(number, 0))
        record[name] = (raw >> 1) ^ -(raw & 1)
    return record


def timestamp(any_message: bytes) -> int:
    """Only the record's timestamp, which is cheap."""
    return _integer(next(fields(unzstd(inner(message(any_message)[2]))))[1])


def _integer(value: Value) -> int:
    assert isinstance(value, int)
    return value


class Downstream:
    """What a client was told: ``kind`` (connected, disconnected, ack, data, pong) and its values."""

    def __init__(self, kind: str, **values: Any) -> None:
        self.kind = kind
        self.values = values

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    def __repr__(self) -> str:
        return f"{self.kind} {self.values}"


def json_frame(text: str | bytes) -> Downstream:
    """A text frame of the JSON subprotocols, its keys checked exactly."""
    frame: dict[str, Any] = json.loads(text)
    keys = set(frame)
    kind = frame["type"]
    if kind == "system" and frame["event"] == "connected":
        assert keys in (
            {"type", "event", "userId", "connectionId"},
            {"type", "event", "userId", "connectionId", "reconnectionToken"},
        )
        return Downstream(
            "connected", user=frame["userId"], id=frame["connectionId"], token=frame.get("reconnectionToken")
        )
    if kind == "system":
        assert keys == {"type", "event", "message"}
        return Downstream("disconnected", message=frame["message"])
    if kind == "ack":
        assert keys == ({"type", "ackId", "success"} if frame["success"] else {"type", "ackId", "success", "error"})
        return Downstream("ack", id=frame["ackId"], success=frame["success"], error=frame.get("error"))
    if kind == "pong":
        assert keys == {"type"}
        return Downstream("pong")
    assert kind == "message"
    assert frame["from"] == "group"
    assert frame["dataType"] == "protobuf"
    assert keys - {"sequenceId", "fromUserId"} == {"type", "from", "group", "dataType", "data"}
    any_message = base64.b64decode(frame["data"], validate=True)
    return Downstream("data", group=frame["group"], any=any_message, sequence=frame.get("sequenceId"), keys=keys)


def protobuf_frame(data: bytes) -> Downstream:
    """A binary frame of the protobuf subprotocols."""
    [(number, body)] = message(data).items()
    found = message(inner(body))
    if number == 1:
        error = found.get(3)
        return Downstream("ack", id=found.get(1, 0), success=found.get(2, 0) == 1, error=error)
    if number == 2:
        assert found[1] == b"group"
        assert set(found) <= {1, 2, 3, 4}
        [(data_field, any_message)] = message(inner(found[3])).items()
        assert data_field == 3, "not protobuf_data"
        return Downstream("data", group=inner(found[2]).decode(), any=inner(any_message), sequence=found.get(4))
    if number == 3:
        [(event, content)] = found.items()
        values = message(inner(content))
        if event == 2:
            return Downstream("disconnected", message=inner(values.get(2, b"")).decode())
        token = inner(values[3]).decode() if 3 in values else None
        return Downstream("connected", user=inner(values[2]).decode(), id=inner(values[1]).decode(), token=token)
    assert number == 4
    return Downstream("pong")


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def protobuf_join(group: str, ack_id: int) -> bytes:
    """joinGroup for the protobuf subprotocols."""
    return _field(6, _field(1, group.encode()) + _field(2, ack_id))


def protobuf_leave(group: str, ack_id: int) -> bytes:
    """leaveGroup for the protobuf subprotocols."""
    return _field(7, _field(1, group.encode()) + _field(2, ack_id))


def protobuf_sequence_ack(sequence_id: int) -> bytes:
    """sequenceAck for the protobuf subprotocols."""
    return _field(8, _field(1, sequence_id))


def json_join(group: str, ack_id: int | None = None) -> str:
    """joinGroup for the JSON subprotocols."""
    return json.dumps({"type": "joinGroup", "group": group} | ({} if ack_id is None else {"ackId": ack_id}))


def json_leave(group: str, ack_id: int) -> str:
    """leaveGroup for the JSON subprotocols."""
    return json.dumps({"type": "leaveGroup", "group": group, "ackId": ack_id})


def json_sequence_ack(sequence_id: int) -> str:
    """sequenceAck for the JSON subprotocols."""
    return json.dumps({"type": "sequenceAck", "sequenceId": sequence_id})

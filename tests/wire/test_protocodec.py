"""The protobuf subprotocols, against byte vectors and a parser of our own."""

from __future__ import annotations

import base64
import random
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.errors import FrameError
from gexfaker.wire import jsoncodec, protocodec
from gexfaker.wire import messages as m
from support import independent
from support.messages import DATA, GROUPS, METADATA, SERVICE, UINT64, UPSTREAM

INVALID = "The client message is not a valid protobuf protocol message."
PACKED = bytes.fromhex("0a0970726f746f2e676578120728b52ffd616263")
XYZ = m.Data(m.DataType.TEXT, b"xyz")

UPSTREAM_VECTORS: list[tuple[bytes, m.Upstream]] = [
    (base64.b64decode("MgcKBWdyb3Vw"), m.JoinGroup("group")),
    (base64.b64decode("MgsKBWdyb3VwEOXYAg=="), m.JoinGroup("group", 44133)),
    (base64.b64decode("OgoKBWdyb3VwELlg"), m.LeaveGroup("group", 12345)),
    (base64.b64decode("QgQIwMQH"), m.SequenceAck(123456)),
    (bytes.fromhex("32080A04726F6F6D1000"), m.JoinGroup("room", 0)),
    (bytes.fromhex("4a00"), m.Ping()),
]
DOWNSTREAM_VECTORS: list[tuple[bytes, m.Downstream]] = [
    (base64.b64decode("CgQIexAB"), m.Ack(123)),
    (base64.b64decode("GhQKEgoKY29ubmVjdGlvbhIEdXNlcg=="), m.Connected("connection", "user")),
    (base64.b64decode("GhkKFwoKY29ubmVjdGlvbhIEdXNlchoDcmVj"), m.Connected("connection", "user", "rec")),
    (base64.b64decode("GgcSBRIDbXNn"), m.Disconnected("msg")),
    (base64.b64decode("EhwKBWdyb3VwEglncm91cE5hbWUaBQoDeHl6ILlg"), m.DataMessage(XYZ, "groupName", None, 12345)),
    (base64.b64decode("EhIKBnNlcnZlchoFCgN4eXoguWA="), m.DataMessage(XYZ, None, None, 12345, "server")),
    (bytes.fromhex("2200"), m.Pong()),
]


@pytest.mark.parametrize(("payload", "message"), UPSTREAM_VECTORS, ids=range(len(UPSTREAM_VECTORS)))
def test_upstream_vectors(payload: bytes, message: m.Upstream) -> None:
    assert protocodec.decode_upstream(payload) == message
    if message != m.LeaveGroup("group", 12345):
        assert protocodec.encode_upstream(message) == payload


@pytest.mark.parametrize(("payload", "message"), DOWNSTREAM_VECTORS, ids=range(len(DOWNSTREAM_VECTORS)))
def test_downstream_vectors(payload: bytes, message: m.Downstream) -> None:
    assert protocodec.encode_downstream(message) == payload
    assert protocodec.decode_downstream(payload) == message


def test_a_feed_message_begins_as_the_service_writes_it() -> None:
    group = "blue_SPX_classic_gex_full"
    made = protocodec.encode_downstream(m.DataMessage(m.Data(m.DataType.PROTOBUF, PACKED), group))
    head = "123a0a0567726f75701219626c75655f5350585f636c61737369635f6765785f66756c6c1a161a14"
    assert made.hex() == head + PACKED.hex()
    made = protocodec.encode_downstream(m.DataMessage(m.Data(m.DataType.BINARY, PACKED), group))
    assert made.hex() == head.removesuffix("1a14") + "1214" + PACKED.hex()


# --- malformed -----------------------------------------------------------------------------------


def field(number: int, content: bytes) -> bytes:
    assert len(content) < 128 * 128
    size = bytes((len(content),)) if len(content) < 128 else bytes((len(content) & 127 | 128, len(content) >> 7))
    return bytes((number << 3 | 2,)) + size + content


G = field(1, b"g")
TEXT = field(1, b"x")
JOIN, SEND, EVENT, LEAVE = 6, 1, 5, 7
REFUSED = {
    "empty": b"",
    "cut": field(JOIN, G)[:-1],
    "text": b'{"type":"ping"}',
    "unknown field only": field(15, b"x"),
    "field 0": b"\x02\x00",
    "endless varint": b"\x80" * 20,
    "group wire type": b"\x33",
    "join: no group": field(JOIN, b""),
    "join: empty group": field(JOIN, field(1, b"")),
    "join: blank group": field(JOIN, field(1, b" \t\n")),
    "join: long group": field(JOIN, field(1, b"x" * 1025)),
    "join: group not UTF-8": field(JOIN, field(1, b"\xff")),
    "join: half a character": field(JOIN, field(1, b"\xed\xa0\x80")),
    "leave: blank group": field(LEAVE, field(1, b" ")),
    "send: no group": field(SEND, field(3, TEXT)),
    "send: blank group": field(SEND, field(1, b" ") + field(3, TEXT)),
    "send: no data": field(SEND, G),
    "send: empty data": field(SEND, G + field(3, b"")),
    "send: text not UTF-8": field(SEND, G + field(3, field(1, b"\xff"))),
    "send: json not UTF-8": field(SEND, G + field(3, field(4, b'"\xff"'))),
    "send: text half a character": field(SEND, G + field(3, field(1, b"\xed\xa0\x80"))),
    "send: Any cut": field(SEND, G + field(3, field(3, b"\x0a\x05x"))),
    "send: Any URL not UTF-8": field(SEND, G + field(3, field(3, field(1, b"\xff")))),
    "send: ttl": field(SEND, G + field(3, TEXT) + b"\x28\xad\x02"),
    "send: metadata key": field(SEND, G + field(3, TEXT) + field(6, field(1, b"a b") + field(2, b"x"))),
    "send: metadata value": field(SEND, G + field(3, TEXT) + field(6, field(1, b"a") + field(2, b"x" * 1025))),
    "event: no name": field(EVENT, field(2, TEXT)),
    "event: bad name": field(EVENT, field(1, b"1a") + field(2, TEXT)),
    "event: no data": field(EVENT, field(1, b"a")),
    "event: metadata": field(EVENT, field(1, b"a") + field(2, TEXT) + field(4, field(1, b"") + field(2, b"x"))),
    **{
        f"send: json {text[:9]!r}": field(SEND, G + field(3, field(4, text)))
        for text in (b"", b" ", b"}{", b'1,"x":2', b"[1", b"NaN", b"01", b"'x'", rb'"\ud800"', b"[" * 5_000)
    },
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(FrameError) as caught:
        protocodec.decode_upstream(REFUSED[name])
    assert (caught.value.code, caught.value.reason) == (1007, INVALID)


def test_accepted_beside_the_vectors() -> None:
    decode = protocodec.decode_upstream
    assert decode(field(JOIN, field(1, b"x" * 1024))) == m.JoinGroup("x" * 1024)
    assert decode(field(JOIN, G + b"\x10" + b"\xff" * 9 + b"\x01")) == m.JoinGroup("g", 2**64 - 1)
    assert decode(field(JOIN, G) + field(15, b"unknown")) == m.JoinGroup("g")
    assert decode(field(8, b"")) == m.SequenceAck(0)
    assert decode(field(SEND, G + field(3, TEXT) + b"\x20\x01" + b"\x28\xac\x02")) == m.SendToGroup(
        "g", m.Data(m.DataType.TEXT, b"x"), None, no_echo=True
    )
    assert decode(field(SEND, G + field(3, field(1, b"")))) == m.SendToGroup("g", m.Data(m.DataType.TEXT, b""))
    assert decode(field(SEND, G + field(3, field(2, b"")))) == m.SendToGroup("g", m.Data(m.DataType.BINARY, b""))
    assert decode(field(SEND, G + field(3, field(3, PACKED)))) == m.SendToGroup(
        "g", m.Data(m.DataType.PROTOBUF, PACKED)
    )
    assert decode(field(SEND, G + field(3, field(4, b'{"a":1}')))) == m.SendToGroup(
        "g", m.Data(m.DataType.JSON, b'{"a":1}')
    )
    metadata = field(6, field(1, b"x-key") + field(2, b"value"))
    assert decode(field(SEND, G + field(3, TEXT) + metadata)) == m.SendToGroup(
        "g", m.Data(m.DataType.TEXT, b"x"), metadata=(("x-key", "value"),)
    )


def damaged(rng: random.Random, seeds: list[bytes]) -> bytes:
    frame = bytearray(rng.choice(seeds))
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(frame) + 1)
        frame[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
    return bytes(frame)


def test_twenty_thousand_damaged_frames_raise_nothing_else() -> None:
    """What is still accepted can be published to every kind of receiver."""
    rng = random.Random(9)
    data = (field(1, "ü".encode()), field(2, b"\0\xff"), field(3, PACKED), field(4, b'{"a":[1]}'))
    seeds = [payload for payload, _ in UPSTREAM_VECTORS]
    seeds += [field(SEND, G + b"\x10\x05" + field(3, content) + b"\x20\x01") for content in data] * 2
    seeds += [field(EVENT, field(1, b"name") + field(2, content) + b"\x18\x05") for content in data]
    accepted, refused = 0, set()
    for _ in range(20_000):
        try:
            message = protocodec.decode_upstream(damaged(rng, seeds))
        except FrameError as error:
            refused.add((error.code, error.reason))
            continue
        accepted += 1
        if isinstance(message, m.Unsupported):  # nobody writes one
            continue
        assert protocodec.decode_upstream(protocodec.encode_upstream(message)) == message
        jsoncodec.encode_upstream(message)
        if isinstance(message, m.SendToGroup):
            sent = m.DataMessage(message.data, message.group, None, 1)
            assert protocodec.decode_downstream(protocodec.encode_downstream(sent)).data == message.data  # type: ignore[union-attr]
            jsoncodec.decode_downstream(jsoncodec.encode_downstream(sent))
    assert refused == {(1007, INVALID)}
    assert 1_000 < accepted < 15_000


def test_damaged_service_frames_raise_nothing_else() -> None:
    rng = random.Random(10)
    seeds = [payload for payload, _ in DOWNSTREAM_VECTORS]
    codes = set()
    for _ in range(20_000):
        try:
            protocodec.decode_downstream(damaged(rng, seeds))
        except FrameError as error:
            codes.add(error.code)
    assert codes == {1007}


@pytest.mark.parametrize("payload", [b"", b"\xff", field(15, b""), field(2, b""), field(2, field(1, b"group"))])
def test_what_is_not_the_services_is_refused(payload: bytes) -> None:
    with pytest.raises(FrameError):
        protocodec.decode_downstream(payload)


# --- round trips ---------------------------------------------------------------------------------


@given(UPSTREAM)
def test_upstream_round_trip(message: m.Upstream) -> None:
    assert protocodec.decode_upstream(protocodec.encode_upstream(message)) == message


@given(SERVICE)
def test_service_round_trip(message: m.Downstream) -> None:
    assert protocodec.decode_downstream(protocodec.encode_downstream(message)) == message


KINDS = {m.DataType.TEXT: 1, m.DataType.BINARY: 2, m.DataType.PROTOBUF: 3, m.DataType.JSON: 4}


@given(DATA, GROUPS, st.none() | UINT64, st.sampled_from(["someone", None]))
def test_data_messages_on_the_wire(content: m.Data, group: str, sequence_id: int | None, user_id: str | None) -> None:
    """There is no fromUserId in protobuf: whoever sent it, the bytes are the same."""
    made = protocodec.encode_downstream(m.DataMessage(content, group, user_id, sequence_id))
    read = independent.data_message(made)
    assert read == ("group", group, KINDS[content.type], content.value, sequence_id)
    assert protocodec.decode_downstream(made) == m.DataMessage(content, group, None, sequence_id)


@given(DATA, st.none() | UINT64, METADATA)
def test_metadata_travels(content: m.Data, sequence_id: int | None, metadata: m.Metadata) -> None:
    message = m.DataMessage(content, "g", None, sequence_id, metadata=metadata)
    made = protocodec.encode_downstream(message)
    assert protocodec.decode_downstream(made) == message
    entries = [value for number, _, value in independent.fields(bytes(independent.only(made)[1])) if number == 5]
    assert len(entries) == len(metadata)
    assert made == protocodec.encode_downstream(message), "a replay repeats the bytes"


EDGES = [0, 1, *(edge + step for bits in range(7, 64, 7) for edge in (1 << bits,) for step in (-1, 0)), 2**64 - 1]


@pytest.mark.parametrize("size", [0, 1, 90, 110, 117, 118, 119, 120, 127, 128, 16_360, 16_384, 70_000])
@pytest.mark.parametrize("kind", [m.DataType.BINARY, m.DataType.PROTOBUF])
@pytest.mark.parametrize(("source", "group"), [("group", "g"), ("group", "ü" * 200), ("server", None)])
def test_numbers_and_lengths_at_the_edges_of_varints(
    size: int, kind: m.DataType, source: Literal["group", "server"], group: str | None
) -> None:
    """Sequence ids and lengths at every change of a varint's length."""
    content = m.Data(kind, b"x" * size)
    message = m.DataMessage(content, group, source=source)
    told = (source, group, KINDS[kind], content.value)
    assert independent.data_message(b"".join(protocodec.pieces(message))) == (*told, None)
    part = protocodec.shared(message)
    for sequence_id in EDGES:
        assert independent.data_message(protocodec.numbered(part, sequence_id)) == (*told, sequence_id)

"""The JSON subprotocols: what is accepted, what closes, and the exact text of the service's messages."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.errors import FrameError
from gexfaker.limits import MAX_STARTS
from gexfaker.wire import jsoncodec, protocodec
from gexfaker.wire import messages as m
from support.messages import DATA, GROUPS, METADATA, SERVICE, TEXT, UINT64, UPSTREAM

INVALID = "The client message is not a valid JSON protocol message."
PACKED = bytes.fromhex("0a0970726f746f2e676578120728b52ffd616263")
"""An Any: type_url proto.gex, value 28 b5 2f fd 61 62 63."""


def upstream(**fields: Any) -> m.Received:
    return jsoncodec.decode_upstream(json.dumps(fields).encode())


def data(kind: m.DataType, value: bytes) -> m.Data:
    return m.Data(kind, value)


JSON, STRING, BINARY, PROTOBUF = m.DataType.JSON, m.DataType.TEXT, m.DataType.BINARY, m.DataType.PROTOBUF


# --- accepted ------------------------------------------------------------------------------------

ACCEPTED: list[tuple[str, m.Upstream]] = [
    ('{"type":"joinGroup","group":"g"}', m.JoinGroup("g")),
    ('{"type":"joinGroup","group":"g","ackId":1}', m.JoinGroup("g", 1)),
    ('{"type":"joinGroup","group":"g","ackId":0}', m.JoinGroup("g", 0)),
    ('{"type":"joinGroup","group":"g","ackId":18446744073709551615}', m.JoinGroup("g", 2**64 - 1)),
    ('{"type":"joinGroup","group":"g","ackId":null}', m.JoinGroup("g")),
    ('{"ackId":7,"group":" g ","type":"leaveGroup"}', m.LeaveGroup(" g ", 7)),
    ('{"TYPE":1,"type":"JOINGROUP","group":"Grün😀"}', m.JoinGroup("Grün😀")),
    (r'{"type":"joingroup","group":"\ud83d\ude00\n"}', m.JoinGroup("😀\n")),
    ('{"type":"sequenceAck","sequenceId":0}', m.SequenceAck(0)),
    ('{"type":"sequenceACK","sequenceId":18446744073709551615}', m.SequenceAck(2**64 - 1)),
    ('{"type":"ping"}', m.Ping()),
    ('\n{ "type" : "Ping" , "extra" : [ 1 ] }\n', m.Ping()),
    ('{"type":"sendToGroup","group":"g","data":{"a": [1]}}', m.SendToGroup("g", data(JSON, b'{"a": [1]}'))),
    ('{"type":"sendToGroup","group":"g","data":false}', m.SendToGroup("g", data(JSON, b"false"))),
    ('{"type":"sendToGroup","group":"g","data":""}', m.SendToGroup("g", data(JSON, b'""'))),
    (
        '{"type":"sendToGroup","group":"g","dataType":"json","data":1.50,"noEcho":false,"ackId":3}',
        m.SendToGroup("g", data(JSON, b"1.50"), 3),
    ),
    (
        '{"type":"sendToGroup","group":"g","dataType":"Text","data":"ü","noEcho":true,"ttlSeconds":300}',
        m.SendToGroup("g", data(STRING, "ü".encode()), no_echo=True),
    ),
    ('{"type":"sendToGroup","group":"g","dataType":"text","data":""}', m.SendToGroup("g", data(STRING, b""))),
    (
        '{"type":"sendToGroup","group":"g","dataType":"binary","data":"AP8="}',
        m.SendToGroup("g", data(BINARY, b"\0\xff")),
    ),
    ('{"type":"sendToGroup","group":"g","dataType":"binary","data":""}', m.SendToGroup("g", data(BINARY, b""))),
    (
        '{"type":"sendToGroup","group":"g","dataType":"protobuf","data":"Cglwcm90by5nZXgSByi1L/1hYmM="}',
        m.SendToGroup("g", data(PROTOBUF, PACKED)),
    ),
    (
        '{"type":"sendToGroup","group":"g","data":1,"metadata":{"x-Key_1":"value"},"noEcho":null,"ttlSeconds":null}',
        m.SendToGroup("g", data(JSON, b"1"), metadata=(("x-Key_1", "value"),)),
    ),
    ('{"type":"event","event":"a","data":1}', m.Event("a", data(JSON, b"1"))),
    (
        '{"type":"event","event":"Z9_.-","dataType":"text","data":"x","ackId":5}',
        m.Event("Z9_.-", data(STRING, b"x"), 5),
    ),
]


@pytest.mark.parametrize(("text", "message"), ACCEPTED, ids=range(len(ACCEPTED)))
def test_accepted(text: str, message: m.Upstream) -> None:
    assert jsoncodec.decode_upstream(text.encode()) == message


def test_the_longest_names() -> None:
    assert upstream(type="joinGroup", group="ü" * 1024) == m.JoinGroup("ü" * 1024)
    name = "e" * 128
    assert upstream(type="event", event=name, data=1) == m.Event(name, data(JSON, b"1"))


# --- refused -------------------------------------------------------------------------------------

SEND = '"type":"sendToGroup","group":"g"'
REFUSED = [
    *("", " ", "null", "1", '"ping"', "[]", '["ping"]', "{}", "ping", "{", "}", '{"type":"ping"', '{"type":"ping"}}'),
    *(
        '{"type":"ping"}{"type":"ping"}',
        "{'type':'ping'}",
        '{"type":"ping",}',
        '{type:"ping"}',
        '\ufeff{"type":"ping"}',
    ),
    *('{"type":null}', '{"type":1}', '{"type":["ping"]}', '{"type":""}', '{"type":"unknown"}', '{"type":" ping"}'),
    *('{"group":"g"}', '{"type":"ack","ackId":1}', '{"type":"message"}'),
    *('{"type":"joinGroup"}', '{"type":"joinGroup","group":""}', '{"type":"joinGroup","group":" \\t\\n"}'),
    *('{"type":"joinGroup","group":null}', '{"type":"joinGroup","group":1}', '{"type":"joinGroup","group":["g"]}'),
    '{"type":"leaveGroup","group":""}',
    '{"type":"joinGroup","group":"%s"}' % ("x" * 1025),
    *(
        f'{{"type":"joinGroup","group":"g","ackId":{value}}}'
        for value in ("-1", "18446744073709551616", '"1"', "1.5", "true", "[]", "{}", "1e400", "1" + "0" * 5000, "NaN")
    ),
    *(f'{{{SEND},"data":1,"ackId":{value}}}' for value in ("-1", "18446744073709551616", '"1"')),
    *('{"type":"sequenceAck"}', '{"type":"sequenceAck","sequenceId":null}', '{"type":"sequenceAck","sequenceId":-1}'),
    *('{"type":"sequenceAck","sequenceId":"1"}', '{"type":"sequenceAck","sequenceId":18446744073709551616}'),
    *(f"{{{SEND}}}", f'{{{SEND},"data":null}}', f'{{{SEND},"dataType":"text"}}', '{"type":"sendToGroup","data":1}'),
    *(f'{{{SEND},"dataType":"text","data":{value}}}' for value in ("1", "null", "{}", "true", '["a"]')),
    *(
        f'{{{SEND},"dataType":"binary","data":{value}}}'
        for value in ('"AP8"', '"A"', '"A P8="', '"AP8=\\n"', '"-_8="', '"%%%%"', '"é"', "1", "[0,255]", "null")
    ),
    *(
        f'{{{SEND},"dataType":"protobuf","data":{value}}}'
        for value in ('"Cg"', '"/////w=="', '"Cv8="', "{}", '"CgL//g=="')
    ),
    *(f'{{{SEND},"dataType":{value},"data":"x"}}' for value in ('"xml"', '" text"', "1", '"arraybuffer"')),
    *(f'{{{SEND},"data":1,"ttlSeconds":{value}}}' for value in ("301", "-1", '"1"', "1.5", str(2**70))),
    *(f'{{{SEND},"data":1,"noEcho":{value}}}' for value in ("1", '"true"')),
    *(
        f'{{{SEND},"data":1,"metadata":{value}}}'
        for value in (
            *("1", "[]", '{"a":1}', '{"a":null}', '{"":"x"}', '{"a b":"x"}', '{"ü":"x"}', '{"a":"ü"}', '{"a:b":"x"}'),
            '{"%s":"x"}' % ("k" * 257),
            '{"k":"%s"}' % ("v" * 1025),
            json.dumps({f"key{number}": "v" * 1000 for number in range(9)}),
        )
    ),
    *(
        f'{{"type":"event","data":1,"event":{value}}}'
        for value in ('""', "null", "1", '"1a"', '"_a"', '"a b"', '"ä"', '"a\\n"', '"a/b"', '"%s"' % ("e" * 129))
    ),
    *('{"type":"event","event":"e"}', '{"type":"event","event":"e","data":null}', '{"type":"event","data":1}'),
    '{"type":"event","event":"e","data":1,"metadata":{"a b":"x"}}',
    '{"type":"event","event":"e","data":1,"ackId":-1}',
    *(rf'{{"type":"joinGroup","group":"{half}"}}' for half in (r"\ud800", r"\udc00", r"x\ud800y", r"\ude00\ud83d")),
    *(rf'{{{SEND},"dataType":"text","data":"{half}"}}' for half in (r"\ud800", r"\udfff!")),
    *(
        rf'{{{SEND},"data":{value}}}'
        for value in (r'"\ud800"', r'{"\ud800":1}', r'"\x"', "01", "1.", "-", "NaN", "tru")
    ),
    rf'{{{SEND},"data":' + "[" * 100_000 + "}",
    rf'{{{SEND},"data":' + "[" * 100_000 + "]" * 100_000 + "}",
    "[" * 100_000,
    '{"a":' * 100_000,
]


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_refused(text: str) -> None:
    with pytest.raises(FrameError) as caught:
        jsoncodec.decode_upstream(text.encode())
    assert (caught.value.code, caught.value.reason) == (1007, INVALID)


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff\xfe",
        '{"type":"ping"}'.encode("utf-16"),
        b'{"type":"joinGroup","group":"\xff"}',
        b'{"type":"joinGroup","group":"\xed\xa0\x80"}',
        b'{"type":"joinGroup","group":"\xc0\xaf"}',
        b'{"type":"sendToGroup","group":"g","data":"\xff"}',
        b'{"type":"sendToGroup","group":"g","dataType":"text","data":"\xe2\x82"}',
        b'{"type":"ping","extra":"\xff"}',
    ],
    ids=range(8),
)
def test_what_is_not_utf8_is_refused(payload: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        jsoncodec.decode_upstream(payload)
    assert (caught.value.code, caught.value.reason) == (1007, INVALID)


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    """A frame with a few bytes removed, put in, changed, or two frames joined in the middle."""
    frame = bytearray(rng.choice(seeds))
    if rng.random() < 0.1:
        other = rng.choice(seeds)
        frame[rng.randrange(len(frame) + 1) :] = other[rng.randrange(len(other) + 1) :]
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(frame) + 1)
        piece = rng.choice(
            (rng.randbytes(rng.randrange(3)), rng.choice((b'"', b"{", b"}", b"\\ud800", b"-", b"9", b"null")))
        )
        frame[at : at + rng.randrange(3)] = piece
    return bytes(frame)


def test_twenty_thousand_damaged_frames_raise_nothing_else() -> None:
    """What is still accepted can be written again by both dialects, for every kind of receiver."""
    rng = random.Random(5)
    seeds = [text.encode() for text, _ in ACCEPTED]
    accepted, refused = 0, set()
    for _ in range(20_000):
        frame = mutated(rng, seeds)
        try:
            message = jsoncodec.decode_upstream(frame)
        except FrameError as error:
            refused.add((error.code, error.reason))
            continue
        accepted += 1
        if isinstance(message, m.Unsupported):  # nobody writes one
            continue
        assert jsoncodec.decode_upstream(jsoncodec.encode_upstream(message)) == message
        protocodec.encode_upstream(message)
        if isinstance(message, m.SendToGroup):
            sent = m.DataMessage(message.data, message.group, None, 1)
            json.loads(jsoncodec.encode_downstream(sent))
            protocodec.encode_downstream(sent)
    assert refused == {(1007, INVALID)}
    assert 500 < accepted < 15_000


def test_damaged_service_frames_raise_nothing_else() -> None:
    rng = random.Random(6)
    seeds = [text.encode() for text, _ in WRITTEN] + [
        b'{"type":"ack","ackId":1,"success":false,"error":{"name":"x"}}',
        b'{"type":"ack","ackId":1,"success":false,"error":{"name":"x","message":"y","more":"z"}}',
        b'{"type":"ack","ackId":1,"success":false}',
    ]
    codes = set()
    for _ in range(20_000):
        try:
            jsoncodec.decode_downstream(mutated(rng, seeds))
        except FrameError as error:
            codes.add(error.code)
    assert codes == {1007}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"type":"unknown"}',
        '{"type":"system","event":"x"}',
        '{"type":"message","from":"group"}',
        "[" * 100_000,
    ],
)
def test_what_is_not_the_services_is_refused(text: str) -> None:
    with pytest.raises(FrameError):
        jsoncodec.decode_downstream(text.encode())


# --- written -------------------------------------------------------------------------------------

WRITTEN: list[tuple[str, m.Downstream]] = [
    (
        '{"type":"system","event":"connected","userId":"u1","connectionId":"c","reconnectionToken":"r"}',
        m.Connected("c", "u1", "r"),
    ),
    ('{"type":"system","event":"connected","userId":null,"connectionId":"c"}', m.Connected("c", None)),
    ('{"type":"system","event":"disconnected","message":"why"}', m.Disconnected("why")),
    ('{"type":"ack","ackId":1,"success":true}', m.Ack(1)),
    ('{"type":"ack","ackId":18446744073709551615,"success":true}', m.Ack(2**64 - 1)),
    (
        '{"type":"ack","ackId":0,"success":false,"error":{"name":"Forbidden","message":"no"}}',
        m.Ack(0, m.AckError("Forbidden", "no")),
    ),
    ('{"type":"pong"}', m.Pong()),
    (
        '{"type":"message","from":"group","fromUserId":"u","group":"g","dataType":"json","data":{"a":1}}',
        m.DataMessage(data(JSON, b'{"a":1}'), "g", "u"),
    ),
    (
        '{"type":"message","from":"group","fromUserId":null,"group":"g","dataType":"text","data":"\\"ü"}',
        m.DataMessage(data(STRING, '"ü'.encode()), "g"),
    ),
    (
        '{"sequenceId":1,"type":"message","from":"group","group":"g","dataType":"binary","data":"AP8=","fromUserId":"u"}',
        m.DataMessage(data(BINARY, b"\0\xff"), "g", "u", 1),
    ),
    (
        '{"sequenceId":18446744073709551615,"type":"message","from":"group","group":"blue_SPX_classic_gex_full",'
        '"dataType":"protobuf","data":"Cglwcm90by5nZXgSByi1L/1hYmM="}',
        m.DataMessage(data(PROTOBUF, PACKED), "blue_SPX_classic_gex_full", None, 2**64 - 1),
    ),
    (
        '{"type":"message","from":"server","dataType":"json","data":1}',
        m.DataMessage(data(JSON, b"1"), source="server"),
    ),
]


@pytest.mark.parametrize(("text", "message"), WRITTEN, ids=range(len(WRITTEN)))
def test_the_services_text(text: str, message: m.Downstream) -> None:
    assert jsoncodec.encode_downstream(message).decode() == text
    assert jsoncodec.decode_downstream(text.encode()) == message


@given(UPSTREAM)
def test_upstream_round_trip(message: m.Upstream) -> None:
    written = jsoncodec.encode_upstream(message)
    assert jsoncodec.decode_upstream(written) == message
    json.loads(written)


@given(SERVICE)
def test_service_round_trip(message: m.Downstream) -> None:
    assert jsoncodec.decode_downstream(jsoncodec.encode_downstream(message)) == message


@given(DATA, GROUPS, st.none() | TEXT, st.none() | UINT64, METADATA)
def test_data_round_trip_and_what_any_json_reader_sees(
    content: m.Data, group: str, user_id: str | None, sequence_id: int | None, metadata: m.Metadata
) -> None:
    message = m.DataMessage(content, group, user_id, sequence_id, metadata=metadata)
    written = jsoncodec.encode_downstream(message)
    assert jsoncodec.decode_downstream(written) == message
    seen = json.loads(written)
    assert seen.get("metadata", {}) == dict(metadata)
    assert seen.get("sequenceId") == sequence_id
    assert (seen["type"], seen["from"], seen["group"]) == ("message", "group", group)
    assert seen.get("fromUserId") == user_id
    assert ("fromUserId" in seen) == (user_id is not None or sequence_id is None)
    assert seen["dataType"] == content.type.value
    value = seen["data"]
    if content.type is JSON:
        assert value == json.loads(content.value)
    elif content.type is STRING:
        assert value == content.value.decode()
    else:
        assert base64.b64decode(value, validate=True) == content.value


def test_the_starts_remembered_are_bounded() -> None:
    for number in range(MAX_STARTS + 100):
        jsoncodec.pieces(m.DataMessage(m.Data(m.DataType.TEXT, b""), f"group-{number}"))
    assert jsoncodec._start.cache_info().currsize == MAX_STARTS

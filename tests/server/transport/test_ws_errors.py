"""What a client that breaks the protocol gets, and odd but legal traffic."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

import pytest

from support import decode
from support.raw import (
    BINARY,
    CLOSE,
    CONT,
    JSON,
    JSON_RELIABLE,
    PING,
    PONG,
    PROTOBUF,
    TEXT,
    RawSocket,
    connect,
    frame,
    upgrade_request,
)
from support.server import Served, running_server, wait_until

JSON_INVALID = "The client message is not a valid JSON protocol message."
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server() as running:
        yield running


@pytest.fixture
def raw(server: Served) -> Iterator[RawSocket]:
    """A connected client of the plain JSON subprotocol."""
    with connect(server.orderflow(), JSON) as client:
        assert client.read_json().kind == "connected"
        yield client


def echo_group(raw: RawSocket) -> None:
    """The connection still works."""
    raw.send_text('{"type":"ping"}')
    assert raw.read_kind("pong")


def test_json_client_that_sends_binary(raw: RawSocket) -> None:
    raw.send(frame(BINARY, b'{"type":"ping"}'))
    assert raw.read_close() == (1003, "The JSON subprotocol requires text messages.")


def test_protobuf_client_that_sends_text(server: Served) -> None:
    with connect(server.orderflow(), PROTOBUF) as raw:
        raw.send(frame(TEXT, b"hello"))
        assert raw.read_close() == (1003, "The protobuf.webpubsub.azure.v1 subprotocol requires binary messages.")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "[]",
        "{}",
        '{"type":"dance"}',
        '{"type":"joinGroup"}',
        '{"type":"joinGroup","group":" "}',
        '{"type":"joinGroup","group":7}',
        '{"type":"joinGroup","group":"g","ackId":"1"}',
        '{"type":"joinGroup","group":"g","ackId":-1}',
        '{"type":"sendToGroup","group":"g","data":null}',
        '{"type":"sendToGroup","group":"g","dataType":"binary","data":"?"}',
        '{"type":"event","event":"9","data":1}',
        "[" * 100_000,
    ],
)
def test_garbage_in_json(raw: RawSocket, text: str) -> None:
    raw.send_text(text)
    assert raw.read_close() == (1007, JSON_INVALID)
    raw.close(1007)
    assert raw.is_gone()


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xff" * 20, b"\x32\x00", b"\x4a\x05"])
def test_garbage_in_protobuf(server: Served, payload: bytes) -> None:
    with connect(server.orderflow(), PROTOBUF) as raw:
        raw.send(frame(BINARY, payload))
        code, reason = raw.read_close()
        assert code == 1007
        assert "valid" in reason


def test_invalid_utf8(raw: RawSocket) -> None:
    raw.send(frame(TEXT, b'{"type":"joinGroup","group":"\xc3\x28"}'))
    assert raw.read_close()[0] == 1007
    raw.close(1007)
    assert raw.is_gone()


def test_a_message_at_the_limit_passes_and_one_beyond_is_1009(raw: RawSocket) -> None:
    start = b'{"type":"joinGroup","group":"g","ackId":1,"pad":"'
    raw.send(frame(TEXT, start + b"x" * (MIB - len(start) - 2) + b'"}'))
    assert raw.read_kind("ack").success
    raw.send(frame(TEXT, start + b"x" * (MIB - len(start) - 1) + b'"}'))
    assert raw.read_close() == (1009, "The client message is too large.")


def test_a_fragmented_message_beyond_the_limit_is_1009(raw: RawSocket) -> None:
    raw.send(frame(TEXT, b"x" * (MIB // 2), fin=False) + frame(CONT, b"x" * (MIB // 2), fin=False))
    raw.send(frame(CONT, b"x", fin=True))
    assert raw.read_close() == (1009, "The client message is too large.")


def test_fragments_are_put_together_with_a_ping_between(raw: RawSocket) -> None:
    text = decode.json_join("größe", 5).encode()
    raw.send(frame(TEXT, text[:7], fin=False))
    raw.send(frame(CONT, text[7:9], fin=False))
    raw.send(frame(PING, b"between"))
    assert raw.read_frame() == (PONG, b"between")
    raw.send(frame(CONT, b"", fin=False) + frame(CONT, text[9:]))
    ack = raw.read_kind("ack")
    assert (ack.id, ack.success) == (5, True)


def test_a_character_may_be_split_between_fragments(raw: RawSocket) -> None:
    text = json.dumps({"type": "joinGroup", "group": "größe", "ackId": 6}, ensure_ascii=False).encode()
    cut = text.index("ö".encode()) + 1
    raw.send(frame(TEXT, text[:cut], fin=False) + frame(CONT, text[cut:]))
    assert raw.read_kind("ack").success


@pytest.mark.parametrize(
    "bad",
    [
        frame(TEXT, b'{"type":"ping"}', masked=False),
        frame(3, b"reserved opcode"),
        bytes([0xC1]) + frame(TEXT, b"x")[1:],
        frame(PING, b"x", fin=False),
        frame(PING, b"x" * 126),
        frame(CONT, b"nothing to go on with"),
        frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
        frame(CLOSE, struct.pack("!H", 999)),
        frame(CLOSE, b"x"),
    ],
    ids=["unmasked", "opcode", "rsv1", "split-ping", "long-ping", "cont", "interleaved", "code-999", "short-close"],
)
def test_a_broken_frame_is_1002(server: Served, raw: RawSocket, bad: bytes) -> None:
    raw.send(bad)
    assert raw.read_close() == (1002, "The client frame is invalid.")
    raw.close(1002)
    assert raw.is_gone()


def test_a_broken_frame_ends_a_reliable_connection_too(server: Served) -> None:
    with connect(server.orderflow(), JSON_RELIABLE) as raw:
        told = raw.read_json()
        raw.send(frame(3, b""))
        assert raw.read_close()[0] == 1002
    url = f"{server.orderflow()}&awps_connection_id={told.id}&awps_reconnection_token={told.token}"
    with connect(url, JSON_RELIABLE) as raw:
        assert raw.read_close()[0] == 1008


def test_a_client_that_ignores_the_close_is_dropped(raw: RawSocket) -> None:
    raw.send_text("garbage")
    assert raw.read_close()[0] == 1007
    assert raw.is_gone()  # within the socket's 10 s; the server waits 3


def test_pings_are_answered(raw: RawSocket) -> None:
    for payload in (b"", b"hello", b"x" * 125):
        raw.send(frame(PING, payload))
        assert raw.read_frame() == (PONG, payload)
    raw.send(frame(PONG, b"nobody asked"))
    echo_group(raw)


def test_the_server_pings_and_drops_who_never_answers() -> None:
    with running_server(ping_interval="100ms") as server:
        with connect(server.orderflow(), JSON) as silent, connect(server.orderflow(), JSON) as good:
            for client in (silent, good):
                assert client.read_json().kind == "connected"
            for _ in range(8):
                opcode, payload = good.read_frame()
                assert opcode == PING
                good.send(frame(PONG, payload))
            assert silent.is_gone()
            echo_group(good)
        wait_until(lambda: server.health()["connections"] == 0, 5, "nobody left")


def test_one_byte_at_a_time(server: Served) -> None:
    url = server.orderflow()
    stream = upgrade_request(url, [JSON])
    stream += frame(TEXT, decode.json_join("slowly", 1).encode()) + frame(PING, b"p")
    stream += frame(TEXT, decode.json_leave("slowly", 2).encode())
    with RawSocket(url) as raw:
        for byte in stream:
            raw.send(bytes([byte]))
        assert raw.read_answer() == 101
        found = [raw.read_json().kind]
        pongs = 0
        while len(found) < 3:
            opcode, payload = raw.read_frame()
            if opcode == PONG:
                assert payload == b"p"
                pongs += 1
            else:
                found.append(decode.json_frame(payload).kind)
        assert (found, pongs) == (["connected", "ack", "ack"], 1)


def test_a_simple_client_that_speaks_is_1011(server: Served) -> None:
    with connect(server.orderflow()) as raw:
        raw.send(frame(TEXT, b"anybody there?"))
        assert raw.read_close()[0] == 1011


def test_a_close_is_answered_with_its_code(server: Served) -> None:
    with connect(server.orderflow(), JSON) as raw:
        raw.close(1000)
        assert raw.read_close()[0] == 1000
        assert raw.is_gone()


def test_a_vanishing_client_is_forgotten(server: Served) -> None:
    wait_until(lambda: server.health()["connections"] == 0, 10, "earlier clients gone")
    raw = connect(server.orderflow(), JSON)
    raw.send(frame(TEXT, b"half a message", fin=False))
    raw.abort()
    wait_until(lambda: server.health()["connections"] == 0, 5, "the connection is forgotten")


def test_none_of_this_left_a_traceback(server: Served) -> None:
    assert not [line for line in server.stderr if "Traceback" in line], server.stderr

"""Faults of the feed on the wire: what the official Python client and a bare socket meet; what other keys do not."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.messaging.webpubsubclient import WebPubSubClient
from azure.messaging.webpubsubclient.models import CallbackType, OnGroupDataMessageArgs

from gexfaker.faults.kinds import KINDS, Point
from support import data, decode
from support.azure import LATE, opened
from support.journal import check_declared
from support.leaks import LEAVES_SOCKETS
from support.raw import JSON, JSON_RELIABLE, PING, PONG, PROTOBUF, TEXT, GoneError, RawSocket, frame, upgrade_request
from support.server import InProcess, running_server, wait_until

pytestmark = [
    *LEAVES_SOCKETS,
    pytest.mark.filterwarnings(r"ignore:Exception in thread .*:pytest.PytestUnhandledThreadExceptionWarning"),
]
GROUP = data.group()
READ = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder: Path = tmp_path_factory.mktemp("faulted")
    data.write_day(folder, 3000)
    with running_server(data_dir=str(folder), ws_stream_interval="20ms", ack_delay=LATE) as running:
        yield running


class Feed:
    """A key of its own with a socket of our own."""

    def __init__(self, server: InProcess, key: str, subprotocol: str = JSON) -> None:
        self.server, self.key, self.subprotocol = server, key, subprotocol
        self.stack: list[RawSocket] = []

    def call(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.server.request(method, f"{path}?key={self.key}", json.dumps(body).encode())
        assert status < 300, answer
        return json.loads(answer)

    def faults(self, *rules: dict[str, Any]) -> None:
        self.call("PUT", "/_gexfaker/faults", list(rules))

    def journal(self, *types: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", "/_gexfaker/journal")["entries"]
        return [entry for entry in found if not types or entry["type"] in types]

    def verify(self, *expected: dict[str, Any]) -> int:
        """The status of the answer."""
        body = json.dumps({"expect": list(expected)}).encode()
        return self.server.request("POST", f"/_gexfaker/verify?key={self.key}", body)[0]

    def connect(self) -> RawSocket:
        url = self.server.orderflow(self.key)
        made = RawSocket(url)
        self.stack.append(made)
        made.send(upgrade_request(url, (self.subprotocol,)))
        assert made.read_answer() == 101
        return made

    def listen(self) -> RawSocket:
        """Connected and in the group."""
        made = self.connect()
        made.read_kind("connected")
        made.send_text(decode.json_join(GROUP))
        return made

    def close(self) -> None:
        for one in self.stack:
            one.socket.close()


@pytest.fixture
def feed(server: InProcess, request: pytest.FixtureRequest) -> Iterator[Feed]:
    made = Feed(server, f"feed{abs(hash(request.node.name))}")
    yield made
    check_declared(server, made.key)
    made.faults()
    made.close()


def payloads(client: RawSocket, count: int = READ) -> list[bytes]:
    return [client.read_kind("data").any for _ in range(count)]


def stamps(client: RawSocket, count: int = READ) -> list[int]:
    return [decode.timestamp(one) - data.FIRST for one in payloads(client, count)]


# --- messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"type": "drop", "after": 2, "count": 2}, [0, 1, 4, 5]),
        ({"type": "duplicate", "count": 1}, [0, 0, 1, 2]),
        ({"type": "freeze", "after": 2, "count": 2}, [0, 1, 1, 2]),
        ({"type": "stale", "after": 3, "attributes": {"records": 2}}, [0, 1, 2, 1]),
        ({"type": "backdate", "count": 1, "attributes": {"by": 3000}}, [-3, 1, 2, 3]),
        ({"type": "delay", "count": 1, "attributes": {"delay": 50}}, None),
        ({"type": "reorder", "count": 3, "attributes": {"window": 3}}, None),
    ],
)
def test_records_come_otherwise(feed: Feed, rule: dict[str, Any], wanted: list[int] | None) -> None:
    feed.faults(rule)
    found = stamps(feed.listen(), 4 if wanted else READ)
    if wanted is not None:
        assert found == wanted
    else:
        assert sorted(found) == list(range(READ))
        assert found != list(range(READ))


def test_a_gap_is_silence_while_others_go_on(feed: Feed) -> None:
    feed.faults({"type": "gap", "count": 1, "after": 1, "attributes": {"duration": 400}})
    client = feed.listen()
    assert stamps(client, 1) == [0]
    began = time.monotonic()
    [after] = stamps(client, 1)
    assert time.monotonic() - began > 0.35
    assert after > 5


@pytest.mark.parametrize("part", ["zstd", "magic", "protobuf", "type_url", "bits"])
def test_a_payload_cannot_be_read(feed: Feed, part: str) -> None:
    feed.faults({"type": "corrupt", "count": 1, "attributes": {"part": part, "flips": 200}})
    first, second = payloads(feed.listen(), 2)
    with pytest.raises(Exception, match=r".*"):
        decode.orderflow(first)
    assert decode.orderflow(second) == data.expected("ES_SPX", 1)


def test_a_record_of_another_ticker_and_numbers_at_their_bounds(feed: Feed) -> None:
    feed.faults({"type": "mislabel", "count": 1}, {"type": "extremes", "count": 1})
    first, second, third = (decode.orderflow(one) for one in payloads(feed.listen(), 3))
    assert first == data.expected("ES_SPX", 0) | {"ticker": "OTHER"}
    assert second["spot"] == 2**32 - 1
    assert third == data.expected("ES_SPX", 2)


def test_a_large_message_and_one_of_an_unknown_type(feed: Feed) -> None:
    feed.faults({"type": "oversize", "count": 1, "attributes": {"bytes": 500_000}}, {"type": "unknown_message"})
    client = feed.listen()
    [large] = payloads(client, 1)
    assert len(large) > 500_000
    unknown = json.loads(client.read_message())
    assert unknown["type"] == "system"
    assert unknown["event"] not in ("connected", "disconnected")


def test_no_base64(feed: Feed) -> None:
    feed.faults({"type": "corrupt", "count": 1, "attributes": {"part": "base64"}})
    client = feed.listen()
    text = json.loads(client.read_message())
    with pytest.raises(ValueError, match=r".*"):
        base64.b64decode(text["data"], validate=True)
    assert client.read_kind("data").group == GROUP


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [({"kind": "skip", "by": 5}, [1, 7, 8]), ({"kind": "repeat"}, [1, 2, 2]), ({"kind": "swap"}, [1, 3, 2])],
)
def test_sequence_ids(server: InProcess, feed: Feed, kind: dict[str, Any], numbers: list[int]) -> None:
    feed.subprotocol = JSON_RELIABLE
    feed.faults({"type": "sequence", "after": 1, "count": 1, "attributes": kind})
    client = feed.listen()
    assert [client.read_kind("data").sequence for _ in range(3)] == numbers


# --- connections ---------------------------------------------------------------------------------


def test_closes_with_a_code_a_reset_and_a_kick(feed: Feed) -> None:
    feed.faults({"type": "close", "after": 3, "attributes": {"code": 4001, "reason": "maintenance"}, "count": 1})
    client = feed.listen()
    assert client.read_close() == (4001, "maintenance")
    feed.faults({"type": "reset_peer", "after": 3, "count": 1})
    client = feed.listen()
    with pytest.raises(GoneError, match="reset"):
        payloads(client, 100)
    feed.faults({"type": "kick", "after": 3, "count": 1})
    client = feed.listen()
    assert client.read_kind("disconnected").message
    assert client.read_close()[0] == 1000


def test_an_open_connection_ends_as_soon_as_the_rule_is_there(feed: Feed) -> None:
    client = feed.listen()
    payloads(client, 1)
    feed.faults({"type": "close", "attributes": {"code": 1012}, "count": 1})
    assert client.read_close()[0] == 1012


@pytest.mark.parametrize(
    ("rule", "ends"),
    [
        ({"type": "close", "attributes": {"code": 1011}}, (1011, "")),
        ({"type": "close", "attributes": {"code": 1008, "recoverable": False}}, (1008, "")),
        ({"type": "kick"}, (1000, "")),
        ({"type": "reset_peer", "on": {"hub": "*"}, "after": 1}, None),
    ],
)
@pytest.mark.parametrize("subprotocol", [JSON, JSON_RELIABLE])
def test_a_connection_ends_as_soon_as_it_is_open(
    feed: Feed, rule: dict[str, Any], ends: tuple[int, str] | None, subprotocol: str
) -> None:
    feed.subprotocol = subprotocol
    url = feed.server.orderflow(feed.key)
    feed.faults(rule)
    client = RawSocket(url)
    feed.stack.append(client)
    client.send(upgrade_request(url, (subprotocol,)))
    assert client.read_answer() == 101
    assert client.read_kind("connected")
    if ends is None:
        assert client.is_gone()
    else:
        assert client.read_close() == ends


def test_what_waits_for_a_late_101_is_bounded(tmp_path: Path) -> None:
    data.write_day(tmp_path, 2000)
    with running_server(data_dir=str(tmp_path), ws_stream_interval="10ms", queue_messages="20") as server:
        feed = Feed(server, "late")
        [group] = [data.group().removeprefix("blue_")]
        url = server.post(group, key="late")["orderflow"]
        feed.faults({"type": "latency", "attributes": {"latency": 60_000}})
        feed.journal()
        client = RawSocket(url)
        client.send(upgrade_request(url, (JSON,)))
        assert client.is_gone(), "cut as any client that does not read"
        wait_until(lambda: bool(feed.journal("cut")), 5, "the cut in the journal")
        client.socket.close()


def test_who_gets_a_late_101_has_connected_only_then(feed: Feed) -> None:
    feed.journal()
    client = feed.listen()
    payloads(client, 1)
    late = {"type": "latency", "on": {"hub": "*"}, "attributes": {"latency": 600}}
    feed.faults({"type": "close", "count": 1}, late)
    client.read_close()
    url = feed.server.orderflow(feed.key)
    back = RawSocket(url)
    feed.stack.append(back)
    back.send(upgrade_request(url, (JSON,)) + frame(TEXT, decode.json_join(GROUP, 1).encode()))
    assert back.read_answer() == 101
    assert back.read_kind("ack"), "what came early is taken all the same"
    [end] = feed.journal("close")
    [connect] = feed.journal("connect")[1:]
    assert connect["at"] - end["at"] >= 0.6
    assert feed.verify({"is": "reconnected_within", "seconds": 0.5}) == 406


def test_who_does_not_wait_for_a_late_101_has_not_connected(feed: Feed) -> None:
    feed.journal()
    client = feed.listen()
    payloads(client, 1)
    late = {"type": "latency", "on": {"hub": "*"}, "attributes": {"latency": 60_000}}
    feed.faults({"type": "close", "count": 1}, late)
    client.read_close()
    url = feed.server.orderflow(feed.key)
    gone = RawSocket(url)
    gone.send(upgrade_request(url, (JSON,)))
    wait_until(lambda: len(feed.journal("fault")) == 2, 5, "the fault has hit the handshake")
    gone.socket.close()
    told = "was gone from orderflow before its handshake was answered"
    wait_until(lambda: any(told in line for line in feed.server.stderr), 5, told)
    assert len(feed.journal("connect")) == len(feed.journal("close")) == 1
    assert feed.verify({"is": "reconnected_within", "seconds": 60}) == 406


def test_a_late_feed_is_late_by_the_same_time_throughout(feed: Feed) -> None:
    feed.faults({"type": "latency", "on": {"hub": "*"}, "attributes": {"latency": 400}})
    client = feed.listen()
    stamps(client, 1)
    began = time.monotonic()
    stamps(client, 20)
    assert time.monotonic() - began < 2, "20 ms apart, as without"


def test_a_ping_beside_a_close_is_no_trouble(feed: Feed) -> None:
    client = feed.listen()
    payloads(client, 1)
    feed.faults({"type": "no_pong"}, {"type": "close", "when": {"message": "leaveGroup"}})
    lines = len(feed.server.stderr)
    client.send(frame(TEXT, decode.json_leave(GROUP, 9).encode()) + frame(PING, b"x"))
    assert client.read_close()[0] == 1011
    assert not [line for line in feed.server.stderr[lines:] if "Traceback" in line]


def read_on(client: RawSocket) -> None:
    while True:
        client.read_frame()


def test_half_open_sends_nothing_and_does_not_close(feed: Feed) -> None:
    client = feed.listen()
    payloads(client, 1)
    feed.faults({"type": "half_open", "count": 1})
    client.socket.settimeout(0.5)
    client.send(frame(PING, b"there?"))
    with pytest.raises(AssertionError, match="sent nothing in time"):
        read_on(client)
    client.socket.close()
    assert stamps(feed.listen(), 1), "another connection works"


def test_a_handshake_is_refused_late_dropped_or_closed(feed: Feed) -> None:
    url = feed.server.orderflow(feed.key)

    def answer() -> tuple[int, RawSocket]:
        made = RawSocket(url)
        feed.stack.append(made)
        made.send(upgrade_request(url, (JSON,)))
        return made.read_answer(), made

    feed.faults({"type": "reject", "attributes": {"code": 503, "reason": "try later"}, "count": 1})
    status, client = answer()
    assert (status, client.body) == (503, b"try later")
    feed.faults({"type": "reject", "attributes": {"code": 4003, "reason": "no"}, "count": 1})
    status, client = answer()
    assert status == 101
    assert client.read_close() == (4003, "no")
    feed.faults({"type": "reset_peer", "count": 1})
    with pytest.raises(GoneError):
        answer()
    feed.faults({"type": "timeout", "count": 1, "attributes": {"timeout": 200}})
    began = time.monotonic()
    with pytest.raises(GoneError):
        answer()
    assert time.monotonic() - began > 0.15
    feed.faults({"type": "latency", "count": 1, "attributes": {"latency": 300}})
    began = time.monotonic()
    assert answer()[0] == 101
    assert time.monotonic() - began > 0.28
    assert {entry["fault"] for entry in feed.journal("fault")} == set(), "the journal was not on yet"


def test_acks_and_pongs(feed: Feed) -> None:
    feed.faults({"type": "no_ack", "count": 1}, {"type": "late_ack", "count": 1, "attributes": {"delay": 300}})
    client = feed.connect()
    client.read_kind("connected")
    client.send_text(decode.json_join("blue_a", 1))
    client.send_text(decode.json_join("blue_b", 2))
    client.send_text(decode.json_join("blue_c", 3))
    assert client.read_kind("ack").id == 3
    assert client.read_kind("ack").id == 2
    feed.faults({"type": "forbid_join", "count": 1}, {"type": "no_pong", "count": 1})
    client.send_text(decode.json_join("blue_d", 4))
    assert client.read_kind("ack").error["name"] == "Forbidden"
    client.send(frame(PING, b"one"))
    client.send(frame(PING, b"two"))
    opcode, payload = client.read_frame()
    assert (opcode, payload) == (PONG, b"two")


def test_no_more_answers_are_late_than_the_bound(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gexfaker.server.transport.websocket.MAX_DELAYED", 3)
    feed.faults({"type": "late_ack", "attributes": {"delay": 60_000}})
    client = feed.connect()
    client.read_kind("connected")
    for number in range(1, 6):
        client.send_text(decode.json_join(f"blue_{number}", number))
    assert [client.read_kind("ack").id for _ in range(2)] == [4, 5]


def test_frames_come_late_slowly_and_in_pieces(feed: Feed) -> None:
    feed.faults({"type": "slicer", "attributes": {"average_size": 16, "delay": 1}})
    assert stamps(feed.listen(), 3) == [0, 1, 2], "whole and in order all the same"
    feed.close()
    feed.faults({"type": "latency", "attributes": {"latency": 300}})
    began = time.monotonic()
    assert len(stamps(feed.listen(), 1)) == 1
    assert time.monotonic() - began > 0.55, "the ack of the join and the record behind it"
    feed.close()
    feed.faults({"type": "bandwidth", "attributes": {"rate": 1}})
    began = time.monotonic()
    stamps(feed.listen(), 2)
    assert time.monotonic() - began > 0.5


def test_a_client_on_a_line_that_is_too_slow_is_cut_as_any_slow_one(tmp_path: Path) -> None:
    data.write_day(tmp_path, 2000)
    with running_server(data_dir=str(tmp_path), ws_stream_interval="10ms", queue_messages="20") as server:
        feed = Feed(server, "slow")
        feed.faults({"type": "bandwidth", "attributes": {"rate": 0.2}})
        client = feed.listen()
        feed.journal()
        client.socket.settimeout(20)
        assert client.is_gone()
        wait_until(lambda: bool(feed.journal("cut")), 5, "the cut in the journal")
        feed.close()


# --- recovery ------------------------------------------------------------------------------------


class Listener:
    """The official client, with what it got and how often it connected."""

    def __init__(self, feed: Feed) -> None:
        self.got: list[OnGroupDataMessageArgs] = []
        self.connected: list[object] = []
        self._lock = threading.Lock()
        self.client = WebPubSubClient(feed.server.orderflow(feed.key))
        self.client.subscribe(CallbackType.GROUP_MESSAGE, self._take)
        self.client.subscribe(CallbackType.CONNECTED, self.connected.append)

    def _take(self, message: OnGroupDataMessageArgs) -> None:
        with self._lock:
            self.got.append(message)

    def numbers(self) -> list[int]:
        with self._lock:
            return sorted(message.sequence_id or 0 for message in self.got)

    def wait(self, count: int) -> None:
        wait_until(lambda: len(self.got) >= count, 30, f"{count} messages")


@pytest.mark.parametrize("rule", [{"type": "reset_peer"}, {"type": "close", "attributes": {"code": 1001}}])
def test_the_official_client_recovers_with_every_message_once(feed: Feed, rule: dict[str, Any]) -> None:
    listener = Listener(feed)
    feed.journal()
    with opened(listener.client):
        listener.client.join_group(GROUP)
        listener.wait(10)
        feed.faults(rule | {"count": 1})
        listener.wait(60)
        feed.faults()
        assert len(listener.connected) == 1, "it is the same connection"
    numbers = listener.numbers()
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(feed.journal("recover")) == 1
    verdict = feed.server.request(
        "POST",
        f"/_gexfaker/verify?key={feed.key}",
        json.dumps({"expect": [{"is": "recovered"}, {"is": "reconnected_within", "seconds": 10}]}).encode(),
    )
    assert verdict[0] == 202, verdict


def test_the_official_client_opens_another_connection_when_recovery_is_refused(feed: Feed) -> None:
    listener = Listener(feed)
    feed.journal()
    with opened(listener.client):
        listener.client.join_group(GROUP)
        listener.wait(5)
        feed.faults({"type": "refuse_recovery", "count": 1}, {"type": "reset_peer", "count": 1})
        wait_until(lambda: len(listener.connected) >= 2, 30, "another connection")
        feed.faults()
        wait_until(lambda: len(feed.journal("joinGroup")) >= 2, 10, "it joins again")
    assert [entry["status"] for entry in feed.journal("reject")] == [1008]
    status, answer = feed.server.request(
        "POST", f"/_gexfaker/verify?key={feed.key}", json.dumps({"expect": [{"is": "recovered"}]}).encode()
    )
    assert status == 406
    assert "was refused" in json.loads(answer)["error"]


def test_the_official_client_survives_messages_that_it_does_not_know(feed: Feed) -> None:
    listener = Listener(feed)
    feed.faults(
        {"type": "duplicate", "toxicity": 0.3},
        {"type": "corrupt", "toxicity": 0.3, "attributes": {"part": "zstd"}},
        {"type": "sequence", "toxicity": 0.3, "attributes": {"kind": "repeat"}},
    )
    with opened(listener.client):
        listener.client.join_group(GROUP)
        listener.wait(60)
    numbers = listener.numbers()
    assert len(set(numbers)) == len(numbers), "a repeated sequence id is told once"


# --- what others notice --------------------------------------------------------------------------

FEED_KINDS = [name for name, kind in KINDS.items() if set(kind.POINTS) - {Point.REQUEST}]


@pytest.fixture(scope="module")
def reference(server: InProcess) -> list[bytes]:
    """The first messages of the day, as a key gets them while nothing is broken."""
    feed = Feed(server, "reference")
    client = feed.listen()
    found = [client.read_message() for _ in range(READ)]
    feed.close()
    return found


@pytest.mark.parametrize("kind", FEED_KINDS)
def test_another_key_gets_the_very_same_bytes(server: InProcess, feed: Feed, reference: list[bytes], kind: str) -> None:
    url = server.orderflow(feed.key)
    feed.faults({"type": kind})
    bystander = Feed(server, f"bystander-{kind}")
    broken = RawSocket(url)
    broken.send(upgrade_request(url, (PROTOBUF,)))
    client = bystander.listen()
    assert [client.read_message() for _ in range(READ)] == reference
    client.send(frame(PING, b"x"))
    opcode, _ = client.read_frame()
    while opcode != PONG:
        opcode, _ = client.read_frame()
    broken.socket.close()
    bystander.close()

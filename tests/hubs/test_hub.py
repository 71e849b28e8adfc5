"""A hub's rules for every client: groups, acknowledgements, permissions, malformed input, closing."""

from __future__ import annotations

import json

import pytest

from gexfaker.hubs.connection import Connection, RawMode, State
from gexfaker.hubs.hub import Bounds, Hub
from gexfaker.hubs.outputs import Abort, Close, Later
from gexfaker.hubs.upstream import receive
from gexfaker.wire import messages as m
from gexfaker.wire.frames import BINARY, TEXT
from gexfaker.wire.subprotocols import SIMPLE, Subprotocol
from gexfaker.wire.tokens import Grant
from support import independent
from support.clients import (
    DIALECTS,
    JSON,
    PROTO,
    RELIABLE,
    Client,
    frames_of,
    make_hub,
    members_of,
    publication,
    publish,
    text,
)

every_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: str(dialect.name))


def forbidden(text: str) -> m.AckError:
    return m.AckError("Forbidden", text)


# --- connecting ----------------------------------------------------------------------------------


@every_dialect
def test_the_first_frame_is_connected(dialect: Subprotocol) -> None:
    client = Client(make_hub(), dialect, groups=("a", "b"))
    token = "token-c1" if dialect.reliable else None
    assert client.messages() == [m.Connected("c1", "key-1", token)]
    assert list(client.connection.groups) == ["a", "b"]


def test_a_simple_client_hears_nothing_of_the_service() -> None:
    assert Client(make_hub(), SIMPLE).done == []


def test_a_tokens_groups_need_no_role_and_deliver_at_once() -> None:
    hub = make_hub()
    client = Client(hub, roles=(), groups=("g", "g", "other"))
    publish(hub, ("key-1", "g"), publication("x"))
    hub.drain()
    assert client.texts() == ["x"]
    assert list(client.connection.groups) == ["g", "other"]


def test_joined_is_told_of_every_entry_once() -> None:
    told: list[tuple[str, str]] = []

    def note(connection: Connection, group: str) -> None:
        told.append((connection.id, group))

    hub = Hub("h", lambda: "c1", str, None, note)
    connection = hub.connect(Grant("k", ("webpubsub.joinLeaveGroup",), ("a",)), JSON)
    for group in ("b", "b", "a"):
        receive(hub, connection, json.dumps({"type": "joinGroup", "group": group}).encode(), TEXT)
    assert told == [("c1", "a"), ("c1", "b")]


def test_full() -> None:
    hub = make_hub(Bounds(connections=2))
    clients = [Client(hub), Client(hub, RELIABLE)]
    assert hub.full
    clients[1].lose()
    assert hub.full, "a detached connection still counts"
    clients[0].lose()
    assert not hub.full


# --- acknowledgements ----------------------------------------------------------------------------


@every_dialect
def test_an_answer_is_given_if_it_was_asked_for(dialect: Subprotocol) -> None:
    client = Client(make_hub(), dialect)
    assert client.send(m.JoinGroup("g", 1)) == [m.Ack(1)]
    assert client.send(m.JoinGroup("g", 0)) == [m.Ack(0)]
    assert client.send(m.LeaveGroup("g", 2**64 - 1)) == [m.Ack(2**64 - 1)]
    assert client.send(m.LeaveGroup("never joined", 2)) == [m.Ack(2)]
    assert client.send(m.SendToGroup("nobody", text("x"), 3)) == [m.Ack(3)]
    assert client.send(m.Event("e", text("x"), 4)) == [
        m.Ack(4, m.AckError("InternalServerError", "Internal server error"))
    ]
    assert client.send(m.Ping()) == [m.Pong()]
    for silent in (
        m.JoinGroup("g"),
        m.LeaveGroup("g"),
        m.SendToGroup("g", text("x")),
        m.Event("e", text("x")),
        m.SequenceAck(1),
    ):
        assert client.send(silent) == []


def test_answers_wait_for_the_delay_but_pongs_do_not() -> None:
    client = Client(make_hub())
    client.done.clear()
    client.send(m.JoinGroup("g", 1))
    client.send(m.Ping())
    assert [type(output) for output in client.done] == [Later, bytes]


@every_dialect
def test_without_a_role_everything_is_forbidden_and_the_connection_stays(dialect: Subprotocol) -> None:
    client = Client(make_hub(), dialect, roles=("webpubsub.joinLeaveGroup.mine",))
    assert client.send(m.JoinGroup("it's", 1)) == [
        m.Ack(1, forbidden("The client does not have permission to join group 'it's'."))
    ]
    assert client.send(m.LeaveGroup("g", 2)) == [
        m.Ack(2, forbidden("The client does not have permission to leave group 'g'."))
    ]
    assert client.send(m.SendToGroup("mine", text("x"), 3)) == [
        m.Ack(3, forbidden("The client does not have permission to send to group 'mine'."))
    ]
    assert client.send(m.JoinGroup("g")) == []
    assert client.send(m.JoinGroup("mine", 4)) == [m.Ack(4)]
    assert list(client.connection.groups) == ["mine"]
    assert client.ending is None


def test_a_group_name_with_braces_is_named_as_it_is() -> None:
    client = Client(make_hub(), roles=())
    (ack,) = client.send(m.JoinGroup("{0} {x}", 1))
    assert ack == m.Ack(1, forbidden("The client does not have permission to join group '{0} {x}'."))


def test_a_role_with_too_many_stars_opens_nothing_and_breaks_nothing() -> None:
    client = Client(make_hub(), roles=("webpubsub.joinLeaveGroups.******",))
    (ack,) = client.send(m.JoinGroup("g", 1))
    assert isinstance(ack, m.Ack)
    assert ack.error is not None
    assert ack.error.name == "Forbidden"


@pytest.mark.parametrize(
    "second",
    [m.JoinGroup("g", 7), m.LeaveGroup("g", 7), m.SendToGroup("g", text("again"), 7), m.Event("e", text("x"), 7)],
    ids=lambda message: type(message).__name__,
)
def test_a_used_ack_id_is_refused_whatever_it_is_used_for(second: m.Upstream) -> None:
    client = Client(make_hub())
    assert client.send(m.JoinGroup("g", 7)) == [m.Ack(7)]
    duplicate = m.Ack(7, m.AckError("Duplicate", "Message with ack-id: 7 has been processed"))
    assert client.send(second) == [duplicate]
    assert client.send(second) == [duplicate]
    assert list(client.connection.groups) == ["g"], "a duplicate is not carried out"


def test_a_failed_ack_id_may_be_used_again() -> None:
    client = Client(make_hub(), roles=("webpubsub.joinLeaveGroup.mine",))
    for _ in range(2):
        (ack,) = client.send(m.JoinGroup("g", 1))
        assert isinstance(ack, m.Ack)
        assert ack.error is not None
        assert ack.error.name == "Forbidden"
    (ack,) = client.send(m.Event("e", text("x"), 1))
    assert isinstance(ack, m.Ack)
    assert ack.error is not None
    assert ack.error.name == "InternalServerError"
    assert client.send(m.JoinGroup("mine", 1)) == [m.Ack(1)]


def test_the_last_thousand_ack_ids_are_remembered() -> None:
    client = Client(make_hub())
    for ack_id in range(1, 1001):
        assert client.send(m.LeaveGroup("g", ack_id)) == [m.Ack(ack_id)]
    (ack,) = client.send(m.LeaveGroup("g", 1))
    assert isinstance(ack, m.Ack)
    assert ack.error is not None, "1 is the oldest of a thousand; asking again does not make it younger"
    assert client.send(m.LeaveGroup("g", 1001)) == [m.Ack(1001)]
    assert client.send(m.LeaveGroup("g", 1)) == [m.Ack(1)]
    (ack,) = client.send(m.LeaveGroup("g", 3))
    assert isinstance(ack, m.Ack)
    assert ack.error is not None, "1 was forgotten for 1001, 2 for the second 1, and 3 is still known"


def test_ack_ids_belong_to_one_connection() -> None:
    hub = make_hub()
    assert Client(hub).send(m.JoinGroup("g", 1)) == [m.Ack(1)]
    assert Client(hub).send(m.JoinGroup("g", 1)) == [m.Ack(1)]


def test_ack_ids_survive_recovery() -> None:
    client = Client(make_hub(), RELIABLE)
    client.send(m.JoinGroup("g", 1))
    client.lose()
    assert client.recover()
    (ack,) = client.send(m.LeaveGroup("g", 1))
    assert isinstance(ack, m.Ack)
    assert ack.error is not None
    assert ack.error.name == "Duplicate"
    assert list(client.connection.groups) == ["g"]


def test_groups_per_connection_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gexfaker.hubs.hub.MAX_GROUPS_PER_CONNECTION", 3)
    client = Client(make_hub())
    for number in range(3):
        assert client.send(m.JoinGroup(f"g{number}", number)) == [m.Ack(number)]
    (ack,) = client.send(m.JoinGroup("one too many", 9))
    assert isinstance(ack, m.Ack)
    assert ack.error is not None
    assert ack.error.name == "BadRequest"
    assert client.send(m.JoinGroup("g0", 10)) == [m.Ack(10)], "already in it"
    client.send(m.LeaveGroup("g1"))
    assert client.send(m.JoinGroup("one too many", 9)) == [m.Ack(9)]


# --- groups --------------------------------------------------------------------------------------


@every_dialect
def test_joining_twice_delivers_once_and_leaving_ends_it(dialect: Subprotocol) -> None:
    hub = make_hub()
    client = Client(hub, dialect)
    client.send(m.JoinGroup("g", 1))
    client.send(m.JoinGroup("g", 2))
    assert publish(hub, ("key-1", "g"), publication("x")) == 1
    hub.drain()
    assert client.texts() == ["x"]
    client.send(m.LeaveGroup("g", 3))
    assert publish(hub, ("key-1", "g"), publication("y")) == 0
    hub.drain()
    assert client.texts() == ["x"]
    assert members_of(hub) == {}


def test_group_names_are_case_sensitive_and_taken_as_they_are() -> None:
    hub = make_hub()
    client = Client(hub)
    for group in ("g", "G", " g"):
        client.send(m.JoinGroup(group))
    for group in ("g", "G", " g", "g "):
        publish(hub, ("key-1", group), publication(repr(group), group))
    hub.drain()
    assert client.texts() == ["'g'", "'G'", "' g'"]


@pytest.mark.parametrize("user_ids", [("key-1", "key-2"), ("key-1", None), (None, "key-1")])
def test_sessions_do_not_hear_each_other(user_ids: tuple[str | None, str | None]) -> None:
    hub = make_hub()
    one, two = (Client(hub, user_id=user_id, groups=("g",)) for user_id in user_ids)
    one.send(m.SendToGroup("g", text("from one"), 1))
    two.send(m.SendToGroup("g", text("from two"), 1))
    assert one.texts() == ["from one"]
    assert two.texts() == ["from two"]
    publish(hub, (user_ids[0] or "", "g"), publication("published"))
    hub.drain()
    assert one.texts() == ["from one", "published"]
    assert two.texts() == ["from two"]


@every_dialect
def test_the_echo_comes_before_the_answer(dialect: Subprotocol) -> None:
    client = Client(make_hub(), dialect, groups=("g",))
    echo, ack = client.send(m.SendToGroup("g", text("x"), 1))
    assert ack == m.Ack(1)
    names_user = dialect.codec is JSON.codec
    expected = m.DataMessage(text("x"), "g", "key-1" if names_user else None, 1 if dialect.reliable else None)
    assert echo == expected


def test_no_echo_leaves_only_the_sender_out() -> None:
    hub = make_hub()
    sender, other, same_key = Client(hub, groups=("g",)), Client(hub, PROTO, groups=("g",)), Client(hub, groups=("g",))
    assert sender.send(m.SendToGroup("g", text("x"), 1, no_echo=True)) == [m.Ack(1)]
    assert other.texts() == same_key.texts() == ["x"]
    assert sender.texts() == []


def test_a_sender_need_not_be_a_member() -> None:
    hub = make_hub()
    sender, other = Client(hub), Client(hub, groups=("g",))
    assert sender.send(m.SendToGroup("g", text("x"), 1)) == [m.Ack(1)]
    assert sender.texts() == []
    assert other.texts() == ["x"]


@pytest.mark.parametrize(
    "data",
    [
        m.Data(m.DataType.TEXT, "grün".encode()),
        m.Data(m.DataType.JSON, b'{"a": [1]}'),
        m.Data(m.DataType.BINARY, b"\0\xff"),
        m.Data(m.DataType.PROTOBUF, b"\x0a\x09proto.gex\x12\x01x"),
    ],
    ids=lambda data: str(data.type),
)
@every_dialect
def test_every_kind_of_data_reaches_every_kind_of_client(dialect: Subprotocol, data: m.Data) -> None:
    hub = make_hub()
    receivers = [Client(hub, kind, groups=("g",)) for kind in DIALECTS]
    simple = Client(hub, SIMPLE, groups=("g",))
    Client(hub, dialect).send(m.SendToGroup("g", data, metadata=(("k", "v"),)))
    for receiver in receivers:
        (message,) = (item for item in receiver.messages() if isinstance(item, m.DataMessage))
        assert message.data == data
        assert message.metadata == (("k", "v"),)
    (frame,) = independent.client_frames(frames_of(simple.done))
    assert bytes(frame.data) == data.value
    assert int(frame.opcode) == (TEXT if data.type in ("text", "json") else BINARY)


def test_audiences_are_in_the_order_of_joining() -> None:
    hub = make_hub()
    Client(hub, groups=("b", "a"))
    Client(hub, user_id="key-2", groups=("a", "b"))
    assert list(members_of(hub)) == [("key-1", "b"), ("key-1", "a"), ("key-2", "a"), ("key-2", "b")]
    for _ in list(members_of(hub)):  # may change meanwhile
        Client(hub, groups=("more",))


# --- closing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "payload", "opcode", "code", "reason"),
    [
        (JSON, b'{"type":"ping"}', BINARY, 1003, "The JSON subprotocol requires text messages."),
        (RELIABLE, b"", BINARY, 1003, "The JSON subprotocol requires text messages."),
        (PROTO, b"\x4a\x00", TEXT, 1003, "The protobuf.webpubsub.azure.v1 subprotocol requires binary messages."),
        (JSON, b"{", TEXT, 1007, "The client message is not a valid JSON protocol message."),
        (PROTO, b"", BINARY, 1007, "The client message is not a valid protobuf protocol message."),
    ],
)
def test_malformed_input_closes_for_good(
    dialect: Subprotocol, payload: bytes, opcode: int, code: int, reason: str
) -> None:
    hub = make_hub()
    client = Client(hub, dialect, groups=("g",))
    client.done.clear()
    client.send_raw(payload, opcode)
    assert client.done == [Close(code, reason)], "nothing is said before it"
    assert client.connection.state is State.ENDED
    assert (members_of(hub), hub.connections) == ({}, {})
    client.send_raw(b'{"type":"ping"}', TEXT)
    assert len(client.done) == 1, "what arrives after the end is not looked at"
    assert not client.recover()


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_simple_client_gets_bare_frames_and_may_not_send(opcode: int) -> None:
    hub = make_hub()
    client = Client(hub, SIMPLE, groups=("g",))
    publish(hub, ("key-1", "g"), publication("x"))
    hub.drain()
    assert [bytes(frame.data) for frame in independent.client_frames(frames_of(client.done))] == [b"x"]
    receive(hub, client.connection, b"anything", opcode)
    hub.drain()
    assert isinstance(client.ending, Close)
    assert client.ending.code == 1011
    assert members_of(hub) == {}


def test_a_simple_client_in_raw_mode_sends_to_its_group() -> None:
    hub = make_hub()
    raw = Client(hub, SIMPLE, groups=("g",), raw=RawMode("g", no_echo=True))
    other = Client(hub, groups=("g",))
    for payload, opcode in (("grün".encode(), TEXT), (b"\xff", BINARY)):
        receive(hub, raw.connection, payload, opcode)
    hub.drain()
    contents = [item.data for item in other.messages() if isinstance(item, m.DataMessage)]
    assert contents == [text("grün"), m.Data(m.DataType.BINARY, b"\xff")]
    assert raw.done == []
    receive(hub, raw.connection, b"\xff", TEXT)
    hub.drain()
    assert isinstance(raw.ending, Close)
    assert raw.ending.code == 1007


def test_raw_mode_without_the_role_is_closed() -> None:
    hub = make_hub()
    raw = Client(hub, SIMPLE, roles=("webpubsub.sendToGroup.other",), groups=("g",), raw=RawMode("g"))
    assert raw.done == [Close(1008, "The connection is not authorized for raw sendToGroup mode.")]
    assert (members_of(hub), hub.connections) == ({}, {})


@every_dialect
@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", "Application server closed the connection."),
        ("subscriptions changed", "Application server closed the connection. Reason: subscriptions changed"),
    ],
)
def test_the_application_closes(dialect: Subprotocol, reason: str, said: str) -> None:
    hub = make_hub()
    client = Client(hub, dialect, groups=("g",))
    start = len(client.done)
    hub.close(client.connection, reason)
    hub.drain()
    assert client.messages(start) == [m.Disconnected(said)]
    assert client.ending == Close(1000)
    assert not client.recover()
    assert (members_of(hub), hub.connections, hub.queued_bytes) == ({}, {}, 0)


def test_the_application_closes_a_simple_and_a_detached_client() -> None:
    hub = make_hub()
    simple, detached = Client(hub, SIMPLE), Client(hub, RELIABLE)
    detached.lose()
    before = list(detached.done)
    for client in (simple, detached):
        hub.close(client.connection)
    hub.drain()
    assert simple.done == [Close(1000)]
    assert detached.done == before
    assert not detached.recover()
    assert hub.connections == {}


@pytest.mark.parametrize("dialect", [JSON, PROTO, SIMPLE])
def test_a_plain_connection_ends_with_its_socket(dialect: Subprotocol) -> None:
    hub = make_hub()
    client = Client(hub, dialect, groups=("g",))
    client.lose()
    assert client.connection.state is State.ENDED
    assert (members_of(hub), hub.connections) == ({}, {})
    assert not client.recover()
    assert publish(hub, ("key-1", "g"), publication("x")) == 0


def test_a_slow_plain_client_is_cut() -> None:
    """Its socket's owner sees that it does not read, and tells the hub."""
    hub = make_hub()
    client = Client(hub, groups=("g",))
    client.done.clear()
    publish(hub, ("key-1", "g"), publication("never seen"))
    hub.overflow(client.connection)
    hub.drain()
    assert client.done == [Abort()]
    assert hub.overflows == 1
    assert (members_of(hub), hub.connections) == ({}, {})


def test_ending_twice_changes_nothing() -> None:
    hub = make_hub()
    gone, other = Client(hub, RELIABLE, groups=("g",)), Client(hub, RELIABLE, groups=("g",))
    publish(hub, ("key-1", "g"), publication("x"))
    for _ in range(2):
        hub.end(gone.connection)
    hub.lost(gone.connection, 0.0)
    assert gone.connection.state is State.ENDED
    assert hub.queued_bytes == other.connection.unacknowledged.bytes > 0
    assert list(members_of(hub)[("key-1", "g")]) == [other.connection]


def test_the_strict_hub_says_why_it_refuses() -> None:
    refusal = m.AckError("NotFound", "no such feed")
    hub = Hub("h", lambda: "c1", str, refuse=lambda _connection, group: refusal if group == "bad" else None)
    connection = hub.connect(Grant("k", ("webpubsub.joinLeaveGroup",), ("bad",)), JSON)
    assert list(connection.groups) == ["bad"], "a token's groups are not refused"
    done: list[object] = []
    connection.outlet = done.extend
    receive(hub, connection, b'{"type":"leaveGroup","group":"bad","ackId":1}', TEXT)
    receive(hub, connection, b'{"type":"joinGroup","group":"bad","ackId":2}', TEXT)
    receive(hub, connection, b'{"type":"joinGroup","group":"good","ackId":3}', TEXT)
    assert list(connection.groups) == ["good"]

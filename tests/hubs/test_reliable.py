"""Reliable connections: numbers, acknowledgement, recovery, takeover, the buffer's bounds."""

from __future__ import annotations

import pytest

from gexfaker.holdings import Holdings
from gexfaker.hubs.connection import State
from gexfaker.hubs.hub import Bounds, Hub
from gexfaker.hubs.outputs import Abort
from gexfaker.wire import messages as m
from gexfaker.wire.subprotocols import Subprotocol
from support.clients import (
    RELIABLE,
    RELIABLE_PROTO,
    Client,
    frames_of,
    make_hub,
    members_of,
    publication,
    publish,
    text,
)

both = pytest.mark.parametrize("dialect", [RELIABLE, RELIABLE_PROTO], ids=["json", "protobuf"])
MEMBER = ("key-1", "g")


def send(hub: Hub, *contents: str) -> None:
    for content in contents:
        publish(hub, MEMBER, publication(content))
    hub.drain()


@both
def test_numbers_start_at_one_and_count_data_only(dialect: Subprotocol) -> None:
    hub = make_hub()
    client = Client(hub, dialect, groups=("g",))
    send(hub, "a")
    client.send(m.Ping())
    client.send(m.JoinGroup("other", 1))
    client.send(m.SendToGroup("other", text("b"), 2))
    send(hub, "c")
    assert client.numbers() == [1, 2, 3]
    assert client.texts() == ["a", "b", "c"]


def test_every_connection_counts_for_itself() -> None:
    hub = make_hub()
    early = Client(hub, RELIABLE, groups=("g",))
    send(hub, "a", "b")
    late = Client(hub, RELIABLE_PROTO, groups=("g",))
    send(hub, "c")
    assert early.numbers() == [1, 2, 3]
    assert late.numbers() == [1]


@pytest.mark.parametrize(
    ("acknowledged", "left"),
    [
        ([], 5),
        ([0], 5),
        ([1], 4),
        ([3], 2),
        ([3, 1], 2),
        ([3, 3], 2),
        ([5], 0),
        ([6], 0),
        ([2**64 - 1], 0),
        ([1, 2, 4], 1),
    ],
)
def test_acknowledging_is_cumulative(acknowledged: list[int], left: int) -> None:
    hub = make_hub()
    client = Client(hub, RELIABLE, groups=("g",))
    send(hub, *"abcde")
    for sequence_id in acknowledged:
        assert client.send(m.SequenceAck(sequence_id)) == []
    client.lose()
    assert client.recover()
    assert client.texts() == list("abcde"[5 - left :])
    assert client.numbers() == list(range(6 - left, 6))
    assert hub.queued_bytes == client.connection.unacknowledged.bytes == sum(map(len, frames_of(client.done)))


def test_a_future_acknowledgement_does_not_reach_into_the_future() -> None:
    hub = make_hub()
    client = Client(hub, RELIABLE, groups=("g",))
    client.send(m.SequenceAck(100))
    send(hub, "a")
    client.lose()
    assert client.recover()
    assert client.numbers() == [1]


@both
def test_recovery_repeats_every_byte_in_order_and_goes_on(dialect: Subprotocol) -> None:
    hub = make_hub()
    client = Client(hub, dialect, groups=("g",))
    send(hub, "a", "b", "c")
    original = frames_of(client.done)[1:]
    client.send(m.SequenceAck(1))
    client.lose(now=100.0)
    assert client.state.name == "DETACHED"
    send(hub, "while away")
    assert client.recover()
    assert frames_of(client.done)[:2] == original[1:], "no second connected before it, and the very same bytes"
    send(hub, "live")
    assert client.texts() == ["b", "c", "while away", "live"]
    assert client.numbers() == [2, 3, 4, 5]
    assert client.state.name == "OPEN"
    assert client.send(m.JoinGroup("other", 9)) == [m.Ack(9)]


def test_recovery_may_be_repeated_with_the_same_token() -> None:
    hub = make_hub()
    client = Client(hub, RELIABLE, groups=("g",))
    send(hub, "a")
    for _ in range(5):
        client.lose()
        assert client.recover()
        assert client.texts() == ["a"]


@pytest.mark.parametrize("token", ["", "wrong", "token-c2", "token-c1 ", "TOKEN-C1", "tökén", "token-c1" * 1000])
def test_a_wrong_token_recovers_nothing_and_hurts_nobody(token: str) -> None:
    hub = make_hub()
    client = Client(hub, RELIABLE, groups=("g",))
    Client(hub, RELIABLE)
    send(hub, "a")
    assert not client.recover(token)
    assert client.ending is None, "an open socket is not taken over"
    client.lose()
    assert not client.recover(token)
    send(hub, "b")
    assert client.recover()
    assert client.texts() == ["a", "b"]


def test_unknown_connections_cannot_be_recovered() -> None:
    hub = make_hub()
    assert hub.recover("c1", "token-c1") is None
    Client(hub, RELIABLE)
    assert hub.recover("c2", "token-c2") is None
    assert make_hub().recover("c1", "token-c1") is None, "another hub"


def test_a_new_socket_takes_over_from_an_old_one() -> None:
    hub = make_hub()
    client = Client(hub, RELIABLE, groups=("g",))
    send(hub, "a")
    old = client.done
    assert client.recover()
    assert old[-1] == Abort()
    assert client.ending is None
    send(hub, "b")
    assert client.texts() == ["a", "b"]
    assert old[-1] == Abort(), "nothing more goes to the old one"


def test_what_waited_unsent_is_sent_once_after_recovery() -> None:
    """Queued but not yet handed over when the socket is lost: the replay has it, and nothing comes twice."""
    hub = make_hub()
    client = Client(hub, RELIABLE, groups=("g",))
    publish(hub, MEMBER, publication("a"))
    hub.lost(client.connection, 0.0)
    publish(hub, MEMBER, publication("b"))
    assert client.recover()
    hub.drain()
    assert client.texts() == ["a", "b"]


def test_an_acknowledgement_that_arrives_while_detached_is_not_looked_at() -> None:
    hub = make_hub()
    client = Client(hub, RELIABLE, groups=("g",))
    send(hub, "a")
    client.lose()
    client.send(m.SequenceAck(1))
    assert client.recover()
    assert client.texts() == ["a"]


@pytest.mark.parametrize(("now", "kept"), [(0.0, True), (129.0, True), (129.999, True), (130.0, False), (1e9, False)])
def test_the_window(now: float, kept: bool) -> None:
    hub = make_hub(Bounds(recovery_window=30.0))
    client, opened = Client(hub, RELIABLE, groups=("g",)), Client(hub, RELIABLE)
    send(hub, "a")
    client.lose(now=100.0)
    assert hub.expire(now) == (0 if kept else 1)
    assert client.recover() is kept
    assert opened.connection.id in hub.connections, "an open connection does not expire"
    if not kept:
        assert (members_of(hub), hub.queued_bytes) == ({}, 0)


def test_the_window_starts_anew_with_every_loss() -> None:
    hub = make_hub(Bounds(recovery_window=30.0))
    client = Client(hub, RELIABLE)
    client.lose(now=100.0)
    assert client.recover()
    assert hub.expire(200.0) == 0, "recovered in time"
    client.lose(now=200.0)
    hub.lost(client.connection, 220.0)
    assert hub.expire(229.0) == 0
    assert hub.expire(230.0) == 1, "a second report of the same loss does not prolong it"


# --- the buffer ----------------------------------------------------------------------------------


def assert_cut(client: Client) -> None:
    assert client.state is State.ENDED
    assert not client.recover()


@both
@pytest.mark.parametrize("detached", [False, True])
def test_overflow_by_count(dialect: Subprotocol, detached: bool) -> None:
    hub = make_hub(Bounds(queued_messages=10))
    client = Client(hub, dialect, groups=("g",))
    if detached:
        client.lose()
    send(hub, *"abcdefghij")
    assert client.state is not State.ENDED, "ten are allowed"
    assert hub.overflows == 0
    send(hub, "k")
    assert hub.overflows == 1
    assert (hub.queued_bytes, members_of(hub), hub.connections) == (0, {}, {})
    assert client.ending == (None if detached else Abort())
    assert_cut(client)


def test_who_acknowledges_is_not_cut() -> None:
    hub = make_hub(Bounds(queued_messages=10))
    client = Client(hub, RELIABLE, groups=("g",))
    for number in range(1, 201):
        send(hub, "x")
        if number % 10 == 0:
            client.send(m.SequenceAck(number))
    assert client.numbers() == list(range(1, 201))
    assert (hub.overflows, hub.queued_bytes) == (0, 0)


def test_overflow_by_bytes() -> None:
    measured = make_hub()
    Client(measured, RELIABLE, groups=("g",))
    send(measured, "x" * 100, "y" * 100)
    exactly = measured.queued_bytes

    for bound, cut in ((exactly, False), (exactly - 1, True)):
        hub = make_hub(Bounds(queued_bytes=bound))
        client = Client(hub, RELIABLE, groups=("g",))
        send(hub, "x" * 100)
        assert client.ending is None
        send(hub, "y" * 100)
        assert (client.ending == Abort()) is cut
        assert hub.queued_bytes == (0 if cut else exactly)


def test_overflow_of_the_total_cuts_who_holds_most_and_nobody_else() -> None:
    measured = make_hub()
    for group in ("slow", "g", "g"):
        Client(measured, RELIABLE, groups=(group,))
    for _ in range(4):
        publish(measured, ("key-1", "slow"), publication("x" * 100, "slow"))
    send(measured, "x" * 100)
    exactly = measured.bounds.kept.total
    assert exactly >= measured.queued_bytes

    for bound, cut in ((exactly, False), (exactly - 1, True)):
        hub = make_hub(Bounds(kept=Holdings(bound)))
        slow, one, two = (Client(hub, RELIABLE, groups=(group,)) for group in ("slow", "g", "g"))
        for _ in range(4):
            publish(hub, ("key-1", "slow"), publication("x" * 100, "slow"))
        hub.drain()
        assert hub.overflows == 0
        send(hub, "x" * 100)
        assert (slow.ending == Abort()) is cut
        assert one.texts() == two.texts() == ["x" * 100]
        assert one.ending is two.ending is None
        assert hub.queued_bytes == sum(c.unacknowledged.bytes for c in hub.connections.values())
        assert hub.overflows == cut


def test_a_sender_that_overflows_itself_is_cut_without_an_answer() -> None:
    hub = make_hub(Bounds(queued_messages=1))
    client = Client(hub, RELIABLE, groups=("g",))
    client.send(m.SendToGroup("g", text("a"), 1))
    start = len(client.done)
    client.send(m.SendToGroup("g", text("b"), 2))
    assert client.done[start:] == [Abort()]


def test_one_clients_overflow_does_not_touch_the_others() -> None:
    hub = make_hub(Bounds(queued_messages=3))
    slow, quick = Client(hub, RELIABLE, groups=("g",)), Client(hub, RELIABLE, groups=("g",))
    for number in range(1, 11):
        assert publish(hub, MEMBER, publication(str(number))) == (2 if number <= 4 else 1)
        hub.drain()
        quick.send(m.SequenceAck(number))
    assert_cut(slow)
    assert quick.texts() == [str(number) for number in range(1, 11)]


def test_a_connection_that_is_cut_while_it_enters_groups_is_in_none() -> None:
    hub = make_hub(Bounds(kept=Holdings(2000)))
    client = Client(hub, RELIABLE, groups=tuple(f"group-{number}" for number in range(20)))
    assert client.connection.state is State.ENDED
    assert members_of(hub) == {}
    publish(hub, ("key-1", "group-19"), publication("x", "group-19"))
    assert (hub.queued_bytes, hub.bounds.kept.total) == (0, 0)

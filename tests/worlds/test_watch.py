"""What faults make of messages and connections, and what the journal tells of it; with real hubs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.faults.matching import chances
from gexfaker.faults.rules import FaultList, rules_of
from gexfaker.hubs.connection import Audience, State
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.outputs import Abort, Aside, Close, Drop, Mute, Slowly
from gexfaker.hubs.publication import Batch, Publication
from gexfaker.journal.journal import Shelf
from gexfaker.wire import messages as m
from gexfaker.wire.subprotocols import SIMPLE, SUBPROTOCOLS, Subprotocol
from gexfaker.worlds import watch as module
from gexfaker.worlds.watch import Watch
from support.clients import Client, make_hub, text

PLAIN = SUBPROTOCOLS["json.webpubsub.azure.v1"]
RELIABLE = SUBPROTOCOLS["json.reliable.webpubsub.azure.v1"]
BINARY = SUBPROTOCOLS["protobuf.webpubsub.azure.v1"]
BINARY_RELIABLE = SUBPROTOCOLS["protobuf.reliable.webpubsub.azure.v1"]
WITH_MESSAGES = (PLAIN, RELIABLE, BINARY, BINARY_RELIABLE)


class Owned:
    """A world as far as a watch and a hub ask."""

    def __init__(self) -> None:
        self.audiences: dict[str, Audience] = {}
        self.watch: Watch | None = None
        self.name: str | None = "bot"
        self.market: float | None = None
        self.place = ("2026-07-17", 0)

    def market_time(self, _now: float) -> float | None:
        return self.market

    def regrouped(self, hub: str, group: str) -> None:
        """Nobody waits for it."""

    def eased(self) -> None:
        """Nobody waits for it."""

    def connected(self, audience: Audience) -> None:
        self.audiences[audience.hub] = audience

    def disconnected(self, audience: Audience) -> None:
        del self.audiences[audience.hub]


class Bench:
    """One watched key on one hub, with a clock of its own."""

    def __init__(self, *rules: dict[str, Any], seed: int = 0, journal: bool = True) -> None:
        self.now = 1000.0
        self.world = Owned()
        self.hub = make_hub()
        audience = Audience(self.hub.name, self.world)
        self.hub._audience_of = lambda _key: self.world.audiences.get(self.hub.name, audience)  # type: ignore[misc]
        self.watch = Watch(self.world, lambda: self.now, {self.hub.name: self.hub}, Shelf())
        self.world.watch = self.watch
        if journal:
            self.watch.record()
        self.rule(*rules, seed=seed)
        self.sent = 0

    def rule(self, *rules: dict[str, Any], seed: int = 0) -> None:
        self.watch.follow(FaultList(rules_of(list(rules)), seed))
        self.hub.drain()

    def client(self, subprotocol: Subprotocol = PLAIN, *groups: str) -> Client:
        return Client(self.hub, subprotocol, groups=groups or ("g",))

    def send(self, *contents: str, group: str = "g") -> int:
        """A turn for each content; returns how many messages were counted."""
        counted = 0
        for content in contents:
            made = Publication(m.DataMessage(text(content), group), self.sent)
            self.sent += 1
            counted += self.watch.publish(self.hub, Batch([(group, made)]), self.older)
            self.hub.drain()
        return counted

    @staticmethod
    def older(_hub: Hub, group: str, index: int) -> Publication | None:
        return Publication(m.DataMessage(text(f"old{index}"), group), index)

    def told(self, *types: str) -> list[dict[str, Any]]:
        assert self.watch.journal is not None
        return [entry.flat() for entry in self.watch.journal.entries() if not types or entry.type in types]


@pytest.fixture(params=WITH_MESSAGES, ids=lambda subprotocol: subprotocol.name)
def dialect(request: pytest.FixtureRequest) -> Subprotocol:
    found: Subprotocol = request.param
    return found


# --- messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "contents"),
    [
        ({"type": "drop", "after": 1, "count": 1}, "a c d"),
        ({"type": "duplicate", "count": 1}, "a a b c d"),
        ({"type": "duplicate", "count": 1, "attributes": {"copies": 3}}, "a a a a b c d"),
        ({"type": "freeze", "after": 2}, "a b old1 old2"),
        ({"type": "stale", "after": 3, "attributes": {"records": 2}}, "a b c old1"),
        ({"type": "stale", "after": 1, "attributes": {"records": 2}}, "a old0 old0 old1"),
        ({"type": "reorder", "attributes": {"window": 2}, "count": 2}, "b a c d"),
    ],
)
def test_messages_come_otherwise(rule: dict[str, Any], contents: str, dialect: Subprotocol) -> None:
    bench = Bench(rule)
    client = bench.client(dialect)
    bench.send("a", "b", "c", "d")
    assert client.texts() == contents.split(), bench.told()
    if dialect.reliable:
        assert client.numbers() == list(range(1, len(contents.split()) + 1)), "no gap that would betray it"


def test_a_gap_silences_the_group_for_its_time_and_no_other_group() -> None:
    bench = Bench({"type": "gap", "count": 1, "attributes": {"duration": 5000}})
    client = bench.client(PLAIN, "g", "h")
    bench.send("a", "b")
    bench.send("other", group="h")
    bench.now += 5.0
    bench.send("c")
    assert client.texts() == ["other", "c"]


def test_a_delayed_message_is_overtaken_and_numbered_when_it_goes(dialect: Subprotocol) -> None:
    bench = Bench({"type": "delay", "count": 1, "attributes": {"delay": 2000}})
    client = bench.client(dialect)
    assert not bench.watch.next_release
    assert bench.send("a", "b") == 1
    assert bench.watch.next_release == 1002.0
    assert bench.watch.release(1001.9) == 0
    bench.send("c")
    bench.now = 1002.0
    assert bench.watch.release(bench.now) == 1
    bench.hub.drain()
    assert client.texts() == ["b", "c", "a"]
    if dialect.reliable:
        assert client.numbers() == [1, 2, 3]


def test_what_is_held_goes_out_when_the_rules_go_and_nowhere_when_the_client_has_gone() -> None:
    bench = Bench({"type": "delay", "attributes": {"delay": 60_000}})
    client = bench.client()
    bench.send("a")
    bench.rule()
    assert client.texts() == ["a"]
    bench.rule({"type": "delay", "attributes": {"delay": 1000}})
    bench.send("b")
    bench.hub.leave(client.connection, "g")
    assert bench.watch.release(2000.0) == 0, "it has left the group"
    bench.send("c")
    bench.hub.end(client.connection)
    assert bench.watch.release(5000.0) == 0


def test_what_waits_to_be_mixed_goes_out_with_the_end_of_its_rule() -> None:
    bench = Bench({"type": "reorder", "attributes": {"window": 5}})
    client = bench.client()
    bench.send("a", "b")
    assert client.texts() == []
    bench.rule()
    assert client.texts() == ["b", "a"]


def test_no_more_is_held_than_the_bound() -> None:
    bench = Bench({"type": "delay", "attributes": {"delay": 60_000}}, journal=False)
    client = bench.client()
    module_bound = module.MAX_HELD
    try:
        module.MAX_HELD = 3  # type: ignore[misc]
        bench.send("a", "b", "c", "d")
    finally:
        module.MAX_HELD = module_bound  # type: ignore[misc]
    assert client.texts() == ["d"]
    assert bench.watch.waiting.count == 3


@pytest.mark.parametrize("rule", [{"type": "delay"}, {"type": "reorder", "attributes": {"window": 100}}])
def test_no_more_bytes_are_held_than_the_bound(rule: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HELD_BYTES", 100)
    bench = Bench(rule, journal=False)
    client = bench.client()
    bench.send("a" * 60, "b" * 60, "c" * 40)
    assert client.texts() == ["b" * 60], "there was no room for it"
    assert bench.watch.waiting.size == 100
    bench.rule()
    assert sorted(client.texts()) == ["a" * 60, "b" * 60, "c" * 40]
    assert bench.watch.waiting.size == 0
    bench.rule(rule)
    bench.send("d" * 60)
    bench.hub.end(client.connection)
    bench.client()
    bench.send("e")
    bench.watch.release(float("inf"))
    bench.watch.waiting.forget_ended()
    assert bench.watch.waiting.size <= 1


@pytest.mark.parametrize("reliable", [RELIABLE, BINARY_RELIABLE])
@pytest.mark.parametrize(
    ("kind", "numbers", "contents"),
    [
        ({"kind": "skip", "by": 10}, [1, 12, 13, 14], "a b c d"),
        ({"kind": "repeat"}, [1, 2, 2, 3, 4], "a b b c d"),
        ({"kind": "swap"}, [1, 3, 2, 4], "a c b d"),
    ],
)
def test_sequence_ids_are_wrong(kind: dict[str, Any], numbers: list[int], contents: str, reliable: Subprotocol) -> None:
    bench = Bench({"type": "sequence", "after": 1, "count": 1, "attributes": kind})
    client = bench.client(reliable)
    bench.send("a", "b", "c", "d")
    assert client.numbers() == numbers
    assert client.texts() == contents.split()
    bench.hub.confirm(client.connection, max(numbers))
    assert len(client.connection.unacknowledged) == 0, "what was sent can be acknowledged"


def test_a_message_that_waits_to_be_swapped_goes_out_with_its_rule_or_with_a_recovery() -> None:
    bench = Bench({"type": "sequence", "count": 1, "attributes": {"kind": "swap"}})
    client = bench.client(RELIABLE)
    bench.send("a")
    assert client.numbers() == []
    bench.rule()
    assert client.numbers() == [1]
    bench.rule({"type": "sequence", "count": 1, "attributes": {"kind": "swap"}})
    bench.send("b")
    client.lose()
    assert client.recover()
    bench.watch.opened(bench.hub, client.connection, "")
    bench.send("c")
    assert client.numbers() == [1, 2, 3], "sent again in order, and each once"


def test_of_messages_that_are_all_swapped_each_comes_once() -> None:
    bench = Bench({"type": "sequence", "attributes": {"kind": "swap"}})
    client = bench.client(RELIABLE)
    bench.send("a", "b", "c", "d", "e", "f")
    assert client.numbers() == [2, 1, 4, 3, 6, 5]


def test_what_waits_to_be_mixed_goes_when_its_rule_has_hit_as_often_as_it_may_or_its_time_is_over() -> None:
    bench = Bench({"type": "reorder", "count": 3, "attributes": {"window": 4}})
    client = bench.client()
    bench.send("a", "b", "c")
    assert sorted(client.texts()) == ["a", "b", "c"]
    bench.rule({"type": "reorder", "for": "2s", "attributes": {"window": 4}})
    bench.send("d", "e")
    assert bench.watch.next_release == bench.now + 2
    bench.now += 2
    assert bench.watch.release(bench.now) == 2
    bench.hub.drain()
    assert sorted(client.texts()[3:]) == ["d", "e"]


def test_sequence_ids_are_no_matter_of_plain_clients() -> None:
    bench = Bench({"type": "sequence"}, {"type": "drop"})
    client = bench.client(PLAIN)
    bench.send("a")
    assert client.texts() == [], "the next rule is looked at"


def test_an_unknown_message_comes_before_and_not_to_a_client_without_messages(dialect: Subprotocol) -> None:
    bench = Bench({"type": "unknown_message", "count": 1})
    client, simple = bench.client(dialect), bench.client(SIMPLE)
    before, simple_before = len(client.done), len(simple.done)
    bench.send("a", "b")
    assert len(client.done) - before == 3
    assert len(simple.done) - simple_before == 2


# --- connections ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "output"),
    [
        ({"type": "close"}, Drop(1011, "")),
        ({"type": "close", "attributes": {"code": 1001, "reason": "restart"}}, Drop(1001, "restart")),
        ({"type": "close", "attributes": {"code": 1006}}, Drop()),
        ({"type": "close", "attributes": {"code": 1008, "recoverable": False}}, Close(1008, "")),
        ({"type": "close", "attributes": {"code": 1006, "recoverable": False}}, Abort()),
        ({"type": "reset_peer"}, Drop()),
        ({"type": "reset_peer", "attributes": {"timeout": 500}}, Drop(seconds=0.5)),
        ({"type": "half_open"}, Mute()),
    ],
)
def test_connections_end_at_once_and_each_once(rule: dict[str, Any], output: object) -> None:
    bench = Bench()
    client = bench.client(RELIABLE)
    bench.rule(rule | {"count": 1})
    assert client.done[-1] == output
    [fault] = bench.told("fault")
    assert fault.items() >= {"name": rule["type"], "connection": client.connection.id, "hub": bench.hub.name}.items()


CUT_OFF: dict[str, Callable[[Bench, Client], None]] = {
    "a lost socket": lambda _bench, client: client.lose(),
    "a reset": lambda bench, _client: bench.rule({"type": "reset_peer", "count": 1}),
    "a recoverable close": lambda bench, _client: bench.rule({"type": "close", "count": 1}),
    "half open": lambda bench, _client: bench.rule({"type": "half_open", "count": 1}),
}
"""How a client comes to hear nothing."""


@pytest.mark.parametrize("cut_off", CUT_OFF.values(), ids=CUT_OFF)
@pytest.mark.parametrize("dialect", [RELIABLE, BINARY_RELIABLE], ids=lambda subprotocol: subprotocol.name)
@pytest.mark.parametrize("rule", [(), ({"type": "freeze", "on": {"group": "other"}},)], ids=["plainly", "by rules"])
def test_what_waits_for_a_client_that_is_cut_off_is_delivered_when_it_comes_back(
    cut_off: Callable[[Bench, Client], None], dialect: Subprotocol, rule: tuple[dict[str, Any], ...]
) -> None:
    bench = Bench()
    client = bench.client(dialect)
    bench.send("a")
    cut_off(bench, client)
    bench.rule(*rule)
    bench.send("b", "c")
    assert [(one["count"], one["sequence_id"]) for one in bench.told("deliver")] == [(1, 1)]
    assert client.recover()
    bench.watch.came_back(client.connection, 3, client.connection.hear_again())
    bench.send("d")
    after = [(one["type"], one.get("count"), one.get("sequence_id")) for one in bench.told("recover", "deliver")][1:]
    assert after == [("recover", None, None), ("deliver", 3, 4)]


def test_a_socket_that_is_taken_over_has_had_what_it_was_sent() -> None:
    bench = Bench()
    client = bench.client(RELIABLE)
    bench.send("a", "b")
    assert client.recover()
    assert client.connection.hear_again() == []


@pytest.mark.parametrize("kind", ["half_open", "reset_peer"])
def test_a_plain_client_that_is_cut_off_is_delivered_nothing(kind: str) -> None:
    bench = Bench()
    bench.client(PLAIN)
    bench.rule({"type": kind})
    bench.send("a", "b")
    assert bench.told("deliver") == []


def test_a_client_hears_on_until_its_reset_is_due() -> None:
    bench = Bench()
    bench.client(RELIABLE)
    bench.rule({"type": "reset_peer", "attributes": {"timeout": 500}, "count": 1})
    bench.send("a")
    assert [one["count"] for one in bench.told("deliver")] == [1]


def test_a_kick_tells_why_and_cannot_be_recovered() -> None:
    bench = Bench()
    client = bench.client(RELIABLE)
    bench.rule({"type": "kick"})
    assert isinstance(client.messages()[-1], m.Disconnected)
    assert client.ending == Close(1000)
    assert client.state is State.ENDED


def test_a_rule_that_waits_ends_a_connection_later() -> None:
    bench = Bench()
    client = bench.client()
    bench.rule({"type": "close", "after": 2, "attributes": {"recoverable": False}})
    bench.send("a", "b")
    assert not client.ending
    bench.send("c")
    assert client.ending == Close(1011)
    assert client.texts() == ["a", "b"]


def test_a_message_of_the_client_can_be_what_ends_it() -> None:
    bench = Bench({"type": "kick", "when": {"message": "joinGroup"}})
    client = bench.client()
    bench.send("a")
    client.send(m.Ping())
    assert client.ending is None
    client.send(m.JoinGroup("other", 1))
    assert client.ending == Close(1000)


def test_a_message_that_breaks_the_connection_of_a_reliable_client_is_kept_for_it() -> None:
    bench = Bench()
    client = bench.client(RELIABLE)
    bench.rule({"type": "reset_peer", "after": 1, "count": 1})
    bench.send("a")
    bench.send("b")
    assert client.done[-2] == Drop(), "the socket ends before the message"
    client.lose()
    assert client.recover()
    assert client.texts() == ["a", "b"]


# --- answers -------------------------------------------------------------------------------------


def test_a_join_is_forbidden_and_the_client_told_so(dialect: Subprotocol) -> None:
    bench = Bench({"type": "forbid_join", "on": {"group": "secret*"}})
    client = bench.client(dialect)
    [refused] = client.send(m.JoinGroup("secret_room", 3))
    assert isinstance(refused, m.Ack)
    assert refused.error is not None
    assert refused.error.name == "Forbidden"
    assert "secret_room" not in client.connection.groups
    assert client.send(m.JoinGroup("open_room", 4)) == [m.Ack(4)]
    [join, _] = bench.told("joinGroup")
    assert join["error"] == "Forbidden"


def test_an_ack_never_comes_though_the_join_is_done() -> None:
    bench = Bench({"type": "no_ack", "count": 1})
    client = bench.client()
    assert client.send(m.JoinGroup("h", 1)) == []
    assert "h" in client.connection.groups
    assert client.send(m.JoinGroup("i", 2)) == [m.Ack(2)]
    assert [entry["ack_id"] for entry in bench.told("joinGroup")] == [1, 2]
    assert [entry["ack_id"] for entry in bench.told("ack")] == [2], "what was not sent is not written down"


def test_a_late_ack_is_written_aside() -> None:
    bench = Bench({"type": "late_ack", "attributes": {"delay": 250}})
    client = bench.client()
    before = len(client.done)
    client.send(m.JoinGroup("h", 1))
    [aside] = client.done[before:]
    assert isinstance(aside, Aside)
    assert aside.seconds == 0.25


def test_pings_stay_without_an_answer() -> None:
    bench = Bench({"type": "no_pong", "count": 2})
    client = bench.client()
    assert client.send(m.Ping()) == []
    assert not bench.watch.pinged(client.connection)
    assert bench.watch.pinged(client.connection)
    assert client.send(m.Ping()) == [m.Pong()]
    bench.rule({"type": "no_ping", "count": 1})
    assert not bench.watch.may_ping(client.connection)
    assert bench.watch.may_ping(client.connection)


# --- bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"type": "latency", "attributes": {"latency": 200}}, {"seconds": 0.2}),
        ({"type": "bandwidth", "attributes": {"rate": 2}}, {"rate": 2000.0}),
        ({"type": "slicer", "attributes": {"average_size": 10, "delay": 5}}, {"pause": 0.005}),
    ],
)
def test_frames_are_written_slowly(rule: dict[str, Any], wanted: dict[str, float]) -> None:
    bench = Bench(rule)
    client = bench.client()
    bench.send("a")
    slow = client.done[-1]
    assert isinstance(slow, Slowly)
    assert all(getattr(slow, name) == value for name, value in wanted.items())
    assert sum(slow.pieces or (len(slow.data),)) == len(slow.data)
    client.send(m.JoinGroup("h", 1))
    assert isinstance(client.done[-1], Slowly), "answers too"
    assert bench.told("fault")


# --- the journal ---------------------------------------------------------------------------------


def test_the_journal_tells_what_a_client_did_and_was_told() -> None:
    bench = Bench()
    client = bench.client(RELIABLE)
    client.send(m.JoinGroup("h", 1))
    bench.send("a", "b")
    client.send(m.SequenceAck(2))
    client.send(m.SendToGroup("g", m.Data(m.DataType.TEXT, b"hello"), 2))
    client.send(m.LeaveGroup("h", 3))
    client.send(m.JoinGroup("i", 3))
    client.send(m.Event("e", m.Data(m.DataType.TEXT, b""), 4))
    types = [entry["type"] for entry in bench.told()]
    assert types == [
        *("joinGroup", "ack", "deliver", "sequenceAck", "sendToGroup", "ack", "leaveGroup", "ack"),
        *("joinGroup", "ack", "event", "ack"),
    ]
    [deliver] = bench.told("deliver")
    assert deliver.items() >= {"group": "g", "first": 0, "last": 1, "count": 2, "sequence_id": 2}.items()
    [acked] = bench.told("sequenceAck")
    assert (acked["sequence_id"], acked["last"]) == (2, 2)
    assert [entry.get("error") for entry in bench.told("ack")] == [None, None, None, "Duplicate", "InternalServerError"]


@pytest.mark.parametrize("pattern", ["SPX_*", "blue_SPX_*", "SPX_classic_gex_zero", "blue_SPX_classic_gex_zero"])
def test_a_group_is_meant_with_and_without_its_prefix_and_by_its_ticker(pattern: str) -> None:
    for on in ({"group": pattern}, {"ticker": "SPX"}, {"category": "gex_zero"}):
        bench = Bench({"type": "drop", "on": on})
        client = bench.client(PLAIN, "blue_SPX_classic_gex_zero", "blue_ES_SPX_classic_gex_one")
        bench.send("a", group="blue_SPX_classic_gex_zero")
        bench.send("b", group="blue_ES_SPX_classic_gex_one")
        assert client.texts() == ["b"], on


def test_long_names_are_cut_in_the_journal() -> None:
    bench = Bench()
    client = bench.client()
    client.send(m.JoinGroup("x" * 1000, 1))
    assert len(bench.told("joinGroup")[0]["group"]) < 310


KINDS_OF_THE_MODEL = ("drop", "duplicate", "freeze", "stale", "gap")
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "duplicate": {"copies": 2},
    "stale": {"records": 3},
    "gap": {"duration": 1200},
}
TURN_SECONDS = 0.25


def complete(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule with the attributes that its kind has here."""
    return rule | {"attributes": ATTRIBUTES.get(str(rule["type"]), {})}


RULES = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS_OF_THE_MODEL)},
        optional={
            "toxicity": st.sampled_from((0.0, 0.3, 1.0)),
            "after": st.integers(0, 4),
            "count": st.integers(1, 4),
            "on": st.fixed_dictionaries({}, optional={"group": st.sampled_from(("g", "h", "*"))}),
            "for": st.sampled_from((0.6, 2.0)),
            "when": st.fixed_dictionaries({}, optional={"record": st.integers(0, 20)}),
            "enabled": st.booleans(),
        },
    ).map(lambda rule: complete(rule)),
    max_size=4,
)
TURNS = st.lists(st.sampled_from(("g", "h")), max_size=30)


@given(RULES, TURNS, st.integers(0, 3), st.sampled_from(WITH_MESSAGES))
def test_what_is_delivered_is_what_the_rules_say(
    rules: list[dict[str, Any]], turns: list[str], seed: int, subprotocol: Subprotocol
) -> None:
    play(rules, turns, seed, subprotocol)


def play(rules: list[dict[str, Any]], turns: list[str], seed: int, subprotocol: Subprotocol) -> None:
    """A turn for each group, and what the client got beside what the model says."""
    bench = Bench(*rules, seed=seed)
    client = bench.client(subprotocol, "g", "h")
    for number, group in enumerate(turns):
        bench.send(str(number), group=group)
        bench.now += TURN_SECONDS
    assert client.texts() == list(modelled(rules, turns, seed)), (rules, seed, turns)
    delivered = sum(entry["count"] for entry in bench.told("deliver"))
    assert delivered == len(client.texts())
    if subprotocol.reliable:
        assert client.numbers() == list(range(1, delivered + 1))


def modelled(rules: list[dict[str, Any]], turns: list[str], seed: int) -> Iterator[str]:
    """The rules read one by one; the chances are those of their own generator."""
    state: list[dict[str, Any]] = [
        {"seen": 0, "hits": 0, "began": None, "chances": chances(f"{seed}/{rule.name}")} for rule in rules_of(rules)
    ]
    silent = {"g": 0.0, "h": 0.0}
    for number, group in enumerate(turns):
        now = 1000.0 + number * TURN_SECONDS
        if now < silent[group]:
            continue
        rule = _hit(rules, state, group, number, now)
        attributes = {} if rule is None else rule["attributes"]
        kind = None if rule is None else rule["type"]
        if kind == "gap":
            silent[group] = now + attributes["duration"] / 1000
        elif kind == "duplicate":
            yield from [str(number)] * (attributes["copies"] + 1)
        elif kind in ("freeze", "stale") and number > 0:
            yield f"old{max(0, number - attributes.get('records', 1))}"
        elif kind != "drop":
            yield str(number)


def _hit(
    rules: list[dict[str, Any]], state: list[dict[str, Any]], group: str, record: int, now: float
) -> dict[str, Any] | None:
    for rule, known in zip(rules, state, strict=True):
        is_on = rule.get("on", {}).get("group", "*") in ("*", group)
        is_full = known["hits"] >= rule.get("count", 1000)
        is_over = "for" in rule and known["began"] is not None and now >= known["began"] + rule["for"]
        is_early = record < rule.get("when", {}).get("record", 0)
        if not is_on or is_full or is_over or is_early or not rule.get("enabled", True):
            continue
        known["began"] = now if known["began"] is None else known["began"]
        known["seen"] += 1
        if known["seen"] <= rule.get("after", 0):
            continue
        if next(known["chances"]) < rule.get("toxicity", 1.0):
            known["hits"] += 1
            return rule
    return None


# --- at length -----------------------------------------------------------------------------------


def random_rules(source: random.Random) -> list[dict[str, Any]]:
    """A list of rules as the model knows them."""
    choices: dict[str, Callable[[], Any]] = {
        "toxicity": lambda: source.choice((0.0, 0.3, 1.0)),
        "after": lambda: source.randint(0, 4),
        "count": lambda: source.randint(1, 4),
        "on": lambda: {"group": source.choice(("g", "h", "*"))},
        "for": lambda: source.choice((0.6, 2.0, 5.0)),
        "when": lambda: {"record": source.randint(0, 30)},
        "enabled": lambda: source.random() < 0.9,
    }
    made = []
    for _ in range(source.randint(0, 5)):
        kind = source.choice(KINDS_OF_THE_MODEL)
        chosen = {name: make() for name, make in choices.items() if source.random() < 0.4}
        made.append({"type": kind, "attributes": ATTRIBUTES.get(kind, {}), **chosen})
    return made


@pytest.mark.parametrize("steps", [2_000, pytest.param(100_000, marks=pytest.mark.volume)])
def test_what_is_delivered_is_what_the_rules_say_at_length(steps: int) -> None:
    source, done = random.Random(20), 0
    while done < steps:
        turns = [source.choice(("g", "h")) for _ in range(source.randint(1, 60))]
        play(random_rules(source), turns, source.randint(0, 1000), source.choice(WITH_MESSAGES))
        done += len(turns)


class Diary:
    """What a test itself has done, as the journal should tell it; deliveries as sums by connection and group."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, Any]] = []
        self.delivered: Counter[tuple[str, str]] = Counter()

    def of(self, bench: Bench) -> tuple[list[tuple[str, str, Any]], Counter[tuple[str, str]]]:
        """The same, read from the journal."""
        found: list[tuple[str, str, Any]] = []
        delivered: Counter[tuple[str, str]] = Counter()
        for entry in bench.told():
            if entry["type"] == "deliver":
                delivered[entry["connection"], entry["group"]] += entry["count"]
            elif entry["type"] != "ack":
                value = entry.get("group", entry.get("sequence_id"))
                found.append((entry["type"], entry["connection"], value))
        return found, delivered


@pytest.mark.parametrize("steps", [1_500, pytest.param(100_000, marks=pytest.mark.volume)])
def test_the_journal_tells_what_the_test_has_done(steps: int) -> None:
    source, bench, diary = random.Random(21), Bench(), Diary()
    clients = [bench.client(RELIABLE, "nothing"), bench.client(BINARY, "nothing")]
    for number in range(1, steps + 1):
        client, group = source.choice(clients), source.choice(("g", "h", "i"))
        act(source.choice(("join", "leave", "ack", "ping", "deliver", "deliver", "wait")), bench, client, group, diary)
        if number % 500 == 0:  # the ring is bounded
            assert diary.of(bench) == (diary.entries, diary.delivered)
            assert bench.watch.journal is not None
            bench.watch.journal.clear()
            diary = Diary()


def act(what: str, bench: Bench, client: Client, group: str, diary: Diary) -> None:
    """One thing that a client does, or is sent."""
    name, connection = client.connection.id, client.connection
    if what == "join":
        client.send(m.JoinGroup(group))
        diary.entries.append(("joinGroup", name, group))
    elif what == "leave":
        client.send(m.LeaveGroup(group))
        diary.entries.append(("leaveGroup", name, group))
    elif what == "ack" and client.subprotocol.reliable:
        client.send(m.SequenceAck(connection.numbered))
        diary.entries.append(("sequenceAck", name, connection.numbered))
    elif what == "ping":
        client.send(m.Ping())
        diary.entries.append(("ping", name, None))
    elif what == "deliver":
        listening = [one for one in bench.world.audiences[bench.hub.name].connections if group in one.groups]
        assert bench.send("x", group=group) == len(listening)
        diary.delivered.update((one.id, group) for one in listening)
    else:
        bench.now += 0.3

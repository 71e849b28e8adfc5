"""Slots: what a key negotiated, what its connections are in, and what becomes of those of a slot before."""

from __future__ import annotations

import itertools

import pytest

from gexfaker.catalog import CURRENT_HUBS, HUBS, V2_HUBS
from gexfaker.errors import NegotiationError
from gexfaker.hubs.connection import Connection, State
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.outputs import Close, Output
from gexfaker.wire import messages as m
from gexfaker.wire.subprotocols import Subprotocol
from gexfaker.wire.tokens import Grant
from gexfaker.worlds.slot import Slot
from support import independent
from support.clients import JSON, RELIABLE, frames_of, members_of, publication, publish
from support.slots import Slots

KEY, OTHER = "key-1", "key-2"
SPX = {"v2_classic": ["SPX_classic_gex_full", "SPX_spot"], "v2_orderflow": ["SPX_orderflow_orderflow", "SPX_spot"]}
NDX = {"v2_classic": ["NDX_classic_gex_full", "NDX_spot"]}


class World:
    """All hubs, the slots over them, and what the clients' sockets were told."""

    def __init__(self, limit: int = 100, slots: str = "slot") -> None:
        numbers = itertools.count(1)
        self.hubs = {name: Hub(name, lambda: f"c{next(numbers)}", lambda name: f"token-{name}") for name in HUBS}
        names = (f"{slots}-{number}" for number in itertools.count(1))
        self.slots = Slots(self.hubs, lambda: next(names), limit)

    def grant(self, slot: Slot, hub: str, key: str = KEY) -> Grant:
        """What the POST flow's token for a hub says."""
        return Grant(key, (), tuple(slot.groups.get(hub, ())), slot.id)

    def connect(self, hub: str, grant: Grant, subprotocol: Subprotocol = JSON) -> Client | None:
        """A client that comes with a token; None when it is turned away."""
        admitted = self.slots.admit(hub, grant)
        return Client(self.hubs[hub], admitted, subprotocol) if admitted else None

    def client(self, hub: str, slot: Slot, key: str = KEY, subprotocol: Subprotocol = JSON) -> Client:
        """A client that is let in."""
        client = self.connect(hub, self.grant(slot, hub, key), subprotocol)
        assert client is not None
        return client


class Client:
    """A connection and all that its socket was told to do."""

    def __init__(self, hub: Hub, grant: Grant, subprotocol: Subprotocol) -> None:
        self.hub = hub
        self.done: list[Output] = []
        self.connection: Connection = hub.connect(grant, subprotocol)
        self.connection.outlet = self.done.extend
        hub.drain()

    @property
    def groups(self) -> list[str]:
        return list(self.connection.groups)

    @property
    def alive(self) -> bool:
        return self.connection.state is State.OPEN and self.connection.id in self.hub.connections

    def messages(self) -> list[m.Downstream]:
        codec = self.connection.subprotocol.codec
        assert codec is not None
        read = independent.client_frames(frames_of(self.done))
        return [codec.decode_downstream(bytes(frame.data)) for frame in read]

    def texts(self) -> list[str]:
        return [item.data.value.decode() for item in self.messages() if isinstance(item, m.DataMessage)]


def refusal(world: World, groups: dict[str, list[str]], key: str = KEY) -> str:
    with pytest.raises(NegotiationError) as caught:
        world.slots.replace(key, groups)
    text = str(caught.value)
    assert caught.value.status == 400
    assert text.endswith(".")
    assert "\n" not in text
    return text


# --- opening -------------------------------------------------------------------------------------


def test_a_slot_puts_its_connections_into_their_groups() -> None:
    world = World()
    slot = world.slots.open(KEY, SPX)
    assert (slot.id, slot.groups) == ("slot-1", SPX)
    kept = world.slots.peek(KEY)
    assert kept is not None
    assert kept.id == slot.id
    assert world.slots.peek(OTHER) is None
    assert world.client("v2_classic", slot).groups == ["SPX_classic_gex_full", "SPX_spot"]
    assert world.client("v2_orderflow", slot).groups == ["SPX_orderflow_orderflow", "SPX_spot"]
    assert world.client("v2_state_gex", slot).groups == [], "a hub it may use, where it asked for nothing"


@pytest.mark.parametrize("subprotocol", [JSON, RELIABLE], ids=["plain", "reliable"])
def test_a_second_open_closes_the_slot_s_connections_on_all_hubs(subprotocol: Subprotocol) -> None:
    world = World()
    slot = world.slots.open(KEY, SPX)
    clients = [world.client(hub, slot, subprotocol=subprotocol) for hub in ("v2_classic", "v2_classic", "v2_orderflow")]
    world.slots.open(KEY, NDX)
    for client in clients:
        assert not client.alive
        assert client.done[-1] == Close(1000), "told at once, without another event"
        last = client.messages()[-1]
        assert isinstance(last, m.Disconnected)
        assert "a later negotiation with the same key" in last.message
    assert all(not hub.connections and not members_of(hub) for hub in world.hubs.values())


def test_a_detached_connection_of_the_slot_cannot_come_back() -> None:
    world = World()
    client = world.client("v2_classic", world.slots.open(KEY, SPX), subprotocol=RELIABLE)
    client.hub.lost(client.connection, 0.0)
    world.slots.open(KEY, NDX)
    assert client.connection.state is State.ENDED
    assert client.hub.recover(client.connection.id, f"token-{client.connection.id}") is None


def test_a_second_open_leaves_other_keys_and_the_get_flow_alone() -> None:
    world = World()
    mine, theirs = world.slots.open(KEY, SPX), world.slots.open(OTHER, SPX)
    closed = world.client("v2_classic", mine)
    kept = [world.client("v2_classic", theirs, OTHER), world.client("v2_orderflow", theirs, OTHER)]
    joiner = Grant(KEY, ("webpubsub.joinLeaveGroup",))
    for hub in ("classic", "v2_classic"):
        client = world.connect(hub, joiner)
        assert client is not None
        client.hub.enter(client.connection, "g")
        kept.append(client)
    world.slots.open(KEY, NDX)
    assert not closed.alive
    assert all(client.alive and client.groups for client in kept)
    assert not any(isinstance(output, Close) for client in kept for output in client.done)
    assert world.slots.peek(OTHER) is theirs


def test_the_first_open_closes_nobody() -> None:
    world = World()
    client = world.connect("classic", Grant(KEY, ("webpubsub.joinLeaveGroup",)))
    world.slots.open(KEY, SPX)
    assert client is not None
    assert client.alive


def test_a_slot_does_not_follow_its_maker_s_dict() -> None:
    world = World()
    groups = {"v2_classic": ["SPX_classic_gex_full"]}
    slot = world.slots.open(KEY, groups)
    groups["v2_orderflow"] = ["SPX_orderflow_orderflow"]
    assert slot.groups == {"v2_classic": ["SPX_classic_gex_full"]}


# --- admitting -----------------------------------------------------------------------------------


def test_a_token_of_a_slot_before_is_not_admitted_on_any_hub() -> None:
    world = World()
    old = world.slots.open(KEY, SPX)
    tokens = {hub: world.grant(old, hub) for hub in V2_HUBS}
    new = world.slots.open(KEY, NDX)
    assert [world.connect(hub, token) for hub, token in tokens.items()] == [None] * 6
    assert new.groups == NDX, "and changes nothing"
    assert world.client("v2_classic", new).groups == NDX["v2_classic"]


def test_the_old_generation_s_token_is_not_admitted_either() -> None:
    world = World()
    old = world.slots.open(KEY, {"classic": ["blue_SPX_classic_gex_full"]})
    token = world.grant(old, "classic")
    world.slots.open(KEY, SPX)
    assert world.connect("classic", token) is None


def test_a_token_of_the_get_flow_is_admitted_as_it_is() -> None:
    world = World()
    for grant in (Grant(KEY, ("webpubsub.joinLeaveGroup",)), Grant(None, (), ("g",)), Grant(KEY)):
        assert world.slots.admit("classic", grant) is grant
    world.slots.open(KEY, SPX)
    assert world.slots.admit("v2_classic", Grant(KEY)) == Grant(KEY), "it is in no slot, and gets no slot's groups"
    assert len(world.slots) == 1


def test_admission_keeps_everything_of_the_token_but_the_groups() -> None:
    world = World()
    slot = world.slots.open(KEY, SPX)
    token = Grant(KEY, ("webpubsub.sendToGroup",), ("stale",), slot.id)
    assert world.slots.admit("v2_classic", token) == Grant(
        KEY, ("webpubsub.sendToGroup",), ("SPX_classic_gex_full", "SPX_spot"), slot.id
    )


def test_another_key_s_slot_name_opens_nothing() -> None:
    world = World()
    mine, theirs = world.slots.open(KEY, SPX), world.slots.open(OTHER, NDX)
    assert world.connect("v2_classic", Grant(OTHER, (), (), mine.id)) is None
    assert world.slots.peek(OTHER) is theirs


# --- replacing -----------------------------------------------------------------------------------


def test_replacing_changes_all_connections_at_once() -> None:
    world = World()
    slot = world.slots.open(KEY, SPX)
    one, two = world.client("v2_classic", slot), world.client("v2_classic", slot)
    flow, idle = world.client("v2_orderflow", slot), world.client("v2_state_gex", slot)
    wanted = {"v2_classic": ["SPX_classic_gex_full", "NDX_classic_gex_one", "SPX_spot", "NDX_spot"]}
    assert world.slots.replace(KEY, wanted).id == slot.id
    assert set(one.groups) == set(two.groups) == set(wanted["v2_classic"])
    assert flow.groups == idle.groups == [], "what is not named is gone"
    assert all(client.alive for client in (one, two, flow, idle))
    for group in wanted["v2_classic"]:
        assert publish(world.hubs["v2_classic"], (KEY, group), publication(group, group)) == 2
    assert publish(world.hubs["v2_orderflow"], (KEY, "SPX_spot"), publication("x")) == 0
    world.hubs["v2_classic"].drain()
    assert one.texts() == two.texts() == wanted["v2_classic"]


def test_a_new_connection_gets_the_replaced_groups_and_not_those_of_its_token() -> None:
    world = World()
    slot = world.slots.open(KEY, SPX)
    tokens = {hub: world.grant(slot, hub) for hub in V2_HUBS}
    world.client("v2_classic", slot)
    world.slots.replace(KEY, NDX)
    again = {hub: world.connect(hub, token) for hub, token in tokens.items()}
    assert {hub: client and client.groups for hub, client in again.items()} == {
        hub: NDX.get(hub, []) for hub in V2_HUBS
    }


def test_a_detached_connection_comes_back_into_the_replaced_groups() -> None:
    world = World()
    slot = world.slots.open(KEY, SPX)
    away, here = (world.client("v2_classic", slot, subprotocol=RELIABLE) for _ in range(2))
    away.hub.lost(away.connection, 0.0)
    world.slots.replace(KEY, NDX)
    assert away.hub.recover(away.connection.id, f"token-{away.connection.id}") is away.connection
    assert away.groups == here.groups == NDX["v2_classic"]


def test_what_was_published_before_is_delivered_and_nothing_else_of_a_group_that_is_left() -> None:
    world = World()
    client = world.client("v2_classic", world.slots.open(KEY, SPX))
    hub = client.hub
    publish(hub, (KEY, "SPX_spot"), publication("before"))
    world.slots.replace(KEY, NDX)
    publish(hub, (KEY, "SPX_spot"), publication("after"))
    publish(hub, (KEY, "NDX_spot"), publication("new"))
    hub.drain()
    assert client.texts() == ["before", "new"]


def test_replacing_leaves_other_keys_and_the_get_flow_alone() -> None:
    world = World()
    mine, theirs = world.slots.open(KEY, SPX), world.slots.open(OTHER, SPX)
    world.client("v2_classic", mine)
    other = world.client("v2_classic", theirs, OTHER)
    joiner = world.connect("v2_classic", Grant(KEY, ("webpubsub.joinLeaveGroup",), ("own",)))
    world.slots.replace(KEY, NDX)
    assert other.groups == SPX["v2_classic"]
    assert joiner is not None
    assert joiner.groups == ["own"]
    assert theirs.groups == SPX


def test_replacing_by_nothing_leaves_every_group_and_may_be_undone() -> None:
    world = World()
    slot = world.slots.open(KEY, SPX)
    client = world.client("v2_classic", slot)
    assert world.slots.replace(KEY, {}).counts() == dict.fromkeys(V2_HUBS, 0)
    assert client.groups == []
    assert client.alive
    assert world.client("v2_orderflow", slot).groups == []
    world.slots.replace(KEY, NDX)
    assert client.groups == NDX["v2_classic"]


def test_replacing_by_nothing_needs_no_connection() -> None:
    world = World()
    world.slots.open(KEY, SPX)
    assert world.slots.replace(KEY, {}).counts() == dict.fromkeys(V2_HUBS, 0)


# --- counts --------------------------------------------------------------------------------------


def test_counts_are_given_for_every_hub_of_the_generation() -> None:
    world = World()
    assert world.slots.open(KEY, SPX).counts() == {
        "v2_classic": 2,
        "v2_state_gex": 0,
        "v2_state_greeks_zero": 0,
        "v2_state_greeks": 0,
        "v2_state_greeks_one": 0,
        "v2_orderflow": 2,
    }
    current = world.slots.open(OTHER, {"state_gex": ["blue_SPX_state_gex_zero"]})
    assert current.counts() == {hub: int(hub == "state_gex") for hub in CURRENT_HUBS}


def test_counts_after_replacing() -> None:
    world = World()
    slot = world.slots.open(KEY, SPX)
    world.client("v2_classic", slot)
    world.client("v2_state_gex", slot)
    counts = world.slots.replace(
        KEY, {"v2_state_gex": ["SPX_state_gex_zero", "SPX_state_gex_one", "SPX_spot"]}
    ).counts()
    assert counts == {hub: 3 if hub == "v2_state_gex" else 0 for hub in V2_HUBS}


# --- refusals ------------------------------------------------------------------------------------


def test_without_a_slot_there_is_nothing_to_replace() -> None:
    world = World()
    world.connect("v2_classic", Grant(KEY, ("webpubsub.joinLeaveGroup",)))
    world.slots.open(OTHER, SPX)
    expected = "POST /v2/negotiate first: there are no memberships of this key to replace."
    assert refusal(world, NDX) == expected
    assert refusal(world, {}) == expected
    assert world.slots.peek(KEY) is None


NOT_CONNECTED = "Connect to hub 'v2_orderflow' first: this key has no live connection there."


def test_a_connection_is_needed_on_every_hub_that_is_named_and_nothing_changes_without() -> None:
    world = World()
    slot = world.slots.open(KEY, SPX)
    client, elsewhere = world.client("v2_classic", slot), world.client("v2_state_gex", slot)
    asked = {"v2_classic": ["NDX_classic_gex_full"], "v2_orderflow": ["NDX_orderflow_orderflow"]}
    assert refusal(world, asked) == NOT_CONNECTED
    assert slot.groups["v2_classic"] == SPX["v2_classic"]
    assert slot.groups["v2_orderflow"] == SPX["v2_orderflow"]
    assert client.groups == SPX["v2_classic"]
    assert elsewhere.groups == []
    late = world.client("v2_orderflow", slot)
    assert late.groups == SPX["v2_orderflow"]
    world.slots.replace(KEY, asked)
    assert (client.groups, late.groups) == (["NDX_classic_gex_full"], ["NDX_orderflow_orderflow"])


def test_connections_of_the_get_flow_other_keys_and_ended_ones_do_not_count() -> None:
    world = World()
    slot = world.slots.open(KEY, SPX)
    world.connect("v2_orderflow", Grant(KEY, ("webpubsub.joinLeaveGroup",)))
    world.client("v2_orderflow", world.slots.open(OTHER, SPX), OTHER)
    ended = world.client("v2_orderflow", slot)
    ended.hub.end(ended.connection)
    asked = {"v2_orderflow": ["SPX_orderflow_orderflow"]}
    assert refusal(world, asked) == NOT_CONNECTED
    world.client("v2_orderflow", slot)
    assert world.slots.replace(KEY, asked).id == slot.id


@pytest.mark.parametrize(
    ("posted", "patched", "said"),
    [
        ("v2_classic", "classic", "Change the hub 'classic': this key negotiated the 'v2_' hubs."),
        (
            "classic",
            "v2_classic",
            "Change the hub 'v2_classic': this key negotiated the current hubs, without 'v2_'.",
        ),
    ],
)
def test_the_generation_is_the_slot_s(posted: str, patched: str, said: str) -> None:
    world = World()
    slot = world.slots.open(KEY, {posted: ["g"]})
    client = world.client(posted, slot)
    world.connect(patched, Grant(KEY, ("webpubsub.joinLeaveGroup",)))
    assert refusal(world, {patched: ["h"]}) == said
    assert client.groups == ["g"]
    assert slot.counts()[posted] == 1


# --- a server that was restarted -----------------------------------------------------------------


def test_a_slot_that_nobody_remembers_starts_again_from_its_tokens() -> None:
    before = World(slots="before")
    slot = before.slots.open(KEY, SPX)
    tokens = {hub: before.grant(slot, hub) for hub in V2_HUBS}
    world = World()
    clients = {hub: world.connect(hub, token) for hub, token in tokens.items()}
    assert {hub: client and client.groups for hub, client in clients.items()} == {
        hub: SPX.get(hub, []) for hub in V2_HUBS
    }
    adopted = world.slots.peek(KEY)
    assert adopted is not None
    assert adopted.id == slot.id
    assert adopted.counts() == slot.counts()
    world.slots.replace(KEY, NDX)
    classic, flow = clients["v2_classic"], clients["v2_orderflow"]
    assert classic is not None
    assert flow is not None
    assert (classic.groups, flow.groups) == (NDX["v2_classic"], [])
    again = world.connect("v2_orderflow", tokens["v2_orderflow"])
    assert again is not None
    assert again.groups == [], "what was replaced stays replaced"
    world.slots.open(KEY, SPX)
    assert not classic.alive
    assert world.connect("v2_classic", tokens["v2_classic"]) is None


def test_another_slot_s_token_is_not_adopted_beside_one_that_is_known() -> None:
    world = World()
    world.slots.open(KEY, SPX)
    assert world.connect("v2_classic", Grant(KEY, (), ("NDX_spot",), "slot-of-before")) is None
    assert len(world.slots) == 1


# --- bounds --------------------------------------------------------------------------------------


def test_slots_are_bounded() -> None:
    world = World(limit=3)
    for number in range(50):
        world.slots.open(f"key-{number}", SPX)
        assert len(world.slots) <= 3
    assert [world.slots.peek(f"key-{number}") is not None for number in (46, 47, 48, 49)] == [False, True, True, True]
    for number in range(50):
        world.slots.admit("v2_classic", Grant(f"key-{number}", (), ("g",), "adopted"))
        assert len(world.slots) <= 3


def test_opening_again_does_not_make_room_of_another() -> None:
    world = World(limit=2)
    world.slots.open(KEY, SPX)
    world.slots.open(OTHER, SPX)
    for _ in range(5):
        world.slots.open(KEY, NDX)
    assert world.slots.peek(OTHER) is not None
    world.slots.open("key-3", SPX)
    assert (world.slots.peek(OTHER), world.slots.peek(KEY) is None) == (None, False)


@pytest.mark.parametrize("use", ["connect", "replace"])
def test_the_slot_used_longest_ago_is_forgotten(use: str) -> None:
    """A slot is used by a connection that comes and by a PATCH, too."""
    world = World(limit=2)
    slot = world.slots.open(KEY, SPX)
    if use == "replace":
        world.client("v2_classic", slot)
    world.slots.open(OTHER, SPX)
    if use == "replace":
        world.slots.replace(KEY, NDX)
    else:
        world.client("v2_classic", slot)
    world.slots.open("key-3", SPX)
    kept = world.slots.peek(KEY)
    assert kept is not None
    assert kept.id == slot.id
    assert world.slots.peek(OTHER) is None


def test_after_a_restart_a_newer_token_ends_the_slot_of_an_older_one() -> None:
    world = World()
    older, newer = (Grant(KEY, (), ("SPX_classic_gex_full", "SPX_spot"), f"before-{number}") for number in (1, 2))
    first = world.connect("v2_classic", older)
    assert first is not None
    assert world.connect("v2_classic", newer) is not None
    assert not first.alive
    assert first.done[-1] == Close(1000)
    assert world.connect("v2_classic", older) is None


def test_an_older_token_does_not_end_the_slot_of_a_newer_one() -> None:
    world = World()
    assert world.connect("v2_classic", Grant(KEY, (), ("SPX_spot",), "before-2")) is not None
    assert world.connect("v2_classic", Grant(KEY, (), ("SPX_spot",), "before-1")) is None


def test_a_token_taken_to_another_hub_brings_no_groups_there() -> None:
    world = World()
    slot = world.slots.open(KEY, dict(SPX))
    stray = world.connect("v2_state_gex", world.grant(slot, "v2_classic"))
    assert stray is not None
    assert stray.groups == []
    assert world.client("v2_classic", slot).groups == SPX["v2_classic"]

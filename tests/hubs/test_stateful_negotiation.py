"""Sessions under random use, two keys against a model: negotiation by GET and POST, connections that take each other's
place, tokens that expire, memberships, limits, counts, and neither key feels the other; by the rules of the service
and by the relaxed ones.

The model is a set of (hub, group) pairs for each key's slot and for each connection. The same driver is run by
Hypothesis, which finds short failures, and by a seeded generator, which goes far.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gexfaker.catalog import CURRENT_HUBS, HUBS, V2, V2_HUBS, Feed
from gexfaker.errors import NegotiationError, TokenError
from gexfaker.hubs.connection import Connection, State
from gexfaker.hubs.hub import Bounds, Hub
from gexfaker.hubs.negotiation import Memberships, Rules, patch_plan, post_plan
from gexfaker.hubs.outputs import Close, Output
from gexfaker.hubs.upstream import receive
from gexfaker.wire import messages as m
from gexfaker.wire.subprotocols import SUBPROTOCOLS
from gexfaker.wire.tokens import Grant, mint, verify
from support.clients import members_of, publication, publish
from support.slots import Slots

pytestmark = pytest.mark.long

KEYS = ("key-1", "key-2")
LIMIT, WINDOW, MOST = 5, 10.0, 12
RELIABLE = SUBPROTOCOLS["json.reliable.webpubsub.azure.v1"]
JOIN = ("webpubsub.joinLeaveGroup",)
SECRET, LIFETIME, SKEW = "model-" * 8, 900.0, 75.0

HOME = {
    "SPX_classic_gex_full": "classic",
    "SPX_classic_gex_zero": "classic",
    "SPX_state_delta_zero": "state_greeks_zero",
    "SPX_state_gamma_20260821": "state_greeks",
    "ES_SPX_classic_gex_full": "classic",
    "ES_SPX_orderflow_orderflow": "orderflow",
}
SPOTS = {"SPX_spot": "SPX", "ES_SPX_spot": "ES_SPX"}
NAMES = (*HOME, *SPOTS, "XYZ_classic_gex_full", "nonsense")
Pairs = set[tuple[str, str]]


def ticker_of(name: str) -> str:
    return SPOTS.get(name) or name.split("_classic")[0].split("_state")[0].split("_orderflow")[0]


def on(hub: str, name: str) -> str:
    """A group as it is called on a hub."""
    return name if hub.startswith(V2) else f"blue_{name}"


def named(plan: Memberships) -> dict[str, list[str]]:
    return {hub: [on(hub, feed.group) for feed in feeds] for hub, feeds in plan.items()}


def model_post(names: list[str]) -> Pairs | int:
    """The memberships a POST gives, or the status that refuses it."""
    wanted = set(names)
    if not wanted:
        return 400
    if len(wanted) > LIMIT:
        return 403
    if not wanted <= HOME.keys() | SPOTS.keys():
        return 400
    spots, analytics = {SPOTS[name] for name in wanted & SPOTS.keys()}, wanted & HOME.keys()
    if spots and spots != {ticker_of(name) for name in analytics}:
        return 400
    pairs = {((V2 if spots else "") + HOME[name], name) for name in analytics}
    pairs |= {(hub, f"{ticker_of(name)}_spot") for hub, name in pairs if spots}
    return pairs if len(pairs) <= LIMIT else 403


def model_patch(pairs: Pairs, generation: tuple[str, ...] | None, live: set[str]) -> int | None:
    """The status that refuses a PATCH, or None."""
    if len(pairs) > LIMIT:
        return 403
    for hub, name in pairs:
        if name not in HOME and not (name in SPOTS and hub.startswith(V2)):
            return 400
        if name in HOME and HOME[name] != hub.removeprefix(V2):
            return 400
    hubs = {hub for hub, _ in pairs}
    if len({hub.startswith(V2) for hub in hubs}) > 1:
        return 400
    for hub in hubs:
        here = {name for where, name in pairs if where == hub}
        spots = {SPOTS[name] for name in here if name in SPOTS}
        if hub.startswith(V2) and spots != {ticker_of(name) for name in here if name in HOME}:
            return 400
    return None if generation is not None and hubs <= set(generation) and hubs <= live else 400


@dataclass(eq=False)
class Modelled:
    """One connection, and what the model knows about it."""

    connection: Connection
    hub: str
    key: str
    grant: Grant
    groups: set[str]
    done: list[Output] = field(default_factory=list)
    state: State = State.OPEN
    deadline: float = 0.0

    @property
    def is_posted(self) -> bool:
        """Whether the server joins for it."""
        return self.grant.slot is not None and not self.grant.roles


@dataclass
class Token:
    """What a negotiation handed out for a hub, and until when it opens a connection."""

    hub: str
    grant: Grant
    text: str
    ends: float


class Driver:
    """Does one thing after the other to the pure core and to the model."""

    def __init__(self, relaxed: bool = False) -> None:
        self.relaxed = relaxed
        numbers = itertools.count(1)
        bounds = Bounds(queued_messages=10**6, recovery_window=WINDOW)
        self.hubs = {name: Hub(name, lambda: f"c{next(numbers)}", lambda c: f"token-{c}", bounds) for name in HUBS}
        self.slots = Slots(self.hubs, lambda: f"slot-{next(numbers)}", relaxed=relaxed)
        self.rules = Rules(lambda feed: None if feed.ticker in ("SPX", "ES_SPX") else "no such ticker", "quant", LIMIT)
        self.memberships: dict[str, Pairs] = {}
        self.generation: dict[str, tuple[str, ...]] = {}
        self.tokens: list[Token] = []
        self.valid: dict[str, str] = {}
        self.clients: list[Modelled] = []
        self.now = 1000.0
        self.accepted = self.refused = self.delivered = self.replaced = self.taken_over = self.expired = 0

    # --- what can happen ---------------------------------------------------------------------

    def post(self, key: str, names: list[str]) -> None:
        expected = model_post(names)
        if isinstance(expected, int):
            self.refused += 1
            with pytest.raises(NegotiationError) as refused:
                self.slots.open(key, named(post_plan(names, self.rules)))
            assert refused.value.status == expected, names
            return
        self.accepted += 1
        slot = self.slots.open(key, named(post_plan(names, self.rules)))
        self.memberships[key] = {(hub, on(hub, name)) for hub, name in expected}
        self.generation[key] = V2_HUBS if any(hub.startswith(V2) for hub, _ in expected) else CURRENT_HUBS
        self.began(key, slot.id)
        self.hand_out(key, {hub: Grant(key, (), tuple(slot.groups.get(hub, ())), slot.id) for hub in slot.counts()})
        self.check_counts(key, slot.counts())

    def get(self, key: str) -> None:
        slot = self.slots.open_for_client(key)
        assert (slot is None) == self.relaxed
        if slot is not None:
            self.began(key, slot.id)
            self.memberships.pop(key, None)
            self.generation.pop(key, None)
        name = None if slot is None else slot.id
        self.hand_out(key, {hub: Grant(key, JOIN, slot=name) for hub in CURRENT_HUBS})

    def began(self, key: str, slot: str) -> None:
        """A key has negotiated: all that it negotiated before is over, and it is told how much that was."""
        older = [client for client in self.alive(key) if client.grant.slot is not None]
        assert self.slots.closed == ([(key, len(older))] if older else [])
        self.slots.closed.clear()
        self.replaced += len(older)
        for client in older:
            self.ended(client, told=True)
        self.valid[key] = slot

    def hand_out(self, key: str, grants: dict[str, Grant]) -> None:
        """Remember the new tokens, all of the other key, and a few old ones of this key."""
        new = [
            Token(
                hub, grant, mint(grant, f"http://x/client/hubs/{hub}", SECRET, self.now, LIFETIME), self.now + LIFETIME
            )
            for hub, grant in grants.items()
        ]
        others = [token for token in self.tokens if token.grant.user_id != key]
        self.tokens = others + new + [token for token in self.tokens if token.grant.user_id == key][:2]

    def patch(self, key: str, pairs: Pairs) -> None:
        live = {client.hub for client in self.alive(key) if client.grant.slot is not None}
        status = model_patch(pairs, self.generation.get(key), live)
        if status is not None:
            self.refused += 1
            with pytest.raises(NegotiationError) as refused:
                self.slots.replace(key, named(patch_plan(sorted(pairs), self.rules)))
            assert refused.value.status == status, pairs
            return
        self.accepted += 1
        slot = self.slots.replace(key, named(patch_plan(sorted(pairs), self.rules)))
        self.memberships[key] = {(hub, on(hub, name)) for hub, name in pairs}
        for client in self.alive(key):
            if client.is_posted:
                client.groups = self.held(key, client.hub)
        self.check_counts(key, slot.counts())

    def connect(self, which: int) -> None:
        """With one of the tokens handed out, superseded and expired ones among them."""
        if not self.tokens or len(self.clients) >= MOST:
            return
        token = self.tokens[which % len(self.tokens)]
        hub, key = token.hub, token.grant.user_id or ""
        if int(token.ends) + SKEW < self.now:
            self.expired += 1
            with pytest.raises(TokenError, match="expired"):
                verify(token.text, SECRET, self.now)
            return
        grant = verify(token.text, SECRET, self.now)
        assert grant == token.grant
        admitted = self.slots.admit(hub, grant)
        assert (admitted is None) == (grant.slot is not None and grant.slot != self.valid[key])
        if admitted is not None:
            self.take_over(hub, key, admitted)
            self.add(hub, key, admitted, set() if grant.roles else self.held(key, hub))

    def take_over(self, hub: str, key: str, grant: Grant) -> None:
        """One connection of a key on a hub; those without a slot are not counted."""
        counts = not self.relaxed and grant.slot is not None
        older = [one for one in self.alive(key) if one.hub == hub and one.grant.slot is not None] if counts else []
        assert self.slots.take_over(hub, grant) == len(older) <= 1
        self.taken_over += len(older)
        for client in older:
            self.ended(client, told=True)

    def watch(self, key: str, hub: str) -> None:
        """As a watcher: with a token that belongs to no slot."""
        if len(self.clients) < MOST:
            self.add(hub, key, Grant(key, JOIN), set())

    def join(self, who: int, group: str) -> None:
        client = self.pick(who)
        if client is not None and self.say(client, m.JoinGroup(group)):
            client.groups.add(group)

    def leave(self, who: int, group: str) -> None:
        client = self.pick(who)
        if client is not None and self.say(client, m.LeaveGroup(group)):
            client.groups.discard(group)

    def drop(self, who: int) -> None:
        client = self.pick(who)
        if client is None:
            return
        self.hubs[client.hub].lost(client.connection, self.now)
        if client.state is State.OPEN:
            client.state, client.deadline = State.DETACHED, self.now + WINDOW

    def recover(self, who: int) -> None:
        client = self.pick(who)
        if client is None or client.state is State.OPEN:
            return
        name = client.connection.id
        assert self.hubs[client.hub].recover(name, f"token-{name}") is client.connection
        client.state = State.OPEN
        client.connection.outlet = client.done.extend

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for hub in self.hubs.values():
            hub.expire(self.now)
        for client in self.clients:
            if client.state is State.DETACHED and client.deadline <= self.now:
                self.ended(client)

    def publish(self, key: str, hub: str, group: str) -> None:
        """Everybody of the key in the group gets it, nobody else does."""
        inside = {client for client in self.alive(key) if client.hub == hub and group in client.groups}
        before = {client: client.connection.unacknowledged.bytes for client in self.alive()}
        assert publish(self.hubs[hub], (key, group), publication("x", group)) == len(inside)
        for client, held in before.items():
            assert (client.connection.unacknowledged.bytes > held) == (client in inside)
        self.delivered += len(inside)

    # --- the model ---------------------------------------------------------------------------

    def add(self, hub: str, key: str, grant: Grant, groups: set[str]) -> None:
        connection = self.hubs[hub].connect(grant, RELIABLE)
        client = Modelled(connection, hub, key, grant, set(groups))
        connection.outlet = client.done.extend
        self.clients.append(client)

    def held(self, key: str, hub: str) -> set[str]:
        return {group for where, group in self.memberships.get(key, ()) if where == hub}

    def alive(self, key: str | None = None) -> list[Modelled]:
        return [c for c in self.clients if c.state is not State.ENDED and key in (None, c.key)]

    def pick(self, who: int) -> Modelled | None:
        alive = self.alive()
        return alive[who % len(alive)] if alive else None

    def say(self, client: Modelled, message: m.JoinGroup | m.LeaveGroup) -> bool:
        """Whether it is to have an effect: only clients of the GET flow, and watchers, may join and leave."""
        codec = RELIABLE.codec
        assert codec is not None
        receive(self.hubs[client.hub], client.connection, codec.encode_upstream(message), codec.OPCODE)
        return client.state is State.OPEN and client.grant.roles == JOIN

    def ended(self, client: Modelled, told: bool = False) -> None:
        if told and client.state is State.OPEN:
            assert client.done[-1] == Close(1000), "its client is told at once"
        client.state = State.ENDED
        client.groups.clear()

    def check_counts(self, key: str, counts: dict[str, int]) -> None:
        assert tuple(counts) == self.generation[key]
        held = {hub: len(self.held(key, hub)) for hub in counts}
        assert counts == held
        assert sum(counts.values()) <= LIMIT

    def check(self) -> None:
        """The books agree with the model, for every connection of both keys."""
        members: dict[tuple[str, str, str], set[Connection]] = {}
        for client in self.alive():
            assert client.connection.state is client.state
            assert set(client.connection.groups) == client.groups
            if client.grant.slot is not None:
                assert client.grant.slot == self.valid[client.key]
            if client.is_posted:
                assert client.groups == self.held(client.key, client.hub)
            for group in client.groups:
                members.setdefault((client.hub, client.key, group), set()).add(client.connection)
        for name, hub in self.hubs.items():
            ours = {client.connection for client in self.alive() if client.hub == name}
            assert set(hub.connections.values()) == ours
            found = {(name, *member): set(inside) for member, inside in members_of(hub).items()}
            assert found == {member: inside for member, inside in members.items() if member[0] == name}
        self.clients = self.alive()
        for client in self.clients:
            client.done.clear()


class NegotiationMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver()

    @initialize(relaxed=st.booleans())
    def begin(self, relaxed: bool) -> None:
        self.driver = Driver(relaxed)

    @rule(key=st.sampled_from(KEYS), names=st.lists(st.sampled_from(NAMES), max_size=6))
    def post(self, key: str, names: list[str]) -> None:
        self.driver.post(key, names)

    @rule(key=st.sampled_from(KEYS), name=st.sampled_from(sorted(HOME)), more=st.booleans())
    def post_well(self, key: str, name: str, more: bool) -> None:
        names = [name, f"{ticker_of(name)}_spot"]
        self.driver.post(key, [*names, "SPX_classic_gex_full", "SPX_spot"] if more else names)

    @rule(
        key=st.sampled_from(KEYS), pairs=st.sets(st.tuples(st.sampled_from(HUBS), st.sampled_from(NAMES)), max_size=6)
    )
    def patch(self, key: str, pairs: Pairs) -> None:
        self.driver.patch(key, pairs)

    @rule(key=st.sampled_from(KEYS), name=st.sampled_from(sorted(HOME)))
    def patch_well(self, key: str, name: str) -> None:
        self.driver.patch(key, {(V2 + HOME[name], name), (V2 + HOME[name], f"{ticker_of(name)}_spot")})

    @rule(which=st.integers(0, 20))
    def connect(self, which: int) -> None:
        self.driver.connect(which)

    @rule(key=st.sampled_from(KEYS), hub=st.sampled_from(HUBS))
    def watch(self, key: str, hub: str) -> None:
        self.driver.watch(key, hub)

    @rule(key=st.sampled_from(KEYS))
    def get(self, key: str) -> None:
        self.driver.get(key)

    @rule(seconds=st.floats(LIFETIME / 2, LIFETIME + 2 * SKEW))
    def wait_for_tokens_to_expire(self, seconds: float) -> None:
        self.driver.wait(seconds)

    @rule(who=st.integers(0, MOST), name=st.sampled_from(NAMES))
    def join(self, who: int, name: str) -> None:
        self.driver.join(who, name)

    @rule(who=st.integers(0, MOST), name=st.sampled_from(NAMES))
    def leave(self, who: int, name: str) -> None:
        self.driver.leave(who, name)

    @rule(who=st.integers(0, MOST))
    def drop(self, who: int) -> None:
        self.driver.drop(who)

    @rule(who=st.integers(0, MOST))
    def recover(self, who: int) -> None:
        self.driver.recover(who)

    @rule(seconds=st.floats(0, 1.5 * WINDOW))
    def wait(self, seconds: float) -> None:
        self.driver.wait(seconds)

    @rule(key=st.sampled_from(KEYS), hub=st.sampled_from(HUBS), name=st.sampled_from(NAMES))
    def publish(self, key: str, hub: str, name: str) -> None:
        self.driver.publish(key, hub, on(hub, name))

    @invariant()
    def the_books_agree(self) -> None:
        self.driver.check()


TestNegotiation = NegotiationMachine.TestCase
TestNegotiation.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)


def well(name: str) -> list[str]:
    return [name, f"{ticker_of(name)}_spot"]


def publish_somewhere(driver: Driver, rng: random.Random) -> None:
    """Mostly where somebody listens."""
    places = [(client.key, client.hub, group) for client in driver.alive() for group in client.groups]
    hub = rng.choice(HUBS)
    driver.publish(*rng.choice([*places, (rng.choice(KEYS), hub, on(hub, rng.choice(NAMES)))]))


def patch_well(driver: Driver, rng: random.Random) -> None:
    name = rng.choice(sorted(HOME))
    driver.patch(rng.choice(KEYS), {(V2 + HOME[name], group) for group in well(name)})


STEPS: list[tuple[float, Callable[[Driver, random.Random], None]]] = [
    (2, lambda driver, rng: driver.post(rng.choice(KEYS), rng.sample(NAMES, rng.randrange(6)))),
    (1, lambda driver, rng: driver.post(rng.choice(KEYS), well(rng.choice(sorted(HOME))))),
    (2, lambda driver, rng: driver.patch(rng.choice(KEYS), {(rng.choice(HUBS), rng.choice(NAMES)) for _ in range(2)})),
    (6, patch_well),
    (14, lambda driver, rng: driver.connect(rng.randrange(40))),
    (2, lambda driver, rng: driver.watch(rng.choice(KEYS), rng.choice(HUBS))),
    (2, lambda driver, rng: driver.get(rng.choice(KEYS))),
    (0.3, lambda driver, rng: driver.wait(rng.uniform(0, LIFETIME + 2 * SKEW))),
    (8, lambda driver, rng: driver.join(rng.randrange(MOST), rng.choice(NAMES))),
    (4, lambda driver, rng: driver.leave(rng.randrange(MOST), rng.choice(NAMES))),
    (6, lambda driver, rng: driver.drop(rng.randrange(MOST))),
    (6, lambda driver, rng: driver.recover(rng.randrange(MOST))),
    (3, lambda driver, rng: driver.wait(rng.uniform(0, WINDOW))),
    (10, publish_somewhere),
]


@pytest.mark.parametrize("relaxed", [False, True], ids=["service", "relaxed"])
@pytest.mark.parametrize("thousands", [15, pytest.param(100, marks=pytest.mark.volume)])
def test_a_long_random_life(relaxed: bool, thousands: int) -> None:
    driver, rng = Driver(relaxed), random.Random(thousands)
    weights, steps = zip(*STEPS, strict=True)
    for step in rng.choices(steps, weights, k=1000 * thousands):
        step(driver, rng)
        driver.check()
    assert driver.accepted > 20 * thousands
    assert driver.refused > 20 * thousands
    assert driver.delivered > 20 * thousands
    assert driver.replaced > 10 * thousands
    assert driver.expired > 3 * thousands
    assert (driver.taken_over > 20 * thousands) != relaxed


def test_the_homes_are_those_of_the_names() -> None:
    for name, hub in HOME.items():
        [found] = post_plan([name], Rules(lambda feed: None))
        assert found == hub
    assert isinstance(post_plan(["SPX_classic_gex_full"], Rules(lambda feed: None))["classic"][0], Feed)

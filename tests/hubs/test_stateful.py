"""A hub under random use, against a simple model: exactly once, in order, each session for itself, nothing leaks.

The model knows what every socket must be told next. The same driver is run by Hypothesis, which finds short
failures, and by a seeded generator, which goes far.
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gexfaker.hubs.connection import Connection, State
from gexfaker.hubs.hub import Bounds
from gexfaker.hubs.outputs import Abort, Close, Output
from gexfaker.hubs.upstream import receive
from gexfaker.wire import messages as m
from gexfaker.wire.frames import TEXT
from gexfaker.wire.subprotocols import SIMPLE, Subprotocol
from gexfaker.wire.tokens import Grant
from support import independent
from support.clients import DIALECTS, EVERYTHING, bytes_of, make_hub, members_of, publication, publish, text

pytestmark = pytest.mark.long

SESSIONS = ("key-1", "key-2")
GROUPS = ("a", "b", "c")
KINDS = (*DIALECTS, SIMPLE)
QUEUED = 6
WINDOW = 10.0
MOST_CLIENTS = 10

Told = tuple[Any, ...]
"""What a socket is told: ("data", sequence id, content), ("ack", id, error), ("abort",) and so on."""


def content_of(frame: bytes) -> tuple[bool, bytes]:
    """(is text, payload) of a server frame."""
    size, head = frame[1], 2
    if size == 126:
        size, head = int.from_bytes(frame[2:4], "big"), 4
    assert size + head == len(frame)
    return frame[0] & 0x0F == TEXT, frame[head:]


def told_json(payload: bytes) -> Told:
    message = json.loads(payload)
    match message["type"]:
        case "message":
            return "data", message.get("sequenceId"), message["data"]
        case "ack":
            return "ack", message["ackId"], message.get("error", {}).get("name")
        case "system":
            return (message["event"],)
    return (message["type"],)


def told_protobuf(payload: bytes) -> Told:
    number, inner = independent.only(payload)
    assert isinstance(inner, bytes)
    if number == 2:
        data = independent.data_message(payload)
        return "data", data.sequence_id, data.value.decode()
    parts = {number: value for number, _, value in independent.fields(inner)}
    if number == 1:
        error = parts.get(3)
        name = independent.fields(error)[0][2] if isinstance(error, bytes) else None
        return "ack", parts.get(1, 0), name.decode() if isinstance(name, bytes) else None
    if number == 3:
        return ("connected" if 1 in parts else "disconnected",)
    return ("pong",)


def told(dialect: Subprotocol, output: Output) -> Told:
    if isinstance(output, Abort):
        return ("abort",)
    if isinstance(output, Close):
        return "close", output.code
    is_text, payload = content_of(bytes_of(output))
    if dialect is SIMPLE:
        return "data", None, payload.decode()
    assert is_text == ("json" in str(dialect.name))
    return told_json(payload) if is_text else told_protobuf(payload)


@dataclass(eq=False)
class Modelled:
    """One client, and what the model knows about it."""

    connection: Connection
    session: str
    dialect: Subprotocol
    groups: set[str]
    state: State = State.OPEN
    deadline: float = 0.0
    numbered: int = 0
    unacknowledged: deque[tuple[int, str]] = field(default_factory=deque)
    expected: list[Told] = field(default_factory=list)
    done: list[Output] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    bytes_of: dict[int, Output] = field(default_factory=dict)

    @property
    def speaks(self) -> bool:
        return self.state is State.OPEN and self.dialect is not SIMPLE


class Driver:
    """Does one thing after the other to a hub and to the model."""

    def __init__(self) -> None:
        self.hub = make_hub(Bounds(queued_messages=QUEUED, recovery_window=WINDOW))
        self.clients: list[Modelled] = []
        self.now = 1000.0
        self.contents = 0
        self.delivered = 0
        self.overflows = 0

    # --- what can happen ---------------------------------------------------------------------

    def connect(self, session: int, kind: int, group: int) -> None:
        if len(self.clients) >= MOST_CLIENTS:
            self.close(session)
        groups = set(GROUPS[:group])
        name, dialect = SESSIONS[session % 2], KINDS[kind % len(KINDS)]
        connection = self.hub.connect(Grant(name, EVERYTHING, tuple(sorted(groups))), dialect)
        client = Modelled(connection, name, dialect, groups)
        connection.outlet = client.done.extend
        if dialect is not SIMPLE:
            client.expected.append(("connected",))
        self.clients.append(client)

    def join(self, who: int, group: int, ack: int) -> None:
        if (client := self.pick(who)) is not None and self.say(client, m.JoinGroup(GROUPS[group % 3], ack or None)):
            client.groups.add(GROUPS[group % 3])

    def leave(self, who: int, group: int, ack: int) -> None:
        if (client := self.pick(who)) is not None and self.say(client, m.LeaveGroup(GROUPS[group % 3], ack or None)):
            client.groups.discard(GROUPS[group % 3])

    def send(self, who: int, group: int, ack: int, no_echo: bool) -> None:
        client = self.pick(who)
        if client is None:
            return
        name, content = GROUPS[group % 3], self.content()
        message = m.SendToGroup(name, text(content), ack or None, no_echo)
        self.say(client, message, lambda: self.deliver(client.session, name, content, client if no_echo else None))

    def publish(self, session: int, group: int) -> None:
        name, content = GROUPS[group % 3], self.content()
        publish(self.hub, (SESSIONS[session % 2], name), publication(content, name))
        self.deliver(SESSIONS[session % 2], name, content)

    def acknowledge(self, who: int, back: int) -> None:
        """Up to ``back`` messages before the newest; a number of the future when negative."""
        client = self.pick(who)
        if client is None or not client.speaks:
            return
        sequence_id = max(client.numbered - back, 0)
        self.say(client, m.SequenceAck(sequence_id))
        while client.unacknowledged and client.unacknowledged[0][0] <= sequence_id:
            client.unacknowledged.popleft()

    def lose(self, who: int) -> None:
        client = self.pick(who)
        if client is None:
            return
        self.hub.lost(client.connection, self.now)
        if client.state is State.OPEN:
            client.expected.clear()
            if client.dialect.reliable:
                client.state, client.deadline = State.DETACHED, self.now + WINDOW
            else:
                client.connection.outlet = None  # the socket is gone
                self.ended(client)

    def recover(self, who: int, right: bool) -> None:
        client = self.pick(who)
        if client is None:
            return
        found = self.hub.recover(client.connection.id, f"token-{client.connection.id}" if right else "token-c0")
        assert (found is not None) == (right and client.dialect.reliable)
        if found is None:
            return
        if client.state is State.OPEN:
            assert told(client.dialect, client.done.pop()) == ("abort",), "the old socket goes first"
        client.state = State.OPEN
        client.connection.outlet = client.done.extend
        client.expected = [("data", *pair) for pair in client.unacknowledged]

    def close(self, who: int) -> None:
        client = self.pick(who)
        if client is None:
            return
        self.hub.close(client.connection)
        if client.state is State.OPEN:
            client.expected += [("disconnected",)] * (client.dialect is not SIMPLE) + [("close", 1000)]
        self.ended(client)

    def cut(self, who: int) -> None:
        """The socket does not take what it is given."""
        client = self.pick(who)
        if client is not None and client.state is State.OPEN:
            self.hub.overflow(client.connection)
            self.overflowed(client)

    def spoil(self, who: int) -> None:
        """A malformed message."""
        client = self.pick(who)
        if client is None:
            return
        receive(self.hub, client.connection, b"\xff", TEXT)
        if client.state is State.OPEN:
            json_client = "json" in str(client.dialect.name)
            client.expected.append(("close", 1011 if client.dialect is SIMPLE else 1007 if json_client else 1003))
            self.ended(client)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        late = [c for c in self.clients if c.state is State.DETACHED and c.deadline <= self.now]
        assert self.hub.expire(self.now) == len(late)
        for client in late:
            self.ended(client)

    def drain(self) -> None:
        """Hand everything over, and see that it is what the model expects, no more, no less."""
        self.hub.drain()
        for client in self.clients:
            self.check_told(client)
        self.clients = [client for client in self.clients if client.state is not State.ENDED]

    # --- the model ---------------------------------------------------------------------------

    def pick(self, who: int) -> Modelled | None:
        alive = [client for client in self.clients if client.state is not State.ENDED]
        return alive[who % len(alive)] if alive else None

    def content(self) -> str:
        self.contents += 1
        return str(self.contents)

    def say(self, client: Modelled, message: m.Upstream, effect: Callable[[], None] | None = None) -> bool:
        """Send a message; whether it is to have an effect, which is done before its answer is expected."""
        codec = client.dialect.codec
        if codec is None:
            return False
        receive(self.hub, client.connection, codec.encode_upstream(message), codec.OPCODE)
        if client.state is not State.OPEN:
            return False
        ack_id = getattr(message, "ack_id", None)
        if ack_id in client.used:
            client.expected.append(("ack", ack_id, "Duplicate"))
            return False
        if effect is not None:
            effect()
        if ack_id is not None:
            client.used.append(ack_id)
            if self.is_open(client):
                client.expected.append(("ack", ack_id, None))
        return True

    @staticmethod
    def is_open(client: Modelled) -> bool:
        return client.state is State.OPEN

    def deliver(self, session: str, group: str, content: str, excluded: Modelled | None = None) -> None:
        for client in self.clients:
            inside = client.session == session and group in client.groups and client.state is not State.ENDED
            if not inside or client is excluded:
                continue
            self.delivered += 1
            if client.dialect.reliable:
                client.numbered += 1
                client.unacknowledged.append((client.numbered, content))
            if client.state is State.OPEN:
                client.expected.append(("data", client.numbered or None, content))
            if len(client.unacknowledged) > QUEUED:
                self.overflowed(client)

    def overflowed(self, client: Modelled) -> None:
        self.overflows += 1
        client.expected = [("abort",)] if client.state is State.OPEN else []
        self.ended(client)

    def ended(self, client: Modelled) -> None:
        client.state = State.ENDED
        client.groups.clear()
        client.unacknowledged.clear()

    # --- comparing ---------------------------------------------------------------------------

    def check_told(self, client: Modelled) -> None:
        assert [told(client.dialect, output) for output in client.done] == client.expected
        for output, meant in zip(client.done, client.expected, strict=True):
            if meant[0] == "data" and meant[1] is not None:
                assert client.bytes_of.setdefault(meant[1], output) == output, "a replay repeats the bytes"
        client.done.clear()
        client.expected.clear()

    def check(self) -> None:
        """The hub's books agree with the model."""
        alive = [client for client in self.clients if client.state is not State.ENDED]
        assert set(self.hub.connections) == {client.connection.id for client in alive}
        members: dict[tuple[str, str], set[Connection]] = {}
        for client in alive:
            assert client.connection.state is client.state
            assert set(client.connection.groups) == client.groups
            assert [item[0] for item in client.connection.unacknowledged] == [n for n, _ in client.unacknowledged]
            for group in client.groups:
                members.setdefault((client.session, group), set()).add(client.connection)
        assert {member: set(inside) for member, inside in members_of(self.hub).items()} == members
        held = sum(size for client in alive for _, size, _ in client.connection.unacknowledged)
        assert self.hub.queued_bytes == held == sum(c.unacknowledged.bytes for c in self.hub.connections.values())
        assert self.hub.overflows == self.overflows

    def finish(self) -> None:
        """Everybody goes, one way or the other; nothing may be left."""
        while (client := self.pick(0)) is not None:
            if client.state is State.DETACHED:
                self.wait(2 * WINDOW)
            else:
                self.close(0)
        self.drain()
        self.check()
        assert (self.hub.connections, members_of(self.hub), self.hub.queued_bytes) == ({}, {}, 0)


WHO = st.integers(0, MOST_CLIENTS - 1)
PICK = st.integers(0, 9)
ACK = st.integers(0, 5)


class HubMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver()

    @rule(session=PICK, kind=PICK, group=st.integers(0, 3))
    def connect(self, session: int, kind: int, group: int) -> None:
        self.driver.connect(session, kind, group)

    @rule(who=WHO, group=PICK, ack=ACK)
    def join(self, who: int, group: int, ack: int) -> None:
        self.driver.join(who, group, ack)

    @rule(who=WHO, group=PICK, ack=ACK)
    def leave(self, who: int, group: int, ack: int) -> None:
        self.driver.leave(who, group, ack)

    @rule(who=WHO, group=PICK, ack=ACK, no_echo=st.booleans())
    def send(self, who: int, group: int, ack: int, no_echo: bool) -> None:
        self.driver.send(who, group, ack, no_echo)

    @rule(session=PICK, group=PICK, times=st.integers(1, QUEUED + 2))
    def publish(self, session: int, group: int, times: int) -> None:
        for _ in range(times):
            self.driver.publish(session, group)

    @rule(who=WHO, back=st.integers(-2, QUEUED))
    def acknowledge(self, who: int, back: int) -> None:
        self.driver.acknowledge(who, back)

    @rule(who=WHO)
    def lose(self, who: int) -> None:
        self.driver.lose(who)

    @rule(who=WHO, right=st.booleans())
    def recover(self, who: int, right: bool) -> None:
        self.driver.recover(who, right)

    @rule(who=WHO)
    def close(self, who: int) -> None:
        self.driver.close(who)

    @rule(who=WHO)
    def cut(self, who: int) -> None:
        self.driver.cut(who)

    @rule(who=WHO)
    def spoil(self, who: int) -> None:
        self.driver.spoil(who)

    @rule(seconds=st.sampled_from([0.0, 1.0, WINDOW - 0.5, WINDOW, 2 * WINDOW]))
    def wait(self, seconds: float) -> None:
        self.driver.wait(seconds)

    @rule()
    def drain(self) -> None:
        self.driver.drain()

    @invariant()
    def books_agree(self) -> None:
        self.driver.check()

    def teardown(self) -> None:
        self.driver.finish()


TestHubMachine = HubMachine.TestCase
TestHubMachine.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)

STEPS_PER_SEED = 25_000


def random_step(driver: Driver, rng: random.Random) -> None:
    def number() -> int:
        return rng.randrange(60)

    def ack() -> int:
        return rng.choice((0, rng.randrange(1, 400)))

    steps: tuple[tuple[int, Callable[[], None]], ...] = (
        (8, lambda: driver.connect(number(), number(), rng.randrange(4))),
        (12, lambda: driver.join(number(), number(), ack())),
        (4, lambda: driver.leave(number(), number(), ack())),
        (12, lambda: driver.send(number(), number(), ack(), rng.random() < 0.3)),
        (20, lambda: driver.publish(number(), number())),
        (25, lambda: driver.acknowledge(number(), rng.randrange(-2, 4))),
        (5, lambda: driver.lose(number())),
        (8, lambda: driver.recover(number(), rng.random() < 0.8)),
        (1, lambda: driver.close(number())),
        (1, lambda: driver.cut(number())),
        (1, lambda: driver.spoil(number())),
        (3, lambda: driver.wait(rng.choice((0.5, 3.0, WINDOW)))),
    )
    rng.choices([step for _, step in steps], [weight for weight, _ in steps])[0]()
    if rng.random() < 0.7:
        driver.drain()


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.volume) for seed in range(2, 8))])
def test_two_hundred_thousand_random_steps(seed: int) -> None:
    rng = random.Random(seed)
    driver = Driver()
    for step in range(STEPS_PER_SEED):
        try:
            random_step(driver, rng)
            driver.check()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {step}") from error
    driver.finish()
    assert driver.delivered > STEPS_PER_SEED / 4
    assert driver.overflows > 100

"""What sees, and may spoil, all that passes between a key and its clients: its journal and its faults.

A world has a watch only while one of the two is in use. Every decision about a fault is made here, or by the shells in
``server`` that ask ``choose``; the rules themselves are in ``faults``.

What is about to be sent goes this way, message by message: first the connection may break, then the message may be
spoiled, held or dropped, then its bytes may be slowed down.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, Protocol

from gexfaker.catalog import TICKERS, Feed, parse_group
from gexfaker.exchange.hours import second_of_day
from gexfaker.faults import kinds as k
from gexfaker.faults.kinds import Point
from gexfaker.faults.matching import Faults, Happening, Run
from gexfaker.faults.rules import FaultList
from gexfaker.hubs import outputs as o
from gexfaker.hubs.connection import Audience, Connection, State
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.publication import Batch, Publication
from gexfaker.hubs.upstream import operate
from gexfaker.journal.journal import Journal, Shelf, short
from gexfaker.limits import MAX_HINTED_LENGTH
from gexfaker.wire import messages as m
from gexfaker.wire.subprotocols import Subprotocol
from gexfaker.worlds.shaping import ended, pace
from gexfaker.worlds.spoiling import spoiled, unknown_message

MAX_HELD: Final = 10_000
"""Messages of one key that wait to be sent later or in another order; what comes beyond is sent at once."""

MAX_HELD_BYTES: Final = 32 << 20
"""The same in bytes of payload: ten thousand real records have some."""

MAX_NAMES: Final = 4096
"""Names of groups whose feed is remembered: all of the universe for a few prefixes."""

UPSTREAM_NAMES: Final[dict[type, str]] = {
    m.JoinGroup: "joinGroup",
    m.LeaveGroup: "leaveGroup",
    m.SendToGroup: "sendToGroup",
    m.Event: "event",
    m.SequenceAck: "sequenceAck",
    m.Ping: "ping",
    m.Unsupported: "event",
}
"""What messages of clients are called in rules and in the journal: as in the JSON subprotocol."""

Older = Callable[[Hub, str, int], Publication | None]
"""Gives the publication of a group of a hub for a record by its index; None when there is none."""

FORBIDDEN: Final = "The client does not have permission to join group '{}'."


class Watched(Protocol):
    """The world that is watched, as far as its watch asks."""

    @property
    def audiences(self) -> Mapping[str, Audience]:
        """Its connections, by hub."""

    @property
    def name(self) -> str | None:
        """What its owner calls it."""

    @property
    def place(self) -> tuple[str, int]:
        """The day that it plays, and on which timeline: another one after each jump."""

    def market_time(self, now: float) -> float | None:
        """Where it is in the day; None before its first use, and without a clock."""


class Held(NamedTuple):
    """A message that is sent later: when (real time), its number, and what it is."""

    due: float
    number: int
    hub: Hub
    connection: Connection
    group: str
    publication: Publication


class Waiting:
    """What faults keep of messages.

    Attributes:
        held: a heap of those that are sent later.
        mixed: by connection those that wait to be sent in another order, with the rule.
        swapped: by connection the frame that goes out behind the next one.
        silent: until when (real time) nothing is sent to a group of a connection.
        number: counts what was held.
        size: of the payloads that wait, in bytes.
    """

    __slots__ = ("held", "mixed", "number", "silent", "size", "swapped")

    def __init__(self) -> None:
        self.held: Final[list[Held]] = []
        self.mixed: Final[dict[Connection, tuple[Run, list[tuple[str, Publication]]]]] = {}
        self.swapped: Final[dict[Connection, bytes]] = {}
        self.silent: Final[dict[tuple[Connection, str], float]] = {}
        self.number = self.size = 0

    @property
    def count(self) -> int:
        """Messages that wait."""
        return len(self.held) + sum(len(waiting) for _, waiting in self.mixed.values())

    def has_room_for(self, publication: Publication) -> bool:
        """Whether one more may wait."""
        return self.count < MAX_HELD and self.size + size_of(publication) <= MAX_HELD_BYTES

    def take_swapped(self) -> list[tuple[Connection, bytes]]:
        """The frames that wait for the next one, which are taken out."""
        taken = list(self.swapped.items())
        self.swapped.clear()
        return taken

    def take_mixed(self, connection: Connection) -> tuple[Run, list[tuple[str, Publication]]]:
        """What waits to be sent to a connection in another order, which is taken out, with the rule."""
        run, waiting = self.mixed.pop(connection)
        self.size -= sum(size_of(publication) for _, publication in waiting)
        return run, waiting

    def forget_ended(self) -> None:
        """Let go what is kept of connections that are over."""
        for connection in [one for one in self.mixed if one.state is State.ENDED]:
            self.take_mixed(connection)
        for connection in [one for one in self.swapped if one.state is State.ENDED]:
            del self.swapped[connection]
        for key in [key for key in self.silent if key[0].state is State.ENDED]:
            del self.silent[key]


def size_of(publication: Publication) -> int:
    """The bytes of its payload."""
    return len(publication.message.data.value)


class Watch:
    """The journal and the faults of one world.

    Args:
        world: whose they are.
        clock: real time, epoch seconds.
        hubs: by name.
        shelf: where its journal is counted.

    Attributes:
        faults: the rules at work.
        journal: what has happened; None while nobody has asked for it.
        waiting: messages that faults keep.
    """

    __slots__ = ("_agents", "_clock", "_hubs", "_shelf", "_world", "faults", "journal", "waiting")

    def __init__(self, world: Watched, clock: Callable[[], float], hubs: Mapping[str, Hub], shelf: Shelf) -> None:
        self._shelf: Final = shelf
        self._world: Final = world
        self._clock: Final = clock
        self._hubs: Final = hubs
        self._agents: Final[dict[str, str]] = {}
        self.faults = Faults()
        self.journal: Journal | None = None
        self.waiting: Final = Waiting()

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to watch for."""
        return self.journal is not None or bool(self.faults.runs)

    def follow(self, listed: FaultList) -> None:
        """Have other rules; what the old ones kept back is sent at once."""
        self.faults = self.faults.followed_by(listed)
        self.release(float("inf"))
        for connection in list(self.waiting.mixed):
            self._send_mixed(connection)
        for connection, frame in self.waiting.take_swapped():
            self._say(connection, frame)
            self._hubs[connection.audience.hub].changed(connection)
        self.waiting.silent.clear()
        for hub in self._hubs.values():
            hub.drain()
        if self.faults.has(Point.CONNECTION):
            self._break_now()

    def _break_now(self) -> None:
        """A rule that ends connections, and waits for nothing, ends those that are open."""
        for name, audience in list(self._world.audiences.items()):
            for connection in [one for one in audience.connections if one.watch is not None]:
                run = self.faults.choose_at_once(Point.CONNECTION, self._happening(connection), self._clock())
                if run is not None and connection.state is State.OPEN:
                    self._break_by(run, self._hubs[name], connection)

    def record(self) -> Journal:
        """Its journal, begun if there is none."""
        if self.journal is None:
            self.journal = Journal(self._shelf, self._clock)
        return self.journal

    def note(self, type_: str, **fields: Any) -> None:
        """Write something into the journal, if there is one."""
        if self.journal is not None:
            self.journal.add(type_, **fields)

    def choose(self, point: Point, happening: Happening, *only: type[k.Fault], **told: Any) -> Run | None:
        """The rule that hits; with what it hits it is told to the journal."""
        if not self.faults.has(point):
            return None
        run = self.faults.choose(point, happening, self._clock(), *only)
        if run is not None and told:
            self.note("fault", name=run.rule.name, fault=run.rule.type, **told)
        return run

    # --- what happens, in words of rules -----------------------------------------------------

    def market(self) -> float | None:
        """The market time of the key, seconds since midnight in New York."""
        at = self._world.market_time(self._clock())
        return None if at is None else second_of_day(at)

    def names(self, agent: str = "") -> tuple[str, ...]:
        """What a client is called: by its owner, and by itself."""
        return tuple(filter(None, (self._world.name, agent)))

    def know_agent(self, connection: Connection, agent: str) -> None:
        """The User-Agent of a client that has connected; it is kept while the connection lasts."""
        living = {name for audience in self._world.audiences.values() for name in (c.id for c in audience.connections)}
        for name in [name for name in self._agents if name not in living]:
            del self._agents[name]
        self._agents[connection.id] = agent

    def _happening(self, connection: Connection, group: str | None = None, **more: Any) -> Happening:
        feed = None if group is None else _feed_named(group)
        ticker, package, category = feed or (None, None, None)
        return Happening(
            ticker=ticker,
            package=package,
            category=category,
            hub=connection.audience.hub,
            group=group,
            plain_group=None if feed is None else feed.group,
            subprotocol=connection.subprotocol.name,
            clients=self.names(self._agents.get(connection.id, "")),
            market=self.market(),
            **more,
        )

    # --- what clients send -------------------------------------------------------------------

    def operate(self, connection: Connection, message: m.Received) -> None:
        """Do what a message asks for, unless a rule spoils that, and write both down."""
        hub, name = self._hubs[connection.audience.hub], UPSTREAM_NAMES[type(message)]
        group = getattr(message, "group", None)
        happening = self._happening(connection, group, message=name)
        self.faults.note(happening)
        before = len(connection.outbox)
        run = self._spoils(message, happening, name)
        if run is not None and isinstance(run.fault, k.ForbidJoin):
            error: m.AckError | None = m.AckError("Forbidden", FORBIDDEN.format(group))
            connection.acknowledge(getattr(message, "ack_id", None), error)
        else:
            error = operate(hub, connection, message)
        self._note_message(connection, message, error, is_answered=run is None or not isinstance(run.fault, k.NoAck))
        if run is not None:
            self._spoil_answer(connection, before, run.fault)
        self._slow(hub, connection, before, happening)
        self._break(hub, connection, happening)

    def _spoils(self, message: m.Received, happening: Happening, name: str) -> Run | None:
        """The rule that hits the answer to a message."""
        kinds: list[type[k.Fault]] = [k.ForbidJoin] if isinstance(message, m.JoinGroup) else []
        if isinstance(message, m.Ping):
            kinds.append(k.NoPong)
        elif getattr(message, "ack_id", None) is not None:
            kinds += [k.NoAck, k.LateAck]
        return self.choose(Point.UPSTREAM, happening, *kinds, hit=name, group=happening.group) if kinds else None

    @staticmethod
    def _spoil_answer(connection: Connection, before: int, fault: k.Fault) -> None:
        """The answer never comes, or late; whatever else the message has brought about stays."""
        answers = [one for one in connection.outbox[before:] if isinstance(one, o.Later | bytes)]
        others = [one for one in connection.outbox[before:] if not isinstance(one, o.Later | bytes)]
        if isinstance(fault, k.NoAck | k.NoPong):
            connection.outbox[before:] = others
        elif isinstance(fault, k.LateAck):
            frames = [one.frame if isinstance(one, o.Later) else one for one in answers]
            connection.outbox[before:] = [*others, *(o.Aside(frame, fault.delay / 1000) for frame in frames)]

    def _note_message(
        self, connection: Connection, message: m.Received, error: m.AckError | None, *, is_answered: bool
    ) -> None:
        """A message, and the acknowledgement of it, if it is answered."""
        if self.journal is None:
            return
        base = {"hub": connection.audience.hub, "connection": connection.id}
        fields: dict[str, Any] = {} if error is None else {"error": error.name}
        ack_id, group = getattr(message, "ack_id", None), getattr(message, "group", None)
        if ack_id is not None:
            fields["ack_id"] = ack_id
        answer = dict(fields)
        if group is not None:
            fields["group"] = short(group)
        if isinstance(message, m.SequenceAck):
            fields |= {"sequence_id": message.sequence_id, "last": connection.numbered}
        elif isinstance(message, m.SendToGroup):
            fields["bytes"] = len(message.data.value)
        self.note(UPSTREAM_NAMES[type(message)], **base, **fields)
        if ack_id is not None and is_answered:
            self.note("ack", **base, **answer)

    def pinged(self, connection: Connection) -> bool:
        """A WebSocket ping of the client; whether it is answered."""
        happening = self._happening(connection, message="ping")
        self.faults.note(happening)
        self.note("ping", hub=connection.audience.hub, connection=connection.id)
        return self.choose(Point.UPSTREAM, happening, k.NoPong, hit="ping") is None

    def may_ping(self, connection: Connection) -> bool:
        """Whether a WebSocket ping that is due is sent."""
        return self.choose(Point.UPSTREAM, self._happening(connection), k.NoPing, hit="ping") is None

    # --- what clients are sent ---------------------------------------------------------------

    def publish(self, hub: Hub, batch: Batch, older: Older) -> int:
        """Queue a batch for the clients on a hub, as far as no rule spoils it; returns the number of messages."""
        audience = self._world.audiences.get(hub.name)
        connections = [] if audience is None else list(audience.connections)
        points = (Point.CONNECTION, Point.MESSAGE, Point.FRAME)
        is_plain = not any(map(self.faults.has, points)) and not self.waiting.count
        if not is_plain:
            self.waiting.forget_ended()
        sent = sum(
            (self._publish_plainly if is_plain or one.watch is None else self._publish)(hub, one, batch, older)
            for one in connections
        )
        hub.bounds.kept.shed()
        return sent

    def _publish_plainly(self, hub: Hub, connection: Connection, batch: Batch, _older: Older) -> int:
        first = connection.numbered + 1 if connection.subprotocol.reliable else 0
        sent = hub.publish_to(connection, batch)
        if sent and self.journal is not None and not connection.grant.watches and not connection.is_deaf:
            publications = batch.part(connection.group_set).publications
            self.journal.deliver(hub.name, connection.id, publications, first, *self._world.place)
        return sent

    def _note_delivery(self, connection: Connection, publication: Publication) -> None:
        if not connection.is_deaf:
            self._note_sent(connection, publication, connection.numbered if connection.subprotocol.reliable else 0)

    def _note_sent(self, connection: Connection, publication: Publication, number: int) -> None:
        if self.journal is not None:
            self.journal.deliver(connection.audience.hub, connection.id, (publication,), number, *self._world.place)

    def _publish(self, hub: Hub, connection: Connection, batch: Batch, older: Older) -> int:
        sent = 0
        for group, publication in batch.items:
            if group in connection.groups and connection.state is not State.ENDED:
                sent += self._send(hub, connection, group, publication, older)
        return sent

    def _send(self, hub: Hub, connection: Connection, group: str, publication: Publication, older: Older) -> int:
        """One message to one client: first its connection may break, then the message may be spoiled."""
        happening = self._happening(connection, group, record=publication.index)
        self._break(hub, connection, happening)
        if connection.state is State.ENDED:
            return 0
        if self._clock() < self.waiting.silent.get((connection, group), 0.0):
            return 0
        self._settle_mixed(connection)
        told = {"hub": hub.name, "connection": connection.id, "group": group, "record": publication.index}
        run = self.choose(Point.MESSAGE, happening, *_kinds_for(connection.subprotocol), **told)
        if run is None:
            return self._deliver(hub, connection, group, publication)
        return self._spoil(hub, connection, group, publication, run, older)

    def _spoil(
        self, hub: Hub, connection: Connection, group: str, publication: Publication, run: Run, older: Older
    ) -> int:
        """One message, as a rule has it; returns how many are sent of it now."""
        fault = run.fault
        match fault:
            case k.Drop():
                return 0
            case k.Gap(duration=duration):
                self.waiting.silent[connection, group] = self._clock() + duration / 1000
                return 0
            case k.Duplicate(copies=copies):
                return sum(self._deliver(hub, connection, group, publication) for _ in range(copies + 1))
            case k.Freeze():
                return self._deliver_older(hub, connection, group, publication, 1, older)
            case k.Stale(records=records):
                return self._deliver_older(hub, connection, group, publication, records, older)
            case k.Delay(delay=delay):
                return self._hold(hub, connection, group, publication, delay / 1000)
            case k.Reorder(window=window):
                return self._mix(hub, connection, group, publication, run, window)
            case k.Sequence():
                return self._misnumber(hub, connection, group, publication, fault)
            case k.UnknownMessage():
                self._say(connection, unknown_message(connection.subprotocol))
                return self._deliver(hub, connection, group, publication)
            case _:
                return self._deliver(hub, connection, group, spoiled(publication, fault, run.chance))

    def _deliver(self, hub: Hub, connection: Connection, group: str, publication: Publication) -> int:
        """Queue a message; what was held back to be swapped with it follows."""
        before = len(connection.outbox)
        hub.publish_one(connection, publication)
        self._say(connection, self.waiting.swapped.pop(connection, None))
        self._note_delivery(connection, publication)
        self._slow(hub, connection, before, None, group)
        return 1

    @staticmethod
    def _say(connection: Connection, frame: bytes | None) -> None:
        if frame is not None and connection.state is State.OPEN:
            connection.outbox.append(frame)

    def _deliver_older(
        self, hub: Hub, connection: Connection, group: str, publication: Publication, back: int, older: Older
    ) -> int:
        """The record of some records before instead; at the start of a tape its first one."""
        found = older(hub, group, max(0, publication.index - back)) if publication.index > 0 else None
        return self._deliver(hub, connection, group, found or publication)

    def _hold(self, hub: Hub, connection: Connection, group: str, publication: Publication, seconds: float) -> int:
        waiting = self.waiting
        if not waiting.has_room_for(publication):
            return self._deliver(hub, connection, group, publication)
        waiting.number += 1
        waiting.size += size_of(publication)
        heapq.heappush(waiting.held, Held(self._clock() + seconds, waiting.number, hub, connection, group, publication))
        return 0

    @property
    def next_release(self) -> float | None:
        """When the next message that is held is due, real time; None when none is."""
        due = [one.due for one in self.waiting.held[:1]]
        ends = [run.ends for run, _ in self.waiting.mixed.values()]
        return min((*due, *(at for at in ends if at is not None)), default=None)

    def release(self, now: float) -> int:
        """Send what was held until now; returns how many messages."""
        held, sent = self.waiting.held, 0
        for connection in [one for one, (run, _) in self.waiting.mixed.items() if run.is_spent(now)]:
            sent += self._send_mixed(connection)
        while held and held[0].due <= now:
            one = heapq.heappop(held)
            self.waiting.size -= size_of(one.publication)
            if one.connection.state is not State.ENDED and one.group in one.connection.groups:
                sent += self._deliver(one.hub, one.connection, one.group, one.publication)
        return sent

    def _mix(
        self, hub: Hub, connection: Connection, group: str, publication: Publication, run: Run, window: int
    ) -> int:
        if not self.waiting.has_room_for(publication):
            return self._deliver(hub, connection, group, publication)
        _, waiting = self.waiting.mixed.setdefault(connection, (run, []))
        waiting.append((group, publication))
        self.waiting.size += size_of(publication)
        is_full = len(waiting) >= window or run.is_spent(self._clock())
        return self._send_mixed(connection) if is_full else 0

    def _settle_mixed(self, connection: Connection) -> None:
        """What waits for others goes out when its rule hits nothing any more."""
        found = self.waiting.mixed.get(connection)
        if found is not None and found[0].is_spent(self._clock()):
            self._send_mixed(connection)

    def _send_mixed(self, connection: Connection) -> int:
        """Send what waits in another order: by chance, and never as it came."""
        run, waiting = self.waiting.take_mixed(connection)
        if connection.state is State.ENDED:
            return 0
        order = sorted(range(len(waiting)), key=lambda _: run.chance())
        if order == sorted(order):
            order.reverse()
        hub = self._hubs[connection.audience.hub]
        return sum(self._deliver(hub, connection, *waiting[place]) for place in order)

    def _misnumber(
        self, hub: Hub, connection: Connection, group: str, publication: Publication, fault: k.Sequence
    ) -> int:
        """One message of a reliable connection with a wrong sequence id."""
        if fault.kind == "skip":
            connection.skip(fault.by)
        if fault.kind == "skip" or connection in self.waiting.swapped:
            return self._deliver(hub, connection, group, publication)
        before = len(connection.outbox)
        hub.publish_one(connection, publication)
        self._note_delivery(connection, publication)
        made = connection.outbox[before:]
        if fault.kind == "repeat":
            connection.outbox += made
            return 1 + len(made)
        if made and isinstance(made[0], bytes):
            del connection.outbox[before:]
            self.waiting.swapped[connection] = made[0]
        return 1

    # --- what becomes of bytes and sockets ---------------------------------------------------

    def _slow(
        self, hub: Hub, connection: Connection, before: int, happening: Happening | None, group: str | None = None
    ) -> None:
        """What was queued since may be written slowly."""
        if not self.faults.has(Point.FRAME) or connection.state is not State.OPEN or len(connection.outbox) == before:
            return
        happening = happening or self._happening(connection, group)
        run = self.choose(Point.FRAME, happening, hub=hub.name, connection=connection.id, group=group)
        if run is not None:
            connection.outbox[before:] = [pace(one, run) for one in connection.outbox[before:]]

    def _break(self, hub: Hub, connection: Connection, happening: Happening) -> None:
        """The connection may end here."""
        if connection.state is not State.OPEN or not self.faults.has(Point.CONNECTION):
            return
        run = self.choose(Point.CONNECTION, happening)
        if run is not None:
            self._break_by(run, hub, connection)

    def _break_by(self, run: Run, hub: Hub, connection: Connection) -> None:
        """End a connection as a rule has it."""
        fault = run.fault
        self.note("fault", name=run.rule.name, fault=run.rule.type, hub=hub.name, connection=connection.id)
        if isinstance(fault, k.Kick):
            hub.close(connection, "The key has negotiated elsewhere.")
        elif isinstance(fault, k.Close) and not fault.recoverable:
            hub.finish(connection, ended(fault))
        else:
            self._cut_off(hub, connection, o.Mute() if isinstance(fault, k.HalfOpen) else _dropped(fault))
        hub.drain()

    @staticmethod
    def _cut_off(hub: Hub, connection: Connection, output: o.Mute | o.Drop) -> None:
        """The client is not heard of for a while; unless that is to come later, it gets nothing from now on."""
        connection.outbox.append(output)
        if isinstance(output, o.Mute) or not output.seconds:
            connection.deafen()
        hub.changed(connection)

    def came_back(self, connection: Connection, unacknowledged: int, missed: Iterable[tuple[int, Publication]]) -> None:
        """A client is back on its connection: ``missed`` was queued for it meanwhile, and is sent now."""
        self.note("recover", hub=connection.audience.hub, connection=connection.id, unacknowledged=unacknowledged)
        for number, publication in missed:
            self._note_sent(connection, publication, number)

    def opened(self, hub: Hub, connection: Connection, agent: str) -> None:
        """A client has connected or come back: rules that end connections may hit at once."""
        self.know_agent(connection, agent)
        self.waiting.swapped.pop(connection, None)  # it is sent again with all that is not acknowledged
        self._break(hub, connection, self._happening(connection))

    def close(self) -> None:
        """Nothing is kept any more."""
        if self.journal is not None:
            self.journal.close()
            self.journal = None


@lru_cache(maxsize=MAX_NAMES)
def _feed_named(group: str) -> Feed | None:
    """The feed that a group is named after, with or without a prefix; a ticker that is known goes first."""
    if len(group) > MAX_HINTED_LENGTH:
        return None
    found = [feed for name in (group, group.partition("_")[2]) if (feed := parse_group(name)) is not None]
    return next((feed for feed in found if feed.ticker in TICKERS), found[-1] if found else None)


@cache
def _kinds_for(subprotocol: Subprotocol) -> tuple[type[k.Fault], ...]:
    """The kinds that can hit a message: sequence ids are for reliable clients, messages for those that get any."""
    return tuple(
        kind
        for kind in k.KINDS.values()
        if Point.MESSAGE in kind.POINTS
        and (kind is not k.Sequence or subprotocol.reliable)
        and (kind is not k.UnknownMessage or subprotocol.codec is not None)
    )


def _dropped(fault: k.Fault) -> o.Drop:
    if isinstance(fault, k.Close) and fault.code != k.BROKEN:
        return o.Drop(fault.code, fault.reason)
    return o.Drop(seconds=fault.timeout / 1000 if isinstance(fault, k.ResetPeer) else 0.0)

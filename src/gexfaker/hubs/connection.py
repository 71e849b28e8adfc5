"""One logical connection: its state, what it has not acknowledged, and what its socket must do next.

The rules of its life are the two tables below, one for plain and one for reliable subprotocols. What is not in
the table cannot happen: an ended connection stays ended, a plain one is never recovered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

from gexfaker.bounded import Bounded
from gexfaker.holdings import Share
from gexfaker.hubs.outputs import Later, Output
from gexfaker.hubs.publication import Part, Publication, Run
from gexfaker.hubs.unacknowledged import Unacknowledged
from gexfaker.limits import ACK_BYTES, MAX_GROUP_SETS, MAX_REMEMBERED_ACKS, MAX_SHARED_GROUPS
from gexfaker.wire.frames import frame
from gexfaker.wire.messages import Ack, AckError, Downstream, Received
from gexfaker.wire.subprotocols import Subprotocol
from gexfaker.wire.tokens import Grant


class State(Enum):
    """Where a logical connection is in its life."""

    OPEN = "open"
    DETACHED = "detached"
    ENDED = "ended"


class Happening(Enum):
    """What changes a connection's state."""

    LOST = "its socket is gone without a clean end"
    RECOVERED = "its client came back with the reconnection token"
    FINISHED = "closed by either side, refused, overflowed, or expired"


PLAIN: Final = {
    State.OPEN: {Happening.LOST: State.ENDED, Happening.FINISHED: State.ENDED},
}
RELIABLE: Final = {
    State.OPEN: {
        Happening.LOST: State.DETACHED,
        Happening.RECOVERED: State.OPEN,  # a new socket takes over from one that is still open
        Happening.FINISHED: State.ENDED,
    },
    State.DETACHED: {Happening.RECOVERED: State.OPEN, Happening.FINISHED: State.ENDED},
}


class RawMode(NamedTuple):
    """A simple client whose frames are messages to one group (``webpubsub_mode=sendToGroup``)."""

    group: str
    no_echo: bool = False


class Watch(Protocol):
    """What sees, and may spoil, all that passes between a key and its clients (``worlds.watch``)."""

    def note(self, type_: str, **fields: Any) -> None:
        """Something has happened, for the journal."""

    def operate(self, connection: Connection, message: Received) -> None:
        """A client has sent a message: do what it asks for, or not."""

    def pinged(self, connection: Connection) -> bool:
        """A client has sent a ping; whether it is answered."""

    def came_back(self, connection: Connection, unacknowledged: int, missed: Iterable[tuple[int, Publication]]) -> None:
        """A client is back on its connection: ``missed`` was queued for it meanwhile, and is sent now."""

    def opened(self, hub: Any, connection: Connection, agent: str) -> None:
        """A client has connected or come back."""

    def may_ping(self, connection: Connection) -> bool:
        """Whether a client is sent a ping that is due."""


class Line(NamedTuple):
    """How the socket of a connection does.

    Attributes:
        address: of the client.
        sent: messages that were written to it; those that wait are among them.
        waiting: of these, messages that its client does not take yet, beside what the system holds for it.
        waiting_bytes: how large they are.
    """

    address: str
    sent: int
    waiting: int
    waiting_bytes: int


class Owner(Protocol):
    """Whose audiences they are: the world of an API key."""

    @property
    def watch(self) -> Watch | None:
        """None while nothing of it is journaled or broken on purpose, as it is for nearly all."""

    def regrouped(self, hub: str, group: str) -> None:
        """A group of a hub came to be, or was left by the last connection in it."""

    def eased(self) -> None:
        """A client has read or acknowledged something, or has gone."""

    def connected(self, audience: Audience) -> None:
        """The first connection of an audience has come."""

    def disconnected(self, audience: Audience) -> None:
        """The last connection of an audience has gone."""


class Audience:
    """All connections of one API key on one hub, and the groups they are in.

    Groups belong to a key: two keys that join the same name do not hear each other.

    Attributes:
        hub: the hub's name.
        owner: whose it is.
        connections: open and detached ones, in the order in which they came (an ordered set).
        groups: the connections in each group that somebody is in, in the order in which the groups came to be.
        haste: how many times as fast as in the market messages have come at most. So many times as many may wait for an
            acknowledgement: official clients send one a second, however fast a day is played.
    """

    __slots__ = ("connections", "groups", "haste", "hub", "owner")

    def __init__(self, hub: str, owner: Owner) -> None:
        self.hub: Final = hub
        self.owner: Final = owner
        self.connections: dict[Connection, None] = {}
        self.groups: dict[str, dict[Connection, None]] = {}
        self.haste = 1.0

    def admit(self, connection: Connection) -> None:
        """A new connection, in no group yet."""
        if not self.connections:
            self.owner.connected(self)
        self.connections[connection] = None

    def dismiss(self, connection: Connection) -> None:
        """It is gone: out of all its groups, and no connection of the key any more."""
        for group in list(connection.groups):
            self.leave(connection, group)
        del self.connections[connection]
        self.owner.eased()
        if not self.connections:
            self.owner.disconnected(self)

    def enter(self, connection: Connection, group: str) -> None:
        """Add a connection to a group."""
        connection.groups[group] = None
        connection.regrouped()
        inside = self.groups.get(group)
        if inside is None:
            inside = self.groups[group] = {}
            self.owner.regrouped(self.hub, group)
        inside[connection] = None

    def leave(self, connection: Connection, group: str) -> None:
        """Take it out again; nothing happens when it is not in."""
        if group not in connection.groups:
            return
        del connection.groups[group]
        connection.regrouped()
        inside = self.groups[group]
        del inside[connection]
        if not inside:
            del self.groups[group]
            self.owner.regrouped(self.hub, group)


class Connection:
    """A client of a hub, with or without its socket.

    Attributes:
        id: opaque name, unguessable.
        grant: what its token allowed.
        audience: the connections of the same key on the same hub, itself among them.
        raw: how the frames of a simple client are meant; None: as events, which nobody handles.
        groups: names of the groups it is in (an ordered set).
        outbox: what the socket must do, oldest first; the hub's owner takes it with ``take``.
        outlet: where the owner sends the outbox; None while detached.
        line: tells how its socket does; None while detached.
        blocked: whether its socket takes no more at present.
        share: what the server keeps because of it.
    """

    __slots__ = (
        "_acked",
        "_group_set",
        "_heard",
        "_numbered",
        "audience",
        "blocked",
        "deadline",
        "grant",
        "groups",
        "id",
        "line",
        "outbox",
        "outlet",
        "raw",
        "share",
        "state",
        "subprotocol",
        "unacknowledged",
    )

    def __init__(
        self, connection_id: str, grant: Grant, subprotocol: Subprotocol, audience: Audience, share: Share
    ) -> None:
        self.id: Final = connection_id
        self.grant: Final = grant
        self.audience: Final = audience
        self.share: Final = share
        self.subprotocol: Final = subprotocol
        self.state = State.OPEN
        self.groups: dict[str, None] = {}
        self._group_set: frozenset[str] | None = None
        self.outbox: list[Output] = []
        self.outlet: Callable[[list[Output]], None] | None = None
        self.line: Callable[[], Line] | None = None
        self.blocked = False
        self.deadline = 0.0
        self.raw: RawMode | None = None
        self.unacknowledged: Final = Unacknowledged()
        self._numbered = 0
        self._heard: int | None = None
        self._acked: Bounded[int, bool] | None = None

    @property
    def watch(self) -> Watch | None:
        """What sees and may spoil what passes here, if anything; nothing sees who only watches the key itself."""
        return None if self.grant.watches else self.audience.owner.watch

    def move(self, happening: Happening) -> bool:
        """Change the state as the tables say; False, and nothing changed, where they say nothing."""
        table = RELIABLE if self.subprotocol.reliable else PLAIN
        state = table.get(self.state, {}).get(happening)
        if state is None:
            return False
        self.state = state
        return True

    def detach(self) -> None:
        """It has no socket any more."""
        self.outlet = self.line = None
        self.deafen()

    def deafen(self) -> None:
        """Nothing that is queued from now on reaches its client, until that comes back."""
        if self._heard is None:
            self._heard = self._numbered

    @property
    def heard(self) -> int | None:
        """The sequence id of the last message that its client was sent, if it is deaf; None while it hears."""
        return self._heard

    @property
    def is_deaf(self) -> bool:
        """Whether what is queued for it reaches no client at present."""
        return self._heard is not None

    def hear_again(self) -> list[tuple[int, Publication]]:
        """Its client is back: what was queued while it was deaf, which is sent now, each with its sequence id."""
        heard, self._heard = self._heard, None
        if heard is None:
            return []
        return [(number, publication) for number, _, publication in self.unacknowledged if number > heard]

    def take(self) -> list[Output]:
        """Everything the socket must do now; the outbox is empty afterwards."""
        out, self.outbox = self.outbox, []
        return out

    def say(self, message: Downstream, *, delayed: bool = False) -> None:
        """Queue a message of the service; a simple client gets none."""
        codec = self.subprotocol.codec
        if codec is not None and self.state is State.OPEN:
            made = frame(codec.OPCODE, codec.encode_downstream(message))
            self.outbox.append(Later(made) if delayed else made)

    def acknowledge(self, ack_id: int | None, error: AckError | None = None) -> None:
        """Answer an operation that asked for an answer; a success is remembered against duplicates."""
        if ack_id is None:
            return
        if error is None:
            if self._acked is None:  # most clients need none for long
                self._acked = Bounded(MAX_REMEMBERED_ACKS)
            before = len(self._acked)
            self._acked[ack_id] = True
            self.share.add((len(self._acked) - before) * ACK_BYTES)
        self.say(Ack(ack_id, error), delayed=True)

    def is_duplicate(self, ack_id: int | None) -> bool:
        """Whether an operation with this ack id has already succeeded."""
        return ack_id is not None and self._acked is not None and ack_id in self._acked

    def deliver(self, publication: Publication) -> int:
        """Queue a publication; returns the bytes it added to what is unacknowledged (0 when not reliable)."""
        if not self.subprotocol.reliable:
            self.outbox.append(publication.frame(self.subprotocol))
            return 0
        self._numbered += 1
        made = publication.numbered(self.subprotocol, self._numbered)
        self.unacknowledged.add(Run(self._numbered, (len(made),), (publication,), len(made)))
        if self.state is State.OPEN:
            self.outbox.append(made)
        return len(made)

    @property
    def numbered(self) -> int:
        """The sequence id of the last message that was made for it; 0 for none, and for a plain connection."""
        return self._numbered

    def skip(self, count: int) -> None:
        """Leave out so many sequence ids, as a service does that has lost messages."""
        self._numbered += count

    @property
    def acked(self) -> tuple[int, ...]:
        """The ids of its operations that have succeeded, as far as they are remembered, oldest first."""
        return () if self._acked is None else tuple(self._acked)

    def go_on(self, numbered: int, heard: int | None, acked: Iterable[int], waits: Sequence[Publication]) -> int:
        """Be where it was on another server; returns the bytes that are unacknowledged.

        Args:
            numbered: the sequence id of the last message.
            heard: of the last that its client was sent, as far as that is known.
            acked: the ids of operations that have succeeded.
            waits: what is not acknowledged, up to that last message.
        """
        self._numbered, self._heard, first = numbered, heard, numbered + 1 - len(waits)
        self._acked = Bounded(MAX_REMEMBERED_ACKS)
        for ack_id in acked:
            self._acked[ack_id] = True
        self.share.add(len(self._acked) * ACK_BYTES)
        sizes = tuple(len(one.numbered(self.subprotocol, number)) for number, one in enumerate(waits, first))
        if sizes:
            self.unacknowledged.add(Run(first, sizes, tuple(waits), sum(sizes)))
        return sum(sizes)

    @property
    def group_set(self) -> frozenset[str]:
        """The groups it is in, the same object until that changes, and for connections in the same few groups."""
        if self._group_set is None:
            groups = frozenset(self.groups)
            self._group_set = groups if len(groups) > MAX_SHARED_GROUPS else _one(groups)
        return self._group_set

    def regrouped(self) -> None:
        """Its groups have changed."""
        self._group_set = None

    def deliver_all(self, part: Part) -> int:
        """Queue all messages of a part, as ``deliver`` does with one; returns what became unacknowledged, in bytes."""
        if not self.subprotocol.reliable:
            self.outbox.append(part.joined(self.subprotocol))
            return 0
        joined, run = part.numbered(self.subprotocol, self._numbered + 1)
        self._numbered += len(run.sizes)
        self.unacknowledged.add(run)
        if self.state is State.OPEN:
            self.outbox.append(joined)
        return run.bytes

    def is_behind(self, most: int) -> bool:
        """Whether a client has so much unread or unacknowledged, of ``most`` messages, that it should be waited for."""
        return self.blocked or len(self.unacknowledged) > most // 2

    def confirm(self, sequence_id: int) -> int:
        """Forget everything up to ``sequence_id``; returns the bytes set free."""
        return self.unacknowledged.confirm(sequence_id)

    def replay(self) -> None:
        """Queue everything unacknowledged again, byte for byte and in order."""
        for sequence_id, _, publication in self.unacknowledged:
            self.outbox.append(publication.numbered(self.subprotocol, sequence_id))


@lru_cache(maxsize=MAX_GROUP_SETS)
def _one(groups: frozenset[str]) -> frozenset[str]:
    """Of equal sets, the one that came first."""
    return groups

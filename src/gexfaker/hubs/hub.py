"""A hub: its connections, their groups, and what each event means for them. No I/O and no clock.

What a client's message does is in ``upstream``. The owner calls one method for each event, then ``drain``, which hands
the outbox of every changed connection to its outlet.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from gexfaker.holdings import Holdings
from gexfaker.hubs.connection import Audience, Connection, Happening, Owner, RawMode, State, Watch
from gexfaker.hubs.handover import Handed
from gexfaker.hubs.outputs import Abort, Close
from gexfaker.hubs.permissions import SEND, allows
from gexfaker.hubs.publication import Batch, Publication
from gexfaker.limits import (
    GROUP_BYTES,
    KEPT_FACTOR,
    MAX_CONNECTIONS,
    MAX_GROUPS_PER_CONNECTION,
    MAX_KEPT_BYTES,
    MAX_QUEUED_BYTES,
    MAX_QUEUED_MESSAGES,
    RECOVERY_WINDOW_SECONDS,
)
from gexfaker.wire import messages as m
from gexfaker.wire.subprotocols import SUBPROTOCOLS, Subprotocol
from gexfaker.wire.tokens import Grant

NO_RAW_MODE: Final = Close(1008, "The connection is not authorized for raw sendToGroup mode.")


class Bounds(msgspec.Struct, frozen=True):
    """What a hub keeps for its connections at most; counts, bytes, seconds.

    Attributes:
        kept: for the connections of all hubs together.
    """

    queued_messages: int = MAX_QUEUED_MESSAGES
    queued_bytes: int = MAX_QUEUED_BYTES
    recovery_window: float = RECOVERY_WINDOW_SECONDS
    connections: int = MAX_CONNECTIONS
    kept: Holdings = msgspec.field(default_factory=lambda: Holdings(MAX_KEPT_BYTES))


class Audiences:
    """The audiences of a hub that stands alone, by world id; they are forgotten with their last connection."""

    def __init__(self, hub: str) -> None:
        self._hub: Final = hub
        self._audiences: dict[str, Audience] = {}

    def __call__(self, owner_id: str) -> Audience:
        audience = self._audiences.get(owner_id)
        if audience is None:
            audience = self._audiences[owner_id] = Audience(self._hub, _Alone(self._audiences, owner_id))
        return audience


class _Alone(Owner):
    """The owner of an audience of a hub that stands alone: nobody waits for its news."""

    def __init__(self, audiences: dict[str, Audience], owner_id: str) -> None:
        self._audiences: Final = audiences
        self._id: Final = owner_id

    @property
    def watch(self) -> Watch | None:
        """Nobody watches."""
        return None

    def regrouped(self, hub: str, group: str) -> None:
        """Nothing depends on it."""

    def eased(self) -> None:
        """Nobody waits."""

    def connected(self, audience: Audience) -> None:
        """It is known already."""

    def disconnected(self, audience: Audience) -> None:
        """Forget the audience."""
        self._audiences.pop(self._id, None)


class Faults(NamedTuple):
    """What is called when a client does wrong, for the log.

    Attributes:
        cut: it reads too slowly and is cut; with the messages and bytes that wait for it.
        wrong: it has sent what is no message; with what is wrong.
        refused: it may not do something to a group; with what it is told.
    """

    cut: Callable[[Connection, int, int], None] = lambda _connection, _messages, _size: None
    wrong: Callable[[Connection, str], None] = lambda _connection, _why: None
    refused: Callable[[Connection, str, m.AckError], None] = lambda _connection, _group, _error: None


class Hub:
    """All connections of one hub.

    Args:
        name: the hub's name, lower case.
        new_id: gives an unguessable connection id each time it is called.
        sign: gives the reconnection token of a connection id.
        bounds: what to keep at most.
        joined: called after a connection entered a group, for the log.
        faults: called when a client does wrong.
        audience_of: gives the audience of a key by its world's id; without it the hub keeps audiences of its own.
        refuse: why a connection may not join a group, or None when it may (tiers, strict groups).
    """

    def __init__(
        self,
        name: str,
        new_id: Callable[[], str],
        sign: Callable[[str], str],
        bounds: Bounds | None = None,
        joined: Callable[[Connection, str], None] = lambda _connection, _group: None,
        refuse: Callable[[Connection, str], m.AckError | None] = lambda _connection, _group: None,
        faults: Faults | None = None,
        audience_of: Callable[[str], Audience] | None = None,
    ) -> None:
        self.name: Final = name
        self.bounds: Final = bounds or Bounds()
        self.connections: Final[dict[str, Connection]] = {}
        self.queued_bytes = 0
        self.overflows = 0
        self._new_id: Final = new_id
        self._sign: Final = sign
        self._joined: Final = joined
        self.refuse: Final = refuse
        self.faults: Final = faults or Faults()
        self._audience_of: Final = audience_of or Audiences(name)
        self._changed: dict[Connection, None] = {}

    # --- a connection's life -----------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether no further connection may be opened."""
        return len(self.connections) >= self.bounds.connections

    def make_room(self) -> bool:
        """Whether one more may be opened; of a full hub, the connection detached for longest has to go."""
        if self.full:
            detached = [held for held in self.connections.values() if held.state is State.DETACHED]
            if detached:
                self.end(min(detached, key=lambda held: held.deadline))
        return not self.full

    def connect(self, grant: Grant, subprotocol: Subprotocol, raw: RawMode | None = None) -> Connection:
        """A new connection, in its token's groups, with ``connected`` in its outbox.

        ``raw`` makes every frame of a simple client a message to that group; without the role it is closed.
        """
        audience = self._audience_of(grant.user_id or "")
        share = self.bounds.kept.share(lambda: self.overflow(connection))
        connection = Connection(self._new_id(), grant, subprotocol, audience, share)
        connection.raw = raw if subprotocol.codec is None else None
        self.connections[connection.id] = connection
        connection.audience.admit(connection)
        token = self._sign(connection.id) if subprotocol.reliable else None
        connection.say(m.Connected(connection.id, grant.user_id, token))
        self._changed[connection] = None
        for group in grant.groups:
            self.enter(connection, group)
        if connection.raw is not None and not allows(grant.roles, SEND, connection.raw.group):
            self.finish(connection, NO_RAW_MODE)
        return connection

    def knows(self, connection_id: str, token: str) -> bool:
        """Whether a reconnection token is that of a connection, whether it is here, on another server, or nowhere."""
        return hmac.compare_digest(token.encode(), self._sign(connection_id).encode())

    def release(self, connection: Connection) -> None:
        """Let a connection go to another server: here it is over, and a socket that it still has is cut."""
        connection.take()
        self.finish(connection, Abort())
        self.drain()

    def adopt(self, handed: Handed, groups: Sequence[str], now: float) -> Connection:
        """A reliable connection of another server in these groups; it waits for its client from now on (loop time)."""
        grant = Grant(handed.owner, handed.roles, handed.groups, handed.slot)
        share = self.bounds.kept.share(lambda: self.overflow(connection))
        audience = self._audience_of(handed.owner or "")
        connection = Connection(handed.id, grant, SUBPROTOCOLS[handed.subprotocol], audience, share)
        self.connections[connection.id] = connection
        audience.admit(connection)
        size = connection.go_on(handed.numbered, handed.heard, handed.acked, [Publication(one) for one in handed.waits])
        self.queued_bytes += size
        share.add(size * KEPT_FACTOR)
        for group in groups:
            self.enter(connection, group)
        self.lost(connection, now)
        return connection

    def recover(self, connection_id: str, token: str) -> Connection | None:
        """The reliable connection of that name back with its groups, all unacknowledged messages queued again.

        A socket it still has is taken over: its outlet is told to abort. None when it cannot be recovered.
        """
        connection = self.connections.get(connection_id)
        if connection is None or not self.knows(connection_id, token):
            return None
        if not connection.move(Happening.RECOVERED):
            return None
        if connection.outlet is not None:
            connection.outlet([Abort()])
        connection.detach()
        self.unblock(connection)
        connection.take()
        connection.replay()
        self._changed[connection] = None
        return connection

    def lost(self, connection: Connection, now: float) -> None:
        """The socket is gone without a clean end: a reliable connection waits for its client, another ends."""
        if not connection.move(Happening.LOST):
            return
        if connection.state is State.ENDED:
            self._forget(connection)
            return
        connection.deadline = now + self.bounds.recovery_window
        connection.detach()
        self.unblock(connection)
        connection.take()

    def unblock(self, connection: Connection) -> None:
        """Its socket takes more again, or it has none."""
        connection.blocked = False
        connection.audience.owner.eased()

    def close(self, connection: Connection, reason: str = "") -> None:
        """Close for good on the application's behalf: ``disconnected``, then 1000; it cannot be recovered."""
        text = "Application server closed the connection." + (f" Reason: {reason}" if reason else "")
        connection.say(m.Disconnected(text))
        self.finish(connection, Close(1000))

    def end(self, connection: Connection) -> None:
        """Forget a connection: its groups, its unacknowledged messages, its name."""
        if connection.move(Happening.FINISHED):
            self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        connection.audience.dismiss(connection)
        self.confirm(connection, m.MAX_UINT64)
        connection.share.end()
        del self.connections[connection.id]

    def confirm(self, connection: Connection, sequence_id: int) -> None:
        """The client has everything up to ``sequence_id``."""
        freed = connection.confirm(sequence_id)
        self.queued_bytes -= freed
        connection.share.add(-freed * KEPT_FACTOR)
        connection.audience.owner.eased()

    def expire(self, now: float) -> int:
        """End every detached connection whose window is over; returns how many."""
        late = [c for c in self.connections.values() if c.state is State.DETACHED and c.deadline <= now]
        for connection in late:
            self.end(connection)
        return len(late)

    def finish(self, connection: Connection, output: Close | Abort) -> None:
        """End a connection, its socket to do ``output`` last."""
        connection.outbox.append(output)
        self._changed[connection] = None
        self.end(connection)

    # --- groups ------------------------------------------------------------------------------

    def enter(self, connection: Connection, group: str) -> m.AckError | None:
        """Put a connection into a group; why it failed, or None."""
        if group in connection.groups or connection.state is State.ENDED:
            return None
        if len(connection.groups) >= MAX_GROUPS_PER_CONNECTION:
            text = f"The connection is in {MAX_GROUPS_PER_CONNECTION} groups already; leave some first."
            return m.AckError("BadRequest", text)
        connection.audience.enter(connection, group)
        connection.share.add(GROUP_BYTES + KEPT_FACTOR * len(group))
        self._joined(connection, group)
        self.bounds.kept.shed()
        return None

    def leave(self, connection: Connection, group: str) -> None:
        """Take a connection out of a group; nothing happens when it is not in."""
        if group in connection.groups:
            connection.audience.leave(connection, group)
            connection.share.add(-GROUP_BYTES - KEPT_FACTOR * len(group))

    def regroup(self, connection: Connection, groups: Sequence[str]) -> None:
        """Put a connection into exactly these groups; what was queued for it before goes to its socket first."""
        self.drain()
        wanted = dict.fromkeys(groups)
        for group in [held for held in connection.groups if held not in wanted]:
            self.leave(connection, group)
        for group in wanted:
            self.enter(connection, group)

    # --- what is published -------------------------------------------------------------------

    def publish(
        self, audience: Audience, group: str, publication: Publication, excluded: Connection | None = None
    ) -> int:
        """Queue a publication for everybody in a group of an audience; returns for how many."""
        receivers = [connection for connection in audience.groups.get(group, ()) if connection is not excluded]
        for connection in receivers:
            self._delivered(connection, 1, connection.deliver(publication))
        self.bounds.kept.shed()
        return len(receivers)

    def publish_all(self, audience: Audience, batch: Batch) -> int:
        """Queue a batch for an audience: each connection gets the messages of its groups; returns how many in all."""
        sent = 0
        for connection in list(audience.connections):
            sent += self.publish_to(connection, batch)
        self.bounds.kept.shed()
        return sent

    def publish_one(self, connection: Connection, publication: Publication) -> None:
        """Queue one publication for a connection, whatever its groups."""
        self._delivered(connection, 1, connection.deliver(publication))

    def publish_to(self, connection: Connection, batch: Batch) -> int:
        """Queue the messages of a batch that are for the groups of a connection; returns how many."""
        part = batch.part(connection.group_set)
        if part.publications:
            self._delivered(connection, len(part.publications), connection.deliver_all(part))
        return len(part.publications)

    def _delivered(self, connection: Connection, count: int, size: int) -> None:
        self._changed[connection] = None
        if size:
            self.queued_bytes += size
            connection.share.add(size * KEPT_FACTOR)
            if self._is_over(connection, count, size):
                self.overflow(connection)

    def _is_over(self, held: Connection, count: int, size: int) -> bool:
        """Whether a client has left too much unacknowledged; what it was sent just now is no fault of its own."""
        many = len(held.unacknowledged) > max(self.bounds.queued_messages * held.audience.haste, count)
        return many or held.unacknowledged.bytes > max(self.bounds.queued_bytes, size)

    def overflow(self, connection: Connection, messages: int = 0, size: int = 0) -> None:
        """A client that reads or acknowledges too slowly is cut at once and cannot recover, as on the service.

        ``messages`` of ``size`` bytes wait for its socket, beside what it has not acknowledged.
        """
        self.overflows += 1
        held = connection.unacknowledged
        self.faults.cut(connection, messages + len(held), size + held.bytes)
        connection.take()
        self.finish(connection, Abort())

    def changed(self, connection: Connection) -> None:
        """A connection may have something for its socket: the next ``drain`` hands it over."""
        self._changed[connection] = None

    def drain(self) -> None:
        """Hand every changed connection's outbox to its socket."""
        changed, self._changed = self._changed, {}
        for connection in changed:
            if connection.outlet is not None and connection.outbox:
                connection.outlet(connection.take())

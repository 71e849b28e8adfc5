"""Memberships: how a world's slot is made, replaced, and joined, and which of its connections may be open.

A key has one slot at a time. A connection belongs to it through the slot's name in its token; a later negotiation makes
a new slot, and what belongs to the old one is closed and cannot come back. By the rules of the service that is so for
GET and POST, and a key has one connection on each hub. By the relaxed rules a GET makes no slot, and a key may have any
number of connections. A token without a slot, such as that of a watcher, is under no rule: it closes nobody, and nobody
closes its connections.

Source of the rules: the vendor's WebSocket guide, editions of May and August 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec

from gexfaker.catalog import CURRENT_HUBS
from gexfaker.errors import NegotiationError
from gexfaker.hubs.connection import Connection
from gexfaker.hubs.hub import Hub
from gexfaker.wire.tokens import Grant
from gexfaker.worlds.slot import Slot
from gexfaker.worlds.world import World

REPLACED: Final = "a later negotiation with the same key"
TAKEN_OVER: Final = "a newer connection of the same key to this hub"


class Memberships:
    """What the server joins for worlds on these hubs.

    Args:
        hubs: by name.
        new_id: gives an unguessable name each time it is called, a later one greater.
        closed: is told how many connections of a world were closed, because it negotiated again.
        relaxed: whether the relaxed rules hold.
    """

    def __init__(
        self,
        hubs: Mapping[str, Hub],
        new_id: Callable[[], str],
        closed: Callable[[World, int], None] = lambda _world, _count: None,
        *,
        relaxed: bool = False,
    ) -> None:
        self._hubs: Final = hubs
        self._new_id: Final = new_id
        self._closed: Final = closed
        self._relaxed: Final = relaxed

    def made(self, groups: Mapping[str, list[str]]) -> Slot:
        """A new slot by POST, which ``begin`` gives to a world."""
        return Slot(self._new_id(), dict(groups))

    def made_for_client(self) -> Slot | None:
        """A new slot by GET, whose client joins. None by the relaxed rules."""
        return None if self._relaxed else Slot(self._new_id(), by_client=True)

    def begin(self, world: World, slot: Slot) -> Slot:
        """Give a world this slot; the connections of the one before are closed."""
        held = self._connections(world)
        for connection, hub in held:
            hub.close(connection, REPLACED)
            hub.drain()
        world.slot = slot
        if held:
            self._closed(world, len(held))
        return slot

    def take_over(self, world: World, hub: str, grant: Grant) -> int:
        """Close the older connection on a hub for one that is about to open with this grant; returns how many."""
        if not self.is_exclusive(grant):
            return 0
        return self.dismiss(world, hub)

    def is_exclusive(self, grant: Grant) -> bool:
        """Whether a connection with this grant is the only one of its key on a hub."""
        return not self._relaxed and grant.slot is not None

    def dismiss(self, world: World, hub: str) -> int:
        """Close the connections of a world on a hub that belong to a slot; returns how many."""
        older = [connection for connection, on in self._connections(world) if on.name == hub]
        for connection in older:
            self._hubs[hub].close(connection, TAKEN_OVER)
        self._hubs[hub].drain()
        return len(older)

    def replaced(self, world: World, groups: Mapping[str, list[str]], elsewhere: Collection[str] = ()) -> Slot:
        """The slot of a world with exactly these groups, which ``put`` has its connections join.

        Args:
            elsewhere: the hubs on which the world is connected to other servers.

        Raises:
            NegotiationError: there is no slot, or no connection of it on a hub that is named.
        """
        slot = world.slot
        if slot is None or slot.by_client:
            raise NegotiationError(400, "POST /v2/negotiate first: there are no memberships of this key to replace.")
        self._check(slot, groups, {hub.name for _, hub in self._connections(world)}.union(elsewhere))
        return msgspec.structs.replace(slot, groups={hub: groups.get(hub, []) for hub in slot.counts()})

    def put(self, world: World, slot: Slot) -> Slot:
        """Give a world its slot with other groups: its connections are in exactly these, all at once."""
        world.slot = slot
        for connection, hub in self._connections(world):
            hub.regroup(connection, slot.groups.get(hub.name, []))
        return slot

    def follow(self, world: World, slot: Slot | None) -> None:
        """Have the slot that the servers of a cluster agree on."""
        before = world.slot
        if slot is None or before == slot:
            return
        if before is None or before.id != slot.id:
            self.begin(world, slot)
        elif slot.groups:  # without: known from tokens only, and each server knows what those say that it has seen
            self.put(world, slot)

    def _check(self, slot: Slot, groups: Mapping[str, list[str]], live: Collection[str]) -> None:
        for name in groups:
            if name not in slot.counts():
                kind = "'v2_' hubs" if name in CURRENT_HUBS else "current hubs, without 'v2_'"
                raise NegotiationError(400, f"Change the hub '{name}': this key negotiated the {kind}.")
            if name not in live:
                raise NegotiationError(400, f"Connect to hub '{name}' first: this key has no live connection there.")

    def admit(self, world: World, hub: str, grant: Grant) -> Grant | None:
        """The grant of a connection about to open, with the groups its slot is in now.

        None when its slot is gone, replaced by a later one. A slot that nobody remembers, because the server was
        restarted, starts again from what the token says.
        """
        if grant.slot is None:
            return grant
        slot = world.slot
        if slot is None or (slot.restored and slot.id < grant.slot):
            slot = self.begin(world, self.restored(grant.slot, grant))
        if slot.id != grant.slot:
            return None
        if slot.by_client:
            return grant
        groups = slot.groups.setdefault(hub, list(grant.groups) if slot.restored else [])
        return msgspec.structs.replace(grant, groups=tuple(groups))

    def restored(self, name: str, grant: Grant) -> Slot:
        """The slot of that name, as far as a token tells it."""
        return Slot(name, restored=True, by_client=bool(grant.roles))

    def _connections(self, world: World) -> list[tuple[Connection, Hub]]:
        """The connections of the world that belong to a slot, hub by hub."""
        held = [(connection, self._hubs[name]) for name in self._hubs for connection in world.connections_on(name)]
        return [pair for pair in held if pair[0].grant.slot is not None]

"""Memberships: how a world's slot is made, replaced, and joined.

A key has one slot at a time. A connection belongs to it through the slot's name in its token; a later POST makes a new
slot, and what belongs to the old one is closed and cannot come back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final

from gexfaker.catalog import CURRENT_HUBS
from gexfaker.errors import NegotiationError
from gexfaker.hubs.connection import Connection
from gexfaker.hubs.hub import Hub
from gexfaker.wire.tokens import Grant
from gexfaker.worlds.slot import Slot
from gexfaker.worlds.world import World

REPLACED: Final = "a later POST /negotiate with the same key"


class Memberships:
    """What the server joins for worlds on these hubs.

    Args:
        hubs: by name.
        new_id: gives an unguessable name each time it is called, a later one greater.
    """

    def __init__(self, hubs: Mapping[str, Hub], new_id: Callable[[], str]) -> None:
        self._hubs: Final = hubs
        self._new_id: Final = new_id

    def open(self, world: World, groups: Mapping[str, list[str]]) -> Slot:
        """A new slot for a world; the connections of the one before are closed."""
        return self._begin(world, Slot(self._new_id(), dict(groups)))

    def _begin(self, world: World, slot: Slot) -> Slot:
        for connection, hub in self._connections(world):
            hub.close(connection, REPLACED)
            hub.drain()
        world.slot = slot
        return slot

    def replace(self, world: World, groups: Mapping[str, list[str]]) -> Slot:
        """Put the slot's connections into exactly these groups, all at once.

        Raises:
            NegotiationError: there is no slot, or no connection of it on a hub that is named.
        """
        slot = world.slot
        if slot is None:
            raise NegotiationError(400, "POST /v2/negotiate first: there are no memberships of this key to replace.")
        self._check(world, slot, groups)
        slot.groups = {hub: groups.get(hub, []) for hub in slot.counts()}
        for connection, hub in self._connections(world):
            hub.regroup(connection, slot.groups.get(hub.name, []))
        return slot

    def _check(self, world: World, slot: Slot, groups: Mapping[str, list[str]]) -> None:
        live = {hub.name for _, hub in self._connections(world)}
        for name in groups:
            if name not in slot.counts():
                kind = "'v2_' hubs" if name in CURRENT_HUBS else "current hubs, without 'v2_'"
                raise NegotiationError(400, f"Change the hub '{name}': this key negotiated the {kind}.")
            if name not in live:
                raise NegotiationError(400, f"Connect to hub '{name}' first: this key has no live connection there.")

    def admit(self, world: World, hub: str, grant: Grant) -> Grant | None:
        """The grant of a connection about to open, with the groups its slot is in now.

        None when its slot is gone, replaced by a later POST. A slot that nobody remembers, because the server was
        restarted, starts again from what the token says.
        """
        if grant.slot is None:
            return grant
        slot = world.slot
        if slot is None or (slot.restored and slot.id < grant.slot):
            slot = self._begin(world, Slot(grant.slot, restored=True))
        if slot.id != grant.slot:
            return None
        groups = slot.groups.setdefault(hub, list(grant.groups) if slot.restored else [])
        return dataclasses.replace(grant, groups=tuple(groups))

    def _connections(self, world: World) -> list[tuple[Connection, Hub]]:
        """The connections of the world's slot, hub by hub."""
        slot = world.slot
        held = [(connection, self._hubs[name]) for name in self._hubs for connection in world.connections_on(name)]
        return [pair for pair in held if slot is not None and pair[0].grant.slot == slot.id]

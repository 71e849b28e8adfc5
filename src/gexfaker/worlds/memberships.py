"""Slots: the memberships that a key negotiated by POST and changed by PATCH, which the server joins for it.

A key has one slot at a time. A connection belongs to it through the slot's name in its token; a later POST makes a
new slot, and what belongs to the old one is closed and cannot come back.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gexfaker.catalog import CURRENT_HUBS, V2_HUBS
from gexfaker.errors import NegotiationError
from gexfaker.hubs.connection import Connection
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.negotiation import generation
from gexfaker.limits import MAX_SESSIONS
from gexfaker.wire.tokens import Grant

REPLACED: Final = "a later POST /negotiate with the same key"


@dataclass(slots=True)
class Slot:
    """One negotiated set.

    Attributes:
        id: unguessable name, part of its tokens; a later one is greater.
        groups: by hub, the group names as they are there.
        restored: whether it is known from a token only, because the server was restarted.
    """

    id: str
    groups: dict[str, list[str]] = field(default_factory=dict)
    restored: bool = False

    def counts(self) -> dict[str, int]:
        """Memberships by hub, for every hub of the generation."""
        hubs = generation(next(iter(self.groups))) if self.groups else V2_HUBS
        return {hub: len(self.groups.get(hub, ())) for hub in hubs}


class Slots:
    """The slots of all keys, by session id; beyond ``limit`` the one used longest ago is forgotten."""

    def __init__(self, hubs: Mapping[str, Hub], new_id: Callable[[], str], limit: int = MAX_SESSIONS) -> None:
        self._hubs: Final = hubs
        self._new_id: Final = new_id
        self._limit: Final = limit
        self._slots: OrderedDict[str, Slot] = OrderedDict()

    def __len__(self) -> int:
        return len(self._slots)

    def peek(self, session: str) -> Slot | None:
        """The session's slot as it is, if it has one."""
        return self._slots.get(session)

    def open(self, session: str, groups: Mapping[str, list[str]]) -> Slot:
        """A new slot for a session; the connections of the one before are closed."""
        return self._begin(session, Slot(self._new_id(), dict(groups)))

    def _begin(self, session: str, slot: Slot) -> Slot:
        for connection, hub in self._connections(session):
            hub.close(connection, REPLACED)
            hub.drain()
        return self._keep(session, slot)

    def replace(self, session: str, groups: Mapping[str, list[str]]) -> Slot:
        """Put the slot's connections into exactly these groups, all at once.

        Raises:
            NegotiationError: there is no slot, or no connection of it on a hub that is named.
        """
        slot = self._slots.get(session)
        if slot is None:
            raise NegotiationError(400, "POST /v2/negotiate first: there are no memberships of this key to replace.")
        self._check(session, slot, groups)
        kept = {hub: groups.get(hub, []) for hub in slot.counts()}
        slot.groups = kept
        self._keep(session, slot)
        for connection, hub in self._connections(session):
            hub.regroup(connection, kept.get(hub.name, []))
        return slot

    def _check(self, session: str, slot: Slot, groups: Mapping[str, list[str]]) -> None:
        live = {hub.name for _, hub in self._connections(session)}
        for name in groups:
            if name not in slot.counts():
                kind = "'v2_' hubs" if name in CURRENT_HUBS else "current hubs, without 'v2_'"
                raise NegotiationError(400, f"Change the hub '{name}': this key negotiated the {kind}.")
            if name not in live:
                raise NegotiationError(400, f"Connect to hub '{name}' first: this key has no live connection there.")

    def admit(self, hub: str, grant: Grant) -> Grant | None:
        """The grant of a connection about to open, with the groups its slot is in now.

        None when its slot is gone, replaced by a later POST. A slot that nobody remembers, because the server was
        restarted, starts again from what the token says.
        """
        if grant.slot is None:
            return grant
        session = grant.user_id or ""
        slot = self._slots.get(session)
        if slot is None or (slot.restored and slot.id < grant.slot):
            slot = self._begin(session, Slot(grant.slot, restored=True))
        if slot.id != grant.slot:
            return None
        self._keep(session, slot)
        groups = slot.groups.setdefault(hub, list(grant.groups) if slot.restored else [])
        return dataclasses.replace(grant, groups=tuple(groups))

    def _keep(self, session: str, slot: Slot) -> Slot:
        self._slots[session] = slot
        self._slots.move_to_end(session)
        if len(self._slots) > self._limit:
            self._slots.popitem(last=False)
        return slot

    def _connections(self, session: str) -> Iterable[tuple[Connection, Hub]]:
        slot = self._slots.get(session)
        held = [(connection, hub) for hub in self._hubs.values() for connection in hub.of_session(session)]
        return [pair for pair in held if slot is not None and pair[0].grant.slot == slot.id]

"""The memberships of keys on hubs, by key."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gexfaker.hubs.hub import Hub
from gexfaker.playback.options import Options
from gexfaker.wire.tokens import Grant
from gexfaker.worlds.memberships import Memberships
from gexfaker.worlds.slot import Slot
from gexfaker.worlds.worlds import Worlds
from support.tapes import OPEN, MemoryDays, at_times, day


class Slots:
    """``Memberships`` with a registry of worlds, asked by the ids of worlds."""

    def __init__(
        self, hubs: Mapping[str, Hub], new_id: Callable[[], str], limit: int = 100, *, relaxed: bool = False
    ) -> None:
        self.closed: list[tuple[str, int]] = []
        self.worlds = Worlds(MemoryDays(day(at_times([OPEN]))), Options(), limit=limit)
        for name, hub in hubs.items():
            hub._audience_of = self.worlds.audiences_on(name)  # type: ignore[misc]
        self._memberships = Memberships(
            hubs, new_id, lambda world, count: self.closed.append((world.id, count)), relaxed=relaxed
        )

    def __len__(self) -> int:
        return sum(world.slot is not None for world in self.worlds._worlds.values())

    def peek(self, key: str) -> Slot | None:
        world = self.worlds.peek(key)
        return None if world is None else world.slot

    def open(self, key: str, groups: Mapping[str, list[str]]) -> Slot:
        return self._memberships.begin(self.worlds.get(key), self._memberships.made(groups))

    def open_for_client(self, key: str) -> Slot | None:
        slot = self._memberships.made_for_client()
        return None if slot is None else self._memberships.begin(self.worlds.get(key), slot)

    def take_over(self, hub: str, grant: Grant) -> int:
        return self._memberships.take_over(self.worlds.get(grant.user_id or ""), hub, grant)

    def replace(self, key: str, groups: Mapping[str, list[str]]) -> Slot:
        world = self.worlds.get(key)
        return self._memberships.put(world, self._memberships.replaced(world, groups))

    def admit(self, hub: str, grant: Grant) -> Grant | None:
        return self._memberships.admit(self.worlds.get(grant.user_id or ""), hub, grant)

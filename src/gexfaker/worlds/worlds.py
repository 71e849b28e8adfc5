"""All worlds, by id, and the news of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Final

from gexfaker.errors import ControlError
from gexfaker.hubs.connection import Audience
from gexfaker.hubs.hub import Hub
from gexfaker.limits import MAX_WATCHED, MAX_WORLDS
from gexfaker.playback.days import Days
from gexfaker.playback.options import Options
from gexfaker.worlds.world import Account, World

if TYPE_CHECKING:
    from gexfaker.journal.journal import Shelf
    from gexfaker.worlds.watch import Watch


class Resting:
    """The worlds that may be forgotten: without a client and unwatched, by id, the longest unused first.

    Those with a place in a day are idle, those without are unused.
    """

    def __init__(self) -> None:
        self._idle: Final[OrderedDict[str, None]] = OrderedDict()
        self._unused: Final[OrderedDict[str, None]] = OrderedDict()

    def add(self, world: World) -> None:
        """It may be forgotten."""
        (self._idle if world.is_used else self._unused)[world.id] = None

    def remove(self, world_id: str) -> None:
        """It is kept."""
        self._idle.pop(world_id, None)
        self._unused.pop(world_id, None)

    def use(self, world_id: str) -> None:
        """It has got a place in a day."""
        if self._unused.pop(world_id, self) is None:
            self._idle[world_id] = None

    def touch(self, world_id: str) -> None:
        """Somebody has asked for it."""
        for resting in (self._idle, self._unused):
            if world_id in resting:
                resting.move_to_end(world_id)

    def take_oldest(self) -> str | None:
        """The one to be forgotten first; None when there is none."""
        if not self._unused and not self._idle:
            return None
        # The last of the unused ones has just been asked for, and may be used at once.
        first = self._unused if len(self._unused) > 1 or not self._idle else self._idle
        return first.popitem(last=False)[0]


class Watching:
    """Who is watched, and what watches need.

    Args:
        clock: real time, epoch seconds.

    Attributes:
        hubs: by name; who makes the hubs puts them in.
        pinned: the worlds that are watched: they are not forgotten.
        first: what is done to each new world; None for nothing.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock: Final = clock
        self._shelf: Shelf | None = None
        self.first: Callable[[World], None] | None = None
        self.hubs: Final[dict[str, Hub]] = {}
        self.pinned: Final[dict[World, None]] = {}

    def begin(self, world: World) -> Watch:
        """What watches over a world from now on. Raises ControlError: too many are watched."""
        if len(self.pinned) >= MAX_WATCHED:
            raise ControlError(f"{MAX_WATCHED:,} keys have faults or a journal: end some of these first")
        from gexfaker.journal.journal import Shelf  # with the first: nobody else needs it
        from gexfaker.worlds.watch import Watch

        self._shelf = self._shelf or Shelf()
        self.pinned[world] = None
        return Watch(world, self._clock, self.hubs, self._shelf)


class Worlds:
    """The worlds of all keys; each is made when something of its key is first needed.

    Beyond ``limit`` the one that was not asked for longest is forgotten; never one that is connected.

    Args:
        days: that can be played.
        options: how a new world plays.
        account_of: whom the key of a world belongs to, by the world's id.
        ring: called when something may have become due.
        clock: real time, epoch seconds, for journals and faults.

    Attributes:
        changes: counts the changes of all worlds.
        watching: whose journal and faults are in use.
    """

    def __init__(
        self,
        days: Days,
        options: Options,
        account_of: Callable[[str], Account] = lambda _world_id: Account("quant"),
        ring: Callable[[], None] = lambda: None,
        limit: int = MAX_WORLDS,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.watching: Final = Watching(clock)
        self.days: Final = days
        self.options: Final = options
        self._account_of: Final = account_of
        self._ring: Final = ring
        self._limit: Final = limit
        self._worlds: dict[str, World] = {}
        self._used: dict[str, World] = {}
        self._resting: Final = Resting()
        self._touched: dict[World, None] = {}
        self._incomplete: dict[World, None] = {}
        self.changes = 0

    def __len__(self) -> int:
        """How many worlds have a place in a day."""
        return len(self._used)

    def peek(self, world_id: str) -> World | None:
        """The world of that id; None when nothing of it was needed yet."""
        return self._worlds.get(world_id)

    def get(self, world_id: str) -> World:
        """The world of that id, made when there is none."""
        world = self._worlds.get(world_id)
        if world is None:
            world = self._worlds[world_id] = World(world_id, self.options, self._account_of(world_id), self)
            self._resting.add(world)
            if self.watching.first is not None and len(self.watching.pinned) < MAX_WATCHED:
                self.watching.first(world)
            self._evict()
        self._resting.touch(world_id)
        return world

    def in_use(self) -> list[World]:
        """The worlds that have a place in a day."""
        return list(self._used.values())

    def all(self) -> list[World]:
        """All worlds, those included of which nothing is known but the key."""
        return list(self._worlds.values())

    def audiences_on(self, hub: str) -> Callable[[str], Audience]:
        """Gives the audience of a world on a hub, by the world's id."""
        return lambda world_id: self.get(world_id).audience(hub)

    def _evict(self) -> None:
        while len(self._worlds) > self._limit and (oldest := self._resting.take_oldest()) is not None:
            self._touched.pop(self._worlds.pop(oldest), None)
            self._used.pop(oldest, None)

    # --- who is watched ----------------------------------------------------------------------

    def watch(self, world: World) -> Watch:
        """What watches over a world from now on. Raises ControlError: too many are watched."""
        made = self.watching.begin(world)
        self._resting.remove(world.id)
        return made

    def unwatched(self, world: World) -> None:
        """Nothing watches over it any more: it may be forgotten."""
        self.watching.pinned.pop(world, None)
        if not world.is_connected:
            self._resting.add(world)
            self._evict()

    # --- news --------------------------------------------------------------------------------

    @property
    def has_news(self) -> bool:
        """Whether there is news of a world that was not taken yet."""
        return bool(self._touched)

    def take_touched(self, limit: int | None = None) -> list[World]:
        """The worlds of which there was news since the last time, each once; ``limit`` of them at most."""
        taken = list(islice(self._touched, limit))
        for world in taken:
            del self._touched[world]
        return taken

    def used(self, world: World) -> None:
        """It has got a place in a day."""
        if self._worlds.get(world.id) is world:
            self._used[world.id] = world
            self._resting.use(world.id)

    def changed(self, world: World) -> None:
        """It has another version."""
        self.changes += 1
        self.touched(world)

    def touched(self, world: World) -> None:
        """Something may have become due to it; during its turn that is looked at anyhow, at the end."""
        if world.is_connected and world.delivery.turn is None:
            self._touched[world] = None
            self._ring()

    def look_at(self, world: World) -> None:
        """Its turn has ended: when is its next one?"""
        self._touched[world] = None

    def is_incomplete(self, world: World) -> None:
        """Records of a feed that it is to be sent could not be opened."""
        self._incomplete[world] = None

    def retry(self) -> None:
        """Have what could not be opened tried again."""
        incomplete, self._incomplete = self._incomplete, {}
        for world in incomplete:
            world.resubscribe()

    def connected(self, world: World) -> None:
        """It has a client now: it is kept."""
        self._resting.remove(world.id)

    def disconnected(self, world: World) -> None:
        """It has no client any more: it may be forgotten, and its feed rests."""
        self._touched[world] = None
        if world.watch is None:
            self._resting.add(world)
            self._evict()

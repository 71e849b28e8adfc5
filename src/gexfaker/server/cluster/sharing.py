"""What a server asks of its cluster, if it is in one. The cluster itself is loaded only then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gexfaker.allowances import Allowance
from gexfaker.hubs.hub import Hub
from gexfaker.playback.actions import Effect
from gexfaker.worlds.change import Change
from gexfaker.worlds.slot import Slot
from gexfaker.worlds.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable


class Sharing(Protocol):
    """The cluster, as one of its servers sees it. What has to be decided raises UnavailableError when it cannot be."""

    def figures(self) -> Iterable[tuple[str, float]]:
        """How it is, as numbers by their names."""

    async def start(self) -> None:
        """Follow the cluster from now on."""

    async def hand_over(self) -> None:
        """Let all reliable connections go to other servers: this one stops, and sends nothing any more."""

    async def stop(self) -> None:
        """Leave the cluster."""

    async def arrive(self, world: World) -> None:
        """Know what is decided about a world."""

    async def begin(self, world: World) -> None:
        """Have a world in use: its clock runs."""

    async def commit(self, world: World, what: Change) -> Effect:
        """Change a world as soon as that is decided. Raises what the change raises."""

    async def commit_slot(self, world: World, slot: Slot) -> None:
        """Give a world a slot on all servers."""

    async def count(self, world: World, pool: str) -> Allowance | None:
        """The allowance that leaves no room for one more request of a pool; None when it may come, and is counted."""

    async def take_hub(self, world: World, hub: str) -> None:
        """Take a hub for a connection that is about to open: older ones of the world are closed on all servers."""

    async def hubs_elsewhere(self, world: World) -> list[str]:
        """The hubs on which a world is connected to other servers."""

    async def bring_back(self, hub: Hub, connection_id: str) -> None:
        """Fetch a connection whose client has come here, if any server has it."""

    async def kick(self, world_id: str) -> None:
        """Close the connections of a world on the other servers."""

    async def start_with(self, date: str) -> None:
        """Let new keys start with another day on all servers."""

    async def look_up(self, world_id: str) -> None:
        """Load a world by its id, if the cluster has it."""

    async def look_up_all(self) -> None:
        """Load all worlds that the cluster has."""

"""A streamer on hubs in memory, its time in our hands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gexfaker.hubs.connection import Audience
from gexfaker.hubs.encoded import EncodedRecords
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Audiences, Hub
from gexfaker.playback.days import Days
from gexfaker.playback.options import Options
from gexfaker.wire import messages as m
from gexfaker.worlds.streamer import Streamer
from gexfaker.worlds.worlds import Worlds
from support import independent
from support.clients import Client
from support.session import Sessions

START = 1_795_600_000.0
"""Real time at which everything begins; long after the days that are played."""


class Bench(Streamer):
    """A streamer, its hubs (which may come later), and the real time it is."""

    def __init__(self, days: Days, options: Options, hubs: Mapping[str, Hub] | None = None) -> None:
        self.all_hubs: dict[str, Hub] = {}
        self.now = START
        groups = Groups(days.day(days.first), "blue")
        super().__init__(Worlds(days, options), EncodedRecords(), groups, self.all_hubs)
        for name, hub in (hubs or {}).items():
            self.put(name, hub)

    def put(self, name: str, hub: Hub) -> Hub:
        """Let a hub's clients belong to the worlds of this streamer."""
        before, self.all_hubs[name] = hub._audience_of, hub
        if isinstance(before, Audiences):
            hub._audience_of = self.worlds.audiences_on(name)  # type: ignore[misc]
            for key, audience in before._audiences.items():
                self._adopt(key, name, audience)
        return hub

    def _adopt(self, key: str, hub: str, audience: Audience) -> None:
        """Clients that came to a hub before it was put here belong to the world of their key from now on."""
        audience.hub, audience.owner = hub, self.worlds.get(key)  # type: ignore[misc]
        if audience.connections:
            audience.owner.connected(audience)
            self.worlds.get(key).resubscribe()

    @property
    def sessions(self) -> Sessions:
        """The worlds, each as a session."""
        return Sessions.of(self.worlds)

    @sessions.setter
    def sessions(self, sessions: Sessions) -> None:
        """The server is restarted; the connections are kept, so that the feed can be compared."""
        before, self.worlds = self.worlds, sessions.worlds  # type: ignore[misc]
        for world in list(before._worlds.values()):
            self._leave(world)
            for name, audience in list(world.audiences.items()):
                self._adopt(world.id, name, audience)
        for name, hub in self.all_hubs.items():
            hub._audience_of = self.worlds.audiences_on(name)  # type: ignore[misc]

    def tick(self, now: float) -> Iterator[None]:
        """Publish what is due at ``now``; pauses after every few records."""
        self.begin(now)
        while self.advance():
            self.drain()
            yield

    def turn(self) -> None:
        """One tick at the time it is, everything handed to the clients."""
        for _ in self.tick(self.now):
            pass
        self.drain()

    def run(self, until: float, longest: float = 0.05) -> None:
        """Let time pass as the server does: a tick when something may be due, and after ``longest`` at the latest."""
        while self.now < until:
            at = self.next_turn(self.now)
            wait = longest if at is None else at - self.now
            self.now = min(self.now + min(max(wait, 0.0005), longest), until)
            self.turn()


def times(client: Client, start: int = 0) -> list[int | str]:
    """The timestamps of the records that arrived."""
    contents = [item.data.value for item in client.messages(start) if isinstance(item, m.DataMessage)]
    return [independent.orderflow_payload(content)["timestamp"] for content in contents]

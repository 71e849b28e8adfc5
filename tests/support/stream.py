"""A streamer on hubs in memory, its time in our hands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gexfaker.hubs.encoded import Payloads
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Hub
from gexfaker.playback.days import Days
from gexfaker.playback.options import Options
from gexfaker.playback.sessions import Sessions
from gexfaker.wire import messages as m
from gexfaker.worlds.streamer import Streamer
from support import independent
from support.clients import Client

START = 1_795_600_000.0
"""Real time at which everything begins; long after the days that are played."""


class Bench(Streamer):
    """A streamer, its hubs (which may come later), and the real time it is."""

    def __init__(self, days: Days, options: Options, hubs: Mapping[str, Hub] | None = None) -> None:
        self.all_hubs: dict[str, Hub] = dict(hubs or {})
        self.now = START
        groups = Groups(days.library(days.first), "blue")
        super().__init__(Sessions(days, options), Payloads(), groups, self.all_hubs)

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

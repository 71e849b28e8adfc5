"""Subscriptions: which feed each group of a world carries, worked out once until its groups or its day change."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from itertools import count
from typing import Final, NamedTuple

from gexfaker.catalog import SPOT, V2, Feed, spot_of
from gexfaker.errors import DataError
from gexfaker.hubs.connection import Audience
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Hub
from gexfaker.limits import MAX_LISTENING
from gexfaker.playback.day import Day
from gexfaker.tapes.tape import Tape


class Subscription(NamedTuple):
    """A group that somebody is in and that carries something.

    Attributes:
        hub: where the group is.
        audience: the world's connections there.
        group: its name.
        feed: what it carries.
        tape: the records of the feed.
        spot: the name of the spot group of its ticker there; None on the current hubs.
    """

    hub: Hub
    audience: Audience
    group: str
    feed: Feed
    tape: Tape
    spot: str | None


class Subscriptions(NamedTuple):
    """All subscriptions of a world.

    Attributes:
        day: the day that they are for.
        signature: a number that worlds in the same groups of the same hubs have in common.
        is_partial: whether the records of a feed could not be opened; that is tried again.
    """

    day: Day
    all: tuple[Subscription, ...]
    signature: int
    is_partial: bool = False


class Subscriber:
    """Works out the subscriptions of worlds.

    Args:
        hubs: by name.
        groups: knows what a group's name means.
    """

    def __init__(self, hubs: Mapping[str, Hub], groups: Groups) -> None:
        self._hubs: Final = hubs
        self._groups: Final = groups
        self._signatures: dict[Hashable, int] = {}
        self._numbers: Final = count()

    def subscribe(self, audiences: Mapping[str, Audience], day: Day) -> Subscriptions:
        """What a world with these audiences, by hub, gets of a day."""
        trouble: list[Feed] = []
        found = tuple(self._find(audiences, day, trouble))
        return Subscriptions(day, found, self._signature(audiences), bool(trouble))

    def _signature(self, audiences: Mapping[str, Audience]) -> int:
        names = tuple(tuple(audiences[name].groups) if name in audiences else () for name in self._hubs)
        if len(self._signatures) > MAX_LISTENING:
            self._signatures.clear()
        return self._signatures.setdefault(names, next(self._numbers))

    def _find(self, audiences: Mapping[str, Audience], day: Day, trouble: list[Feed]) -> Iterator[Subscription]:
        for name, hub in self._hubs.items():
            audience = audiences.get(name)
            for group in () if audience is None else audience.groups:
                feed = self._groups.feed_of(hub.name, group, day)
                tape = None if feed is None or feed.package == SPOT else self._tape(day, feed, trouble)
                if audience is not None and feed is not None and tape is not None:
                    yield Subscription(hub, audience, group, feed, tape, self._spot(hub, feed))

    def _spot(self, hub: Hub, feed: Feed) -> str | None:
        return self._groups.name(hub.name, spot_of(feed.ticker)) if hub.name.startswith(V2) else None

    def _tape(self, day: Day, feed: Feed, trouble: list[Feed]) -> Tape | None:
        try:
            return day.tape(feed)
        except DataError as error:
            self._groups.complain(f"{day.date} {feed.group}", f"{error}; it is tried again")
            trouble.append(feed)
            return None

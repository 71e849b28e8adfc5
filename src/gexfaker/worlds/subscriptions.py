"""Subscriptions: which feed each group of a world carries, worked out when its day changes, and followed by group."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
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
        signature: a number that worlds in the same groups of the same hubs have in common; only groups that carry
            something count.
        is_partial: whether the records of a feed could not be opened; that is tried again.
    """

    day: Day
    all: tuple[Subscription, ...]
    signature: int
    is_partial: bool = False


NO_SIGNATURE: Final = -1
"""Of subscriptions that nobody has: not yet worked out."""


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
        groups = [(hub, group) for hub, audience in audiences.items() for group in audience.groups]
        return self.follow(Subscriptions(day, (), NO_SIGNATURE), audiences, groups)

    def follow(
        self, known: Subscriptions, audiences: Mapping[str, Audience], regrouped: Iterable[tuple[str, str]]
    ) -> Subscriptions:
        """What it gets after groups, each a hub and a name, came or went; the same object if that is the same."""
        trouble: list[Feed] = []
        found = {(one.hub.name, one.group): one for one in known.all}
        for hub, group in regrouped:
            found.pop((hub, group), None)
            one = self._find(hub, group, audiences, known.day, trouble)
            if one is not None:
                found[hub, group] = one
        order = {name: number for number, name in enumerate(self._hubs)}
        everything = tuple(sorted(found.values(), key=lambda one: order[one.hub.name]))
        signature, is_partial = self._signature(everything), known.is_partial or bool(trouble)
        if signature == known.signature and is_partial == known.is_partial and everything == known.all:
            return known
        return Subscriptions(known.day, everything, signature, is_partial)

    def _signature(self, everything: tuple[Subscription, ...]) -> int:
        names = tuple((one.hub.name, one.group, one.spot in one.audience.groups) for one in everything)
        if len(self._signatures) > MAX_LISTENING:
            self._signatures.clear()
        return self._signatures.setdefault(names, next(self._numbers))

    def _find(
        self, hub: str, group: str, audiences: Mapping[str, Audience], day: Day, trouble: list[Feed]
    ) -> Subscription | None:
        """What a group carries, if somebody is in it and it carries anything."""
        audience = audiences.get(hub)
        if audience is None or group not in audience.groups or hub not in self._hubs:
            return None
        feed = self._groups.feed_of(hub, group, day)
        tape = None if feed is None or feed.package == SPOT else self._tape(day, feed, trouble)
        if feed is None or tape is None:
            return None
        return Subscription(self._hubs[hub], audience, group, feed, tape, self._spot(hub, feed))

    def _spot(self, hub: str, feed: Feed) -> str | None:
        return self._groups.name(hub, spot_of(feed.ticker)) if hub.startswith(V2) else None

    def _tape(self, day: Day, feed: Feed, trouble: list[Feed]) -> Tape | None:
        try:
            tape = day.tape(feed)
            if tape is not None and (empty := day.why_empty(tape)):
                self._groups.complain(f"{day.date} {feed.group}", empty)
            return tape
        except DataError as error:
            self._groups.complain(f"{day.date} {feed.group}", f"{error}; it is tried again")
            trouble.append(feed)
            return None

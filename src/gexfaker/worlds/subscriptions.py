"""Where sessions listen, worked out once for as long as their groups and their day stay the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from itertools import count
from typing import Final, NamedTuple

from gexfaker.catalog import SPOT, V2, Feed, spot_of
from gexfaker.errors import DataError
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.members import Member
from gexfaker.limits import MAX_LISTENING
from gexfaker.playback.day import Library
from gexfaker.playback.session import Session
from gexfaker.tapes.tape import Tape


class Place(NamedTuple):
    """A group that a session is in and that carries something.

    Attributes:
        member: the session and the group.
        spot: the same for the spot group of its ticker there; None on the current hubs.
    """

    hub: Hub
    member: Member
    feed: Feed
    tape: Tape
    spot: Member | None


class Heard(NamedTuple):
    """Where a session listens.

    Attributes:
        versions: of its memberships, hub by hub.
        signature: a number that sessions in the same groups of the same hubs have in common.
    """

    library: Library
    versions: tuple[int | None, ...]
    places: tuple[Place, ...]
    signature: int


class Places:
    """The places of all sessions; those of the MAX_LISTENING last ones are remembered."""

    def __init__(self, hubs: Mapping[str, Hub], groups: Groups) -> None:
        self._hubs: Final = hubs
        self._groups: Final = groups
        self._known: OrderedDict[str, Heard] = OrderedDict()
        self._signatures: dict[Hashable, int] = {}
        self._numbers: Final = count()

    def of(self, session: Session) -> Heard:
        """Where a session listens. Raises DataError when its day is gone."""
        library = session.library
        versions = tuple([hub.members.versions.get(session.id) for hub in self._hubs.values()])
        known = self._known.get(session.id)
        if known is None or known.library is not library or known.versions != versions:
            places = tuple(self._find(session, library))
            known = self._known[session.id] = Heard(library, versions, places, self._signature(session))
            if len(self._known) > MAX_LISTENING:
                self._known.popitem(last=False)
        return known

    def forget(self, session_id: str) -> None:
        """Nobody listens there any more: what is remembered would keep its day's tapes in memory."""
        self._known.pop(session_id, None)

    def _signature(self, session: Session) -> int:
        names = tuple(tuple(hub.members.groups.get(session.id, ())) for hub in self._hubs.values())
        if len(self._signatures) > MAX_LISTENING:
            self._signatures.clear()
        return self._signatures.setdefault(names, next(self._numbers))

    def _find(self, session: Session, library: Library) -> Iterator[Place]:
        for hub in self._hubs.values():
            for group in hub.members.groups.get(session.id, ()):
                feed = self._groups.feed_of(hub.name, group, library)
                tape = None if feed is None or feed.package == SPOT else self._tape(library, feed)
                if feed is not None and tape is not None:
                    yield Place(hub, (session.id, group), feed, tape, self._spot(hub, session, feed))

    def _spot(self, hub: Hub, session: Session, feed: Feed) -> Member | None:
        if not hub.name.startswith(V2):
            return None
        return session.id, self._groups.name(hub.name, spot_of(feed.ticker))

    def _tape(self, library: Library, feed: Feed) -> Tape | None:
        try:
            return library.tape(feed)
        except DataError as error:
            self._groups.explain("", feed.group, str(error))
            return None

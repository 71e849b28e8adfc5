"""What one tick sends: to every joined group of every session, the record that is due there. Pure decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gexfaker.catalog import SPOT, V2, Feed, spot_of
from gexfaker.errors import DataError, RecordError
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.members import Member
from gexfaker.hubs.payloads import Payloads
from gexfaker.limits import MAX_SKIPS_PER_TICK
from gexfaker.playback.library import Library
from gexfaker.playback.session import CacheMode, Session, Sessions, is_published
from gexfaker.tapes.tape import Tape
from gexfaker.wire import spot


class Streamer:
    """Steps every session through the day.

    Attributes:
        sent: messages published so far, counted once per receiver.
    """

    def __init__(
        self, library: Library, sessions: Sessions, payloads: Payloads, groups: Groups, mode: CacheMode
    ) -> None:
        self.library: Final = library
        self.sessions: Final = sessions
        self.payloads: Final = payloads
        self.groups: Final = groups
        self._mode: Final = mode
        self.sent = 0

    def tick(self, hubs: Mapping[str, Hub]) -> Iterator[None]:
        """Publish what is due everywhere; pauses after each group, so that the caller can take a breath.

        A feed moves once per session and tick, however many hubs or groups carry it.
        """
        due: dict[tuple[str, Feed], int | None] = {}
        for hub in hubs.values():
            spots: set[tuple[str, str, int]] = set()
            for member in hub.audiences():
                feed = self.groups.feed_of(hub.name, member[1])
                if feed is not None and feed.package != SPOT and member in hub.members:
                    self._publish(hub, member, feed, due, spots)
                    yield

    def _publish(
        self,
        hub: Hub,
        member: Member,
        feed: Feed,
        due: dict[tuple[str, Feed], int | None],
        spots: set[tuple[str, str, int]],
    ) -> None:
        session_id, group = member
        tape = self._tape(feed)
        if tape is None:
            return
        place = (session_id, feed)
        if place not in due:
            due[place] = self._step(self.sessions.get(session_id), tape, group)
        index = due[place]
        publication = None if index is None else self.payloads.publication(tape, index, group)
        if index is not None and publication is not None:
            self.sent += hub.publish(member, publication)
            if hub.name.startswith(V2):
                self._publish_spot(hub, session_id, tape, index, spots)

    def _publish_spot(
        self, hub: Hub, session_id: str, tape: Tape, index: int, spots: set[tuple[str, str, int]]
    ) -> None:
        """The spot of a calculation, once a hub: several feeds of a ticker may share one timestamp."""
        ticker = tape.feed.ticker
        group = self.groups.name(hub.name, spot_of(ticker))
        member = (session_id, group)
        if member not in hub.members:
            return
        try:
            calculation = (session_id, ticker, tape.timestamp(index))
        except RecordError:
            return
        publication = self.payloads.publication(tape, index, group, spot.SPOT)
        if calculation not in spots and publication is not None:
            spots.add(calculation)
            self.sent += hub.publish(member, publication)

    def _tape(self, feed: Feed) -> Tape | None:
        try:
            return self.library.tape(feed)
        except DataError as error:
            self.groups.explain("", feed.group, str(error))
            return None

    def _step(self, session: Session, tape: Tape, group: str) -> int | None:
        """The next index whose record can be served; unreadable ones are passed over, a bounded number at a time."""
        for _ in range(MAX_SKIPS_PER_TICK):
            index = session.step(tape, self._mode)
            if index is None or not is_published(tape.feed, index):
                return None
            if self.payloads.publication(tape, index, group) is not None:
                return index
        return None

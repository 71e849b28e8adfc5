"""What one tick sends: to every joined group of every session, the record that is due there. Pure decisions."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator, Mapping
from typing import Final

from gexfaker.catalog import Feed, hub_of, parse_group
from gexfaker.errors import DataError
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.members import Member
from gexfaker.hubs.payloads import Payloads
from gexfaker.hubs.publication import Publication
from gexfaker.limits import MAX_EXPLAINED_GROUPS, MAX_HINTED_LENGTH, MAX_HINTS, MAX_SKIPS_PER_TICK
from gexfaker.playback.library import Library
from gexfaker.playback.session import CacheMode, Session, Sessions
from gexfaker.tapes.tape import Tape

log: Final = logging.getLogger(__name__)


class Streamer:
    """Steps every session through the day.

    Attributes:
        sent: messages published so far, counted once per receiver.
    """

    def __init__(
        self,
        library: Library,
        sessions: Sessions,
        payloads: Payloads,
        prefix: str,
        mode: CacheMode,
    ) -> None:
        self.library: Final = library
        self.sessions: Final = sessions
        self.payloads: Final = payloads
        self._prefix: Final = f"{prefix}_"
        self._mode: Final = mode
        self._explained: set[tuple[str, str]] = set()
        self._names: Final = [f"{self._prefix}{feed.group}" for feed in sorted(library.feeds)]
        self._hints: dict[str, str] = {}
        self.sent = 0

    def tick(self, hubs: Mapping[str, Hub]) -> Iterator[None]:
        """Publish what is due everywhere; pauses after each group, so that the caller can take a breath.

        A feed moves once per session and tick, however many hubs or groups carry it.
        """
        due: dict[tuple[str, Feed], int | None] = {}
        for hub in hubs.values():
            for member in hub.audiences():
                feed = self.feed_of(hub.name, member[1])
                if feed is not None and member in hub.members:
                    self._publish(hub, member, feed, due)
                    yield

    def _publish(self, hub: Hub, member: Member, feed: Feed, due: dict[tuple[str, Feed], int | None]) -> None:
        session_id, group = member
        tape = self._tape(feed)
        if tape is None:
            return
        place = (session_id, feed)
        if place not in due:
            due[place] = self._step(self.sessions.get(session_id), tape, group)
        index = due[place]
        publication = None if index is None else self._publication(tape, index, group)
        if publication is not None:
            self.sent += hub.publish(member, publication)

    def _tape(self, feed: Feed) -> Tape | None:
        try:
            return self.library.tape(feed)
        except DataError as error:
            self._explain("", feed.group, str(error))
            return None

    def _step(self, session: Session, tape: Tape, group: str) -> int | None:
        """The next index whose record can be served; unreadable ones are passed over, a bounded number at a time."""
        for _ in range(MAX_SKIPS_PER_TICK):
            index = session.step(tape, self._mode)
            if index is None or self._publication(tape, index, group) is not None:
                return index
        return None

    def _publication(self, tape: Tape, index: int, group: str) -> Publication | None:
        return self.payloads.publication(tape, index, group)

    def feed_of(self, hub: str, group: str) -> Feed | None:
        """The feed a group of a hub carries, or None when nothing will ever come there."""
        feed = parse_group(group.removeprefix(self._prefix)) if group.startswith(self._prefix) else None
        if feed is None or hub_of(feed.package, feed.category) != hub:
            return None
        return feed if feed in self.library.feeds else None

    # --- explaining silence ------------------------------------------------------------------

    def joined(self, hub: str, group: str) -> None:
        """Say once why a group just joined will stay silent, if it will: the service itself never tells."""
        if self.feed_of(hub, group) is None and self._is_news(hub, group):
            self._explain(hub, group, self.reason(hub, group))

    def _is_news(self, hub: str, group: str) -> bool:
        return (hub, group) not in self._explained and len(self._explained) < MAX_EXPLAINED_GROUPS

    def _explain(self, hub: str, group: str, reason: str) -> None:
        if self._is_news(hub, group):
            self._explained.add((hub, group))
            log.warning("nothing will come to group %r on hub %r: %s", group, hub, reason)

    def reason(self, hub: str, group: str) -> str:
        """Why nothing comes to ``group`` on ``hub``, with the nearest name that works."""
        if not group.startswith(self._prefix):
            return f"groups start with {self._prefix!r} here{self._nearest(self._prefix + group)}"
        feed = parse_group(group.removeprefix(self._prefix))
        if feed is None:
            return f"the name is not PREFIX_TICKER_PACKAGE_CATEGORY{self._nearest(group)}"
        home = hub_of(feed.package, feed.category)
        if home != hub:
            return f"it belongs to hub {home!r}"
        return f"{self.library.date} ({self.library.origin}) has no such feed{self._nearest(group)}"

    def _nearest(self, group: str) -> str:
        """The hint for a name; looking takes milliseconds, so it is given for a bounded number of names only."""
        if group not in self._hints:
            if len(self._hints) >= MAX_HINTS or len(group) > MAX_HINTED_LENGTH:
                return ""
            close = difflib.get_close_matches(group, self._names, n=1)
            self._hints[group] = f"; did you mean {close[0]!r}?" if close else ""
        return self._hints[group]

"""What one turn of a session sends: the messages of the records that are due, hub by hub. Pure decisions."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Final

from gexfaker.catalog import Feed
from gexfaker.hubs.encoded import Payloads
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.publication import Batch, Publication
from gexfaker.limits import MAX_SKIPS_PER_TICK, MAX_TURN_RECORDS, READY_AT_ONCE
from gexfaker.playback.answers import stamp_of
from gexfaker.playback.options import Timestamps
from gexfaker.playback.session import Session
from gexfaker.playback.turns import Turn
from gexfaker.tapes.tape import Tape
from gexfaker.wire import spot
from gexfaker.worlds.subscriptions import Place

Pause = bool
"""A moment at which something else may be done; LONG where what was done until then may have taken long."""

SHORT, LONG = False, True

Items = list[tuple[str, Publication]]
"""Messages with their groups, in the order in which they are sent."""


class Assembly:
    """The messages of one turn.

    First ``move``, then ``build``; what comes out is in ``batches``.

    Args:
        payloads: where publications come from.
        session: whose turn it is.
        places: where it listens.
        turn: its turn.
        now: real time.

    Attributes:
        passed_over: whether a record could not be read, so that in step mode the session has moved on.
    """

    def __init__(self, payloads: Payloads, session: Session, places: Sequence[Place], turn: Turn, now: float) -> None:
        self._payloads: Final = payloads
        self._session: Final = session
        self._places: Final = places
        self._turn: Final = turn
        self._now: Final = now
        self._recorded: Final = session.options.timestamps is Timestamps.RECORDED
        self._items: Final[dict[Hub, Items]] = {}
        self._spots: Final[set[tuple[str, str, int | None]]] = set()
        self._searched = False
        self.passed_over = False
        self._due: Final[dict[Feed, list[int]]] = {}

    def move(self) -> Iterator[Pause]:
        """Let the session's feeds move, each once, however many hubs or groups carry it.

        Pauses after each one whose place had to be searched for: a compressed day is unpacked up to there.
        """
        session, turn, places, found = self._session, self._turn, self._places, self._due
        limit = max(1, MAX_TURN_RECORDS // len(places)) if places else 1
        for _, _, feed, tape, _ in places:
            if feed not in found:
                found[feed] = session.due(tape, turn, limit)
                if session.searched:
                    self._searched = True
                    yield LONG

    @property
    def position(self) -> Hashable:
        """The records that are due: another session with the same ones at the same places sends the same.

        None where what is sent is its own, because it shows other timestamps.
        """
        if not self._recorded:
            return None
        return tuple([index for due in self._due.values() for index in (*due, -1)])

    def build(self) -> Iterator[Pause]:
        """Make the messages; pauses after each record that had to be encoded, and now and then otherwise.

        After a search it pauses after every record: files of prepared payloads may have to be opened.
        """
        payloads, encoded, ready = self._payloads, self._payloads.encoded, 0
        for place in self._places:
            hub, member, feed, _, _ = place
            if member not in hub.members:  # left during a pause
                continue
            items = self._items.get(hub)
            if items is None:
                items = self._items[hub] = []
            for index in self._due[feed]:
                items += self._made(place, index) or self._stepped_on(place)
                ready += 1
                if ready > READY_AT_ONCE or payloads.encoded != encoded or self._searched:
                    encoded, ready = payloads.encoded, 0
                    yield SHORT

    def batches(self) -> dict[Hub, Batch]:
        """What ``build`` has made."""
        return {hub: Batch(items) for hub, items in self._items.items()}

    def _stepped_on(self, place: Place) -> Items:
        """In step mode an unreadable record is passed over, a bounded number at a time."""
        self.passed_over = True
        if not self._session.is_stepped:
            return []
        for _ in range(MAX_SKIPS_PER_TICK - 1):
            due = self._due[place.feed] = self._session.due(place.tape, self._turn)
            items = [item for index in due for item in self._made(place, index)]
            if items or not due:
                return items
        self._due[place.feed] = []
        return []

    def _made(self, place: Place, index: int) -> Items:
        """What a record is on a hub: the message to its group, on a V2 hub with the spot that belongs to it."""
        hub, (_, group), feed, tape, spot_member = place
        stamp = None if self._recorded else self._stamp(tape, index)
        publication = self._payloads.publication(tape, index, group, None, stamp)
        if publication is None:
            return []
        if spot_member is None or spot_member not in hub.members:
            return [(group, publication)]
        # A calculation has one spot on a hub, however many of its feeds go there.
        calculation = (hub.name, feed.ticker, stamp_of(tape, index))
        if calculation in self._spots:
            return [(group, publication)]
        self._spots.add(calculation)
        price = self._payloads.publication(tape, index, spot_member[1], spot.SPOT, stamp)
        return [(group, publication)] if price is None else [(group, publication), (spot_member[1], price)]

    def _stamp(self, tape: Tape, index: int) -> int | None:
        """The timestamp to show instead of the recorded one."""
        clock, stamp = self._session.clock, stamp_of(tape, index)
        if stamp is None:
            return None
        at = None if clock is None else clock.real(stamp)
        return int(self._now if at is None else at)

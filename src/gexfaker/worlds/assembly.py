"""What one turn of a world sends: the messages of the records that are due, hub by hub. Pure decisions."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final

from gexfaker.catalog import Feed
from gexfaker.errors import GexfakerError
from gexfaker.hubs.encoded import EncodedRecords
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.publication import Batch, Publication
from gexfaker.limits import MAX_SKIPS_PER_TICK, MAX_TURN_RECORDS, READY_AT_ONCE
from gexfaker.playback.answers import stamp_of
from gexfaker.playback.options import LIVE
from gexfaker.playback.play import Play
from gexfaker.playback.turns import Turn
from gexfaker.tapes.tape import Tape
from gexfaker.worlds.subscriptions import Subscription
from gexfaker.worlds.world import LONG, SHORT, Pause

TROUBLE: Final = (GexfakerError, OSError, ValueError)
"""What a day or a file that is gone, or is being changed, gives; the others are not."""

Items = list[tuple[str, Publication]]
"""Messages with their groups, in the order in which they are sent."""


class Assembly:
    """The messages of one turn.

    First ``move``, then ``build``; what comes out is in ``batches``.

    Args:
        encoded: where publications come from.
        groups: where the trouble of a feed is told.
        play: whose turn it is.
        subscriptions: what its groups carry.
        turn: its turn.
        now: real time.

    Attributes:
        passed_over: whether a record could not be read, so that in step mode the play has moved on.
        dropped: records that were due, but too many to send at once.
    """

    __slots__ = (
        *("_due", "_encoded", "_groups", "_items", "_play", "_present", "_searched"),
        *("_spots", "_subscriptions", "_turn", "dropped", "passed_over"),
    )

    def __init__(
        self,
        encoded: EncodedRecords,
        groups: Groups,
        play: Play,
        subscriptions: tuple[Subscription, ...],
        turn: Turn,
        now: float,
    ) -> None:
        self._encoded: Final = encoded
        self._groups: Final = groups
        self._play: Final = play
        self._subscriptions: Final = subscriptions
        self._turn: Final = turn
        self._present: Final = now if play.options.timestamps is LIVE else None
        self._items: Final[dict[Hub, Items]] = {}
        self._spots: set[tuple[str, str, int | None]] | None = None
        self._searched = self.passed_over = False
        self.dropped = 0
        self._due: Final[dict[Feed, list[int]]] = {}

    def move(self) -> Iterator[Pause]:
        """Let the play's feeds move, each once, however many hubs or groups carry it.

        Pauses while the place of one is searched for: a compressed day is unpacked up to there. The trouble of a feed
        is told, and the other feeds of the turn are sent all the same.
        """
        found, play, turn, subscriptions = self._due, self._play, self._turn, self._subscriptions
        limit = max(1, MAX_TURN_RECORDS // len(subscriptions)) if subscriptions else 1
        for _, _, _, feed, tape, _ in subscriptions:
            if feed in found:
                continue
            found[feed] = []
            try:
                for _ in play.approach(tape, turn):
                    yield LONG
                due = play.due(tape, turn, limit)
            except TROUBLE as error:
                self._complain(tape, error)
                continue
            found[feed] = due.indexes
            self.dropped += due.dropped
            if due.searched:
                self._searched = True
                yield LONG

    def _complain(self, tape: Tape, error: Exception) -> None:
        self._groups.complain(f"{tape.date} {tape.feed.group}", str(error))

    @property
    def position(self) -> Hashable:
        """The records that are due: another world with the same ones for the same groups is sent the same.

        None where what is sent is its own, because it shows other timestamps.
        """
        if self._present is not None:
            return None
        return tuple([index for due in self._due.values() for index in (*due, -1)])

    def build(self) -> Iterator[Pause]:
        """Make the messages; pauses after each record that had to be encoded, and now and then otherwise.

        After a search it pauses after every record: files of prepared payloads may have to be opened.
        """
        source, count, ready = self._encoded, self._encoded.encoded, 0
        for subscription in self._subscriptions:
            if subscription.group not in subscription.audience.groups:  # left during a pause
                continue
            items = self._items.setdefault(subscription.hub, [])
            for index in self._due[subscription.feed]:
                try:
                    items += self._made(subscription, index) or self._stepped_on(subscription)
                except TROUBLE as error:
                    self._complain(subscription.tape, error)
                ready += 1
                if ready > READY_AT_ONCE or source.encoded != count or self._searched:
                    count, ready = source.encoded, 0
                    yield SHORT

    def batches(self) -> dict[Hub, Batch]:
        """What ``build`` has made."""
        return {hub: Batch(items) for hub, items in self._items.items()}

    def _stepped_on(self, subscription: Subscription) -> Items:
        """In step mode an unreadable record is passed over, a bounded number at a time."""
        self.passed_over = True
        if not self._play.PASSES_OVER:
            return []
        feed = subscription.feed
        for _ in range(MAX_SKIPS_PER_TICK - 1):
            due = self._due[feed] = self._play.due(subscription.tape, self._turn).indexes
            items = [item for index in due for item in self._made(subscription, index)]
            if items or not due:
                return items
        self._due[feed] = []
        return []

    def _made(self, subscription: Subscription, index: int) -> Items:
        """What a record is on a hub: the message to its group, on a V2 hub with the spot that belongs to it."""
        hub, audience, group, feed, tape, spot_group = subscription
        stamp = None if self._present is None else self._stamp(tape, index, self._present)
        publication = self._encoded.publication(tape, index, group, None, stamp)
        if publication is None:
            return []
        if spot_group is None or spot_group not in audience.groups:
            return [(group, publication)]
        # A calculation has one spot on a hub, however many of its feeds go there.
        calculation = (hub.name, feed.ticker, stamp_of(tape, index))
        spots = self._spots = set() if self._spots is None else self._spots
        if calculation in spots:
            return [(group, publication)]
        spots.add(calculation)
        price = self._encoded.spot(tape, index, spot_group, stamp)
        return [(group, publication)] if price is None else [(group, publication), (spot_group, price)]

    def _stamp(self, tape: Tape, index: int, now: float) -> int | None:
        """The timestamp to show instead of the recorded one."""
        stamp = stamp_of(tape, index)
        if stamp is None:
            return None
        at = self._play.real_time(stamp)
        return int(now if at is None else at)

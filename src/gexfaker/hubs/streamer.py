"""What is sent when: to every joined group of every session, the records that are due there. Pure decisions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from gexfaker.catalog import Feed
from gexfaker.errors import DataError, RecordError
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.payloads import Payloads
from gexfaker.hubs.places import Place, Places
from gexfaker.hubs.publication import Batch, Publication
from gexfaker.limits import MAX_FINISHED_RECORDS, MAX_SKIPS_PER_TICK, MAX_TURN_RECORDS
from gexfaker.playback.clock import AS_FAST_AS_POSSIBLE
from gexfaker.playback.options import Timestamps
from gexfaker.playback.session import Session
from gexfaker.playback.sessions import Sessions
from gexfaker.playback.turns import Turn, is_published
from gexfaker.tapes.tape import Tape
from gexfaker.wire import spot

Items = list[tuple[str, Publication]]
"""Messages with their groups, in the order in which they are sent."""

Spots = set[tuple[str, str, int]]
"""(hub, ticker, timestamp) of the calculations whose spot was sent in a turn."""


class Streamer:
    """Moves every session that somebody listens to, and publishes what that makes due.

    Attributes:
        sent: messages published so far, counted once per receiver.
    """

    def __init__(self, sessions: Sessions, payloads: Payloads, groups: Groups, hubs: Mapping[str, Hub]) -> None:
        self.sessions: Final = sessions
        self.payloads: Final = payloads
        self.groups: Final = groups
        self._hubs: Final = hubs
        self.sent = 0
        self._places: Final = Places(hubs, groups)
        self._batches: dict[tuple[tuple[str, Publication], ...], Batch] = {}
        self._heard: set[str] = set()
        self._plays: OrderedDict[str, Iterator[None]] = OrderedDict()

    def next_turn(self, now: float) -> float | None:
        """When something may be due next, in real time; None when nobody listens."""
        if self._plays:
            return now
        times = (self.sessions.get(session_id).next_turn(now) for session_id in self._listening())
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> Iterator[None]:
        """Publish what is due at ``now``; pauses after each record, so that the caller can take a breath.

        A feed moves once per session and turn, however many hubs or groups carry it.
        """
        self.begin(now)
        while self.advance():
            yield

    def begin(self, now: float) -> None:
        """Start the turns that are due at ``now``, beside those under way."""
        if not self._plays:
            self._batches.clear()
        listening = self._listening()
        self._notice(set(listening), now)
        for session_id in listening:
            session = self.sessions.get(session_id)
            at = None if session_id in self._plays else session.next_turn(now)
            if at is not None and at <= now:
                hurried = session.options.speed == AS_FAST_AS_POSSIBLE and not session.is_stepped
                if not hurried or not self._is_congested(session_id):
                    self._plays[session_id] = self._play(session, now)

    def advance(self) -> bool:
        """One record of one turn, the turns taking turns, so that a fast key cannot hold up the others.

        False when nothing is under way.
        """
        if not self._plays:
            return False
        session_id, play = next(iter(self._plays.items()))
        try:
            next(play)
        except StopIteration:
            del self._plays[session_id]
        except (DataError, OSError, ValueError) as error:  # its day is gone; the others' are not
            del self._plays[session_id]
            self.groups.explain("", self.sessions.get(session_id).day, str(error))
        else:
            self._plays.move_to_end(session_id)
        return True

    def finish(self, session_id: str, now: float) -> None:
        """Send at once what is due to a session, if that is not much; its turn under way included."""
        session = self.sessions.get(session_id)
        self._notice(self._heard | ({session_id} & set(self._listening())), now)
        session.hasten()
        left = MAX_FINISHED_RECORDS
        for play in (self._plays.get(session_id, iter(())), self._play(session, now)):
            self._plays[session_id] = play
            left -= sum(1 for _ in islice(play, left))
            if not left:
                return
        del self._plays[session_id]

    def settle(self, session_id: str) -> None:
        """Let a session come to rest: its turn under way is taken back, to be sent later; in step mode it is ended."""
        play = self._plays.pop(session_id, None)
        session = self.sessions.get(session_id)
        if play is not None and session.is_stepped:
            for _ in play:
                continue
        elif play is not None:
            session.rewind()

    def rest(self) -> None:
        """Nothing is sent for a while: whoever listens goes on, later, from where the market is then."""
        self._plays.clear()
        self._notice(set(), 0.0)

    def prepare(self) -> Iterator[None]:
        """Encode what will be due next, so that the turn itself finds it made; pauses after each record."""
        made: set[tuple[Tape, int, str]] = set()
        for session_id in self._listening():
            session = self.sessions.get(session_id)
            if session.options.timestamps is Timestamps.RECORDED:
                yield from self._prepare(session, made)
            yield

    def _prepare(self, session: Session, made: set[tuple[Tape, int, str]]) -> Iterator[None]:
        for place in self._places.of(session):
            tape, group, index = place.tape, place.member[1], session.place(place.feed)
            key = (tape, index, group)
            if key in made or not is_published(place.feed, index) or not tape.has(index):
                continue
            made.add(key)
            self.payloads.publication(tape, index, group)
            if place.spot is not None and place.spot in place.hub.members:
                self.payloads.publication(tape, index, place.spot[1], spot.SPOT)
            yield

    def _notice(self, listening: set[str], now: float) -> None:
        """Tell the sessions whether somebody listens."""
        for session_id in self._heard - listening:
            session = self.sessions.peek(session_id)
            if session is not None:
                session.heard = False
        self._heard = listening
        for session_id in listening:
            session = self.sessions.get(session_id)
            if not session.heard:
                session.attend(now)

    def _listening(self) -> list[str]:
        """The sessions with a connection in any group."""
        return list(dict.fromkeys(session for hub in self._hubs.values() for session in hub.members.groups))

    def _is_congested(self, session_id: str) -> bool:
        """Whether a client of a session that goes as fast as it can has to be waited for."""
        return any(
            connection.is_behind(hub.bounds.queued_messages)
            for hub in self._hubs.values()
            for connection in hub.of_session(session_id)
        )

    def _play(self, session: Session, now: float) -> Iterator[None]:
        """One turn of a session, record by record; what it gave is sent at its end."""
        session.roll(by_feed=True)
        places = self._places.of(session)
        if places and not session.is_stepped:
            session.start(places[0].tape, now)
        turn = session.turn(now)
        if turn is None:
            return
        due: dict[Feed, list[int]] = {}
        spots: Spots = set()
        made: dict[Hub, Items] = {}
        limit = max(1, MAX_TURN_RECORDS // len(places)) if places else 1
        for place in places:
            if session.timeline == turn.timeline and place.member in place.hub.members:
                if place.feed not in due:
                    due[place.feed] = self._due(session, place, turn, limit)
                items = made.setdefault(place.hub, [])
                for index in due[place.feed]:
                    items += self._items(session, place, index, spots, now)
                    yield
        if session.timeline == turn.timeline:
            self._send(session, made)

    def _send(self, session: Session, made: dict[Hub, Items]) -> None:
        for hub, items in made.items():
            sent = hub.publish_all(session.id, self._batch(items))
            session.sent += sent
            self.sent += sent
            hub.drain()

    def _batch(self, items: Items) -> Batch:
        """The batch of these messages: one for all sessions that are at the same place."""
        key = tuple(items)
        batch = self._batches.get(key)
        if batch is None:
            batch = self._batches[key] = Batch(key)
        return batch

    def _due(self, session: Session, place: Place, turn: Turn, limit: int) -> list[int]:
        """What a turn sends; in step mode unreadable records are passed over, a bounded number at a time."""
        if not session.is_stepped:
            return session.due(place.tape, turn, limit)
        for _ in range(MAX_SKIPS_PER_TICK):
            due = session.due(place.tape, turn, limit)
            if not due or self.payloads.publication(place.tape, due[0], place.member[1]) is not None:
                return due
        return []

    def _items(self, session: Session, place: Place, index: int, spots: Spots, now: float) -> Items:
        """What a record is on a hub: the message to its group, on a V2 hub with the spot that belongs to it."""
        hub, (_, group), feed, tape, spot_member = place
        stamp = self._stamp(session, tape, index, now)
        publication = self.payloads.publication(tape, index, group, None, stamp)
        if publication is None:
            return []
        if spot_member is None or spot_member not in hub.members:
            return [(group, publication)]
        # A calculation has one spot on a hub, however many of its feeds go there.
        calculation = (hub.name, feed.ticker, tape.timestamp(index))
        if calculation in spots:
            return [(group, publication)]
        spots.add(calculation)
        price = self.payloads.publication(tape, index, spot_member[1], spot.SPOT, stamp)
        return [(group, publication)] if price is None else [(group, publication), (spot_member[1], price)]

    @staticmethod
    def _stamp(session: Session, tape: Tape, index: int, now: float) -> int | None:
        """The timestamp to show instead of the recorded one, if another is wanted."""
        if session.options.timestamps is Timestamps.RECORDED:
            return None
        try:
            at = session.clock.real(tape.timestamp(index)) if session.clock is not None else None
        except RecordError:
            return None
        return int(now if at is None else at)

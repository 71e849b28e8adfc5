"""What is sent when: to every joined group of every session, the records that are due there. Pure decisions."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from itertools import islice
from typing import Final

from gexfaker.errors import GexfakerError
from gexfaker.hubs.encoded import Payloads
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.publication import Batch
from gexfaker.limits import MAX_BATCHES, MAX_FINISHED_RECORDS, MAX_LISTENING, RECORDS_AT_ONCE
from gexfaker.playback.day import Library
from gexfaker.playback.options import Timestamps
from gexfaker.playback.session import Session
from gexfaker.playback.sessions import Sessions
from gexfaker.playback.turns import is_published
from gexfaker.tapes.tape import Tape
from gexfaker.wire import spot
from gexfaker.worlds.assembly import LONG, Assembly, Pause
from gexfaker.worlds.subscriptions import Heard, Places

TROUBLE: Final = (GexfakerError, OSError, ValueError)
"""What a day that is gone, or is being changed, gives; the others' days are not."""


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
        self._shared: OrderedDict[tuple[Library, int, Hashable], dict[Hub, Batch]] = OrderedDict()
        self._prepared: Final[dict[str, Heard]] = {}
        self._sessions: dict[str, None] = {}
        self._changes = 0
        self._heard: dict[str, None] = {}
        self._plays: OrderedDict[str, Iterator[Pause]] = OrderedDict()

    def next_turn(self, now: float) -> float | None:
        """When something may be due next, in real time; None when nobody listens."""
        if self._plays:
            return now
        times = (self.sessions.get(session_id).next_turn(now) for session_id in self._listening())
        return min((time for time in times if time is not None), default=None)

    def begin(self, now: float) -> None:
        """Start the turns that are due at ``now``, beside those under way."""
        if not self._plays:
            self._shared.clear()
        listening = self._listening()
        self._unhear(listening)
        for session_id in listening:
            if session_id in self._plays:
                continue
            session = self.sessions.get(session_id)
            if not session.heard:
                session.attend(now)
            at = session.next_turn(now)
            if at is None or at > now or (session.is_hurried and self._is_congested(session_id)):
                continue
            self._plays[session_id] = self._play(session, now)

    def advance(self) -> bool:
        """A part of one turn, the turns taking turns, so that a fast key cannot hold up the others.

        Whoever calls it drains before anything else has its turn. False when nothing is under way.
        """
        if not self._plays:
            return False
        session_id = next(iter(self._plays))
        if self._go_on(session_id):
            self._plays.move_to_end(session_id)
        return True

    def _go_on(self, session_id: str) -> bool:
        """A part of a session's turn; whether there is more of it."""
        play = self._plays[session_id]
        try:
            for _ in range(RECORDS_AT_ONCE):
                if next(play) is LONG:
                    break
            return True
        except StopIteration:
            pass
        except TROUBLE as error:
            self.groups.explain("", self.sessions.get(session_id).day, str(error))
        del self._plays[session_id]
        return False

    def drain(self) -> None:
        """Hand the sockets what was published: of many turns in one go, so that who reads wakes up once for all."""
        for hub in self._hubs.values():
            hub.drain()

    def finish(self, session_id: str, now: float) -> None:
        """Send at once what is due to a session, if that is not much; its turn under way included."""
        session = self.sessions.get(session_id)
        if session_id in self._listening() and not session.heard:
            session.attend(now)
            self._heard = {**self._heard, session_id: None}
        session.hasten()
        left = MAX_FINISHED_RECORDS
        for play in (self._plays.get(session_id, iter(())), self._play(session, now)):
            self._plays[session_id] = play
            left -= sum(1 for _ in islice((pause for pause in play if pause is not LONG), left))
            if not left:
                break
        else:
            del self._plays[session_id]
        self.drain()

    def settle(self, session_id: str) -> None:
        """Let a session come to rest: its turn under way is taken back, to be sent later; in step mode it is ended."""
        session = self.sessions.get(session_id)
        if session.is_stepped:
            while session_id in self._plays and self._go_on(session_id):
                continue
        elif self._plays.pop(session_id, None) is not None:
            session.rewind()
        self.drain()

    def rest(self) -> None:
        """Nothing is sent for a while: turns under way are settled, and whoever listens goes on, later.

        In clock mode that is from where the market is then.
        """
        for session_id in list(self._plays):
            self.settle(session_id)
        self._unhear({})

    def prepare(self) -> Iterator[None]:
        """Encode what will be due next, so that the turn itself finds it made; pauses after each record."""
        made: set[tuple[Tape, int, str]] = set()
        for session_id in self._listening():
            session = self.sessions.get(session_id)
            if session.options.timestamps is Timestamps.RECORDED:
                with contextlib.suppress(*TROUBLE):  # its turn will tell
                    yield from self._prepare(session, made)
            yield

    def _prepare(self, session: Session, made: set[tuple[Tape, int, str]]) -> Iterator[None]:
        heard = self._places.of(session)
        if self._prepared.get(session.id) is heard:
            return
        prepared = True
        for place in heard.places:
            if place.tape.is_prepared:
                yield  # it may just have been opened
                continue
            prepared = False
            tape, group, index = place.tape, place.member[1], session.place(place.feed)
            key = (tape, index, group)
            if key in made or not is_published(place.feed, index) or not tape.has(index):
                continue
            made.add(key)
            self.payloads.publication(tape, index, group)
            if place.spot is not None and place.spot in place.hub.members:
                self.payloads.publication(tape, index, place.spot[1], spot.SPOT)
            yield
        if prepared:
            self._note_prepared(session, heard)

    def _note_prepared(self, session: Session, heard: Heard) -> None:
        """Nothing has to be encoded ahead for this session, as long as it listens there."""
        if len(self._prepared) >= MAX_LISTENING:
            self._prepared.clear()
        self._prepared[session.id] = heard

    def _unhear(self, listening: dict[str, None]) -> None:
        """Tell the sessions to which nobody listens any more."""
        for session_id in self._heard.keys() - listening.keys() if self._heard is not listening else ():
            session = self.sessions.peek(session_id)
            if session is not None:
                session.heard = False
            self._places.forget(session_id)
            self._prepared.pop(session_id, None)
        self._heard = listening

    def _listening(self) -> dict[str, None]:
        """The sessions with a connection in any group: the same object until that changes."""
        changes = sum([hub.members.changes for hub in self._hubs.values()])
        if changes != self._changes:
            self._changes = changes
            self._sessions = dict.fromkeys(session for hub in self._hubs.values() for session in hub.members.groups)
        return self._sessions

    def _is_congested(self, session_id: str) -> bool:
        """Whether a client of a session that goes as fast as it can has to be waited for."""
        return any(
            connection.is_behind(hub.bounds.queued_messages)
            for hub in self._hubs.values()
            for connection in hub.of_session(session_id)
        )

    def _play(self, session: Session, now: float) -> Iterator[Pause]:
        """One turn of a session; what it gave is sent at its end."""
        session.roll(by_feed=True)
        heard = self._places.of(session)
        if heard.places and not session.is_stepped:
            session.start(heard.places[0].tape, now)
        turn = session.turn(now)
        if turn is None:
            return
        assembly = Assembly(self.payloads, session, heard.places, turn, now)
        paused = False
        for pause in assembly.move():
            paused = True
            yield pause
            if session.timeline != turn.timeline:
                return
        position = assembly.position
        batches = None if position is None else self._shared.get((heard.library, heard.signature, position))
        if batches is None:
            for pause in assembly.build():
                paused = True
                yield pause
                if session.timeline != turn.timeline:
                    return
            batches = assembly.batches()
            if position is not None and not assembly.passed_over and (not paused or self._places.of(session) is heard):
                self._share(heard, position, batches)
        self._send(session, batches)
        session.conclude()

    def _share(self, heard: Heard, position: Hashable, batches: dict[Hub, Batch]) -> None:
        """Keep what was made for other sessions at the same place whose turn comes next."""
        self._shared[heard.library, heard.signature, position] = batches
        if len(self._shared) > MAX_BATCHES:
            self._shared.popitem(last=False)

    def _send(self, session: Session, batches: dict[Hub, Batch]) -> None:
        for hub, batch in batches.items():
            sent = hub.publish_all(session.id, batch)
            session.sent += sent
            self.sent += sent

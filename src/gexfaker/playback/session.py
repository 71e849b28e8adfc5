"""One API key's world: its day, its market clock, its place on every tape. Sessions never influence each other.

Real time is always an argument. In clock mode a record is due when market time reaches its timestamp; in step mode
when it is asked for. A jump of any kind starts a new timeline: what belongs to the old one is not sent any more.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Hashable
from typing import Final

from gexfaker.catalog import Feed
from gexfaker.exchange.times import moment, next_tick, same_time_of_day
from gexfaker.limits import MAX_TURN_RECORDS
from gexfaker.playback.answers import (
    clocked_answer,
    first_in_hours,
    is_reached,
    newest_record,
    next_time,
    stepped_answer,
)
from gexfaker.playback.clock import AS_FAST_AS_POSSIBLE, MarketClock
from gexfaker.playback.day import Library
from gexfaker.playback.days import Days
from gexfaker.playback.options import STEP, CacheMode, Options
from gexfaker.playback.progress import day_after_the_end, is_over, stepped_indexes
from gexfaker.playback.turns import IDLE_TURN, SHORTEST_TURN, Turn, is_published
from gexfaker.tapes.tape import Tape


class Session:
    """The playback of one key.

    Attributes:
        id: a digest of the key.
        day: the day that is played, YYYY-MM-DD.
        options: how.
        clock: market time; None until the key is used for the first time.
        timeline: counts the jumps.
        paused: in step mode, whether the feed stands still.
        places: in step mode, the next index of every position.
        newest: of each feed that REST was asked for, the newest record then.
        origin: in step mode, the market time at which positions begin; None: with the first record.
        streamed: in clock mode, the market time up to which the feed has been sent.
        heard: whether somebody listens.
        seen: the real time up to which anybody has looked.
        searched: whether the place of the feed that moved last had to be looked for on its tape, as after a jump.
        dropped: records that were due but too many at once to send.
        sent: messages sent, counted once per receiver.
        cut: its clients that read too slowly and were cut.
    """

    def __init__(self, session_id: str, days: Days, options: Options, day: str | None = None) -> None:
        self.id: Final = session_id
        self._days: Final = days
        self.options, self.day = options, day or days.first
        self.clock: MarketClock | None = None
        self.timeline = self.dropped = self.sent = self.cut = self._owed = 0
        self.paused = self.heard = self.searched = self._resting = self._at_open = self._ended = False
        self.streamed = self.seen = self._ticked = 0.0
        self.origin: float | None = None
        self._turn: Turn | None = None
        self.places: dict[Hashable, int] = {}
        self._next: dict[Feed, tuple[float, int]] = {}
        self.newest: dict[Feed, int] = {}

    @property
    def library(self) -> Library:
        """The tapes of its day. Raises DataError when the day is gone."""
        return self._days.library(self.day)

    @property
    def first_day(self) -> str:
        """The day that sessions start with."""
        return self._days.first

    def resolve_day(self, date: str) -> str | None:
        """The day that a date, ``latest`` or ``next`` means; None where no day is next. Raises DataError."""
        return self._days.after(self.day) if date == "next" else self._days.resolve(date)

    @property
    def is_stepped(self) -> bool:
        """Whether records are due when asked for."""
        return self.options.playback is STEP

    @property
    def is_hurried(self) -> bool:
        """Whether as much is due as its clients take."""
        return self._owed > 0 if self.is_stepped else self.options.speed == AS_FAST_AS_POSSIBLE

    # --- the clock ---------------------------------------------------------------------------

    def start(self, tape: Tape, now: float) -> MarketClock:
        """The clock, started at the first use of the key, where the options say."""
        if self.clock is None:
            first = self.opening(tape)
            text, day = "open" if self._at_open else self.options.start, datetime.date.fromisoformat(self.day)
            market = first if text == "open" else same_time_of_day(day, now) if text == "now" else moment(day, text)
            # Whole market seconds of all keys coincide, so that what they share is encoded and sent together.
            rate = max(self.options.speed, 1.0)
            self.clock = MarketClock(market, now if self.paused else math.floor(now * rate) / rate, self.options.speed)
            self.streamed, self.seen = market - 1, now
            if self.paused:
                self.clock.pause(now)
        return self.clock

    def opening(self, tape: Tape) -> int:
        """Epoch seconds of the day's first record in market hours; of the very first where none is in them."""
        return first_in_hours(tape, datetime.date.fromisoformat(self.day))

    def market_time(self, now: float) -> float | None:
        """Market time at ``now``; None before the first use, and in step mode."""
        return None if self.clock is None or self.is_stepped else self.clock.at(now)

    def begin(self, now: float) -> None:
        """Start the clock if the key has not been used yet."""
        library = self.library
        tape = library.tape(min(library.feeds)) if library.feeds else None
        if tape is not None and not self.is_stepped:
            self.start(tape, now)

    def jump(self, market: float, now: float, *, again: bool = True) -> None:
        """Go to a market time: the record of that time is the next that is sent, or unless ``again`` the one after."""
        self.timeline += 1
        self._owed, self._resting = 0, False
        self._forget_places()
        self.origin = market if again else math.floor(market) + 1
        if self.clock is not None:
            self.clock.seek(market, now)
            self.streamed, self.seen = market - again, now

    def restart(self, day: str | None = None, *, at_open: bool = False) -> None:
        """Forget all places; the clock starts again at the next use, on another day if one is given.

        It starts where the options say, or ``at_open``.
        """
        self.timeline += 1
        self.day = day or self.day
        self.clock, self.origin, self._owed, self._resting = None, None, 0, False
        if not self.is_stepped:
            self._ticked = 0.0  # whoever listens need not wait for the next look
        self._at_open = at_open
        self._forget_places()

    def _forget_places(self) -> None:
        for places in (self.places, self._next, self.newest):
            places.clear()
        self._ended = False

    def pause(self, now: float) -> None:
        """Stand still; REST goes on to answer from where it stands."""
        self.paused, self._owed = True, 0
        if self.clock is not None:
            self.clock.pause(now)
            # What was due just now waits for the feed to go on, so that nothing comes after the answer.
            self._resting = math.floor(self.clock.at(now)) > math.floor(self.streamed)

    def resume(self, now: float) -> None:
        """Go on from where it stands."""
        self.paused, self._owed, self._resting = False, 0, False
        if self.clock is not None:
            self.clock.resume(now)

    def advance(self, count: int, now: float) -> None:
        """Send the next ``count`` records of every group (seconds of market time, in clock mode) at once."""
        if self.is_stepped:
            self._owed += count
        elif self.clock is not None:
            self.clock.seek(self.clock.at(now) + count, now)
            self._resting = False

    # --- the feed ----------------------------------------------------------------------------

    def attend(self, now: float) -> None:
        """Somebody listens, after nobody did: the feed goes on from here, without what nobody was there for."""
        self.heard, self._resting = True, False
        if self.clock is not None:
            self.streamed = max(self.streamed, math.floor(self.clock.at(now)) - 1)

    def next_turn(self, now: float) -> float | None:
        """When something can be due next, in real time; None while nothing will be."""
        if self.is_stepped:
            if self.paused or self._owed:
                return now if self._owed else None
            return next_tick(max(now - self.options.interval, self._ticked), self.options.interval)
        if self.clock is None:
            return self._ticked + IDLE_TURN
        if self.clock.speed == AS_FAST_AS_POSSIBLE and not self.clock.paused:
            return self._ticked + (IDLE_TURN if self._ended else 0.0)
        at = self.clock.real(math.floor(self.streamed) + 1)
        if at is None:  # it stands; but what a step or a jump went to is still to be sent
            behind = math.floor(self.clock.at(now)) > math.floor(self.streamed)
            return now if behind and not self._resting else None
        return max(at, self._ticked + SHORTEST_TURN)

    def turn(self, now: float) -> Turn | None:
        """What is due now, once; None when nothing is."""
        at = self.next_turn(now)
        if at is None or at > now:
            return None
        if self.is_stepped:
            self._ticked, self._owed = at, max(0, self._owed - 1)
            return Turn(self.timeline, 0.0, 0.0)
        self._ticked = self.seen = now
        if self.clock is None:
            return None
        upto = self.clock.at(now)
        if self.clock.speed == AS_FAST_AS_POSSIBLE and not self.clock.paused:
            upto = max(upto, self.streamed + 1)
            self.clock.seek(upto, now)
            self._ended = is_over(self)
        self._turn = Turn(self.timeline, self.streamed, upto)
        self.streamed = upto
        return self._turn

    def hasten(self) -> None:
        """In clock mode, let what is due be due now, however short the turn before was."""
        self._ticked = self._ticked if self.is_stepped else 0.0

    def rewind(self) -> None:
        """Take the last turn back: what it would have sent is due again."""
        if self._turn is not None and self._turn.timeline == self.timeline:
            self.streamed = self._turn.after

    def conclude(self) -> None:
        """The last turn has been sent: it cannot be taken back any more."""
        self._turn = None

    def due(self, tape: Tape, turn: Turn, limit: int = MAX_TURN_RECORDS) -> list[int]:
        """The records of a tape that a turn sends, in order; of more than ``limit`` only the newest."""
        feed = tape.feed
        if self.is_stepped:
            self.searched = feed not in self.places
            index = self.step(tape, feed)
            return [] if index is None or not is_published(feed, index) else [index]
        reached, first = self._next.get(feed, (None, 0))
        self.searched = reached != turn.after
        if self.searched:
            first = tape.index_at(math.floor(turn.after)) + 1
        end = first
        while end - first <= limit and tape.has(end) and is_reached(tape, end, turn.upto):
            end += 1
        if end - first > limit:
            end = max(end, tape.index_at(math.floor(turn.upto)) + 1)
            self.dropped += end - limit - first
            first = end - limit
        self._next[feed] = turn.upto, end
        return [index for index in range(first, end) if is_published(feed, index)]

    def step(self, tape: Tape, place: Hashable) -> int | None:
        """The next index at a place of step mode, moving on; None when the day is over (or empty)."""
        index = self.places.get(place)
        if index is None:
            index = 0 if self.origin is None else tape.index_at(math.ceil(self.origin) - 1) + 1
        if not tape.has(index):
            if self.options.cache_mode is not CacheMode.ROTATION or not tape.has(0):
                return None
            index = 0
        self.places[place] = index + 1
        return index

    def place(self, feed: Feed) -> int:
        """Index of the record the feed gives next, as far as it has come."""
        return self.places.get(feed, 0) if self.is_stepped else self._next.get(feed, (0.0, 0))[1]

    def used(self) -> dict[Feed, int]:
        """The feeds that were used on this timeline, each with the index it has come to."""
        if self.is_stepped:
            return stepped_indexes(self)
        return {feed: index - 1 for feed, (_, index) in self._next.items()} | self.newest

    def roll(self, *, by_feed: bool = False) -> bool:
        """At the end of the day begin it again, or the next one, if the options say so; whether it did.

        While somebody listens only the feed rolls, which knows that it has sent all.
        """
        day = None if self.heard and not by_feed else day_after_the_end(self)
        if day is not None:
            self.restart(day, at_open=True)
        return day is not None

    # --- REST --------------------------------------------------------------------------------

    def snapshot(self, tape: Tape, endpoint: str, now: float) -> int:
        """The index that a REST request for an endpoint of a tape gets.

        Raises:
            ExhaustedError: there is nothing more on this day, and the options say so.
        """
        if self.is_stepped:
            return stepped_answer(self, tape, endpoint)
        used, clock, self.seen = self.clock is not None, self.start(tape, now), now
        if used and clock.speed == AS_FAST_AS_POSSIBLE and not clock.paused and not self.heard:
            clock.seek(next_time(tape, clock.at(now)), now)
        market = clock.at(now)
        index = self.newest[tape.feed] = newest_record(tape, market, self.newest.get(tape.feed, -1))
        return clocked_answer(self, tape, index, market)

"""A play with a market clock: a record is due when market time reaches its timestamp."""

from __future__ import annotations

import contextlib
import copy
import datetime
import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import ClassVar, Final, Self

from gexfaker.catalog import Feed
from gexfaker.errors import ExhaustedError
from gexfaker.exchange.hours import moment, moment_of, opening, same_time_of_day
from gexfaker.limits import MAX_TURN_RECORDS
from gexfaker.playback.answers import first_in_hours, is_last, is_reached, newest_record, next_time, stamp_of
from gexfaker.playback.clock import AS_FAST_AS_POSSIBLE, MarketClock
from gexfaker.playback.days import Days
from gexfaker.playback.options import EXHAUST, ROTATION, Options
from gexfaker.playback.play import Due, Play
from gexfaker.playback.turns import IDLE_TURN, SHORTEST_TURN, Turn, is_published
from gexfaker.tapes.tape import Tape

LOST: Final = -1.0
"""In place of the market time up to which a feed was sent: before all, so that its place is looked up again."""


class Sent:
    """How far the feed has been sent.

    Attributes:
        upto: the market time up to which it has.
        ticked: the real time of the last turn.
        turn: the last turn, as long as it can be taken back.
        stepped: the market time that steps have gone to: up to there nothing is passed over.
        held: whether what was due at the moment of a pause waits for the feed to go on.
        greets: whether the next turn is the first for somebody who has come to listen, and is sent where the day is.
        ended: whether everything has been sent, as fast as possible.
        more_after: the market time of a turn after which a feed had a record still to come; None before any.
        indexes: of each feed that moved, the market time it was moved to, and the index of its next record.
    """

    __slots__ = ("ended", "greets", "held", "indexes", "more_after", "stepped", "ticked", "turn", "upto")

    def __init__(self) -> None:
        self.upto = self.ticked = self.stepped = 0.0
        self.turn: Turn | None = None
        self.held = self.ended = self.greets = False
        self.more_after: float | None = None
        self.indexes: dict[Feed, tuple[float, int]] = {}


class ClockPlay(Play):
    """A play with a market clock.

    Args:
        at_open: begin with the open, whatever the options say.

    Attributes:
        clock: market time; None until the key is used for the first time.
        sent: how far the feed has been sent.
        newest: of each feed that REST was asked for, the newest record then.
        seen: the real time up to which anybody has looked.
    """

    __slots__ = ("_at_open", "clock", "newest", "seen", "sent")

    PASSES_OVER: ClassVar = False

    def __init__(self, days: Days, options: Options, date: str | None = None, *, at_open: bool = False) -> None:
        super().__init__(days, options, date)
        self._at_open: Final = at_open
        self.clock: MarketClock | None = None
        self.sent = Sent()
        self.newest: dict[Feed, int] = {}
        self.seen = 0.0

    @property
    def at_open(self) -> bool:
        """Whether it begins with the open, whatever the options say."""
        return self._at_open

    def twin(self) -> Self:
        """Another play at the same place."""
        made = copy.copy(self)
        made.clock, made.sent = copy.copy(self.clock), copy.copy(self.sent)
        made.sent.indexes, made.newest = dict(self.sent.indexes), dict(self.newest)
        return made

    # --- the clock ---------------------------------------------------------------------------

    def start(self, tape: Tape, now: float) -> MarketClock:
        """The clock, started at the first use of the key, where the options say."""
        if self.clock is None:
            market = self._first_moment(tape, now)
            # Whole market seconds of all keys coincide, so that what they share is encoded and sent together.
            rate = max(self.options.speed, 1.0)
            self.clock = MarketClock(market, now if self.paused else math.floor(now * rate) / rate, self.options.speed)
            self.sent.upto, self.seen = market - 1, now
            if self.paused:
                self.clock.pause(now)
        return self.clock

    def _first_moment(self, tape: Tape, now: float) -> int:
        start = self._start_at(now)
        return first_in_hours(tape, datetime.date.fromisoformat(self.date)) if start is None else start

    def _start_at(self, now: float) -> int | None:
        """Where the clock starts; None for the first record in market hours."""
        day, text = datetime.date.fromisoformat(self.date), "open" if self._at_open else self.options.start
        if text == "open":
            return None
        if text == "live":
            return moment_of(day, now)
        return same_time_of_day(day, now) if text == "now" else moment(day, text)

    def early_time(self, now: float) -> float | None:
        """Market time, if it is before the open, so that nothing comes for a while."""
        market = self._start_at(now) if self.clock is None else self.clock.at(now)
        early = market is not None and market < opening(datetime.date.fromisoformat(self.date))
        return market if early else None

    @property
    def is_new(self) -> bool:
        """Whether the clock has still to start."""
        return self.clock is None

    def steps_to_open(self, tape: Tape) -> Iterable[None]:
        """Read on to where the clock starts: the start of market hours, or the first record."""
        if self.clock is not None:
            return ()
        if not (self._at_open or self.options.start == "open"):
            return tape.steps_to_index(0)
        return tape.steps_to_time(opening(datetime.date.fromisoformat(self.date)) - 1)

    def open(self, tape: Tape, now: float) -> None:
        """Start the clock, if it is the first use."""
        self.start(tape, now)

    def begin(self, now: float) -> bool:
        """Start the clock, if it is the first use; False on a day without feeds."""
        if self.clock is not None:
            return True
        day = self.day
        tape = day.tape(min(day.feeds)) if day.feeds else None
        if tape is not None:
            self.start(tape, now)
        return self.clock is not None

    def take_clock(self, anchor: tuple[float, float], upto: float) -> None:
        """Have the clock that another server has.

        Args:
            anchor: a market time, and the real time at which it was.
            upto: up to which market time the feed was sent when the clock was set; for a play without a clock only.
        """
        market, real = anchor
        if self.clock is None:
            self.clock, self.sent.upto, self.seen = MarketClock(market, real), upto, real
        elif market > self.clock.at(real) + 0.5:  # it has not gone there by itself
            self.sent.stepped = market
        self.clock.seek(market, real)
        self.clock.speed, self.clock.paused = self.options.speed, self.paused
        self.sent.held = False

    def market_time(self, now: float) -> float | None:
        """Market time at ``now``; None before the first use."""
        return None if self.clock is None else self.clock.at(now)

    def real_time(self, market: float) -> float | None:
        """When market time reaches ``market``; None when it never does by itself."""
        return None if self.clock is None else self.clock.real(market)

    def reached(self, now: float) -> float | None:
        """Market time."""
        return self.market_time(now)

    @property
    def last_turn(self) -> float:
        """The real time of the last turn."""
        return self.sent.ticked

    @property
    def is_hurried(self) -> bool:
        """Whether it plays as fast as possible, or sends what a step has gone over."""
        return self.waits_for_clients or self._is_stepping

    @property
    def waits_for_clients(self) -> bool:
        """Whether it plays as fast as possible: then its clients are its clock."""
        return self.options.speed == AS_FAST_AS_POSSIBLE

    @property
    def _is_stepping(self) -> bool:
        return self.sent.upto < self.sent.stepped

    # --- the feed ----------------------------------------------------------------------------

    def attend(self, now: float) -> None:
        """Somebody listens, after nobody did: the feed goes on from the present moment, with the record of it."""
        self.heard, self.sent.held, self.sent.greets, self.sent.stepped = True, False, True, 0.0
        if self.clock is not None:
            self.sent.upto = max(self.sent.upto, math.floor(self.clock.at(now)) - 1)

    def go_on_after(self, upto: float, now: float) -> None:
        """Somebody listens who has been sent everything up to a market time: the feed goes on from there at once."""
        if not self.heard:
            self.attend(now)
            self.sent.greets = False
            self.sent.upto = max(self.sent.upto, upto)

    def next_turn(self, now: float) -> float | None:
        """When market time reaches its next whole second, in real time; None while it stands."""
        clock, sent = self.clock, self.sent
        if clock is None:
            return sent.ticked + IDLE_TURN
        if self._is_stepping and not sent.held:
            return now
        if clock.speed == AS_FAST_AS_POSSIBLE and not clock.paused:
            return sent.ticked + (IDLE_TURN if sent.ended else 0.0)
        at = clock.real(math.floor(sent.upto) + 1)
        if at is None:  # it stands; but what a step or a jump went to is still to be sent
            behind = math.floor(clock.at(now)) > math.floor(sent.upto)
            return now if sent.greets or (behind and not sent.held) else None
        return max(at, sent.ticked + SHORTEST_TURN)

    def turn(self, now: float) -> Turn | None:
        """From what was sent last to market time; None when nothing is due."""
        at, clock, sent = self.next_turn(now), self.clock, self.sent
        if at is None or at > now:
            return None
        sent.ticked = self.seen = now
        if clock is None:
            return None
        upto = clock.at(now)
        if self._is_stepping:
            upto = min(upto, sent.upto + 1)
        elif clock.speed == AS_FAST_AS_POSSIBLE and not clock.paused:
            upto = max(upto, sent.upto + 1)
            clock.seek(upto, now)
            sent.ended = self.is_over()
        sent.turn = Turn(self.timeline, sent.upto, upto, sent.greets)
        sent.upto, sent.greets = upto, False
        return sent.turn

    def approach(self, tape: Tape, turn: Turn) -> Iterable[None]:
        """Read on to the turn if the place of the feed is not known, and otherwise to the record that comes next."""
        reached, index = self.sent.indexes.get(tape.feed, (None, 0))
        return tape.steps_to_index(index) if reached == turn.after else tape.steps_to_time(math.floor(turn.upto))

    def due(self, tape: Tape, turn: Turn, limit: int = MAX_TURN_RECORDS) -> Due:
        """The records that market time has reached since the turn before; of more than ``limit`` the newest."""
        feed, dropped = tape.feed, 0
        reached, first = self.sent.indexes.get(feed, (None, 0))
        searched = reached != turn.after
        if searched:
            first = tape.index_at(math.floor(turn.after)) + 1
        end = first
        while end - first <= limit and tape.has(end):
            if not is_reached(tape, end, turn.upto):
                self.sent.more_after = turn.upto
                break
            end += 1
        if end - first > limit:
            end = max(end, tape.index_at(math.floor(turn.upto)) + 1)
            dropped = end - limit - first
            first = end - limit
        self.sent.indexes[feed] = turn.upto, end
        due = [index for index in range(first, end) if is_published(feed, index)]
        if turn.greets and all(stamp_of(tape, index) is None for index in due):
            due = self._greeting(tape, turn)
        return Due(due, dropped, searched)

    def _greeting(self, tape: Tape, turn: Turn) -> list[int]:
        """The newest record for somebody who has just come while the day stands still, as nothing else would come."""
        newest = newest_record(tape, turn.upto, -1)
        if newest < 0 or not (self.paused or is_last(tape, newest)):
            return []
        with contextlib.suppress(ExhaustedError):
            newest = self._checked(tape, newest, turn.upto)
            return list(islice((index for index in range(newest, -1, -1) if is_published(tape.feed, index)), 1))
        return []

    def conclude(self) -> bool:
        """The last turn has been sent. Positions follow from market time, so nothing has changed by it.

        As fast as possible it is the turn that moves market time on.
        """
        self.sent.turn = None
        return self.options.speed == AS_FAST_AS_POSSIBLE

    def take_back(self) -> bool:
        """Take the last turn back: what it would have sent is due again."""
        turn = self.sent.turn
        if turn is not None and turn.timeline == self.timeline:
            self.sent.upto, self.sent.greets = turn.after, turn.greets
        return True

    def hasten(self) -> None:
        """Let what is due be due now, however short ago the turn before was."""
        self.sent.ticked = 0.0

    def find_again(self) -> None:
        """Records are looked up by their times again: after what was sent, so that nothing is sent twice."""
        self.sent.more_after = None
        self.sent.indexes = {feed: (LOST, index) for feed, (_, index) in self.sent.indexes.items()}

    # --- REST --------------------------------------------------------------------------------

    def answer(self, tape: Tape, endpoint: str, now: float) -> int:
        """The newest record not after market time, or the first before there is one."""
        used, clock, self.seen = self.clock is not None, self.start(tape, now), now
        if used and self._is_moved_by_answers(clock):
            clock.seek(next_time(tape, clock.at(now)), now)
        market = clock.at(now)
        index = self.newest[tape.feed] = newest_record(tape, market, self.newest.get(tape.feed, -1))
        return self._checked(tape, max(index, 0), market)

    def steps_to_answer(self, tape: Tape, endpoint: str, now: float) -> Iterable[None]:
        """Read on to market time, before the first use to where it starts."""
        if self.clock is None:
            return self._steps_to_first_answer(tape, now)
        at = math.floor(self.clock.at(now))
        return () if tape.knows(at) else tape.steps_to_time(at)

    def _steps_to_first_answer(self, tape: Tape, now: float) -> Iterator[None]:
        yield from self.steps_to_open(tape)
        yield from tape.steps_to_time(self._first_moment(tape, now))

    def _checked(self, tape: Tape, index: int, market: float) -> int:
        """The index, unless its second is over, nothing follows, and the options say so."""
        if not tape.has(index):
            raise ExhaustedError
        ended = self.options.cache_mode is EXHAUST and is_reached(tape, index, market - 1)
        if ended and is_last(tape, index):
            raise ExhaustedError
        return index

    def _is_moved_by_answers(self, clock: MarketClock) -> bool:
        """As fast as possible, without anybody who listens, each answer is the next record."""
        return clock.speed == AS_FAST_AS_POSSIBLE and not clock.paused and not self.heard

    def is_changed_by_answers(self) -> bool:
        """Whether the next answer starts the clock, or moves it on."""
        return self.clock is None or self._is_moved_by_answers(self.clock)

    # --- where it is -------------------------------------------------------------------------

    def positions(self) -> dict[Feed, int]:
        """The feeds that were used, each with the index it has come to: the feed's or REST's, whichever is further."""
        sent = {feed: index - 1 for feed, (_, index) in self.sent.indexes.items()}
        return sent | {feed: max(index, sent.get(feed, index)) for feed, index in self.newest.items()}

    def next_index(self, feed: Feed) -> int:
        """The index of the record that the feed sends next."""
        return self.sent.indexes.get(feed, (0.0, 0))[1]

    def indexes_of(self, ticker: str) -> list[int]:
        """Nothing that market time does not say."""
        return []

    def is_over(self) -> bool:
        """Whether every feed that was used has come to its end; at once where the last turn saw more of one."""
        if self.heard and self.sent.more_after == self.sent.upto:
            return False
        return super().is_over()

    def _has_ended(self, tape: Tape, index: int) -> bool:
        if self.clock is not None:
            # A feed that nobody asks for any more ends all the same; one that is listened to is sent to its end first.
            market = self.clock.at(self.seen)
            index = newest_record(tape, min(market, self.sent.upto) if self.heard else market, index)
        return is_last(tape, index)

    def day_after_the_end(self) -> str | None:
        """The day to begin when all has been sent: the next one, the same again, or None to stay."""
        if self.options.cache_mode is ROTATION and self.is_over():
            return self.date
        return super().day_after_the_end()

    # --- jumps -------------------------------------------------------------------------------

    def aim(self, tape: Tape, index: int, stamp: int, wanted: float | None) -> tuple[float, int]:
        """Exactly the time asked for, or the record's."""
        return float(stamp) if wanted is None else wanted, index

    def index_at(self, tape: Tape, market: float) -> int:
        """The newest record at a market time."""
        return tape.index_at(math.floor(market))

    def jump(self, market: float, now: float, *, again: bool = True) -> None:
        """Go to a market time: the record of that time is the next that is sent, or unless ``again`` the one after."""
        self.timeline += 1
        self.newest.clear()
        self.sent.indexes.clear()
        self.sent.held, self.sent.ended, self.sent.stepped = False, False, 0.0
        if self.clock is not None:
            self.clock.seek(market, now)
            self.sent.upto, self.seen = market - again, now

    def is_waiting_at(self, market: float) -> bool:
        """Whether the record of a market time that was reached is still to be sent."""
        return self.sent.upto < math.floor(market)

    def pause(self, now: float) -> None:
        """Stand still; what was due just now waits for the feed to go on, so that nothing comes after the answer."""
        if self.paused:
            return
        self.paused = True
        if self.clock is not None:
            self.clock.pause(now)
            self.sent.held = math.floor(self.clock.at(now)) > math.floor(self.sent.upto)

    def resume(self, now: float) -> None:
        """Go on from where it stands."""
        self.paused, self.sent.held = False, False
        if self.clock is not None:
            self.clock.resume(now)

    def advance(self, count: int, now: float) -> None:
        """Go on by ``count`` seconds of market time at once; who listens is sent all records, a second a turn."""
        if self.clock is not None:
            self.clock.seek(self.clock.at(now) + count, now)
            self.sent.held, self.sent.stepped = False, self.clock.at(now)

    def set_speed(self, speed: float, now: float) -> str | None:
        """Go on at another speed."""
        if self.clock is not None:
            self.clock.set_speed(speed, now)
        return None

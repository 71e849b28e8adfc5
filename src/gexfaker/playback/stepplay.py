"""A play without a clock: a record is due when it is asked for, by a request or by the feed's interval."""

from __future__ import annotations

import copy
import math
from collections.abc import Hashable, Iterable
from typing import ClassVar, Self

from gexfaker.catalog import Feed
from gexfaker.errors import ExhaustedError
from gexfaker.limits import MAX_TURN_RECORDS
from gexfaker.playback.answers import stamp_of
from gexfaker.playback.days import Days
from gexfaker.playback.options import HOLD, ROTATION, EndpointCacheMode, Options
from gexfaker.playback.play import Due, Play
from gexfaker.playback.turns import Turn, is_published, next_tick
from gexfaker.tapes.tape import Tape

Cursor = Hashable
"""What has a position of its own: a feed, a (ticker, package) of REST, or a (feed, endpoint) of REST."""


class StepPlay(Play):
    """A play without a clock.

    Attributes:
        cursors: the next index of everything that has a position.
        origin: the market time at which positions begin; None: with the first record.
        ticked: when the last turn was due, in real time.
        owed: turns that were asked for and not sent yet.
    """

    __slots__ = ("cursors", "origin", "owed", "ticked")

    PASSES_OVER: ClassVar = True

    def __init__(self, days: Days, options: Options, date: str | None = None) -> None:
        super().__init__(days, options, date)
        self.cursors: dict[Cursor, int] = {}
        self.origin: float | None = None
        self.ticked = 0.0
        self.owed = 0

    def twin(self) -> Self:
        """Another play at the same place."""
        made = copy.copy(self)
        made.cursors = dict(self.cursors)
        return made

    def follow(self, before: Play) -> None:
        """Take the place of another play of the same key; the beat of the interval goes on."""
        super().follow(before)
        self.ticked = before.last_turn

    def step(self, tape: Tape, cursor: Cursor) -> int | None:
        """The next index of a cursor, moving on; None when the day is over (or empty)."""
        index = self.cursors.get(cursor)
        if index is None:
            index = 0 if self.origin is None else tape.index_at(math.ceil(self.origin) - 1) + 1
        if not tape.has(index):
            if self.options.cache_mode is not ROTATION or not tape.has(0):
                return None
            index = 0
        self.cursors[cursor] = index + 1
        return index

    # --- the feed ----------------------------------------------------------------------------

    @property
    def last_turn(self) -> float:
        """The real time of the last beat."""
        return self.ticked

    @property
    def is_hurried(self) -> bool:
        """Whether turns were asked for, which are sent as fast as clients take them."""
        return self.owed > 0

    def attend(self, now: float) -> None:
        """Somebody listens; positions are where they are."""
        self.heard = True

    def next_turn(self, now: float) -> float | None:
        """The next beat of the interval; at once while turns are owed; None while it stands still."""
        if self.owed:
            return now
        if self.paused:
            return None
        return next_tick(max(now - self.options.interval, self.ticked), self.options.interval)

    @property
    def is_new(self) -> bool:
        """Never: there is nothing to start."""
        return False

    def open(self, tape: Tape, now: float) -> None:
        """There is nothing to start."""

    def turn(self, now: float) -> Turn | None:
        """The next record of each feed; None when the beat has not come."""
        at = self.next_turn(now)
        if at is None or at > now:
            return None
        self.ticked, self.owed = at, max(0, self.owed - 1)
        return Turn(self.timeline, 0.0, 0.0)

    def approach(self, tape: Tape, turn: Turn) -> Iterable[None]:
        """Read on to the next record, or to where positions begin, if the feed has none yet."""
        return self._steps_to(tape, tape.feed)

    def due(self, tape: Tape, turn: Turn, limit: int = MAX_TURN_RECORDS) -> Due:
        """The next record of the feed."""
        feed = tape.feed
        searched = feed not in self.cursors
        index = self.step(tape, feed)
        return Due([] if index is None or not is_published(feed, index) else [index], 0, searched)

    def conclude(self) -> bool:
        """Each turn has moved the positions."""
        return True

    def take_back(self) -> bool:
        """Positions have moved: the turn has to be sent."""
        return False

    def hasten(self) -> None:
        """The beat of the interval stays as it is."""

    # --- REST --------------------------------------------------------------------------------

    def answer(self, tape: Tape, endpoint: str, now: float) -> int:
        """The next record of the endpoint's position."""
        index = self.step(tape, self._cursor_of(tape.feed, endpoint))
        if index is not None:
            return index
        if self.options.cache_mode is HOLD and tape.has(0):
            return len(tape) - 1
        raise ExhaustedError

    def _cursor_of(self, feed: Feed, endpoint: str) -> Cursor:
        shared = self.options.endpoints is EndpointCacheMode.SHARED
        return (feed.ticker, feed.package) if shared else (feed, endpoint)

    def steps_to_answer(self, tape: Tape, endpoint: str, now: float) -> Iterable[None]:
        """Read on to the next record of the endpoint's position, or to where positions begin."""
        return self._steps_to(tape, self._cursor_of(tape.feed, endpoint))

    def _steps_to(self, tape: Tape, cursor: Cursor) -> Iterable[None]:
        index = self.cursors.get(cursor)
        if index is not None or self.origin is None:
            return tape.steps_to_index(index or 0)
        return tape.steps_to_time(math.ceil(self.origin) - 1)

    def is_changed_by_answers(self) -> bool:
        """Each answer moves a position."""
        return True

    # --- where it is -------------------------------------------------------------------------

    def market_time(self, now: float) -> float | None:
        """There is no clock."""
        return None

    def real_time(self, market: float) -> float | None:
        """There is no clock."""
        return None

    def reached(self, now: float) -> float | None:
        """The time of the newest record given; None before the first use."""
        day = self.day
        tapes = ((day.tape(feed), index) for feed, index in self.positions().items())
        stamps = [stamp_of(tape, index) for tape, index in tapes if tape is not None and index >= 0]
        return max((stamp for stamp in stamps if stamp is not None), default=self.origin)

    def positions(self) -> dict[Feed, int]:
        """The feeds that were used, each with the index it has come to, the feed's own before REST's."""
        given = {feed: index - 1 for cursor, index in self.cursors.items() for feed in self._feeds_at(cursor)}
        return given | {cursor: index - 1 for cursor, index in self.cursors.items() if isinstance(cursor, Feed)}

    def _feeds_at(self, cursor: Cursor) -> list[Feed]:
        """The feed that a position of REST is told as: of a ticker's package the first there is."""
        if isinstance(cursor, Feed):
            return []
        if isinstance(cursor, tuple) and isinstance(cursor[0], Feed):
            return [cursor[0]]
        return sorted(feed for feed in self.day.feeds if (feed.ticker, feed.package) == cursor)[:1]

    def next_index(self, feed: Feed) -> int:
        """The index of the record that the feed sends next."""
        return self.cursors.get(feed, 0)

    def indexes_of(self, ticker: str) -> list[int]:
        """The indexes that the positions of a ticker have come to."""
        return [index - 1 for cursor, index in self.cursors.items() if index and _ticker_of(cursor) == ticker]

    # --- jumps -------------------------------------------------------------------------------

    def begin(self, now: float) -> bool:
        """There is nothing to start."""
        return True

    def aim(self, tape: Tape, index: int, stamp: int, wanted: float | None) -> tuple[float, int]:
        """The record that was found comes next; of several at one time the first."""
        return float(stamp), self.index_at(tape, stamp)

    def index_at(self, tape: Tape, market: float) -> int:
        """The record that comes next at a market time."""
        return tape.index_at(math.ceil(market) - 1) + 1

    def jump(self, market: float, now: float, *, again: bool = True) -> None:
        """Let positions begin with the records of a market time, or unless ``again`` with those after it."""
        self.timeline += 1
        self.owed = 0
        self.cursors.clear()
        self.origin = market if again else math.floor(market) + 1

    def is_waiting_at(self, market: float) -> bool:
        """Whether nothing has been given yet."""
        return not self.cursors

    def pause(self, now: float) -> None:
        """Stand still; REST goes on to answer."""
        if not self.paused:
            self.paused, self.owed = True, 0

    def resume(self, now: float) -> None:
        """Go on with the interval."""
        self.paused, self.owed = False, 0

    def advance(self, count: int, now: float) -> None:
        """Owe ``count`` turns more; where nobody listens yet, to who comes next."""
        self.owed += count

    def set_speed(self, speed: float, now: float) -> str | None:
        """Keep it for the time there is a clock."""
        return "in step mode the speed has no effect until PLAYBACK is clock"


def _ticker_of(cursor: Cursor) -> str:
    """The ticker of a feed, of a ticker and package, or of a feed and endpoint."""
    owner = cursor[0] if isinstance(cursor, tuple) and not isinstance(cursor, Feed) else cursor
    return owner.ticker if isinstance(owner, Feed) else str(owner)

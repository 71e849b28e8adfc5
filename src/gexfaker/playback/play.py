"""A play: one key's way through a day. Which record is next, and when it is due.

There are two kinds, and nothing outside asks which one it has:

* ``ClockPlay``: a market clock runs, and a record is due when market time reaches its timestamp.
* ``StepPlay``: there is no clock, and a record is due when it is asked for.

Real time (epoch seconds) is always an argument. A jump of any kind starts a new timeline: what belongs to the old one
is not sent any more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar, Final, NamedTuple, Self, TypeVar

from gexfaker.catalog import Feed
from gexfaker.errors import GexfakerError
from gexfaker.limits import MAX_TURN_RECORDS
from gexfaker.playback.answers import is_empty, is_last
from gexfaker.playback.day import Day
from gexfaker.playback.days import Days
from gexfaker.playback.options import NEXT, Options
from gexfaker.playback.turns import Turn
from gexfaker.tapes.tape import Tape

T = TypeVar("T")


def of_its_day(ask: Callable[[], T], otherwise: T) -> T:
    """What a play says of its day; its files may have gone, which is no reason to hide the rest."""
    try:
        return ask()
    except (GexfakerError, OSError, ValueError, OverflowError):
        return otherwise


class Due(NamedTuple):
    """The records of a tape that a turn sends.

    Attributes:
        indexes: in order.
        dropped: how many more were due, too many to send at once.
        searched: whether the place on the tape had to be looked for, as after a jump.
    """

    indexes: list[int]
    dropped: int = 0
    searched: bool = False


class Play(ABC):
    """What both kinds have in common.

    Args:
        days: all days there are.
        date: the day that is played, YYYY-MM-DD; None is the day that keys start with.
        options: how it is played.

    Attributes:
        timeline: counts the jumps.
        paused: whether the feed stands still.
        heard: whether somebody listens.
    """

    __slots__ = ("date", "days", "heard", "options", "paused", "timeline")

    PASSES_OVER: ClassVar[bool]
    """Whether the next record is sent instead of one that cannot be read."""

    def __init__(self, days: Days, options: Options, date: str | None = None) -> None:
        self.days: Final = days
        self.date: Final = date or days.first
        self.options = options
        self.timeline = 0
        self.paused = self.heard = False

    @property
    def day(self) -> Day:
        """The tapes of its day. Raises DataError when the day is gone."""
        return self.days.day(self.date)

    def resolve(self, date: str) -> str | None:
        """The day that a date, ``latest`` or ``next`` means; None where no day is next. Raises DataError."""
        return self.days.after(self.date) if date == "next" else self.days.resolve(date)

    def follow(self, before: Play) -> None:
        """Take the place of another play of the same key, on a new timeline."""
        self.timeline = before.timeline + 1
        self.paused, self.heard = before.paused, before.heard

    @abstractmethod
    def twin(self) -> Self:
        """Another play at the same place, so that something can be tried without doing it to this one."""

    # --- what is due -------------------------------------------------------------------------

    @property
    @abstractmethod
    def last_turn(self) -> float:
        """The real time of the last turn; 0 before the first."""

    @property
    @abstractmethod
    def is_hurried(self) -> bool:
        """Whether as much is due as its clients take."""

    @property
    def waits_for_clients(self) -> bool:
        """Whether it goes on only as fast as the slowest of its clients: without that it waits for a while at most."""
        return False

    @abstractmethod
    def attend(self, now: float) -> None:
        """Somebody listens, after nobody did: the feed goes on from here, without what nobody was there for."""

    @abstractmethod
    def next_turn(self, now: float) -> float | None:
        """When something can be due next, in real time; None while nothing will be."""

    @property
    @abstractmethod
    def is_new(self) -> bool:
        """Whether it has still to begin."""

    def steps_to_open(self, tape: Tape) -> Iterable[None]:
        """Work that ``open`` needs, in steps of a millisecond."""
        return ()

    @abstractmethod
    def open(self, tape: Tape, now: float) -> None:
        """Begin on the day of this tape, if it is new."""

    @abstractmethod
    def turn(self, now: float) -> Turn | None:
        """What is due now, once; None when nothing is."""

    @abstractmethod
    def approach(self, tape: Tape, turn: Turn) -> Iterable[None]:
        """Work that ``due`` needs on a tape that has to be searched, in steps of about a millisecond."""

    @abstractmethod
    def due(self, tape: Tape, turn: Turn, limit: int = MAX_TURN_RECORDS) -> Due:
        """The records of a tape that a turn sends; of more than ``limit`` only the newest."""

    @abstractmethod
    def conclude(self) -> bool:
        """The last turn has been sent and cannot be taken back any more; whether positions have changed by it."""

    @abstractmethod
    def take_back(self) -> bool:
        """Take the last turn back, so that what it would have sent is due again; False where it must be sent."""

    @abstractmethod
    def hasten(self) -> None:
        """Let what is due be due now, however short ago the turn before was."""

    # --- requests ----------------------------------------------------------------------------

    @abstractmethod
    def answer(self, tape: Tape, endpoint: str, now: float) -> int:
        """The index that a REST request for an endpoint of a tape gets.

        Raises:
            ExhaustedError: there is nothing more on this day, and the options say so.
        """

    @abstractmethod
    def steps_to_answer(self, tape: Tape, endpoint: str, now: float) -> Iterable[None]:
        """Work that ``answer`` needs, in steps of a millisecond; none when the tape is known so far."""

    @abstractmethod
    def is_changed_by_answers(self) -> bool:
        """Whether the next answer moves it on."""

    # --- where it is -------------------------------------------------------------------------

    @abstractmethod
    def market_time(self, now: float) -> float | None:
        """Market time at ``now``; None before the first use, and without a clock."""

    @abstractmethod
    def real_time(self, market: float) -> float | None:
        """When market time reaches ``market``; None when it never does by itself."""

    @abstractmethod
    def reached(self, now: float) -> float | None:
        """How far it has come, in market time; None before the first use."""

    @abstractmethod
    def positions(self) -> dict[Feed, int]:
        """The feeds that were used on this timeline, each with the index it has come to."""

    @abstractmethod
    def next_index(self, feed: Feed) -> int:
        """The index of the record that the feed sends next, as far as it has come."""

    @abstractmethod
    def indexes_of(self, ticker: str) -> list[int]:
        """The indexes that positions of a ticker have come to, where they say more than market time."""

    def find_again(self) -> None:
        """The files of the day are others now: who goes by time looks up again where the feeds are."""
        return

    def early_time(self, now: float) -> float | None:
        """Market time, if it is before the open, so that nothing comes for a while; else None."""
        return None

    def is_over(self) -> bool:
        """Whether every feed that was used has come to its end, as far as anybody has seen.

        One without a record has no end: it says nothing about the day.
        """
        day = self.day
        used = [(day.tape(feed), index) for feed, index in self.positions().items()]
        tapes = [(tape, index) for tape, index in used if tape is None or not is_empty(tape)]
        return bool(tapes) and all(tape is None or self._has_ended(tape, index) for tape, index in tapes)

    def _has_ended(self, tape: Tape, index: int) -> bool:
        return is_last(tape, index)

    def day_after_the_end(self) -> str | None:
        """The day to begin when all has been sent: the next one, the same again, or None to stay."""
        if self.options.cache_mode is NEXT and self.is_over():
            return self.resolve("next")
        return None

    # --- jumps -------------------------------------------------------------------------------

    @abstractmethod
    def begin(self, now: float) -> bool:
        """Begin, if the key has not been used yet; False on a day without feeds."""

    @abstractmethod
    def aim(self, tape: Tape, index: int, stamp: int, wanted: float | None) -> tuple[float, int]:
        """The market time to jump to, and the record that is then the newest or the next.

        Args:
            tape: whose record it is.
            index: of the record that was found for what was asked.
            stamp: its time.
            wanted: the market time asked for; None where it is the record's.
        """

    @abstractmethod
    def index_at(self, tape: Tape, market: float) -> int:
        """The record that is the newest, or the next, at a market time."""

    @abstractmethod
    def jump(self, market: float, now: float, *, again: bool = True) -> None:
        """Go to a market time: the record of that time is the next that is sent, or unless ``again`` the one after."""

    @abstractmethod
    def is_waiting_at(self, market: float) -> bool:
        """Whether the record of a market time that was reached is still to be sent."""

    @abstractmethod
    def pause(self, now: float) -> None:
        """Stand still; REST goes on to answer from where it stands."""

    @abstractmethod
    def resume(self, now: float) -> None:
        """Go on from where it stands."""

    @abstractmethod
    def advance(self, count: int, now: float) -> None:
        """Send the next ``count`` records of every group (seconds of market time, with a clock) at once."""

    @abstractmethod
    def set_speed(self, speed: float, now: float) -> str | None:
        """Play at another speed; a sentence that says why it has no effect, if it has none."""

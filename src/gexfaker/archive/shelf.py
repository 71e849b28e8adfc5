"""Tapes for downloads: opened anew for each, because a tape is for one reader and the session has its own.

Everything here may read the disk; a server calls it from a thread.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from typing import Final

from gexfaker.archive.framing import Framing, LeftOut, pieces
from gexfaker.archive.names import member_name
from gexfaker.archive.packing import gzipped
from gexfaker.catalog import Feed
from gexfaker.errors import DataError, UnavailableError
from gexfaker.exchange.calendar import is_trading_day, last_trading_day, why_closed
from gexfaker.exchange.hours import closing, date_at
from gexfaker.playback.days import Days
from gexfaker.playback.inorder import SortedTape
from gexfaker.playback.simulated import SimulatedDays
from gexfaker.tapes.alias import Alias
from gexfaker.tapes.dates import is_date
from gexfaker.tapes.tape import Tape

log: Final = logging.getLogger(__name__)


class Shelf:
    """All days that can be downloaded.

    Args:
        days: that are played, for what is stored and which day is the newest; its tapes are not touched.
        simulated: the simulated days.
        now: epoch seconds, for which days are completed.
    """

    def __init__(self, days: Days, simulated: SimulatedDays, now: float) -> None:
        self._now: Final = now
        self._days: Final = days
        self._simulated: Final = simulated

    def latest(self) -> str:
        """The newest completed day: today counts from its close on. Raises DataError when there is none."""
        today = date_at(self._now)
        unfinished = today.isoformat() if self._now < closing(today) else None
        if not self._days.stored:
            return last_trading_day(today - datetime.timedelta(days=unfinished is not None)).isoformat()
        return self._newest(lambda date: date != unfinished, "that is over")

    def why_none(self, date: str) -> str:
        """Why there is nothing of a day, to be put behind the statement that there is none; empty if nobody knows."""
        closed = why_closed(datetime.date.fromisoformat(date))
        if closed is not None:
            return f": {closed}"
        with contextlib.suppress(DataError):
            if date > (newest := max(self.latest(), "" if self._days.stored else self._days.first)):
                return f": the newest day there is one of is {newest}"
        return ""

    def before(self, date: str) -> str:
        """The day before a day. Raises DataError when there is none."""
        if not self._days.stored:
            return last_trading_day(datetime.date.fromisoformat(date) - datetime.timedelta(days=1)).isoformat()
        return self._newest(lambda other: other < date, f"before {date}")

    def _newest(self, fits: Callable[[str], bool], which: str) -> str:
        """The newest stored day that fits and has feeds. Raises DataError when there is none."""
        fitting = (date for date in reversed(self._days.folder.dates()) if fits(date))
        date = next((date for date in fitting if self._days.folder.feeds(date)), None)
        if date is None:
            raise DataError(f"{self._days.folder.root} has no day {which}")
        return date

    def feeds(self, date: str) -> list[Feed]:
        """The feeds a day has, sorted; none of a day that is not there."""
        try:
            return self._days.folder.feeds(date) if self._days.stored else self._simulated_feeds(date)
        except DataError:
            return []

    def _simulated_feeds(self, date: str) -> list[Feed]:
        self._check_market(date)
        day = self._simulated.borrow(date)
        self._simulated.give_back(date)
        return sorted(day.feeds)

    def open(self, date: str, feed: Feed) -> Tape:
        """A tape of one's own, with a record at least; the caller closes it. Raises DataError when there is none."""
        tape = self._recorded(date, feed) if self._days.stored else self._simulate(date, feed)
        try:
            if not tape.has(0):
                raise DataError(f"{feed.group} has no records on {date}")
        except BaseException:
            tape.close()
            raise
        return tape

    def _recorded(self, date: str, feed: Feed) -> Tape:
        return SortedTape(self._days.folder.open(date, feed))

    def version(self, date: str, feed: Feed) -> Hashable:
        """What is another one when the records of a feed are other ones. Raises DataError when there are none."""
        if not self._days.stored:
            return date, feed, self._simulated.market
        status = self._days.folder.path(date, feed).stat()
        return date, feed, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def holds(self, date: str, feed: Feed) -> bool:
        """Whether there is such a tape."""
        try:
            self.open(date, feed).close()
        except UnavailableError:
            raise
        except DataError:
            return False
        return True

    def _simulate(self, date: str, feed: Feed) -> Tape:
        """The tape of a day that others may read, too: it is given back with the download, not closed."""
        self._check_market(date)
        day = self._simulated.borrow(date)
        try:
            tape = day.tape(feed) if feed in day.feeds else None
            if tape is None:
                raise DataError(f"{feed.group} is not simulated")
        except BaseException:
            self._simulated.give_back(date)
            raise
        return _Borrowed(feed, tape, lambda: self._simulated.give_back(date))

    def _check_market(self, date: str) -> None:
        """Simulated are trading days up to the newest, and the one that is played whatever it is. Raises DataError."""
        is_past = is_date(date) and date <= self.latest()
        if date != self._days.first and not (is_past and is_trading_day(datetime.date.fromisoformat(date))):
            raise DataError(f"there was no market on {date[:40]!r}")


class _Borrowed(Alias):
    """A tape of a day that is shared."""

    def __init__(self, feed: Feed, tape: Tape, give_back: Callable[[], None]) -> None:
        super().__init__(feed, tape)
        self._give_back: Callable[[], None] | None = give_back

    def close(self) -> None:
        """Give the day back. May be called again."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


class Content(Iterator[bytes]):
    """Pieces made from a tape, which is closed with them - even when none was asked for, unlike in a generator."""

    def __init__(self, tape: Tape, made: Iterator[bytes]) -> None:
        self._tape: Tape | None = tape
        self._made = made

    def __next__(self) -> bytes:
        return next(self._made)

    def close(self) -> None:
        """Give the tape back, and hold on to nothing: whoever keeps this, such as a traceback, keeps no day."""
        tape, self._tape, self._made = self._tape, None, iter(())
        if tape is not None:
            tape.close()


def content(tape: Tape, framing: Framing, *, packed: bool = False) -> Content:
    """A whole tape, framed and perhaps gzipped. The log says what is left out of it."""
    framed = framing(tape, told=_tell)
    return Content(tape, gzipped(framed) if packed else framed)


def _tell(left_out: LeftOut) -> None:
    more = f" and {left_out.records - 1:,} more" * (left_out.records > 1)
    log.warning("%s%s: left out of a download: %s", left_out.place, more, left_out.why)


def members(shelf: Shelf, date: str, feeds: Iterable[Feed]) -> Generator[tuple[str, Iterator[bytes]]]:
    """The members of a report of these feeds, name and bytes; one tape is open at a time."""
    for feed in feeds:
        with contextlib.suppress(DataError):
            packed = content(shelf.open(date, feed), pieces, packed=True)
            with contextlib.closing(packed):
                yield member_name(date, feed), packed

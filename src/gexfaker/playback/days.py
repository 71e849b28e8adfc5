"""The days there are, stored or simulated, opened when first asked for."""

from __future__ import annotations

import datetime
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from gexfaker.catalog import TICKERS
from gexfaker.errors import DataError
from gexfaker.exchange.calendar import is_trading_day, last_trading_day, next_trading_day, why_closed
from gexfaker.limits import MAX_OPEN_DAYS
from gexfaker.market.feeds.blockcache import Blocks
from gexfaker.playback.day import Day, StoredDay
from gexfaker.playback.filled import FilledDay
from gexfaker.playback.simulated import simulated_day
from gexfaker.tapes.dates import LAST_YEAR, dashed, is_date
from gexfaker.tapes.folder import LATEST, TODAY, DataFolder

FIRST_YEAR: Final = 2000
"""Up to LAST_YEAR, the years that are simulated: the exchange calendar's rules hold for them, near enough."""


class Simulation(NamedTuple):
    """What simulated days have in common; as ``simulated_day`` takes it."""

    seed: int
    tickers: tuple[str, ...]
    scenario: str | None
    open_rows: bool
    blocks: Blocks
    feedback: float | None


MAX_LISTED: Final = 366
"""Days that may be named one by one: each is looked for in the folder."""


class Nearness(StrEnum):
    """Where a date is that is played for another: it is a day, it is before all days, in between, or after them."""

    SAME = "none"
    START = "start"
    GAP = "gap"
    END = "end"


class Span(NamedTuple):
    """Which days follow each other.

    Attributes:
        asked: how they were named.
        begins: the day with which keys started, unless somebody chose another one since.
        last: the day after which none follows; None where there is no such end.
        listed: all of them, where they were named one by one.
    """

    asked: str
    begins: str
    last: str | None
    listed: tuple[str, ...] = ()


class Days:
    """All days a server can play.

    Args:
        folder: the data folder; need not exist. None simulates, whatever is stored.
        date: the days to play, see ``load``.
        seed: of the simulated market.
        tickers: that are simulated.
        scenario: of the simulated market: a name, a file, or None.
        open_rows: whether its orderflow begins with the stale and the reset row of a real open.
        feedback: how strong hedging moves the simulated price, 0 to 1.
        today: the newest trading day that has opened.

    Attributes:
        first: the day that keys start with.
        span: of the days that follow each other.
        stored: whether the days are from the folder.
        simulation: what simulated days have in common.

    Raises:
        DataError: days are stored, but not those asked for.
    """

    def __init__(
        self,
        folder: DataFolder | None,
        date: str,
        seed: int,
        tickers: Sequence[str],
        today: datetime.date,
        scenario: str | None = None,
        open_rows: bool = False,
        feedback: float | None = None,
        *,
        fills: bool = False,
    ) -> None:
        self._fills: Final = fills
        self.folder = folder or DataFolder(Path())
        self._today = today
        self.simulation = Simulation(seed, tuple(tickers), scenario, open_rows, Blocks(), feedback)
        self._open: OrderedDict[str, Day] = OrderedDict()
        self._retired: list[Day] = []
        self._overdue: list[Day] = []
        self._asked: Final[dict[bool, str]] = {}
        self.stored = folder is not None and bool(folder.dates())
        self.load(date)

    def switch(self, folder: DataFolder | None, simulation: Simulation) -> None:
        """Play the recorded days of a folder, or with None simulated ones. All days are opened again.

        If recorded days are played for simulated ones, or the other way round, it is those that were played of these
        before, else the newest one.

        Raises:
            DataError: the folder holds no days. Nothing has changed then.
        """
        before = self.folder, self.simulation, self.stored
        if folder is not None:
            folder.look_again()
        self.folder, self.simulation, self.stored = folder or self.folder, simulation, folder is not None
        if self.stored is not before[2]:
            try:
                self._load_again()
            except DataError:
                self.folder, self.simulation, self.stored = before
                raise
        self.reopen()

    def _load_again(self) -> None:
        """Play the days that were asked for of this kind before, else the newest one. Raises DataError: it has none."""
        try:
            self.load(self._asked.get(self.stored, LATEST))
        except DataError:
            self.load(LATEST)

    def load(self, date: str) -> None:
        """Play other days: ``latest``, ``today``, a date, several with commas between them, or a range ``A..B``.

        Raises:
            DataError: there are none of them; those that were played stay.
        """
        span = self._listed(date) if "," in date else self._range(date)
        self.first, self.span = span.begins, span
        self._asked[self.stored] = date

    def _listed(self, date: str) -> Span:
        """The days that were named one by one. Raises DataError: more than MAX_LISTED, or there is no such day."""
        named = date.split(",")
        if len(named) > MAX_LISTED:
            raise DataError(f"{len(named)} days are named, and {MAX_LISTED} may be: write a range A..B")
        listed = tuple(sorted({self.resolve(one.strip()) for one in named}))
        return Span(date, listed[0], listed[-1], listed)

    def _range(self, date: str) -> Span:
        """A day and all that follow, up to the end of a range. Raises DataError: there is no such day, or no range."""
        first, dots, last = date.partition("..")
        if not dots:
            return Span(date, self.resolve(first), None)
        is_open_end = not self.stored and is_date(last)  # it need not be a trading day
        ends = last if is_open_end else self.resolve(last)
        begins = self.resolve(self._opening(first, ends))
        if begins > ends:
            raise DataError(f"the range {date} ends on {ends}, before it begins on {begins}")
        return Span(date, begins, ends)

    @property
    def last(self) -> str | None:
        """The day after which none follows; None where there is no such end."""
        return self.span.last

    def follow(self, today: datetime.date) -> str | None:
        """Another day has opened: the day with which keys start from now on; None when it is no other one.

        Only ``latest`` and ``today`` move, until somebody has keys start with another day.
        """
        if today == self._today:
            return None
        self._today = today
        expected = self._expected()
        if expected in (None, self.first) or self.first != self.span.begins:
            return None
        self.first, self.span = expected, self.span._replace(begins=expected)
        return expected

    def _expected(self) -> str | None:
        """The day that is asked for by its place in time; None when there is none now, or a date was asked for."""
        if self.span.asked not in (LATEST, TODAY):
            return None
        try:
            return self.resolve(self.span.asked)
        except DataError:
            return None

    def dates(self) -> list[str]:
        """The stored days, oldest first; of a simulated market, the days opened so far."""
        return self.folder.dates() if self.stored else sorted(self._open)

    def resolve(self, date: str) -> str:
        """The day that ``latest`` or a date means. Raises DataError, naming the days there are."""
        date = self._today.isoformat() if date == TODAY else date
        if self.stored:
            return self.folder.resolve_date(date)
        if date == LATEST:
            return last_trading_day(self._today).isoformat()
        date = dashed(date)
        if not is_date(date):
            raise DataError(f"not a date (YYYY-MM-DD): {date[:40]!r}")
        if not FIRST_YEAR <= int(date[:4]) <= LAST_YEAR:
            raise DataError(f"days are simulated from {FIRST_YEAR} to {LAST_YEAR}, not in {date[:4]}")
        closed = why_closed(datetime.date.fromisoformat(date))
        if closed is not None:
            raise DataError(closed)
        return date

    def _opening(self, first: str, last: str) -> str:
        """The day that a range begins with: a simulated one leaves out the days on which the market is closed."""
        if self.stored or not is_date(first) or is_trading_day(day := datetime.date.fromisoformat(first)):
            return first
        opening = next_trading_day(day).isoformat()
        return opening if opening <= last else first

    def after(self, date: str) -> str | None:
        """The day that follows ``date``, None at the end of the days or of the range."""
        if self.last is not None and date >= self.last:
            return None
        if self.span.listed:
            return next(day for day in self.span.listed if day > date)
        if self.stored:
            return next((day for day in self.folder.dates() if day > date and self.folder.feeds(day)), None)
        day = next_trading_day(datetime.date.fromisoformat(date))
        is_beyond = day.year > LAST_YEAR or (self.last is not None and day.isoformat() > self.last)
        return None if is_beyond else day.isoformat()

    def nearest(self, date: str) -> tuple[str, Nearness]:
        """The day to play for a date: itself, or where there is none the next one, or the last. Raises DataError."""
        if not self.stored:
            day = datetime.date.fromisoformat(date)
            return (date, Nearness.SAME) if is_trading_day(day) else (next_trading_day(day).isoformat(), Nearness.GAP)
        dates = self.dates()
        later = [one for one in dates if one >= date]
        if not later:
            return self.resolve(dates[-1] if dates else date), Nearness.END
        if later[0] == date:
            return date, Nearness.SAME
        return later[0], Nearness.START if later[0] == dates[0] else Nearness.GAP

    def day(self, date: str) -> Day:
        """A day by its date, kept open among the MAX_OPEN_DAYS used last. Raises DataError."""
        day = self._open.get(date)
        if day is None:
            day = self._open[date] = self._make(date)
            if len(self._open) > MAX_OPEN_DAYS:
                self._retired.append(self._open.popitem(last=False)[1])
        self._open.move_to_end(date)
        return day

    def _make(self, date: str) -> Day:
        date = self.resolve(date)
        if not self.stored:
            return simulated_day(date, *self.simulation)
        recorded = StoredDay(self.folder, date)
        return self._filled(recorded) if self._fills and is_trading_day(recorded.calendar_date) else recorded

    def _filled(self, recorded: Day) -> Day:
        """A recorded day with the feeds of its tickers, and of those that are set, that were not recorded."""
        simulation = self.simulation
        tickers = tuple(sorted(TICKERS & {*recorded.tickers, *simulation.tickers}))
        return FilledDay(recorded, simulated_day(recorded.date, *simulation._replace(tickers=tickers)))

    def is_open(self, date: str) -> bool:
        """Whether a day is open, so that looking at it costs nothing."""
        return date in self._open

    def reopen(self) -> None:
        """Have all days opened again when they are next asked for: their files may have been replaced or added."""
        self.folder.look_again()
        self._retired += self._open.values()
        self._open.clear()

    def looks(self) -> dict[str, Callable[[], bool]]:
        """By date, what says in another thread whether an open day has other files now."""
        found = ((date, day.look()) for date, day in self._open.items())
        return {date: look for date, look in found if look is not None}

    def renew(self, date: str) -> None:
        """Have a day opened again when it is next asked for."""
        self.folder.look_again()
        if date in self._open:
            self._retired.append(self._open.pop(date))

    def sweep(self) -> None:
        """Close the days that had to make room by the sweep before: a turn under way may still read from the others."""
        overdue, self._overdue, self._retired = self._overdue, self._retired, []
        for day in overdue:
            day.close()

    def close(self) -> None:
        """Close all days."""
        for day in (*self._open.values(), *self._retired, *self._overdue):
            day.close()
        for days in (self._open, self._retired, self._overdue):
            days.clear()

"""The day that is played: which feeds it has, and their tapes, opened when first asked for."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import cached_property
from itertools import islice
from typing import Final
from weakref import WeakSet

from gexfaker.catalog import Feed
from gexfaker.errors import DataError, GexfakerError, RecordError
from gexfaker.exchange.hours import date_at, shown
from gexfaker.playback.answers import is_empty, stamp_of
from gexfaker.playback.inorder import FIRST_RECORDS, SortedTape, goes_back
from gexfaker.playback.sources import source_of
from gexfaker.tapes.alias import Alias
from gexfaker.tapes.folder import DataFolder, shown_path
from gexfaker.tapes.jsonl import JsonlTape
from gexfaker.tapes.place import compared
from gexfaker.tapes.tape import Tape

SIMULATED: Final = "simulated"
"""How the origin of a simulated day begins."""

DIGESTED_FEEDS: Final = 16
"""Feeds whose first record is looked at to tell a day from another one: those of a ticker, a few milliseconds."""


LOOKED_AT_FEEDS: Final = 64
"""Feeds whose files are looked at for what is odd: those of four tickers, half a millisecond each."""

SHOWN_FILES: Final = 3
"""Odd files that are named; the others are counted."""


class Day:
    """All tapes of one day.

    Args:
        date: the day, YYYY-MM-DD.
        origin: where it is from, for people: the folder, or "simulated".
        feeds: the feeds with records of their own.
        opener: gives the tape of one of them.
        raw: gives it as its file has it, in whatever order; as the opener does unless it is given.

    Attributes:
        tickers: of whom there are feeds.
        calendar_date: the day as a date.
    """

    def __init__(
        self,
        date: str,
        origin: str,
        feeds: Iterable[Feed],
        opener: Callable[[Feed], Tape],
        raw: Callable[[Feed], Tape] | None = None,
    ) -> None:
        self.date: Final = date
        self.origin: Final = origin
        self.feeds: Final = frozenset(feeds)
        self.tickers: Final = frozenset(feed.ticker for feed in self.feeds)
        self.calendar_date: Final = datetime.date.fromisoformat(date)
        self._opener: Final = opener
        self._raw: Final = raw or opener
        self._tapes: dict[Feed, Tape] = {}

    @property
    def is_simulated(self) -> bool:
        """Whether other tickers could be had by a setting."""
        return self.origin.startswith(SIMULATED)

    def is_filled_in(self, feed: Feed) -> bool:
        """Whether a feed of a recorded day is simulated, because it was not recorded."""
        return False

    def open(self, feed: Feed) -> Tape:
        """A tape of a feed with records of its own, for whoever closes it. Raises DataError."""
        return self._opener(feed)

    def source(self, feed: Feed) -> Feed | None:
        """Whose records serve a feed: its own, the nearest stored category's, or None when there are none."""
        return source_of(feed, self.feeds, self.calendar_date)

    def tape(self, feed: Feed) -> Tape | None:
        """The feed's tape, or None when the day has no such feed. Raises DataError when it cannot be opened."""
        tape = self._tapes.get(feed)
        if tape is None:
            source = self.source(feed)
            if source is None:
                return None
            tape = self._opener(feed) if source == feed else Alias(feed, self._must(source))
            self._tapes[feed] = tape
        return tape

    def _must(self, feed: Feed) -> Tape:
        tape = self.tape(feed)
        if tape is None:
            raise DataError(f"{self.date} ({self.origin}) has no {feed.group}")
        return tape

    def why_empty(self, tape: Tape) -> str | None:
        """That the file of a feed has no records; None when it has."""
        said = f"{self.date} ({self.origin}) has no record in the file of {tape.feed.group}"
        return said if is_empty(tape) else None

    def first_date(self) -> str | None:
        """The date in New York of a feed's tenth record, if it can be read: the first ones may be of the day before."""
        with contextlib.suppress(ValueError, OverflowError, OSError):  # a time beyond all calendars
            dates = [shown(stamp)[: len(self.date)] for stamp in self._first_stamps]
            return dates[-1] if dates else None
        return None

    @cached_property
    def _first_stamps(self) -> list[int]:
        """The timestamps of the first records of a feed, as far as they can be read; it is opened for this alone."""
        with (
            contextlib.suppress(DataError, ValueError, OverflowError, OSError),
            contextlib.closing(self._raw(min(self.feeds))) as tape,
        ):
            found = [stamp_of(tape, index) for index in range(FIRST_RECORDS) if tape.has(index)]
            return [stamp for stamp in found if stamp is not None]
        return []

    def digest(self) -> str:
        """What tells it from another day of its date: its feeds, and the first records of some of them."""
        seen = hashlib.sha256(" ".join(sorted(feed.group for feed in self.feeds)).encode())
        for feed in sorted(self.feeds)[:DIGESTED_FEEDS]:
            with (
                contextlib.suppress(GexfakerError, ValueError, IndexError, OSError),
                contextlib.closing(self._raw(feed)) as tape,
            ):
                seen.update(tape.json(0))
        return seen.hexdigest()

    def is_newest_first(self) -> bool:
        """Whether the first records of a feed go back in time, as far as they can be read."""
        return goes_back(self._first_stamps)

    def oddities(self) -> list[str]:
        """A sentence about each file that does not hold what its place says, as far as its two ends tell."""
        return []

    def look(self) -> Callable[[], bool] | None:
        """Says in another thread whether the day has other files now than when it was opened; None: it has none."""
        return None

    def close(self) -> None:
        """Close all tapes."""
        for tape in self._tapes.values():
            tape.close()
        self._tapes.clear()


class StoredDay(Day):
    """A day of a data folder, whose files may be added, replaced or taken away while it is played.

    Raises:
        DataError: there is no such day.
    """

    def __init__(self, folder: DataFolder, date: str) -> None:
        self._folder: Final = folder
        self._opened: Final[WeakSet[SortedTape]] = WeakSet()
        self._stamp: Final = folder.stamp(date)
        super().__init__(date, shown_path(folder.root), folder.feeds(date), self._in_order, self._as_it_is)

    def _in_order(self, feed: Feed) -> Tape:
        tape = SortedTape(self._as_it_is(feed))
        self._opened.add(tape)
        return tape

    def _as_it_is(self, feed: Feed) -> JsonlTape:
        return self._folder.open(self.date, feed)

    def oddities(self) -> list[str]:
        """A sentence about each file without times, with another day at its end, or with less than another file.

        SHOWN_FILES of them are told.
        """
        return self._oddities

    @cached_property
    def _oddities(self) -> list[str]:
        """Looked for once: a day whose files have changed is opened again."""
        odd = filter(None, map(self._oddity, sorted(self.feeds)[:LOOKED_AT_FEEDS]))
        found = [*odd, *self._fuller_ones()]
        left = len(found) - SHOWN_FILES
        return [*found[:SHOWN_FILES], *([f"{left} more files are like these"] if left > 0 else [])]

    def _fuller_ones(self) -> Iterator[str]:
        """The files that lie in the layout, and so are played, while another one has more records of the feed."""
        for feed, place, taken in islice(self._folder.passed_over(self.date), LOOKED_AT_FEEDS):
            if compared(place, taken) > 0:
                more = f"{shown_path(place.name)} has more records of {feed.group} than {shown_path(taken.name)}"
                yield f"{more}, which is played: move that away to have the other"

    def _oddity(self, feed: Feed) -> str:
        """What is odd about a feed's file; empty when nothing is. That it cannot be read is told when it is used."""
        with contextlib.suppress(DataError, OSError, ValueError, OverflowError), closing(self._as_it_is(feed)) as tape:
            first = tape.first_stamp()
            return _why_without_times(tape) if first is None else _how_it_ends(tape, first, self.calendar_date)
        return ""

    def look(self) -> Callable[[], bool]:
        """Says in another thread whether the day has other files now than it was opened with, and keeps its indexes."""
        folder, stamp, date = self._folder.again(), self._stamp, self.date
        tapes = [tape for tape in self._opened if not tape.is_closed]
        keeping = [keep for tape in tapes if (keep := tape.keeping()) is not None]

        def has_changed() -> bool:
            for keep in keeping:
                keep()
            return folder.stamp(date) != stamp or not all(tape.is_current() for tape in tapes)

        return has_changed


def _why_without_times(tape: JsonlTape) -> str:
    """Why none of the first records is played; empty when one can be, or when there are none."""
    records = [index for index in range(FIRST_RECORDS) if tape.has(index)]
    if not records or any(stamp_of(tape, index) is not None for index in records):
        return ""
    try:
        tape.json(0)
        tape.timestamp(0)
    except RecordError as error:
        return f"{tape.place(0)} is not played, nor are those behind it: {error}"
    return ""


def _how_it_ends(tape: JsonlTape, first: int, day: datetime.date) -> str:
    """That the last record of a file is of another day than the first one; empty when it is not."""
    last = tape.last_stamp()
    if last is None or date_at(last) in (day, date_at(first)):
        return ""
    return f"{tape.file} ends with records of {date_at(last)}, another day: gexfaker inspect shows where they begin"

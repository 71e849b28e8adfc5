"""The day that is played: which feeds it has, and their tapes, opened when first asked for."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from gexfaker.catalog import Feed
from gexfaker.errors import DataError
from gexfaker.playback.sources import source_of
from gexfaker.tapes.alias import Alias
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.tape import Tape

log: Final = logging.getLogger(__name__)


class Library:
    """All tapes of one day.

    Args:
        date: the day, YYYY-MM-DD.
        origin: where it is from, for people: the folder, or "simulated".
        feeds: the feeds with records of their own.
        opener: gives the tape of one of them.

    Attributes:
        tickers: of whom there are feeds.
    """

    def __init__(self, date: str, origin: str, feeds: Iterable[Feed], opener: Callable[[Feed], Tape]) -> None:
        self.date: Final = date
        self.origin: Final = origin
        self.feeds: Final = frozenset(feeds)
        self.tickers: Final = frozenset(feed.ticker for feed in self.feeds)
        self._day: Final = datetime.date.fromisoformat(date)
        self._opener: Final = opener
        self._tapes: dict[Feed, Tape] = {}

    @property
    def day(self) -> datetime.date:
        """The day as a date."""
        return self._day

    def source(self, feed: Feed) -> Feed | None:
        """Whose records serve a feed: its own, the nearest stored category's, or None when there are none."""
        return source_of(feed, self.feeds, self._day)

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

    def close(self) -> None:
        """Close all tapes."""
        for tape in self._tapes.values():
            tape.close()
        self._tapes.clear()


def open_day(data_dir: Path, date: str, seed: int, today: datetime.date) -> Library:
    """The stored day ``date`` ("latest" or YYYY-MM-DD) of ``data_dir``; a simulated one where no day is stored.

    Raises:
        DataError: days are stored, but not this one.
    """
    if data_dir.is_dir():
        folder = DataFolder(data_dir)
        if folder.dates():
            day = folder.resolve_date(date)
            return Library(day, str(data_dir), folder.feeds(day), lambda feed: folder.open(day, feed))
    return _simulated(date, seed, today)


def _simulated(date: str, seed: int, today: datetime.date) -> Library:
    from gexfaker.market.orderflow import DEFAULT_TICKERS, SimulatedOrderflow
    from gexfaker.market.session import latest_trading_day

    day = latest_trading_day(today) if date == "latest" else date
    feeds = [Feed(ticker, "orderflow", "orderflow") for ticker in DEFAULT_TICKERS]
    return Library(day, f"simulated, seed {seed}", feeds, lambda feed: SimulatedOrderflow(feed.ticker, day, seed))

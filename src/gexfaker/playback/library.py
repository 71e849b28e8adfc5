"""The day that is played: which feeds it has, and their tapes, opened when first asked for."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gexfaker.catalog import Feed
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.tape import Tape

log: Final = logging.getLogger(__name__)


class Library:
    """All tapes of one day.

    Attributes:
        date: the day, YYYY-MM-DD.
        origin: where it is from, for people: the folder, or "simulated".
        feeds: what can be streamed.
    """

    def __init__(self, date: str, origin: str, feeds: list[Feed], opener: Callable[[Feed], Tape]) -> None:
        self.date: Final = date
        self.origin: Final = origin
        self.feeds: Final = frozenset(feeds)
        self._opener: Final = opener
        self._tapes: dict[Feed, Tape] = {}

    def tape(self, feed: Feed) -> Tape | None:
        """The feed's tape, or None when the day has no such feed. Raises DataError when it cannot be opened."""
        if feed not in self.feeds:
            return None
        tape = self._tapes.get(feed)
        if tape is None:
            tape = self._tapes[feed] = self._opener(feed)
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

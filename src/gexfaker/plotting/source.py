"""Whose day is drawn: a simulated or a stored one, with its tapes and what a title says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gexfaker.catalog import FUTURES, INDEXES, QUANT_INDEXES, WEEKLIES, Feed
from gexfaker.errors import DataError
from gexfaker.market.scenarios.scenario import Scenario
from gexfaker.market.simulation import Market
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.tape import Tape

_IN_POINTS: Final = frozenset((*INDEXES, *FUTURES, *WEEKLIES, *QUANT_INDEXES))


@dataclass(frozen=True)
class Source:
    """One ticker's day.

    Attributes:
        ticker, date: whose, and when (YYYY-MM-DD).
        origin: where it is from, for a title: ``simulated, seed 1``, or the folder.
        opener: gives the tape of a feed; raises DataError when there is none.
    """

    ticker: str
    date: str
    origin: str
    opener: Callable[[Feed], Tape]

    @property
    def title(self) -> str:
        """What all pictures of the day are called: ``SPX  2026-07-17  simulated, seed 1``."""
        return f"{self.ticker}   {self.date}   {self.origin}"

    @property
    def unit(self) -> str:
        """What the ticker's prices are in."""
        return "index points" if self.ticker in _IN_POINTS else "dollars"

    def open(self, package: str, category: str) -> Tape:
        """The tape of one of the ticker's feeds. Raises DataError when there is none."""
        return self.opener(Feed(self.ticker, package, category))


def simulated(
    ticker: str, date: str, seed: int, scenario: Scenario | None = None, feedback: float | None = None
) -> Source:
    """A simulated day. Raises DataError: no such ticker, or no such date."""
    market = Market(date, seed, scenario, feedback=feedback)
    market.tape(Feed(ticker, "orderflow", "orderflow"))  # refuses an unknown ticker; makes nothing yet
    plot = f", scenario {scenario.name}" if scenario else ""
    return Source(ticker, date, f"simulated, seed {seed}{plot}", market.tape)


def stored(ticker: str, date: str, root: Path) -> Source:
    """A day of a data folder; ``date`` may be ``latest``. Raises DataError: no folder, no such day."""
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: give the one that holds the days, such as data/")
    folder = DataFolder(root)
    day = folder.resolve_date(date)
    return Source(ticker, day, f"stored in {root.resolve().name}", lambda feed: folder.open(day, feed))

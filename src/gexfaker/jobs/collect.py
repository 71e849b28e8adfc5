"""Every trading evening the day's reports: when to look, what is missing, and what to do when it does not come.

The service exports a day at about 17:00 New York. It is looked for from 17:05 on, every five minutes. What has not
come by 20:00 is asked for by its date, which needs a Quant key, and so are older trading days that are missing, the
oldest first. A key that may not ask by date is told once and asked for reports only.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from gexfaker.catalog import STANDARD_KINDS
from gexfaker.exchange.calendar import is_trading_day, last_trading_day, next_trading_day
from gexfaker.exchange.hours import date_at, epoch
from gexfaker.jobs.download import Downloader, Manifest, Outcome, Wanted

FIRST_LOOK: Final = datetime.time(17, 5)
BY_DATE: Final = datetime.time(20)
AGAIN_SECONDS: Final = 300.0
DAYS_BACK: Final = 90
"""How far back the service's history goes."""

MAX_SLEEP_SECONDS: Final = 600.0
"""No sleep is longer, so that a machine that was asleep itself notices soon what it has missed."""


def due_day(now: float) -> datetime.date:
    """The newest trading day whose report should be there. ``now`` is epoch seconds."""
    day = last_trading_day(date_at(now))
    return day if now >= epoch(day, FIRST_LOOK) else last_trading_day(day - datetime.timedelta(days=1))


def next_look(now: float, *, is_complete: bool) -> float:
    """When to look again: soon while something is missing, else when the next report should be there."""
    return epoch(next_trading_day(due_day(now)), FIRST_LOOK) if is_complete else now + AGAIN_SECONDS


def trading_days_before(day: datetime.date, back: int) -> list[datetime.date]:
    """The trading days up to ``back`` days before a day, oldest first; the day itself is not among them."""
    days = (day - datetime.timedelta(days=number) for number in range(back, 0, -1))
    return [one for one in days if is_trading_day(one)]


class Collector:
    """Keeps a folder complete.

    Args:
        downloader: brings files in; a new one for each look, as what came is read anew.
        folder: where they are.
        tickers: whose.
        back: how many days back gaps are filled.
        clock: epoch seconds.
    """

    def __init__(
        self,
        downloader: Callable[[], Downloader],
        folder: Path,
        tickers: Sequence[str],
        back: int,
        clock: Callable[[], float],
    ) -> None:
        self._downloader: Final = downloader
        self._folder: Final = folder
        self._tickers: Final = tickers
        self._back: Final = min(back, DAYS_BACK)
        self._clock: Final = clock
        self._has_no: Final[set[Wanted]] = set()
        self.may_ask_by_date = True

    def look(self) -> Iterator[Outcome]:
        """Bring in what is missing now; what became of each file that was asked for. Raises DataError."""
        now = self._clock()
        day = due_day(now)
        yield from self._bring([Wanted(ticker) for ticker in self._missing(day)])
        late = [(day, ticker) for ticker in self._missing(day)] if now >= epoch(day, BY_DATE) else []
        manifest = Manifest(self._folder)
        gaps = [
            (one, ticker)
            for one in trading_days_before(day, self._back)
            for ticker in self._tickers
            if self._arrays_missing(manifest, one, ticker)
        ]
        for date, ticker in (*gaps, *late):
            if self.may_ask_by_date:
                yield from self._by_date(date, ticker)

    def why_not_newest(self) -> str:
        """That the newest day that is due is not there yet, neither as a report nor by its arrays; "" when it is."""
        manifest, date = Manifest(self._folder), due_day(self._clock()).isoformat()
        missing = [ticker for ticker in self._tickers if not manifest.has_day(date, ticker)]
        return f"{date} of {', '.join(missing)} is not there yet" if missing else ""

    def is_complete(self) -> bool:
        """Whether nothing is missing that will still come."""
        return not self._missing(due_day(self._clock()))

    def _missing(self, day: datetime.date) -> list[str]:
        """The tickers of which a day is not there: neither its report nor all of its arrays."""
        manifest = Manifest(self._folder)
        return [ticker for ticker in self._tickers if self._arrays_missing(manifest, day, ticker)]

    def _arrays_missing(self, manifest: Manifest, day: datetime.date, ticker: str) -> list[Wanted]:
        """The arrays of a day that are not there, but those that the service has not; none where there is a report."""
        date = day.isoformat()
        if manifest.whole(f"eod_report_{ticker}_{date}") is not None:
            return []
        wanted = [Wanted(ticker, *kind, date) for kind in STANDARD_KINDS]
        return [one for one in wanted if one not in self._has_no and manifest.whole(one.stem) is None]

    def _by_date(self, day: datetime.date, ticker: str) -> Iterator[Outcome]:
        for outcome in self._bring(self._arrays_missing(Manifest(self._folder), day, ticker)):
            if outcome.is_missing:
                self._has_no.add(outcome.wanted)
            if outcome.is_refused:
                self.may_ask_by_date = False
            yield outcome

    def _bring(self, wanted: Sequence[Wanted]) -> Iterator[Outcome]:
        if wanted:
            yield from self._downloader().bring(wanted, workers=3)

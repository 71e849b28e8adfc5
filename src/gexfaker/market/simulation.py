"""A simulated options market: every feed of every ticker as a tape, from nothing but a date and a seed.

One day has one market factor; each underlying moves with it and on its own. Each chain has one surface, one open
interest and the books of its customers; all feeds of a ticker, and a future's with its index's, are views of these, so
they agree with each other. Nothing is made before it is asked for, and any record costs the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from gexfaker.bounded import Bounded
from gexfaker.catalog import CATEGORIES, GREEKS, VOLUME_CATEGORIES, Feed
from gexfaker.errors import DataError
from gexfaker.exchange.hours import RECORDS, TradingSession, parse_date
from gexfaker.market.feeds.blockcache import Blocks
from gexfaker.market.feeds.flowfeed import FlowFeed
from gexfaker.market.feeds.gexfeed import GexFeed
from gexfaker.market.feeds.greekfeed import GreekFeed
from gexfaker.market.feeds.tape import Records, SimulatedTape
from gexfaker.market.feeds.view import View
from gexfaker.market.model.board import Boards
from gexfaker.market.model.cadence import thinned
from gexfaker.market.model.chain import NEAR, NEXT, Chain
from gexfaker.market.model.dealers import FEEDBACK
from gexfaker.market.model.edges import FULL
from gexfaker.market.model.ledger import STRIPS_KEPT, Ledger, Strips
from gexfaker.market.model.majors import Majors
from gexfaker.market.model.prices import Prices
from gexfaker.market.model.profiles import BASES, chain_of, profiles
from gexfaker.market.numeric.exact import Ints
from gexfaker.market.scenarios.scenario import Scenario, shape_of

_NUMBERS: Final = {"full": FULL, "zero": NEAR, "one": NEXT}

_EXPLICIT: Final = {"classic": ("gex",), "state": ("gex", *GREEKS), "orderflow": ("orderflow",)}
"""What is shown of a single expiry, by package."""


class Market:
    """One simulated day of the whole universe.

    The same date, seed and scenario give the same bytes on every machine and Python version.

    Args:
        date: YYYY-MM-DD; a day without trading is not refused.
        seed: any integer.
        scenario: what happens on the day; an ordinary one without.
        blocks: where what was made is kept; days that share it keep no more than one.
        feedback: how strong the hedging of dealers moves the price, 0 to 1; FEEDBACK unless it is given.

    Attributes:
        prices: of the underlyings.

    Raises:
        DataError: the date is not one.
    """

    def __init__(
        self,
        date: str,
        seed: int,
        scenario: Scenario | None = None,
        blocks: Blocks | None = None,
        feedback: float | None = None,
    ) -> None:
        self._session = TradingSession.of(date)
        self._day = parse_date(date)
        self._key = f"{seed}/{date}"
        strength = FEEDBACK if feedback is None else feedback
        self.prices = Prices(self._day, seed, shape_of(scenario), strength)
        self._blocks = Blocks() if blocks is None else blocks
        self._chains: dict[str, _Shown] = {}
        self._strips: Strips = Bounded(STRIPS_KEPT)
        self._records: dict[str, Ints] = {}
        self._tapes: dict[Feed, SimulatedTape] = {}

    def tape(self, feed: Feed) -> SimulatedTape:
        """The tape of a feed: the standard categories, the legacy volume ones, and those of a listed expiry.

        Raises:
            DataError: no such ticker or category, or an expiry that the ticker does not list on the day.
        """
        if feed not in self._tapes:
            name = chain_of(feed.ticker)
            self._tapes[feed] = SimulatedTape(feed, self._session, lambda: self._seconds(name), self._opener(feed))
        return self._tapes[feed]

    def close(self) -> None:
        """Give all memory back; tapes handed out are not used afterwards."""
        for tape in self._tapes.values():
            tape.close()
        self._tapes.clear()
        self._chains.clear()
        self._strips.clear()
        self._records.clear()
        self.prices.clear()

    def _opener(self, feed: Feed) -> Callable[[], Records]:
        name = chain_of(feed.ticker)
        number = self._number(feed)
        return lambda: self._shown(name).records(feed, number, self._session.first)

    def _number(self, feed: Feed) -> int:
        """Which expiry a feed shows."""
        known = (*CATEGORIES.get(feed.package, ()), *(VOLUME_CATEGORIES if feed.package == "state" else ()))
        if feed.category in known:
            return _NUMBERS.get(feed.category.rpartition("_")[2], NEAR)
        if feed.expiry is None or feed.kind not in _EXPLICIT.get(feed.package, ()):
            raise DataError(f"{feed.group} is not simulated; of package {feed.package!r} are: {', '.join(known)}")
        listed = self._shown(chain_of(feed.ticker)).chain.expiries
        if feed.expiry not in listed:
            days = ", ".join(f"{day:%Y%m%d}" for day in listed[:5])
            asked = f"{feed.ticker} has no expiry {feed.expiry:%Y%m%d} on {self._session.date}"
            raise DataError(f"{asked}; the next are {days}")
        return listed.index(feed.expiry)

    def _seconds(self, name: str) -> Ints:
        """The second of the day that each record of a chain shows."""
        if name not in self._records:
            self._records[name] = thinned(name, self._day, self._key, self.prices.shape.seconds)
        return self._records[name]

    def _shown(self, name: str) -> _Shown:
        if name not in self._chains:
            underlying, positions, shape = self.prices.underlying(name), self.prices.positions(name), self.prices.shape
            chain = Chain(profiles()[name], underlying, self._day, self._key, positions, shape)
            ledger = Ledger(chain, _served(self._seconds(name)), self._strips)
            self._chains[name] = _Shown(ledger, self._key, self._blocks)
        return self._chains[name]


class _Shown:
    """A chain with what its feeds share."""

    def __init__(self, ledger: Ledger, key: str, blocks: Blocks) -> None:
        self.chain = ledger.chain
        self._blocks = blocks
        self._ledger = ledger
        self._majors = Majors(self._ledger, key)
        self._boards = Boards(self._ledger, key)

    def records(self, feed: Feed, number: int, first: int) -> Records:
        view = View(feed.ticker, BASES.get(feed.ticker, 0), first, self._ledger, self._majors)
        if feed.kind == "orderflow":
            further = min(number + 1, len(self.chain.expiries) - 1)
            return FlowFeed(view, self._boards, number, further, self._blocks)
        if feed.kind == "gex":
            return GexFeed(view, feed.package, number, self._blocks)
        return GreekFeed(view, feed.kind, number, self._blocks)


def _served(seconds: Ints) -> Ints:
    """For each second of the day, the newest second not after it that has a record of its own; -1: none."""
    own = np.full(RECORDS, -1, dtype=np.int64)
    own[seconds] = seconds
    return np.maximum.accumulate(own)

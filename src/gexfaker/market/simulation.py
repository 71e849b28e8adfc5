"""A simulated options market: every feed of every ticker as a tape, from nothing but a date and a seed.

One day has one market factor; each underlying moves with it and on its own. Each chain has one surface, one open
interest and the books of its customers; all feeds of a ticker, and a future's with its index's, are views of these, so
they agree with each other. Nothing is made before it is asked for, and any record costs the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np

from gexfaker.catalog import CATEGORIES, GREEKS, VOLUME_CATEGORIES, Feed
from gexfaker.errors import DataError
from gexfaker.exchange.calendar import DAY, last_trading_day, trading_day_number
from gexfaker.exchange.hours import RECORDS, TradingSession, parse_date
from gexfaker.market.feeds.blockcache import Blocks
from gexfaker.market.feeds.flowfeed import FlowFeed
from gexfaker.market.feeds.gexfeed import GexFeed
from gexfaker.market.feeds.greekfeed import GreekFeed
from gexfaker.market.feeds.tape import Records, SimulatedTape
from gexfaker.market.feeds.view import View
from gexfaker.market.model.board import Boards
from gexfaker.market.model.chain import NEAR, NEXT, Chain
from gexfaker.market.model.dealers import FEEDBACK, Dealers, Effect
from gexfaker.market.model.edges import FULL
from gexfaker.market.model.factors import Factor
from gexfaker.market.model.interest import Positions
from gexfaker.market.model.ledger import Ledger
from gexfaker.market.model.majors import Majors
from gexfaker.market.model.past import MARKET, Past
from gexfaker.market.model.profiles import BASES, chain_of, profiles
from gexfaker.market.model.surface import Surface
from gexfaker.market.model.underlying import Underlying
from gexfaker.market.numeric.exact import Floats, Ints
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
        self._seed = seed
        self._key = f"{seed}/{date}"
        self._past_key = f"{seed}/past"
        self._past = Past(self._past_key)
        self._day_number = trading_day_number(self._day)
        state = self._past.state(MARKET, self._day_number)
        self._shape = shape_of(scenario).until(len(self._session)).on_a_day_of(state.implied)
        self._blocks = Blocks() if blocks is None else blocks
        self._chains: dict[str, _Shown] = {}
        self._factors: dict[str, Factor] = {}
        self._underlyings: dict[str, Underlying] = {}
        self._held: dict[str, Positions] = {}
        self._feedback = FEEDBACK if feedback is None else feedback
        self._tapes: dict[Feed, SimulatedTape] = {}

    def tape(self, feed: Feed) -> SimulatedTape:
        """The tape of a feed: the standard categories, the legacy volume ones, and those of a listed expiry.

        Raises:
            DataError: no such ticker or category, or an expiry that the ticker does not list on the day.
        """
        if feed not in self._tapes:
            open_ = self._opener(feed)
            self._tapes[feed] = SimulatedTape(feed, self._session, self._shape.seconds, open_)
        return self._tapes[feed]

    def close(self) -> None:
        """Give all memory back; tapes handed out are not used afterwards."""
        for tape in self._tapes.values():
            tape.close()
        self._tapes.clear()
        for made in (self._chains, self._factors, self._underlyings, self._held):
            made.clear()

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

    def _shown(self, name: str) -> _Shown:
        if name not in self._chains:
            underlying = self._underlying(name)
            positions = self._positions(name)
            chain = Chain(profiles()[name], underlying, self._day, self._key, positions, self._shape)
            self._chains[name] = _Shown(chain, self._key, _served(self._shape.seconds), self._blocks)
        return self._chains[name]

    def _underlying(self, name: str) -> Underlying:
        """The underlying of a chain; who follows another one is moved by the hedging of that one's options."""
        if name not in self._underlyings:
            profile = profiles()[name]
            own = self._factor(profile.follows or name)
            made = Underlying(profile, self._factor(MARKET), own, self._past, self._day_number, self._shape)
            self._underlyings[name] = made
            if self._feedback:
                made.hedged = self._dealers(name).effect if not profile.follows else self._led(profile.follows)
                made.left_behind = lambda: self._day_before._underlying(name).displacement
        return self._underlyings[name]

    @cached_property
    def _day_before(self) -> Market:
        """The day before, on which nothing happens that a scenario says; it is never asked for the one before it."""
        before = last_trading_day(self._day - DAY).isoformat()
        return Market(before, self._seed, None, self._blocks, self._feedback)

    def _led(self, leader: str) -> Callable[[Floats, Floats], Effect]:
        return lambda _steps, _drift: self._underlying(leader).effect

    def _dealers(self, name: str) -> Dealers:
        profile, shape, underlying = profiles()[name], self._shape, self._underlyings[name]
        surface = Surface(profile, shape.implied, shape.session)
        opening = underlying.undisturbed
        return Dealers(profile, surface, self._positions(name), opening, self._feedback, shape.session)

    def _positions(self, name: str) -> Positions:
        if name not in self._held:
            self._held[name] = Positions(profiles()[name], self._day, self._past_key, self._underlying(name).close)
        return self._held[name]

    def _factor(self, name: str) -> Factor:
        if name not in self._factors:
            goal, state = self._past.session(name, self._day_number), self._past.state(name, self._day_number)
            self._factors[name] = Factor(f"{self._key}/factor/{name}", goal, state.volatility, self._shape.session)
        return self._factors[name]


class _Shown:
    """A chain with what its feeds share."""

    def __init__(self, chain: Chain, key: str, served: Ints, blocks: Blocks) -> None:
        self.chain = chain
        self._blocks = blocks
        self._ledger = Ledger(chain, served)
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

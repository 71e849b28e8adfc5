"""A simulated options market: every feed of every ticker as a tape, from nothing but a date and a seed.

One day has one market factor; each underlying moves with it and on its own. Each chain has one surface, one open
interest and the books of its customers; all feeds of a ticker, and a future's with its index's, are views of these, so
they agree with each other. Nothing is made before it is asked for, and any record costs the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Final, Protocol

import numpy as np

from gexfaker.catalog import CATEGORIES, GREEKS, VOLUME_CATEGORIES, Feed
from gexfaker.errors import DataError
from gexfaker.market.board import Boards
from gexfaker.market.chain import NEAR, NEXT, Chain
from gexfaker.market.edges import FULL
from gexfaker.market.exact import Ints
from gexfaker.market.factors import Factor
from gexfaker.market.flowfeed import FlowFeed
from gexfaker.market.gexfeed import GexFeed
from gexfaker.market.greekfeed import GreekFeed
from gexfaker.market.ledger import Ledger
from gexfaker.market.majors import Majors
from gexfaker.market.profiles import BASES, chain_of, profiles
from gexfaker.market.scenario import Scenario, shape_of
from gexfaker.market.session import RECORDS, Session, parse_date
from gexfaker.market.underlying import Underlying
from gexfaker.market.view import View

_NUMBERS: Final = {"full": FULL, "zero": NEAR, "one": NEXT}

_EXPLICIT: Final = {"classic": ("gex",), "state": ("gex", *GREEKS), "orderflow": ("orderflow",)}
"""What is shown of a single expiry, by package."""


class Records(Protocol):
    """A feed's records by second of the day."""

    def json(self, second: int) -> bytes:
        """The record of a second."""

    def clear(self) -> None:
        """Forget what is kept."""


class Market:
    """One simulated day of the whole universe.

    The same date, seed and scenario give the same bytes on every machine and Python version.

    Args:
        date: YYYY-MM-DD; a day without trading is not refused.
        seed: any integer.
        scenario: what happens on the day; an ordinary one without.

    Raises:
        DataError: the date is not one.
    """

    def __init__(self, date: str, seed: int, scenario: Scenario | None = None) -> None:
        self._session = Session.of(date)
        self._day = parse_date(date)
        self._key = f"{seed}/{date}"
        self._shape = shape_of(scenario)
        self._chains: dict[str, _Shown] = {}
        self._factors: dict[str, Factor] = {}
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
        self._tapes.clear()
        self._chains.clear()
        self._factors.clear()

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
            profile = profiles()[name]
            own = self._factor(profile.follows or name)
            underlying = Underlying(profile, self._factor("market"), own, self._key, self._shape)
            chain = Chain(profile, underlying, self._day, self._key, self._shape)
            self._chains[name] = _Shown(chain, self._key, _served(self._shape.seconds))
        return self._chains[name]

    def _factor(self, name: str) -> Factor:
        if name not in self._factors:
            self._factors[name] = Factor(f"{self._key}/factor/{name}")
        return self._factors[name]


class _Shown:
    """A chain with what its feeds share."""

    def __init__(self, chain: Chain, key: str, served: Ints) -> None:
        self.chain = chain
        self._ledger = Ledger(chain, served)
        self._majors = Majors(self._ledger, key)
        self._boards = Boards(self._ledger, key)

    def records(self, feed: Feed, number: int, first: int) -> Records:
        view = View(feed.ticker, BASES.get(feed.ticker, 0), first, self._ledger, self._majors)
        if feed.kind == "orderflow":
            return FlowFeed(view, self._boards, number, min(number + 1, len(self.chain.expiries) - 1))
        if feed.kind == "gex":
            return GexFeed(view, feed.package, number)
        return GreekFeed(view, feed.kind, number)


class SimulatedTape:
    """One feed's simulated day; implements Tape."""

    def __init__(self, feed: Feed, session: Session, seconds: Ints, opener: Callable[[], Records]) -> None:
        self._feed = feed
        self._session = session
        self._seconds = seconds
        self._opener = opener

    @cached_property
    def _records(self) -> Records:
        # Made at the first record, not at construction: a server opens its tapes before it listens.
        return self._opener()

    @property
    def feed(self) -> Feed:
        """What is simulated."""
        return self._feed

    @property
    def date(self) -> str:
        """The market day, YYYY-MM-DD (New York)."""
        return self._session.date

    def __len__(self) -> int:
        return len(self._seconds)

    def has(self, index: int) -> bool:
        """Whether record ``index`` exists."""
        return 0 <= index < len(self)

    def timestamp(self, index: int) -> int:
        """Epoch seconds of a record. Raises IndexError outside the day."""
        return self._session.first + self._second(index)

    def json(self, index: int) -> bytes:
        """The record as compact JSON. Raises IndexError outside the day."""
        return self._records.json(self._second(index))

    def payload(self, index: int) -> bytes | None:
        """None: nothing is made beforehand."""
        return None

    def index_at(self, timestamp: int) -> int:
        """Index of the newest record not after ``timestamp`` (epoch seconds); -1 before the first."""
        second = max(-1, min(timestamp - self._session.first, RECORDS))
        return int(np.searchsorted(self._seconds, second, side="right")) - 1

    def place(self, index: int) -> str:
        """Where a record is, for people: ``simulated SPX state delta_zero #17``."""
        feed = self._feed
        what = feed.category if feed.package == feed.category else f"{feed.package} {feed.category}"
        return f"simulated {feed.ticker} {what} #{index}"

    def close(self) -> None:
        """Forget the blocks kept."""
        self._records.clear()

    def _second(self, index: int) -> int:
        if not 0 <= index < len(self._seconds):
            raise IndexError(index)
        return int(self._seconds[index])


def _served(seconds: Ints) -> Ints:
    """For each second of the day, the newest second not after it that has a record of its own; -1: none."""
    own = np.full(RECORDS, -1, dtype=np.int64)
    own[seconds] = seconds
    return np.maximum.accumulate(own)

"""A simulated day; the market itself, and numpy with it, is loaded with the first record asked for."""

from __future__ import annotations

import datetime
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from gexfaker.catalog import SPOT, STANDARD_KINDS, TICKERS, Feed
from gexfaker.errors import DataError
from gexfaker.exchange.calendar import last_trading_day
from gexfaker.exchange.expiries import is_listed
from gexfaker.limits import MIB
from gexfaker.market.feeds.blockcache import Blocks
from gexfaker.playback.day import Day
from gexfaker.playback.openrows import OpenRows
from gexfaker.tapes.tape import Tape

if TYPE_CHECKING:
    from gexfaker.faults.rules import Rule
    from gexfaker.market.simulation import Market


MAX_SHARED_DAYS: Final = 16
"""Simulated days that are shared by downloads, 2.7 MiB each."""

SHARED_BLOCK_BYTES: Final = 16 * MIB
"""What they keep of what they made: a download goes from one block to the next."""


class _Opener:
    """Opens the tapes of a simulated day, which is made with the first of them."""

    def __init__(
        self,
        date: str,
        seed: int,
        scenario: str | None,
        blocks: Blocks | None = None,
        feedback: float | None = None,
    ) -> None:
        self._day: Final = (date, seed)
        self._feedback: Final = feedback
        self._scenario: Final = scenario
        self._blocks: Final = blocks
        self._market: Market | None = None

    def __call__(self, feed: Feed) -> Tape:
        if self._market is None:
            from gexfaker.market.scenarios.scenariofile import read_scenario
            from gexfaker.market.simulation import Market

            self._market = Market(*self._day, read_scenario(self._scenario), self._blocks, self._feedback)
        return self._market.tape(feed)

    def close(self) -> None:
        """Give the market's memory back, which its tapes, if anybody still has one, would hold on to."""
        if self._market is not None:
            self._market.close()


class SimulatedDay(Day):
    """A simulated day: explicit expiries and the legacy volume feeds have records of their own.

    Args:
        market: what is closed with the day.
    """

    def __init__(
        self, date: str, origin: str, feeds: Iterable[Feed], opener: Callable[[Feed], Tape], market: _Opener
    ) -> None:
        super().__init__(date, origin, feeds, opener)
        self._market: Final = market

    def close(self) -> None:
        """Close all tapes and the market."""
        super().close()
        self._market.close()

    def source(self, feed: Feed) -> Feed | None:
        """The feed itself, if the market has its ticker and the expiry is listed."""
        if feed.ticker not in self.tickers or feed.package == SPOT:
            return None
        return feed if feed.expiry is None or is_listed(feed, self.calendar_date) else None


class SimulatedDays:
    """Simulated days for whoever reads them from end to end: those of one day share it.

    Args:
        seed, tickers, scenario, feedback: as ``simulated_day`` takes them.

    Attributes:
        market: all of them, which tells the days of one market from those of another.
    """

    def __init__(self, seed: int, tickers: Sequence[str], scenario: str | None, feedback: float | None = None) -> None:
        self.market: Final = (seed, tuple(tickers), scenario, feedback)
        self._blocks: Final = Blocks(SHARED_BLOCK_BYTES)
        self._days: Final[OrderedDict[str, Day]] = OrderedDict()
        self._users: Final[Counter[str]] = Counter()
        self._lock: Final = threading.Lock()

    def borrow(self, date: str) -> Day:
        """A day by its date; to be given back. Raises DataError as ``simulated_day`` does."""
        with self._lock:
            day = self._days.get(date)
            if day is None:
                seed, tickers, scenario, feedback = self.market
                made = simulated_day(date, seed, tickers, scenario, blocks=self._blocks, feedback=feedback)
                day = self._days[date] = made
            self._days.move_to_end(date)
            self._users[date] += 1
            self._make_room()
            return day

    def give_back(self, date: str) -> None:
        """The end of ``borrow``."""
        with self._lock:
            self._users[date] -= 1
            self._make_room()

    def _make_room(self) -> None:
        """Close the days used longest ago, but none that is read."""
        free = [date for date in self._days if not self._users[date]]
        for date in free[: max(0, len(self._days) - MAX_SHARED_DAYS)]:
            self._days.pop(date).close()
            del self._users[date]


def simulated_day(
    date: str,
    seed: int,
    tickers: Sequence[str],
    scenario: str | None = None,
    open_rows: bool = False,
    blocks: Blocks | None = None,
    feedback: float | None = None,
) -> Day:
    """A day of the simulated market, ordinary unless a scenario (a name, or a file) says otherwise.

    ``open_rows`` puts the stale row and the reset row of a real open before the orderflow. ``blocks`` is where the
    day keeps what it makes, and may be other days' too. ``feedback`` is how strong hedging moves the price.

    Raises:
        DataError: a ticker that the service does not have.
    """
    unknown = sorted(set(tickers) - TICKERS)
    if unknown:
        raise DataError(f"the service has no ticker {', '.join(unknown)}, so it is not simulated")
    origin = f"simulated, seed {seed}" + (f", scenario {scenario}" if scenario else "")
    feeds = [Feed(ticker, *kind) for ticker in tickers for kind in STANDARD_KINDS]
    market = _Opener(date, seed, scenario, blocks, feedback)
    opener = _with_open_rows(market, date, seed, feedback) if open_rows else market
    return SimulatedDay(date, origin, feeds, opener, market)


def faults_of_scenario(scenario: str | None) -> tuple[Rule, ...]:
    """The rules of what a scenario breaks on purpose. Raises DataError: there is no such scenario."""
    if scenario is None:
        return ()
    from gexfaker.market.scenarios.scenariofile import read_scenario

    found = read_scenario(scenario)
    return () if found is None else found.faults


def scenario_names() -> tuple[str, ...]:
    """The scenarios that are shipped."""
    from gexfaker.market.scenarios.scenariofile import NAMES

    return NAMES


def told_scenarios() -> dict[str, str]:
    """What each of them is, by name."""
    from gexfaker.market.scenarios.scenariofile import named_scenario

    return {name: named_scenario(name).description for name in scenario_names()}


def check_scenario(scenario: str | None) -> None:
    """Raises DataError when there is no scenario of that name, or a mistake in the file; names file and line."""
    if scenario is not None:
        from gexfaker.market.scenarios.scenariofile import read_scenario

        read_scenario(scenario)


def _with_open_rows(
    opener: Callable[[Feed], Tape], date: str, seed: int, feedback: float | None
) -> Callable[[Feed], Tape]:
    before = last_trading_day(datetime.date.fromisoformat(date) - datetime.timedelta(days=1)).isoformat()

    def close(feed: Feed) -> bytes:
        tape = _Opener(before, seed, None, None, feedback)(Feed(feed.ticker, "orderflow", "orderflow"))
        return tape.json(len(tape) - 1)

    def open_tape(feed: Feed) -> Tape:
        tape = opener(feed)
        return OpenRows(tape, lambda: close(feed)) if feed.package == "orderflow" else tape

    return open_tape

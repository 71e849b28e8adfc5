"""When simulated records come: how many a day, how far apart, gaps, and that the feeds of a ticker agree."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from gexfaker.catalog import DEFAULT_TICKERS, Feed
from gexfaker.exchange.hours import RECORDS, TradingSession
from gexfaker.market.model.cadence import SLOWER, thinned
from gexfaker.market.model.profiles import profiles
from gexfaker.market.numeric.exact import Ints
from gexfaker.market.simulation import Market
from gexfaker.tapes.tape import Tape
from market.reading import Reader, check_max_priors, check_orderflow, check_priors

EVERY = np.arange(RECORDS, dtype=np.int64)
DAY = dt.date(2026, 8, 14)


def shown(name: str, seed: int = 1) -> Ints:
    return thinned(name, DAY, f"{seed}/{DAY}", EVERY)


@pytest.mark.parametrize(
    ("name", "low", "high"), [("SPX", 17_600, 18_100), ("SPY", 22_000, 22_300), ("NDX", 14_900, 15_330)]
)
def test_a_day_has_as_many_records_as_on_the_service(name: str, low: int, high: int) -> None:
    counts = [len(shown(name, seed)) for seed in range(20)]
    assert low < min(counts)
    assert max(counts) < high
    assert len(set(counts)) > 10


def test_every_ticker_has_its_own_pace() -> None:
    counts = {name: len(shown(name)) for name in profiles()}
    assert min(counts.values()) > 14_900
    assert max(counts.values()) < 22_300
    assert len(set(counts.values())) > len(counts) // 2


def test_records_are_at_most_three_seconds_apart_but_for_a_few_gaps() -> None:
    gaps = []
    for seed in range(60):
        apart = np.diff(shown("SPX", seed))
        assert apart.min() == 1
        assert 1.29 < apart[apart <= 3].mean() < 1.33
        gaps.append(sorted(apart[apart > 3].tolist()))
    assert all(len(found) <= 3 for found in gaps)
    assert all(4 <= gap <= 22 or 80 <= gap <= 85 for found in gaps for gap in found)
    assert 20 < sum(map(len, gaps)) < 150
    assert 1 <= sum(found[-1] > 80 for found in gaps if found) <= 8


def test_the_first_and_the_last_record_are_always_there() -> None:
    for seed in range(20):
        seconds = shown("SPX", seed)
        assert (seconds[0], seconds[-1]) == (0, RECORDS - 1)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_day_of_hardly_any_records(count: int) -> None:
    seconds = thinned("SPX", DAY, "1/x", EVERY[:count])
    assert seconds[0] == 0
    assert seconds[-1] == count - 1
    assert (np.diff(seconds) > 0).all()


def test_until_july_2026_a_record_comes_every_second() -> None:
    last = Market((SLOWER - dt.timedelta(1)).isoformat(), 3).tape(Feed("SPX", "classic", "gex_zero"))
    first = Market(SLOWER.isoformat(), 3).tape(Feed("SPX", "classic", "gex_zero"))
    assert len(last) == RECORDS
    assert 17_600 < len(first) < 18_100


def test_all_feeds_of_a_ticker_have_the_same_times() -> None:
    market = Market("2026-08-14", 3)
    for ticker in ("SPX", "SPXW", "ES_SPX"):
        for feed in (Feed(ticker, "classic", "gex_full"), Feed(ticker, "orderflow", "orderflow")):
            tape = market.tape(feed)
            assert [tape.timestamp(index) for index in range(200)] == times(market, 200)


def times(market: Market, count: int) -> list[int]:
    tape = market.tape(Feed("SPX", "state", "delta_zero"))
    return [tape.timestamp(index) for index in range(count)]


def test_the_newest_record_is_found_at_any_time() -> None:
    market = Market("2026-08-14", 3)
    tape: Tape = market.tape(Feed("SPX", "orderflow", "orderflow"))
    first = TradingSession.of("2026-08-14").first
    stamps = [tape.timestamp(index) for index in range(len(tape))]
    for second in range(0, RECORDS, 97):
        found = tape.index_at(first + second)
        assert stamps[found] <= first + second < [*stamps, 2**40][found + 1]


@pytest.mark.long
@pytest.mark.parametrize("ticker", DEFAULT_TICKERS[:4])
def test_changes_are_from_record_to_record_and_priors_are_of_the_newest_record_then(ticker: str) -> None:
    read = Reader(Market("2026-08-14", 3), ticker)
    for index in (1, 2, 9_000, 9_001, 9_002):
        check_orderflow(read, index)
    check_priors(read, "classic", "gex_zero", 9_000)
    check_priors(read, "state", "delta_zero", 9_001)
    check_max_priors(read, "state", "gex_zero", 9_002)

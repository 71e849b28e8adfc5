"""Simulated records as numbers: encoded from these, they are the bytes that their text gives."""

from __future__ import annotations

import pytest

from gexfaker.catalog import CATEGORIES, VOLUME_CATEGORIES, Feed
from gexfaker.limits import RECORDS_AHEAD
from gexfaker.market.model.minutes import BLOCK
from gexfaker.market.simulation import Market
from gexfaker.records.gex import GEX as GEX_SHAPE
from gexfaker.records.greeks import GREEKS as GREEKS_SHAPE
from gexfaker.wire import batch
from gexfaker.wire.feeds import format_of
from gexfaker.wire.spot import SPOT
from gexfaker.wire.tables import Table
from market.reading import FIFTEEN

pytestmark = pytest.mark.long


def check(market: Market, feed: Feed, indexes: range) -> int:
    """Compare both ways, spot too; how many records were compared."""
    tape, own, index, compared = market.tape(feed), format_of(feed), indexes.start, 0
    assert isinstance(own, Table)
    while index < indexes.stop:
        made = {table: tape.columns(index, table.shape, RECORDS_AHEAD) for table in (own, SPOT)}
        for table, columns in made.items():
            assert columns is not None
            messages = batch.encode(table, feed.ticker, columns)
            assert 1 <= len(messages) <= RECORDS_AHEAD
            for place, message in enumerate(messages):
                encoded = table.encode(tape.json(index + place))
                assert (message, encoded.saturated) == (encoded.message, ()), (feed, index + place)
        compared += len(messages)
        index += len(messages)
    return compared


@pytest.mark.parametrize(("package", "category"), FIFTEEN)
@pytest.mark.parametrize("ticker", ["SPX", "NQ_NDX", "VIX", "EXK"])
def test_the_bytes_are_those_of_the_text(ticker: str, package: str, category: str) -> None:
    for date, starts in (("2026-08-14", (0, 40, 9_000)), ("2026-11-27", (0, 5_000))):
        market = Market(date, 7)
        feed = Feed(ticker, package, category)
        last = len(market.tape(feed))
        for start in (*starts, last - 30):
            assert check(market, feed, range(start, min(start + 30, last))) >= 30


@pytest.mark.volume
@pytest.mark.parametrize(("package", "category"), FIFTEEN)
def test_they_are_for_a_hundred_thousand_records(package: str, category: str) -> None:
    compared = 0
    for seed, ticker in enumerate(("SPX", "NQ_NDX", "SPY", "AAPL", "VIX", "TSLA")):
        market = Market("2026-08-14", seed)
        feed = Feed(ticker, package, category)
        compared += check(market, feed, range(len(market.tape(feed))))
    assert compared > 100_000


def test_a_batch_ends_with_its_minute_and_its_bound() -> None:
    tape = Market("2026-06-17", 1).tape(Feed("SPX", "classic", "gex_zero"))
    sizes = [len(found.timestamps) for at in (0, 45, 59, 60) if (found := tape.columns(at, GEX_SHAPE, 30)) is not None]
    assert sizes == [RECORDS_AHEAD, BLOCK - 45, 1, RECORDS_AHEAD]
    with pytest.raises(IndexError):
        tape.columns(len(tape), GEX_SHAPE, 1)
    with pytest.raises(IndexError):
        tape.columns(-1, GEX_SHAPE, 1)


def test_a_shape_that_a_feed_has_not_is_refused() -> None:
    market = Market("2026-06-17", 1)
    for package, categories in CATEGORIES.items():
        tape = market.tape(Feed("SPX", package, categories[-1]))
        wrong = GEX_SHAPE if categories[-1] in ("charm_one", "orderflow") else GREEKS_SHAPE
        assert tape.columns(5, wrong, 3) is None
    assert market.tape(Feed("SPX", "state", VOLUME_CATEGORIES[0])).columns(5, SPOT.shape, 3) is not None

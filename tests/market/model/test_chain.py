"""What customers hold and do, and what the columns by strike make of it: revalued with QuantLib, strike by strike."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import QuantLib

from gexfaker.catalog import Feed
from gexfaker.market.model.book import Flow
from gexfaker.market.model.chain import Chain
from gexfaker.market.model.minutes import BLOCK, BLOCKS, remaining, volatility, volume
from gexfaker.market.model.strip import Strip
from gexfaker.market.simulation import Market

SECOND = 12_345
BLOCK_AT, ROW = divmod(SECOND, BLOCK)


@cache
def market() -> Market:
    return Market("2026-04-08", 6)


def chain(ticker: str = "SPX") -> Chain:
    found: Chain = market()._shown(ticker).chain
    return found


def record(package: str, category: str, ticker: str = "SPX") -> dict[str, Any]:
    row: dict[str, Any] = json.loads(market().tape(Feed(ticker, package, category)).json(SECOND))
    return row


# --- flow --------------------------------------------------------------------------------------
@pytest.mark.parametrize("number", [0, 1, 2, 5])
@pytest.mark.parametrize("block", [0, 150, BLOCKS - 1])
def test_volume_only_grows_and_blocks_meet(number: int, block: int) -> None:
    flow = chain().flow(number, block)
    for side in flow[:2]:
        assert (np.diff(side, axis=0) >= 0).all()
        assert (side[0] >= 0).all()
    for net, traded in zip(flow[2:], flow[:2], strict=True):
        assert (np.abs(net) <= traded).all()
    if number < 2:
        window = chain().window(block, chain().profile.full)
        here = chain().here(window)
        for side, skeleton in zip(flow, chain().books[number].skeleton, strict=True):
            assert side[0].tolist() == skeleton[block, here].tolist()
        for side, skeleton in zip(flow[:2], chain().books[number].skeleton[:2], strict=True):
            assert (side[-1] <= skeleton[block + 1, here]).all()


def test_the_day_begins_with_volume_but_without_flow() -> None:
    first: Flow = chain().books[0].skeleton
    assert first.call_volume[0].sum() > 1_000
    assert not first.call_net[0].any()
    assert not first.put_net[0].any()


def test_a_strikes_flow_does_not_depend_on_the_window() -> None:
    book = chain().books[0]
    wide, narrow = (
        range(chain().strikes.start, chain().strikes.start + 60),
        range(chain().strikes.start + 20, chain().strikes.start + 30),
    )
    for one, other in zip(book.block(100, wide), book.block(100, narrow), strict=True):
        assert one[:, 20:30].tolist() == other.tolist()


def test_calls_trade_above_spot_and_puts_below() -> None:
    for number in range(3):
        skeleton = chain().books[number].skeleton
        away = np.array(chain().strikes) - chain().spots[:-1, None]
        calls, puts = (float((np.diff(side, axis=0) * away).sum() / side[-1].sum()) for side in skeleton[:2])
        assert puts < 0 < calls
        assert calls - puts > 1.5


@pytest.mark.parametrize(("ticker", "contracts"), [("SPX", 2_000_000), ("AAPL", 800_000)])
def test_a_day_trades_what_it_should(ticker: str, contracts: int) -> None:
    """A single day is off by a fifth: on a calm one few strikes are traded, and chance has more to say."""
    books = [Market("2026-04-08", seed)._shown(ticker).chain.books[0].skeleton for seed in range(12)]
    traded = [float(book.call_volume[-1].sum() + book.put_volume[-1].sum()) for book in books]
    assert np.mean(traded) == pytest.approx(contracts, rel=0.1)


@pytest.mark.parametrize("ticker", ["SPX", "AAPL"])
def test_open_interest_likes_round_numbers_and_insurance(ticker: str) -> None:
    chains = [Market("2026-04-08", seed)._shown(ticker).chain for seed in range(12)]
    ratios = []
    for one in chains:
        held, at = (one.interest[0] + one.interest[1]).sum(axis=0), np.array(one.strikes)
        ratios.append(held[at % 20 == 0].mean() / held[at % 5 != 0].mean())
    assert np.median(ratios) > 2.5
    calls, puts = chain(ticker).interest
    numbers = np.array(chain(ticker).strikes)
    spot = chain(ticker).underlying.close(1) * 100 / chain(ticker).profile.spacing
    assert (calls * numbers).sum() / calls.sum() > (puts * numbers).sum() / puts.sum()
    low, high = numbers < spot * 0.985, numbers > spot * 1.015
    assert puts[:, low].sum() > calls[:, low].sum()
    assert calls[:, high].sum() > puts[:, high].sum()


def test_the_clock_adds_up() -> None:
    assert math.fsum(volume()) == pytest.approx(1)
    assert math.fsum(v * v for v in volatility()) / BLOCKS == pytest.approx(1)
    left = remaining()
    assert (len(left), left[0], left[-1]) == (BLOCKS + 1, 1.0, 0.0)
    assert list(left) == sorted(left, reverse=True)


# --- columns -----------------------------------------------------------------------------------
class Option:
    """One strike's greeks by QuantLib, at a record's spot and the surface's volatility."""

    def __init__(self, strip: Strip, at: int) -> None:
        self.spot = float(strip.spot.points[ROW])
        self.years = float(strip.years[ROW, 0])
        self.vol = float(strip.volatility[ROW, at])
        self.strike = strip.window[at] * 5.0
        self.flow = [float(side[ROW, at]) for side in strip.flow]

    def calculator(self, kind: Any, vol: float | None = None, years: float | None = None) -> Any:
        payoff = QuantLib.PlainVanillaPayoff(kind, self.strike)
        deviation = (vol or self.vol) * math.sqrt(years or self.years)
        return QuantLib.BlackCalculator(payoff, self.spot, deviation)

    def delta(self, vol: float | None = None, years: float | None = None) -> float:
        return float(self.calculator(QuantLib.Option.Call, vol, years).delta(self.spot))

    def expected(self, column: str) -> float:
        calls, puts, bought, written = self.flow
        stock = 100 * self.spot / 1e6
        gamma = float(self.calculator(QuantLib.Option.Call).gamma(self.spot)) * self.spot * 0.01 * stock
        h = 1e-4
        if column == "classic":
            return gamma * (calls - puts)
        if column == "state":
            return gamma * (bought - written)
        if column == "gamma":
            return gamma * (bought + written)
        if column == "delta":
            put = float(self.calculator(QuantLib.Option.Put).delta(self.spot))
            return stock * (self.delta() * bought + put * written)
        if column == "vanna":
            slope = (self.delta(vol=self.vol * (1 + h)) - self.delta(vol=self.vol * (1 - h))) / (2 * h * self.vol)
            return stock * slope / 4.7 * (bought + written)
        if column == "charm":
            slope = (self.delta(years=self.years * (1 - h)) - self.delta(years=self.years * (1 + h))) / (
                2 * h * self.years
            )
            return stock * slope / 252 * (bought + written)
        return bought + written


CATEGORIES = (
    *(("classic", "gex", "classic"), ("state", "gex", "state")),
    *(("state", column, column) for column in ("delta", "gamma", "vanna", "charm", "volume")),
)


@pytest.mark.parametrize("expiry", ["zero", "one"])
@pytest.mark.parametrize(("package", "kind", "column"), CATEGORIES)
def test_columns_are_flow_times_greek(package: str, kind: str, column: str, expiry: str) -> None:
    strip = Strip(chain(), ("zero", "one").index(expiry), BLOCK_AT)
    row = record(package, f"{kind}_{expiry}")
    values = {r[0]: r[1] for r in row.get("strikes", [])} or {r[0]: r[3] for r in row["mini_contracts"]}
    assert len(values) == 71
    checked = 0
    for at, number in enumerate(strip.window):
        if number * 5 in values:
            expected = Option(strip, at).expected(column)
            assert values[number * 5] == pytest.approx(expected, abs=0.011, rel=2e-6)
            checked += abs(expected) > 1
    assert checked > 10


def test_open_interest_column() -> None:
    calls, puts = chain().interest
    strip = Strip(chain(), 0, BLOCK_AT)
    net = (calls - puts)[0, chain().here(strip.window)]
    for strike, _, held, _ in record("classic", "gex_zero")["strikes"]:
        at = strip.window.index(strike // 5)
        option = Option(strip, at)
        gamma = float(option.calculator(QuantLib.Option.Call).gamma(option.spot)) * option.spot**2 * 0.01 * 100 / 1e6
        assert held == pytest.approx(gamma * net[at], abs=0.011, rel=1e-6)


@pytest.mark.parametrize("expiry", ["zero", "one"])
def test_the_quoted_volatility_is_the_strikes_own(expiry: str) -> None:
    strip = Strip(chain(), ("zero", "one").index(expiry), BLOCK_AT)
    quoted = 0
    for strike, call, put, *_ in record("state", f"gamma_{expiry}")["mini_contracts"]:
        at = strip.window.index(strike // 5)
        volatility = float(strip.volatility[ROW, at])
        assert call in (0, pytest.approx(0.965 * volatility, abs=5.1e-4))
        assert put in (0, pytest.approx(1.035 * volatility, abs=5.1e-4))
        quoted += bool(call) + bool(put)
    assert quoted > 60
    assert all(0.08 < c[1] < 0.6 for c in record("state", f"gamma_{expiry}")["mini_contracts"] if c[1])


def test_volatility_is_dearest_far_below_spot() -> None:
    row = record("state", "gamma_one")
    quotes = {c[0]: max(c[1], c[2]) for c in row["mini_contracts"] if c[1] or c[2]}
    nearest = min(quotes, key=lambda strike: abs(strike - row["spot"]))
    assert quotes[min(quotes)] > 1.2 * quotes[nearest]
    assert quotes[min(quotes)] > quotes[max(quotes)]


def test_all_expiries_add_up_at_a_blocks_start() -> None:
    """Between the starts the further expiries are taken to change evenly; there, they are what they are."""
    block = 100
    one = chain()
    ledger = market()._shown("SPX")._ledger
    full = ledger.column("classic", -1, block)
    total = np.zeros(len(one.window(block, one.profile.full)))
    for number in range(len(one.expiries)):
        strip = Strip(one, number, block)
        share = 1.0 if number < 2 else float(one.shares[number - 2])
        book = one.books[min(number, 2)].skeleton
        here = one.here(strip.window)
        total += strip.gamma_value[0] * share * (book.call_volume[block, here] - book.put_volume[block, here])
    assert full.cents[0] == pytest.approx(total, abs=1.6)


def test_further_expiries_share_one_book() -> None:
    assert float(np.sum(chain().shares)) == pytest.approx(1)
    assert (chain().shares > 0).all()
    assert len(chain().shares) == len(chain().expiries) - 2

"""What must hold exactly among the feeds of a ticker, snapshot by snapshot."""

from __future__ import annotations

import numpy as np
import pytest

from gexfaker.catalog import DEFAULT_TICKERS, Feed
from gexfaker.exchange.hours import RECORDS, TradingSession
from gexfaker.market.simulation import Market
from market.reading import (
    FIFTEEN,
    Reader,
    check_agreement,
    check_max_priors,
    check_orderflow,
    check_priors,
    check_sums,
)

pytestmark = pytest.mark.long

DATE = "2026-04-10"


DATES = (
    *("2015-07-02", "2017-03-10", "2018-12-24", "2019-08-05", "2020-02-28", "2021-11-26", "2022-06-17"),
    *("2023-01-03", "2024-02-29", "2025-07-03", "2026-01-02", "2026-07-17", "2026-08-14", "2026-11-27"),
    *("2027-06-17", "2028-03-13", "2030-12-31", "2032-09-17", "2034-10-02", "2035-12-24"),
)
"""Twenty days: expiries of a month and of a quarter, early closes, clock changes, a year's first and last."""


@pytest.mark.parametrize(("seed", "date"), list(enumerate(DATES)))
def test_feeds_agree(seed: int, date: str) -> None:
    market, seconds = Market(date, seed), len(TradingSession.of(date))
    minute = (seed * 8_191) % (seconds // 60 - 2)
    for ticker in DEFAULT_TICKERS:
        read, tape = Reader(market, ticker), market.tape(Feed(ticker, "orderflow", "orderflow"))
        first = tape.index_at(tape.timestamp(0) + 60 * minute + 58)
        indexes = [first + n for n in range(1, 5)] + [0, len(tape) - 1] * (seed % 5 == 2)
        for index in indexes:
            check_orderflow(read, index)
            check_agreement(read, index)
            if seed % 5 == 0:
                check_sums(read, index)


@pytest.mark.parametrize(
    ("ticker", "index"), [("SPX", 0), ("NDX", 59), ("SPY", 1799), ("ES_SPX", 11_777), ("QQQ", 23_398)]
)
def test_look_backs_are_the_records_of_then(ticker: str, index: int) -> None:
    read = Reader(Market(DATE, 5), ticker)
    for package, category in FIFTEEN[:-1]:
        check_priors(read, package, category, index)
        if category.startswith("gex"):
            check_max_priors(read, package, category, index)


@pytest.mark.parametrize("ticker", ["TSLA", "VIX", "EXK", "XSP"])
def test_any_ticker_holds_them(ticker: str) -> None:
    read = Reader(Market("2026-04-08", 3), ticker)
    for index in (0, 61, 9_999, RECORDS - 1):
        check_orderflow(read, index)
        check_agreement(read, index)
        check_sums(read, index)
    check_priors(read, "classic", "gex_full", 9_999)
    check_max_priors(read, "state", "gex_zero", 9_999)


def test_explicit_expiries_hold_them_too() -> None:
    read = Reader(Market(DATE, 3), "SPX")
    for package, category in (("classic", "gex_20260417"), ("state", "gex_20260515"), ("state", "vanna_20260515")):
        check_priors(read, package, category, 12_345)
    check_max_priors(read, "classic", "gex_20260417", 12_345)
    row, flow = read("state", "gamma_20260515", 12_345), read("orderflow", "20260515", 12_345)
    assert (flow["z_mlgamma"], flow["z_msgamma"]) == (row["major_long_gamma"], row["major_short_gamma"])
    assert flow["zgr"] == read("state", "gex_20260515", 12_345)["sum_gex_vol"]


@pytest.mark.parametrize(("standard", "explicit"), [("zero", "20260410"), ("one", "20260413")])
def test_the_nearest_expiries_have_two_names(standard: str, explicit: str) -> None:
    read = Reader(Market(DATE, 3), "SPX")
    for package, kind in (("classic", "gex"), ("state", "gex"), ("state", "charm")):
        assert read(package, f"{kind}_{standard}", 7_000) == read(package, f"{kind}_{explicit}", 7_000)


@pytest.mark.parametrize("seed", [1, 2])
def test_cumulative_flows_start_at_0(seed: int) -> None:
    market = Market(DATE, seed)
    for ticker in DEFAULT_TICKERS:
        row = Reader(market, ticker)("orderflow", "orderflow", 0)
        assert {row[name] for name in list(row)[11:]} == {0}
        assert row["spot"] > 100


def test_what_follows_what_over_a_day() -> None:
    read = Reader(Market(DATE, 8), "SPX")
    indexes = range(30, RECORDS, 450)
    flow = [read("orderflow", "orderflow", i) for i in indexes]
    for name, package, category in (("zgr", "state", "gex_zero"), ("ogr", "state", "gex_one")):
        sums = [read(package, category, i)["sum_gex_vol"] for i in indexes]
        assert np.corrcoef(sums, [row[name] for row in flow])[0, 1] > 0.999
    deltas = [sum(c[3] for c in read("state", "delta_zero", i)["mini_contracts"]) for i in indexes]
    assert np.corrcoef(deltas, [row["net_dex"] for row in flow])[0, 1] > 0.999


def test_all_expiries_are_the_two_nearest_and_some_more() -> None:
    read = Reader(Market(DATE, 8), "SPX")
    full, zero, one = (dict_of(read("classic", f"gex_{name}", 15_000)) for name in ("full", "zero", "one"))
    assert set(zero) == set(one) < set(full)
    far = {strike: full[strike] - zero[strike] - one[strike] for strike in zero}
    listed = Market(DATE, 8)
    tape = listed.tape(Feed("SPX", "classic", "gex_20260414"))
    assert tape.has(0)
    # The rest is of the same kind but small: nearly all of a day's volume is in the nearest expiry.
    assert 0 < sum(map(abs, far.values())) < 0.3 * sum(map(abs, zero.values()))


def dict_of(row: dict[str, list[list[float]]]) -> dict[float, float]:
    return {strike[0]: strike[1] for strike in row["strikes"]}

"""Levels and exposures as somebody who trades them expects them: sizes of real days, and not the same every day.

Real figures of classic gex_zero are medians of polls from 14:40 to 15:15 on 2025-10-17, a monthly expiry's Friday.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from gexfaker.catalog import Feed
from gexfaker.exchange.hours import RECORDS
from gexfaker.market.model.minutes import BLOCKS
from gexfaker.market.simulation import Market

pytestmark = pytest.mark.long

DATE = "2026-07-15"
SEEDS = range(1, 9)
POLLED = range(18_550, 18_550 + 60 * 35, 60)

# sum_gex_oi of classic gex_zero.
HELD = {"ES_SPX": 2967, "NQ_NDX": 931, "SPY": 3461, "QQQ": 1919, "AAPL": 559, "VIX": 30}


@cache
def records(date: str, seed: int, ticker: str, category: str, seconds: range) -> list[dict[str, Any]]:
    """Those shown at some seconds of the day."""
    package = "orderflow" if category == "orderflow" else "classic"
    tape = Market(date, seed).tape(Feed(ticker, package, category))
    return [msgspec.json.decode(tape.json(tape.index_at(tape.timestamp(0) + second))) for second in seconds]


def minutes(seed: int) -> list[dict[str, Any]]:
    return records(DATE, seed, "SPX", "gex_zero", range(0, RECORDS, 60))


# --- open interest -----------------------------------------------------------------------------
@pytest.mark.parametrize("ticker", HELD)
def test_exposure_by_open_interest_is_of_the_real_size(ticker: str) -> None:
    found = [
        float(np.median([row["sum_gex_oi"] for row in records("2025-10-17", seed, ticker, "gex_zero", POLLED)]))
        for seed in SEEDS
    ]
    assert HELD[ticker] / 4 < np.median(np.abs(found)) < HELD[ticker] * 3, found
    assert max(np.abs(found)) < HELD[ticker] * 8, found
    assert sum(value > 0 for value in found) >= 6, found


def test_open_interest_of_all_expiries_is_moderately_positive() -> None:
    """51,521 and 57,505 were seen."""
    found = [records(DATE, seed, "SPX", "gex_full", range(11_700, 11_701))[0]["sum_gex_oi"] for seed in SEEDS]
    assert 15_000 < np.median(found) < 130_000, found
    assert all(-60_000 < value < 200_000 for value in found), found
    assert sum(value > 0 for value in found) >= 6, found


def test_puts_are_held_below_spot_and_calls_above() -> None:
    for seed in SEEDS:
        row = records(DATE, seed, "SPX", "gex_full", range(11_700, 11_701))[0]
        close = Market(DATE, seed)._shown("SPX").chain.underlying.close(1)  # where positions were taken
        low, high = (
            sum(strike[2] for strike in row["strikes"] if (strike[0] / close - 1) * side > 0.015) for side in (-1, 1)
        )
        assert low < 0 < high


def test_open_interest_moves_with_spot_only() -> None:
    """It does not change during the day: from a second to the next its exposure goes with spot, and not by itself."""
    for seed in SEEDS:
        rows = records(DATE, seed, "SPX", "gex_zero", range(240))
        held, spot = (np.array([row[name] for row in rows]) for name in ("sum_gex_oi", "spot"))
        assert (np.abs(np.diff(held)) <= 15 + 250 * np.abs(np.diff(spot))).all()


# --- levels ------------------------------------------------------------------------------------
@pytest.mark.parametrize("ticker", ["ES_SPX", "NQ_NDX", "SPY", "QQQ"])
def test_zero_gamma_is_restless(ticker: str) -> None:
    """Per minute 0.032 % (ES_SPX) and 0.013 % (QQQ) were seen."""
    moves = []
    for seed in SEEDS:
        level = np.array([row["zero_gamma"] for row in records("2025-10-17", seed, ticker, "gex_zero", POLLED)])
        moves.append(100 * float(np.median(np.abs(np.diff(level) / level[:-1]))))
    assert 0.010 < np.median(moves) < 0.045, moves


def test_a_futures_zero_gamma_is_as_restless_as_its_indexs() -> None:
    index, future = (records(DATE, 3, name, "gex_zero", range(9_000, 9_060)) for name in ("SPX", "ES_SPX"))
    for one, other in zip(index, future, strict=True):
        assert other["zero_gamma"] - one["zero_gamma"] == pytest.approx(39.65)


def test_majors_change_during_the_day() -> None:
    longest, changes = [], []
    for seed in SEEDS:
        for name in ("major_pos_vol", "major_neg_vol"):
            strikes = np.array([round(row[name] / 5) for row in minutes(seed)])
            runs = np.diff([0, *(np.flatnonzero(np.diff(strikes)) + 1), len(strikes)])
            longest.append(int(runs.max()))
            changes.append(len(runs) - 1)
    assert np.median(longest) < 150, longest
    assert np.median(changes) >= 12, changes


def test_strikes_do_not_all_have_the_sign_of_their_side() -> None:
    share = []
    for seed in SEEDS:
        for row in (minutes(seed)[at] for at in (116, 200, 330)):
            strikes = [strike for strike in row["strikes"] if strike[1]]
            share.append(float(np.mean([(strike[1] > 0) == (strike[0] > row["spot"]) for strike in strikes])))
    assert 0.75 < np.median(share) < 0.95, share
    assert min(share) < 0.87, share


# --- days --------------------------------------------------------------------------------------
def test_charm_is_not_the_same_every_day() -> None:
    last = [abs(flow(seed, 19_800)["zcharm"]) for seed in range(24)]
    spread = float(np.std(np.log(last)))
    assert 0.3 < spread < 0.8, last


def flow(seed: int, second: int) -> dict[str, Any]:
    return records(DATE, seed, "SPX", "orderflow", range(second, second + 1))[0]


@cache
def paths() -> NDArray[np.float64]:
    """Log returns since the open of 300 days."""
    return np.array([Market(DATE, seed)._shown("SPX").chain.underlying.returns for seed in range(300)])


def test_a_day_moves_by_what_it_says() -> None:
    assert float(paths()[:, -1].std()) == pytest.approx(0.008, rel=0.1)
    assert abs(float(paths()[:, -1].mean())) < 0.0015


def test_implied_volatility_is_slightly_above_the_realised() -> None:
    chain = Market(DATE, 1)._shown("SPX").chain
    years, level = chain.surface.years(0, 0)[:1], np.ones(1)
    implied = float(np.sqrt(chain.surface.variance(years, level))[0])
    steps = np.diff(paths(), axis=1)
    realised = float(np.sqrt((steps * steps).sum(axis=1).mean()))
    assert steps.shape[1] == BLOCKS
    assert 1.0 < implied / realised < 1.15


# --- size --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("package", "category", "low", "high"),
    [
        # MB of a real day's 17,800 records.
        ("classic", "gex_zero", 65, 80),
        ("classic", "gex_full", 100, 125),
        ("state", "gex_zero", 50, 68),
        ("state", "gex_full", 80, 97),
        ("state", "delta_zero", 55, 70),
        ("state", "vanna_one", 55, 72),
        ("orderflow", "orderflow", 11, 14),
    ],
)
def test_records_are_about_as_long_as_real_ones(package: str, category: str, low: float, high: float) -> None:
    tape = Market(DATE, 1).tape(Feed("SPX", package, category))
    length = float(np.mean([len(tape.json(index)) for index in range(300, len(tape), 1_711)]))
    assert low < length * 17_800 / 1e6 < high

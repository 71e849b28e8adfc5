"""The simulated market as tapes: bytes, order, bounds, refusals, shapes, and every ticker of the universe."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import re
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker import catalog
from gexfaker.catalog import CATEGORIES, DEFAULT_TICKERS, TICKERS, VOLUME_CATEGORIES, Feed, explicit
from gexfaker.errors import DataError
from gexfaker.exchange.expiries import expiries, owner
from gexfaker.exchange.hours import RECORDS, TradingSession
from gexfaker.market.model.ledger import COLUMNS_KEPT, STRIPS_KEPT
from gexfaker.market.model.profiles import chain_of, profiles
from gexfaker.market.simulation import Market
from gexfaker.tapes.tape import Tape
from gexfaker.wire.feeds import format_of
from market.reading import FIFTEEN

pytestmark = pytest.mark.long

DATE = "2026-04-10"
DAY = dt.date(2026, 4, 10)
FEEDS = (*FIFTEEN, *(("state", name) for name in VOLUME_CATEGORIES))
EXPLICIT = (
    ("classic", "gex_20260515"),
    ("state", "gex_20260417"),
    ("state", "delta_20260413"),
    ("state", "charm_20260410"),
    ("orderflow", "20260417"),
)

CLASSIC_KEYS = (
    *("timestamp", "ticker", "min_dte", "sec_min_dte", "spot", "zero_gamma", "major_pos_vol", "major_pos_oi"),
    *("major_neg_vol", "major_neg_oi", "strikes", "sum_gex_vol", "sum_gex_oi", "delta_risk_reversal", "max_priors"),
)
GREEK_KEYS = (
    *("timestamp", "ticker", "spot", "min_dte", "sec_min_dte", "major_positive", "major_negative"),
    *("major_long_gamma", "major_short_gamma", "mini_contracts"),
)
ORDERFLOW_KEYS = (
    *("timestamp", "ticker", "spot", "z_mlgamma", "z_msgamma", "o_mlgamma", "o_msgamma"),
    *("zero_mcall", "zero_mput", "one_mcall", "one_mput", "zcvr", "ocvr", "zgr", "ogr"),
    *("zvanna", "ovanna", "zcharm", "ocharm", "agg_dex", "one_agg_dex", "agg_call_dex", "one_agg_call_dex"),
    *("agg_put_dex", "one_agg_put_dex", "net_dex", "one_net_dex", "net_call_dex", "one_net_call_dex"),
    *("net_put_dex", "one_net_put_dex", "dexoflow", "gexoflow", "cvroflow"),
    *("one_dexoflow", "one_gexoflow", "one_cvroflow"),
)


def tape(ticker: str, package: str, category: str, seed: int = 7) -> Tape:
    return Market(DATE, seed).tape(Feed(ticker, package, category))


def record(ticker: str, package: str, category: str, index: int, seed: int = 7) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(tape(ticker, package, category, seed).json(index))
    return decoded


# --- the tape ----------------------------------------------------------------------------------
def test_is_a_tape() -> None:
    one = tape("ES_SPX", "state", "delta_zero")
    assert one.feed == Feed("ES_SPX", "state", "delta_zero")
    assert one.date == DATE
    assert len(one) == RECORDS
    assert one.place(17) == "simulated ES_SPX state delta_zero #17"
    assert tape("SPX", "orderflow", "orderflow").place(3) == "simulated SPX orderflow #3"
    one.close()


@pytest.mark.parametrize(("package", "category"), [("orderflow", "orderflow"), ("state", "gex_full")])
def test_bounds(package: str, category: str) -> None:
    one = tape("SPX", package, category)
    assert [one.has(index) for index in (-1, 0, RECORDS - 1, RECORDS)] == [False, True, True, False]
    for index in (-1, RECORDS):
        with pytest.raises(IndexError):
            one.json(index)
        with pytest.raises(IndexError):
            one.timestamp(index)


@given(st.integers(-5, RECORDS + 5))
@settings(deadline=None)
def test_records_are_found_by_their_time(index: int) -> None:
    one, first = tape("SPX", "classic", "gex_zero"), TradingSession.of(DATE).first
    found = one.index_at(first + index)
    assert found == max(-1, min(index, RECORDS - 1))
    assert found == -1 or one.timestamp(found) == first + found


def test_records_carry_their_time_and_ticker() -> None:
    for package, category in (*FEEDS, *EXPLICIT):
        row = record("NQ_NDX", package, category, 4_321)
        assert row["timestamp"] == TradingSession.of(DATE).first + 4_321
        assert row["ticker"] == "NQ_NDX"


# --- refusals ----------------------------------------------------------------------------------
@pytest.mark.parametrize("ticker", ["SPXX", "spx", "", "SPX_", "ES"])
def test_other_tickers_are_refused(ticker: str) -> None:
    with pytest.raises(DataError, match=r"not simulated.*SPX, NDX"):
        tape(ticker, "orderflow", "orderflow")


@pytest.mark.parametrize(
    ("package", "category"),
    [
        *(("classic", name) for name in ("gex_two", "delta_zero", "delta_20260515", "volume_zero", "20260515", "")),
        *(("state", name) for name in ("orderflow", "20260515", "volume_20260515", "gex_20260230", "gex")),
        *(("orderflow", name) for name in ("gex_zero", "gex_20260515", "zero")),
        *(("spot", ""), ("nothing", "gex_zero")),
    ],
)
def test_other_categories_are_refused(package: str, category: str) -> None:
    with pytest.raises(DataError, match="not simulated"):
        tape("SPX", package, category)


@pytest.mark.parametrize("category", ["gex_20260411", "gex_20260409", "gex_20280121"])
def test_unlisted_expiries_are_refused_with_the_next(category: str) -> None:
    with pytest.raises(DataError, match=r"no expiry .* next are 20260410, 20260413"):
        tape("SPX", "classic", category)


def test_bad_date_is_refused() -> None:
    with pytest.raises(DataError, match="YYYY-MM-DD"):
        Market("tomorrow", 7)


# --- bytes -------------------------------------------------------------------------------------
def digest() -> str:
    """Of records of all kinds, near and far, of the largest, the smallest and the strangest tickers."""
    found = hashlib.sha256()
    for ticker in ("SPX", "NQ_NDX", "VIX", "TSLA", "EXK"):
        listed = [day for day in expiries(chain_of(ticker), DAY) if day > DAY][2]
        more = [explicit(ticker, "classic", "gex", listed), explicit(ticker, "orderflow", "", listed)]
        every, newer = Market(DATE, 7), Market("2026-08-13", 7)
        for feed in (*(Feed(ticker, package, name) for package, name in FEEDS), *more):
            for index in (0, 59, 60, 7_777, 16_384, RECORDS - 1):
                found.update(every.tape(feed).json(index))
        for feed in (Feed(ticker, package, name) for package, name in FEEDS):
            for index in (0, 10_000, len(newer.tape(feed)) - 1):
                found.update(newer.tape(feed).json(index))
    return found.hexdigest()


def test_golden() -> None:
    """Pins the bytes on every platform and Python version; count up noise.SIMULATION with a wanted change."""
    assert digest() == "41bdf4a0f7fc6472016bba1bcedb5875a0346ed109e27c51247159f3b2936350"


@given(
    st.lists(st.tuples(st.sampled_from(FEEDS), st.integers(0, RECORDS - 1)), min_size=1, max_size=4), st.integers(0, 1)
)
@settings(deadline=None, max_examples=12)
def test_any_order_gives_the_same_bytes(asked: list[tuple[tuple[str, str], int]], seed: int) -> None:
    one, other = Market(DATE, seed), Market(DATE, seed)
    there = {(kind, index): one.tape(Feed("QQQ", *kind)).json(index) for kind, index in sorted(asked)}
    back = [other.tape(Feed("QQQ", *kind)).json(index) for kind, index in reversed(asked)]
    assert back == [there[key] for key in reversed(asked)]


@pytest.mark.parametrize(("package", "category"), FEEDS)
def test_random_access_is_sequential_access(package: str, category: str) -> None:
    through = tape("SPY", package, category)
    lines = [through.json(index) for index in range(11_970, 12_090)]
    assert len(set(lines)) == len(lines)
    for index in (12_080, 11_970, 12_000, 12_019, 12_020, 12_021):
        assert tape("SPY", package, category).json(index) == lines[index - 11_970]


def test_seed_and_date_matter() -> None:
    for package, category in (("orderflow", "orderflow"), ("classic", "gex_full"), ("state", "vanna_one")):
        lines = {
            Market(date, seed).tape(Feed("SPX", package, category)).json(9000)[60:]
            for date in (DATE, "2026-04-09")
            for seed in (-1, 0, 2**70)
        }
        assert len(lines) == 6


def test_close_gives_memory_back_and_memory_is_bounded() -> None:
    market = Market(DATE, 7)
    one = market.tape(Feed("SPY", "classic", "gex_full"))
    ledger = market._shown("SPY")._ledger
    for index in range(0, RECORDS, 600):
        one.json(index)
    assert ledger.column.cache_info().maxsize == COLUMNS_KEPT
    assert ledger.column.cache_info().currsize <= COLUMNS_KEPT
    assert len(market._strips) <= STRIPS_KEPT
    market.close()
    assert not market._chains
    assert not len(market._strips)


# --- shapes ------------------------------------------------------------------------------------
@pytest.mark.parametrize("ticker", ["SPX", "ES_SPX", "AAPL"])
def test_keys_are_in_the_services_order(ticker: str) -> None:
    for package, category in (*FEEDS, *EXPLICIT):
        row = record(ticker, package, category, 5_000) if ticker != "AAPL" or (package, category) in FEEDS else None
        kind = Feed(ticker, package, category).kind
        keys = {"gex": CLASSIC_KEYS, "orderflow": ORDERFLOW_KEYS}.get(kind, GREEK_KEYS)
        assert row is None or tuple(row) == keys


@pytest.mark.parametrize("ticker", ["SPX", "NQ_NDX", "TSLA"])
@pytest.mark.parametrize(("package", "category"), FEEDS)
def test_numbers_are_written_shortest_and_within_their_precision(ticker: str, package: str, category: str) -> None:
    one = tape(ticker, package, category)
    for index in (0, 12_345, RECORDS - 1):
        line = one.json(index)
        assert not re.search(rb"\s", line)
        for number in re.findall(rb"(?<=[:,\[])-?[\d.eE+-]+(?=[,\]}])", line):
            assert re.fullmatch(rb"-?(0|[1-9]\d*)(\.\d{0,2}[1-9])?", number), number
            assert number != b"-0"
        row = json.loads(line)
        thousandths = [row.get("delta_risk_reversal", 0), *(v for c in row.get("mini_contracts", []) for v in c[1:3])]
        decimals = re.findall(rb"\.(\d{3})", line)
        assert len(decimals) <= sum(1 for value in thousandths if round(value * 1000) % 10)


@pytest.mark.parametrize(
    ("ticker", "near", "full", "spacing"),
    [
        ("SPX", 71, 108, 5),
        ("SPXW", 71, 108, 5),
        ("ES_SPX", 71, 108, 5),
        ("NDX", 143, 180, 10),
        ("NQ_NDX", 143, 180, 10),
    ],
)
def test_ladders(ticker: str, near: int, full: int, spacing: int) -> None:
    for package in ("classic", "state"):
        for category in CATEGORIES["classic"]:
            row = record(ticker, package, category, 12_000)
            strikes = [strike[0] for strike in row["strikes"]]
            assert len(strikes) == (full if category == "gex_full" else near)
            assert {round(b - a, 2) for a, b in pairwise(strikes)} == {spacing}
            assert strikes[len(strikes) // 2] == pytest.approx(row["spot"], abs=4 * spacing)
            assert all(len(strike) == 4 and len(strike[3]) == 5 for strike in row["strikes"])
            assert len(row["max_priors"]) == 6
    row = record(ticker, "state", "charm_one", 12_000)
    assert len(row["mini_contracts"]) == near
    assert all(len(c) == 7 and len(c[4]) == 3 and c[5:] == [None, None] for c in row["mini_contracts"])


def test_state_gex_has_no_zero_gamma_and_no_open_interest() -> None:
    for category in ("gex_full", "gex_zero", "gex_one", "gex_20260515"):
        row = record("SPX", "state", category, 12_000)
        zeros = ("zero_gamma", "major_pos_oi", "major_neg_oi", "sum_gex_oi", "delta_risk_reversal")
        assert {row[name] for name in zeros} == {0}
        assert {strike[2] for strike in row["strikes"]} == {0}
        assert row["sum_gex_vol"] != 0


def test_zero_gamma_is_where_the_exposure_changes_its_sign() -> None:
    """Near it the calls above and the puts below balance: it lies where the ladder turns from negative to positive."""
    for seed in range(6):
        row = record("SPX", "classic", "gex_zero", 12_000, seed)
        assert abs(row["zero_gamma"] / row["spot"] - 1) < 0.03
        window = [strike[0] for strike in row["strikes"]]
        assert window[0] - 10 <= row["zero_gamma"] <= window[-1] + 10


@pytest.mark.parametrize(
    ("ticker", "date", "near", "further"),
    [
        ("SPX", "2026-04-09", 0, 1),
        ("SPX", "2026-04-10", 0, 3),
        ("AAPL", "2026-04-07", 1, 3),
        ("VIXW", "2026-04-09", 6, 13),
    ],
)
def test_days_to_expiry(ticker: str, date: str, near: int, further: int) -> None:
    for package, category in (("classic", "gex_full"), ("state", "gamma_one")):
        row = json.loads(Market(date, 1).tape(Feed(ticker, package, category)).json(100))
        assert (row["min_dte"], row["sec_min_dte"]) == (near, further)


@pytest.mark.parametrize(("future", "index", "basis"), [("ES_SPX", "SPX", 39.65), ("NQ_NDX", "NDX", 145.8)])
def test_a_future_is_its_index_plus_the_basis(future: str, index: str, basis: float) -> None:
    market = Market(DATE, 11)
    for at in (0, 7_000):
        for package, category in FIFTEEN:
            ahead, under = (json.loads(market.tape(Feed(name, package, category)).json(at)) for name in (future, index))
            for key, value in under.items():
                moved = key in ("spot", *ORDERFLOW_KEYS[3:11]) or (key.startswith(("major", "zero_gamma")) and value)
                if moved:
                    assert ahead[key] == pytest.approx(value + basis, abs=1e-6)
                elif key in ("strikes", "mini_contracts", "max_priors"):
                    assert [row[1:] for row in ahead[key]] == [row[1:] for row in value]
                    for one, other in zip(ahead[key], value, strict=True):
                        assert one[0] == pytest.approx(other[0] + basis, abs=1e-6)
                elif key != "ticker":
                    assert ahead[key] == value


def test_weekly_roots_are_their_index() -> None:
    market = Market(DATE, 11)
    for weekly, index in catalog.WEEKLIES.items():
        one, other = (market.tape(Feed(name, "classic", "gex_zero")).json(500) for name in (weekly, index))
        assert one == other.replace(f'"{index}"'.encode(), f'"{weekly}"'.encode())


# --- the universe ------------------------------------------------------------------------------
def test_every_ticker_has_a_profile() -> None:
    assert profiles().keys() == catalog.OPTION_TICKERS
    assert set(DEFAULT_TICKERS) < TICKERS
    assert {profile.follows or name for name, profile in profiles().items()} <= profiles().keys()


@pytest.mark.parametrize("number", range(6))
def test_every_ticker_can_be_simulated(number: int) -> None:
    market = Market("2026-04-08", 2)
    for place, ticker in enumerate(sorted(TICKERS)[number::6]):
        package, category = FEEDS[(place + 7 * number) % len(FEEDS)]
        row = json.loads(market.tape(Feed(ticker, package, category)).json(20_000))
        profile = profiles()[chain_of(ticker)]
        assert abs(math.log(row["spot"] / profile.level)) < 30 * profile.deviation
        strikes = row.get("strikes") or row.get("mini_contracts")
        assert not strikes or (strikes[0][0] > 0 and strikes[0][0] < row["spot"] < strikes[-1][0])


@pytest.mark.parametrize("ticker", ["SPX", "AAPL", "EXK", "VIX", "TLT"])
def test_every_listed_expiry_can_be_asked_for(ticker: str) -> None:
    market = Market(DATE, 2)
    for expiry in expiries(owner(ticker), DAY):
        for package, kind in (("classic", "gex"), ("state", "gex"), ("state", "vanna"), ("orderflow", "")):
            assert market.tape(explicit(ticker, package, kind, expiry)).has(0)
    last = expiries(owner(ticker), DAY)[-1]
    assert json.loads(market.tape(explicit(ticker, "orderflow", "", last)).json(5_000))["spot"] > 0


@pytest.mark.parametrize("seed", range(5))
def test_normal_days_fit_the_wire(seed: int) -> None:
    market = Market(DATE, seed)
    for ticker in DEFAULT_TICKERS:
        for package, category in FIFTEEN:
            feed = Feed(ticker, package, category)
            for index in (0, RECORDS - 1):
                encoded = format_of(feed).encode(market.tape(feed).json(index))
                assert not encoded.saturated, (feed, index)


def test_lazy_modules_do_not_import_numpy() -> None:
    names = "exchange.hours exchange.calendar exchange.expiries market.model.profiles market.model.minutes".split()
    imports = "; ".join(f"import gexfaker.{name}" for name in (*names, "market.numeric.noise"))
    subprocess.run([sys.executable, "-c", f"import sys; {imports}; assert 'numpy' not in sys.modules"], check=True)

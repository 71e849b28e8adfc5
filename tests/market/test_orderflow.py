"""The simulated orderflow tape: exact identities, any order, the observed sizes and shapes."""

from __future__ import annotations

import hashlib
import json
import re
import statistics
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.errors import DataError
from gexfaker.market.orderflow import BLOCKS_KEPT, DEFAULT_TICKERS, FIELDS, SimulatedOrderflow
from gexfaker.market.path import BLOCK
from gexfaker.market.session import RECORDS
from gexfaker.tapes.tape import Tape

DATE = "2026-08-14"
DAYS = (("2026-08-10", 1), ("2026-08-11", 2), ("2026-08-12", 3), ("2026-08-13", 4), ("2026-08-14", 5))

Record = dict[str, Any]

# The service's own order, as observed.
KEYS = [
    *("timestamp", "ticker", "spot", "z_mlgamma", "z_msgamma", "o_mlgamma", "o_msgamma"),
    *("zero_mcall", "zero_mput", "one_mcall", "one_mput", "zcvr", "ocvr", "zgr", "ogr"),
    *("zvanna", "ovanna", "zcharm", "ocharm", "agg_dex", "one_agg_dex", "agg_call_dex", "one_agg_call_dex"),
    *("agg_put_dex", "one_agg_put_dex", "net_dex", "one_net_dex", "net_call_dex", "one_net_call_dex"),
    *("net_put_dex", "one_net_put_dex", "dexoflow", "gexoflow", "cvroflow"),
    *("one_dexoflow", "one_gexoflow", "one_cvroflow"),
]
PRICES, FLOWS = KEYS[2:11], KEYS[11:]

# Typical median absolute values of SPX over twelve days in 2026.
TYPICAL = {
    "z_mlgamma": 7464.81,
    "z_msgamma": 7459.24,
    "o_mlgamma": 7467.73,
    "o_msgamma": 7532.12,
    "zero_mcall": 7482.50,
    "zero_mput": 7440.00,
    "one_mcall": 7545.00,
    "one_mput": 7395.00,
    "zcvr": 1738.19,
    "ocvr": 807.28,
    "zgr": 2556.80,
    "ogr": 495.84,
    "zvanna": 361.02,
    "ovanna": 310.10,
    "zcharm": 58.66,
    "ocharm": 3.88,
    "agg_dex": 1185.25,
    "agg_call_dex": 707.10,
    "agg_put_dex": 738.57,
    "net_dex": 1190.57,
    "net_call_dex": 476.54,
    "net_put_dex": 791.35,
    "one_agg_dex": 593.85,
    "one_agg_call_dex": 232.33,
    "one_agg_put_dex": 675.70,
    "one_net_dex": 585.99,
    "one_net_call_dex": 257.69,
    "one_net_put_dex": 668.89,
    "dexoflow": 5.50,
    "gexoflow": 31.74,
    "cvroflow": 22.30,
    "one_dexoflow": 0.41,
    "one_gexoflow": 0.65,
    "one_cvroflow": 0.64,
}
# 95th percentile of |gexoflow| by full hour, 10:00 to 16:00 New York.
RUSH = (106, 143, 217, 285, 396, 1396)

DIFFERENCES = {
    "dexoflow": "agg_dex",
    "gexoflow": "zgr",
    "cvroflow": "zcvr",
    "one_dexoflow": "one_agg_dex",
    "one_gexoflow": "ogr",
    "one_cvroflow": "ocvr",
}


def record(tape: Tape, index: int) -> Record:
    decoded: Record = json.loads(tape.json(index))
    return decoded


def cents(record: Record, field: str) -> int:
    value: float = record[field]
    return round(value * 100)


@cache
def whole_day(ticker: str, date: str, seed: int) -> list[Record]:
    tape = SimulatedOrderflow(ticker, date, seed)
    return [record(tape, index) for index in range(len(tape))]


def column(field: str, day: tuple[str, int] = DAYS[0]) -> list[float]:
    return [row[field] for row in whole_day("SPX", *day)]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * len(values))]


# --- the tape ----------------------------------------------------------------------------------
def test_is_a_tape() -> None:
    tape: Tape = SimulatedOrderflow("ES_SPX", DATE, 7)
    assert tape.feed.group == "ES_SPX_orderflow_orderflow"
    assert tape.date == DATE
    assert len(tape) == RECORDS
    assert tape.place(17) == "simulated ES_SPX orderflow #17"
    tape.close()


def test_bounds() -> None:
    tape = SimulatedOrderflow("SPX", DATE, 7)
    assert [tape.has(index) for index in (-1, 0, RECORDS - 1, RECORDS)] == [False, True, True, False]
    for index in (-1, RECORDS):
        with pytest.raises(IndexError):
            tape.json(index)
        with pytest.raises(IndexError):
            tape.timestamp(index)


@given(st.integers(0, RECORDS - 1))
@settings(deadline=None, max_examples=30)
def test_records_carry_their_time_and_are_found_by_it(index: int) -> None:
    tape = SimulatedOrderflow("SPX", DATE, 7)
    assert record(tape, index)["timestamp"] == tape.timestamp(index)
    assert tape.index_at(tape.timestamp(index)) == index


def test_index_at_the_ends() -> None:
    tape = SimulatedOrderflow("SPX", DATE, 7)
    assert tape.index_at(tape.timestamp(0) - 1) == -1
    assert tape.index_at(tape.timestamp(RECORDS - 1) + 3600) == RECORDS - 1


@pytest.mark.parametrize("ticker", ["AAPL", "spx", "", "SPX_"])
def test_other_tickers_are_refused_with_the_list(ticker: str) -> None:
    with pytest.raises(DataError, match="SPX, NDX, SPY, QQQ, ES_SPX, NQ_NDX"):
        SimulatedOrderflow(ticker, DATE, 7)


def test_bad_date_is_refused() -> None:
    with pytest.raises(DataError, match="YYYY-MM-DD"):
        SimulatedOrderflow("SPX", "tomorrow", 7)


# --- bytes -------------------------------------------------------------------------------------
def test_key_order() -> None:
    assert list(FIELDS) == KEYS
    for ticker in DEFAULT_TICKERS:
        row = record(SimulatedOrderflow(ticker, DATE, 7), 5000)
        assert list(row) == KEYS
        assert row["ticker"] == ticker


@pytest.mark.parametrize("ticker", DEFAULT_TICKERS)
def test_number_format(ticker: str) -> None:
    tape = SimulatedOrderflow(ticker, DATE, 7)
    number = re.compile(rb"-?(0|[1-9]\d*)(\.\d?[1-9])?")
    for index in range(0, RECORDS, 53):
        line = tape.json(index)
        assert re.fullmatch(rb"\{[^\s]+\}", line)
        values = [value.split(b":")[1] for value in line[1:-1].split(b",")]
        del values[1]  # the ticker
        assert all(number.fullmatch(value) and value != b"-0" for value in values), line


def test_golden() -> None:
    """Pins the bytes on every platform and Python version; count up noise._PREFIX with a wanted change."""
    digest = hashlib.sha256()
    for ticker in DEFAULT_TICKERS:
        tape = SimulatedOrderflow(ticker, DATE, 7)
        for index in (0, 1, 128, 129, 7777, 16_384, RECORDS - 1):
            digest.update(tape.json(index))
    assert digest.hexdigest() == "182e0576afdd010540abdba6273ef3e9c14b5632d6180dda5f3b855cbef63d66"


def test_seed_and_date_matter() -> None:
    lines = {
        SimulatedOrderflow("SPX", date, seed).json(9000)[30:]
        for date in (DATE, "2026-08-13")
        for seed in (-1, 0, 1, 2**70)
    }
    assert len(lines) == 8


@given(st.lists(st.integers(0, RECORDS - 1), min_size=1, max_size=12), st.integers(0, 3))
@settings(deadline=None, max_examples=40)
def test_any_order_gives_the_same_bytes(indexes: list[int], seed: int) -> None:
    one = SimulatedOrderflow("NQ_NDX", DATE, seed)
    by_index = {index: one.json(index) for index in sorted(indexes)}
    other = SimulatedOrderflow("NQ_NDX", DATE, seed)
    assert [other.json(index) for index in indexes] == [by_index[index] for index in indexes]


def test_random_access_equals_the_day_read_through() -> None:
    tape = SimulatedOrderflow("SPX", *DAYS[0])
    day = whole_day("SPX", *DAYS[0])
    for index in (RECORDS - 1, 0, BLOCK + 1, BLOCK, BLOCK - 1, 12_345, 1):
        assert record(tape, index) == day[index]


def test_memory_is_bounded_and_close_gives_it_back() -> None:
    tape = SimulatedOrderflow("SPX", DATE, 7)
    for index in range(0, RECORDS, 10 * BLOCK):
        tape.json(index)
    assert tape._rows.cache_info().currsize == BLOCKS_KEPT
    tape.close()
    assert tape._rows.cache_info().currsize == 0


# --- identities --------------------------------------------------------------------------------
def check_identities(before: Record | None, row: Record) -> None:
    for kind in ("agg", "net", "one_agg", "one_net"):
        both = cents(row, f"{kind}_call_dex") + cents(row, f"{kind}_put_dex")
        assert cents(row, f"{kind}_dex") == both
    for flow, of in DIFFERENCES.items():
        change = cents(row, of) - cents(before, of) if before else 0
        assert cents(row, flow) == change


def test_identities_hold_all_day() -> None:
    day = whole_day("SPX", *DAYS[0])
    check_identities(None, day[0])
    for before, row in pairwise(day):
        check_identities(before, row)


@pytest.mark.parametrize("ticker", DEFAULT_TICKERS)
@pytest.mark.parametrize("seed", [0, 99])
def test_identities_hold_where_blocks_meet(ticker: str, seed: int) -> None:
    tape = SimulatedOrderflow(ticker, DATE, seed)
    for seam in range(BLOCK, RECORDS - 1, 7 * BLOCK):
        rows = [record(tape, index) for index in range(seam - 1, seam + 2)]
        for before, row in pairwise(rows):
            check_identities(before, row)


@pytest.mark.parametrize("ticker", DEFAULT_TICKERS)
def test_day_starts_with_the_reset_row(ticker: str) -> None:
    row = record(SimulatedOrderflow(ticker, DATE, 3), 0)
    assert {row[field] for field in FLOWS} == {0}
    assert len(FLOWS) == 26
    assert all(0.955 < row[field] / row["spot"] < 0.975 for field in KEYS[3:7])


# --- families ----------------------------------------------------------------------------------
@pytest.mark.parametrize(("future", "index", "basis"), [("ES_SPX", "SPX", 3965), ("NQ_NDX", "NDX", 14_580)])
def test_future_is_its_index_plus_the_basis(future: str, index: str, basis: int) -> None:
    ahead, under = SimulatedOrderflow(future, DATE, 11), SimulatedOrderflow(index, DATE, 11)
    for at in range(0, RECORDS, 997):
        one, other = record(ahead, at), record(under, at)
        assert [cents(one, f) - cents(other, f) for f in PRICES] == [basis] * len(PRICES)
        assert [one[f] for f in FLOWS] == [other[f] for f in FLOWS]


@pytest.mark.parametrize(("fund", "index", "ratio"), [("SPY", "SPX", 10.0), ("QQQ", "NDX", 41.1)])
def test_fund_follows_its_index(fund: str, index: str, ratio: float) -> None:
    one, other = SimulatedOrderflow(fund, DATE, 11), SimulatedOrderflow(index, DATE, 11)
    for at in range(0, RECORDS, 997):
        near = record(other, at)["spot"] / record(one, at)["spot"]
        assert near == pytest.approx(ratio, rel=0.005)


@pytest.mark.parametrize(
    ("ticker", "level"),
    [("SPX", 6800), ("NDX", 25_000), ("SPY", 678), ("QQQ", 608), ("ES_SPX", 6840), ("NQ_NDX", 25_150)],
)
def test_levels_are_near_spot_and_spot_near_its_usual(ticker: str, level: float) -> None:
    for date, seed in DAYS:
        tape = SimulatedOrderflow(ticker, date, seed)
        for at in range(1, RECORDS, 1499):
            row = record(tape, at)
            assert row["spot"] == pytest.approx(level, rel=0.06)
            assert all(abs(row[field] / row["spot"] - 1) < 0.05 for field in PRICES)


# --- plausibility: SPX, five days --------------------------------------------------------------
@pytest.mark.parametrize("field", TYPICAL)
def test_typical_size(field: str) -> None:
    medians = [statistics.median(abs(v) for v in column(field, day)) for day in DAYS[:3]]
    assert TYPICAL[field] / 3 < statistics.median(medians) < TYPICAL[field] * 3


def test_no_day_is_far_off() -> None:
    far = {"ogr", "ovanna"}  # they lean on the index: on a day that goes nowhere they are small
    for date, seed in ((f"2026-09-{n:02}", n) for n in range(1, 13)):
        tape = SimulatedOrderflow("SPX", date, seed)
        rows = [record(tape, i) for b in range(4, 180, 9) for i in range(b * BLOCK, b * BLOCK + 32)]
        for field in TYPICAL.keys() - far:
            median = statistics.median(abs(row[field]) for row in rows)
            assert TYPICAL[field] / 6 < median < TYPICAL[field] * 6, (date, field)


@pytest.mark.parametrize("day", DAYS[:3])
def test_gamma_flow_swells_towards_the_close(day: tuple[str, int]) -> None:
    flow = [abs(value) for value in column("gexoflow", day)]
    full = range(1798, RECORDS - 3600, 3600)  # 10:00:00, 11:00:00, ...
    hours = [percentile(flow[start : start + 3600], 0.95) for start in full]
    assert hours == sorted(hours)
    assert hours == [pytest.approx(expected, rel=0.25) for expected in RUSH]


@pytest.mark.parametrize("day", DAYS[:3])
def test_convexity_mirrors_gamma(day: tuple[str, int]) -> None:
    r = statistics.correlation(column("cvroflow", day), column("gexoflow", day))
    assert -0.999 < r < -0.98


def test_tails_are_as_heavy_as_observed() -> None:
    observed = {"dexoflow": 25.16, "gexoflow": 531.15, "cvroflow": 533.01, "one_gexoflow": 8.85}
    for field, expected in observed.items():
        assert expected / 2 < percentile([abs(v) for v in column(field)], 0.95) < expected * 2


def test_gamma_level_is_noisy() -> None:
    """Variance ratio over 60 records: 1 for a random walk, 0.21 observed."""
    levels = column("zgr")
    one = statistics.pvariance([b - a for a, b in pairwise(levels)])
    sixty = statistics.pvariance([b - a for a, b in zip(levels, levels[60:], strict=False)])
    assert 0.1 < sixty / 60 / one < 0.35


@pytest.mark.parametrize("day", DAYS[:3])
def test_charm_goes_one_way_and_blows_up(day: tuple[str, int]) -> None:
    charm = [abs(value) for value in column("zcharm", day)]
    assert charm == sorted(charm)
    assert len({value > 0 for value in column("zcharm", day) if value}) == 1
    assert charm[-1] > 5e5
    assert charm[-1] > 100 * charm[-600]


def test_vanna_reverts_and_follows_the_index_a_little() -> None:
    vanna, spot = column("zvanna"), column("spot")
    crossings = sum(a * b < 0 for a, b in pairwise(vanna))
    assert crossings > 10
    assert abs(vanna[-1]) < 3000
    changes, moves = ([b - a for a, b in pairwise(values)] for values in (vanna, spot))
    assert 0.1 < statistics.correlation(changes, moves) < 0.4


@pytest.mark.parametrize("field", ["z_mlgamma", "z_msgamma"])
def test_gamma_levels_jump_between_two_nodes(field: str) -> None:
    levels = column(field)[1:2048]
    jumps = [at for at, (a, b) in enumerate(pairwise(levels)) if abs(a - b) > 5]
    assert 8 < len(levels) / len(jumps) < 12
    assert len({round(level / 5) for level in levels}) <= 4
    assert len({b - a for a, b in pairwise(jumps)}) > 3


@pytest.mark.parametrize("field", ["zero_mcall", "zero_mput", "one_mcall", "one_mput"])
def test_majors_are_mostly_strikes_and_else_just_above(field: str) -> None:
    above = [round(value * 100) % 500 for value in column(field)]
    assert 0.79 < above.count(0) / len(above) < 0.96
    assert max(above) <= 30


@pytest.mark.parametrize("day", DAYS[:3])
def test_spot_moves_like_an_index(day: tuple[str, int]) -> None:
    moves = [b - a for a, b in pairwise(column("spot", day))]
    opening, noon, closing = (statistics.pstdev(moves[at : at + 1500]) for at in (0, 12_000, 21_800))
    assert opening > 1.4 * noon
    assert closing > 1.3 * noon
    assert max(map(abs, moves)) < 10
    assert 0.2 < statistics.pstdev(moves) < 0.6

"""SPX as the service was seen to publish it: sizes of all fields, rushes, jumps and correlations, over ten days."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from gexfaker.catalog import Feed
from gexfaker.exchange.hours import NEW_YORK, RECORDS
from gexfaker.market.model.profiles import profiles
from gexfaker.market.simulation import Market
from gexfaker.tapes.tape import Tape

pytestmark = pytest.mark.long

DAYS = [(f"2026-08-{day:02}", seed) for seed, day in enumerate((3, 4, 5, 6, 7, 10, 11, 12, 13, 14))]

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
RUSH = np.array((106, 143, 217, 285, 396, 1396))

Day = dict[str, NDArray[np.float64]]


@cache
def day(number: int) -> Day:
    """Every sixth minute of a day, all its records, by field."""
    date, seed = DAYS[number]
    tape = Market(date, seed).tape(Feed("SPX", "orderflow", "orderflow"))
    seconds = (tape.timestamp(index) - tape.timestamp(0) for index in range(len(tape)))
    rows = [msgspec.json.decode(tape.json(i)) for i, second in enumerate(seconds) if second % 360 < 60]
    return {name: np.array([row[name] for row in rows], dtype=np.float64) for name in rows[0] if name != "ticker"}


def days() -> list[Day]:
    return [day(number) for number in range(len(DAYS))]


DATES = (
    *("2026-01-14", "2026-02-10", "2026-03-24", "2026-04-09", "2026-05-20"),
    *("2026-06-10", "2026-07-15", "2026-08-13", "2026-09-01", "2026-10-06"),
)
SAMPLED = range(61, RECORDS, 1171)
"""Seconds of a day for its medians: 1171 is prime, so that they are of all seconds of a minute."""


def shown(tape: Tape, second: int) -> dict[str, Any]:
    """The record that is the newest in a second of the day."""
    decoded: dict[str, Any] = msgspec.json.decode(tape.json(tape.index_at(tape.timestamp(0) + second)))
    return decoded


@cache
def sizes() -> dict[str, float]:
    """The median of the days' median sizes, by field, of ten dates and ten seeds."""
    found: dict[str, list[float]] = {field: [] for field in TYPICAL}
    for date in DATES:
        for seed in range(1, 11):
            tape = Market(date, seed).tape(Feed("SPX", "orderflow", "orderflow"))
            rows = [shown(tape, second) for second in SAMPLED]
            for field, medians in found.items():
                medians.append(float(np.median([abs(row[field]) for row in rows])))
    return {field: float(np.median(medians)) for field, medians in found.items()}


@pytest.mark.parametrize("field", TYPICAL)
def test_typical_size(field: str) -> None:
    """Within a factor of 2 of what twelve real days had: a day may differ, the median of a hundred may not."""
    assert TYPICAL[field] / 2 < sizes()[field] < TYPICAL[field] * 2


@pytest.mark.parametrize("field", [name for name in TYPICAL if not name.endswith("flow") and "_m" not in name])
def test_no_day_is_dead_or_absurd(field: str) -> None:
    for one in days():
        assert TYPICAL[field] / 60 < np.median(np.abs(one[field])) < TYPICAL[field] * 12


def test_gamma_flow_rushes_to_the_close_as_observed() -> None:
    found = np.median([by_hour(one) for one in days()], axis=0)
    assert (np.abs(np.log(found / RUSH)) < np.log(2)).all(), found
    ratios = (found / found[0]) / (RUSH / RUSH[0])
    assert (np.abs(np.log(ratios)) < np.log(2)).all(), ratios


def by_hour(one: Day) -> list[float]:
    midnight = dt.datetime.fromtimestamp(one["timestamp"][0], NEW_YORK).replace(hour=0, minute=0, second=0)
    hour = (one["timestamp"] - midnight.timestamp()) // 3600
    return [float(np.percentile(np.abs(one["gexoflow"])[hour == h], 95)) for h in range(10, 16)]


def test_delta_flow_is_mostly_small_with_bursts() -> None:
    # 2026-08-10: median 4.11, 90 % 17.33, 95 % 25.16, 99 % 49.37.
    found = np.median([np.percentile(np.abs(one["dexoflow"]), (50, 90, 95, 99)) for one in days()], axis=0)
    assert (np.abs(np.log(found / np.array((4.11, 17.33, 25.16, 49.37)))) < np.log(2)).all(), found


def test_convexity_is_gamma_from_the_other_side() -> None:
    for one in days():
        assert np.corrcoef(one["cvroflow"], one["gexoflow"])[0, 1] < -0.98
        assert np.corrcoef(one["one_cvroflow"], one["one_gexoflow"])[0, 1] < -0.9


def test_charm_has_one_direction_and_blows_up() -> None:
    signs = set()
    for one in days():
        charm = one["zcharm"]
        assert abs(np.sign(charm[60:]).sum()) == len(charm) - 60
        assert (np.diff(np.abs(charm)) >= 0).all()
        signs.add(float(np.sign(charm[-1])))
    assert signs == {-1.0, 1.0}
    tape = Market(*DAYS[0]).tape(Feed("SPX", "orderflow", "orderflow"))
    late = [abs(shown(tape, second)["zcharm"]) for second in (RECORDS - 16, RECORDS - 1)]
    assert 5e4 < late[0] < late[1] < 5e6


def test_vanna_comes_back() -> None:
    """A walk with steps of that size would go far further; and it changes sign."""
    for field in ("zvanna",):
        crossings = [int((np.diff(np.sign(one[field])) != 0).sum()) for one in days()]
        assert sum(count >= 3 for count in crossings) >= 7, crossings


def test_gamma_nodes_alternate_about_every_ten_seconds() -> None:
    for one in days():
        for field in ("z_mlgamma", "z_msgamma"):
            within = np.diff(one["timestamp"]) == 1
            jumps = np.abs(np.diff(one[field]))[within] > 1
            assert 0.07 < jumps.mean() < 0.14


def test_majors_are_mostly_but_not_always_on_a_strike() -> None:
    for one in days():
        for field in ("zero_mcall", "zero_mput", "one_mcall", "one_mput"):
            off = (np.round(one[field] * 100).astype(np.int64) + 250) % 500 - 250
            assert 0.79 <= (off == 0).mean() <= 0.96
            assert 0 < off.max() <= 40
            assert -40 <= off.min() < 0


def test_levels_are_around_spot() -> None:
    for one in days():
        for field in [name for name in TYPICAL if "_m" in name]:
            assert np.percentile(np.abs(one[field] / one["spot"] - 1), 99) < 0.04


def test_days_are_of_the_usual_size() -> None:
    moves = [np.log(one["spot"][-1] / one["spot"][0]) for one in days()]
    assert 0.002 < np.std(moves) < 0.016
    ranges = [one["spot"].max() / one["spot"].min() - 1 for one in days()]
    assert all(0.003 < size < 0.05 for size in ranges)


def test_volatility_has_its_seasons_clusters_and_jumps() -> None:
    moves = np.concatenate([np.diff(returns("SPX", seed)) for seed in range(40)]).reshape(40, 390)
    size = np.abs(moves)
    opening, noon, closing = size[:, :30].mean(), size[:, 150:240].mean(), size[:, -30:].mean()
    assert opening > 1.5 * noon
    assert closing > 1.2 * noon
    flat = (size / size.mean(axis=0)).tolist()
    clustering = np.mean([np.corrcoef(row[:-5], row[5:])[0, 1] for row in flat])
    assert clustering > 0.03
    scaled = moves / moves.std(axis=0)
    assert 3.5 < (scaled**4).mean() < 12
    assert np.abs(scaled).max() > 5


def test_seconds_are_a_path_without_seams() -> None:
    """A move from one block into the next is like any other; prints bounce, so that seconds come back a little."""
    underlying = Market("2026-08-12", 6)._shown("SPX").chain.underlying
    path = np.concatenate([underlying.block(block).log for block in range(390)])[:RECORDS]
    moves = np.diff(path).reshape(-1)[: 389 * 60].reshape(389, 60)
    inside, seams = moves[:, :-1].std(), moves[:, -1].std()
    assert 0.7 < seams / inside < 1.4
    assert -0.3 < np.corrcoef(moves.ravel()[:-1], moves.ravel()[1:])[0, 1] < 0
    minutes = np.diff(path[::60])
    assert 0.6 < minutes.std() / (inside * np.sqrt(60)) < 1.2


def returns(ticker: str, seed: int) -> NDArray[np.float64]:
    return Market("2026-08-12", seed)._shown(ticker).chain.underlying.returns


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ("SPX", "SPY", 0.999, 1.0001),
        ("SPX", "XSP", 0.999, 1.0001),
        ("NDX", "QQQ", 0.999, 1.0001),
        ("RUT", "IWM", 0.999, 1.0001),
        ("NDX", "TQQQ", 0.999, 1.0001),
        ("SPX", "NDX", 0.8, 0.97),
        ("SPX", "RUT", 0.65, 0.95),
        ("SPX", "VIX", -0.85, -0.45),
        ("SPX", "TSLA", 0.25, 0.8),
        ("AAPL", "TSLA", 0.1, 0.7),
        ("SPX", "TLT", -0.5, 0.2),
    ],
)
def test_families_move_together(one: str, other: str, low: float, high: float) -> None:
    correlations = []
    for seed in range(6):
        market = Market("2026-08-12", seed)
        pair = [np.diff(market._shown(name).chain.underlying.returns) for name in (one, other)]
        correlations.append(np.corrcoef(pair[0], pair[1])[0, 1])
    assert low < np.mean(correlations) < high


def test_opens_differ_from_day_to_day_and_gaps_are_shared() -> None:
    opens = {name: [] for name in ("SPX", "NDX", "TSLA")}  # type: dict[str, list[float]]
    for seed in range(30):
        market = Market("2026-08-12", seed)
        for name, found in opens.items():
            found.append(np.log(market._shown(name).chain.underlying.opening / profiles()[name].level))
    assert 0.025 < np.std(opens["SPX"]) < 0.06
    assert np.corrcoef(opens["SPX"], opens["NDX"])[0, 1] > 0.6
    assert np.std(opens["TSLA"]) > np.std(opens["SPX"])


def test_exposure_grows_through_the_day_and_blows_up_at_the_close() -> None:
    sizes = []
    for date, seed in DAYS:
        tape = Market(date, seed).tape(Feed("SPX", "classic", "gex_zero"))
        sizes.append([exposure(shown(tape, second)) for second in (300, 11_700, 21_000, 23_100, 23_280, 23_390)])
    opening, noon, *late = np.median(sizes, axis=0)
    assert noon > 4 * opening
    assert np.median(np.max(sizes, axis=1)) > 2 * noon
    assert late[0] > 1.3 * noon
    assert max(map(max, sizes)) > 500_000


def exposure(row: dict[str, Any]) -> float:
    return float(sum(abs(strike[1]) for strike in row["strikes"]))

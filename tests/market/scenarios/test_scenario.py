"""What happens on a day can be ordered: events and knobs, the files they are written in, and how these are refused."""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gexfaker.catalog import Feed
from gexfaker.errors import DataError
from gexfaker.exchange.hours import RECORDS, TradingSession
from gexfaker.market.scenarios.scenario import (
    Crash,
    DataGap,
    Event,
    FrozenFeed,
    Halt,
    PinAt,
    Scenario,
    Squeeze,
    VolatilityShock,
    second_of,
)
from gexfaker.market.scenarios.scenariofile import NAMES, load_scenario, named_scenario
from gexfaker.market.simulation import Market
from market.reading import Reader, check_agreement, check_max_priors, check_orderflow, check_priors, check_sums

pytestmark = pytest.mark.long

DATE = "2026-04-10"
NOON = dt.time(12)
SECOND = second_of(NOON)
MINUTE = SECOND + 2
"""Minutes of the day begin two seconds after the clock's."""


def market(*events: Event, **knobs: Any) -> Market:
    return Market(DATE, 3, Scenario(name="test", events=events, **knobs))


def flow(of: Market, index: int, ticker: str = "SPX") -> dict[str, Any]:
    row: dict[str, Any] = json.loads(of.tape(Feed(ticker, "orderflow", "orderflow")).json(index))
    return row


def spots(of: Market, indexes: range) -> NDArray[np.float64]:
    return np.array([flow(of, index)["spot"] for index in indexes])


def minutes(of: Market, start: int = 0, end: int = RECORDS) -> NDArray[np.float64]:
    """Spot at every minute."""
    points: NDArray[np.float64] = of._shown("SPX").chain.underlying.skeleton.points
    return points[start // 60 : end // 60]


def test_minutes_are_those_of_the_records() -> None:
    assert minutes(ordinary(), 600, 1200).tolist() == spots(ordinary(), range(600, 1200, 60)).tolist()


@cache
def ordinary() -> Market:
    return Market(DATE, 3)


# --- events ------------------------------------------------------------------------------------
def test_nothing_ordered_is_the_ordinary_day() -> None:
    for kind in (("classic", "gex_full"), ("orderflow", "orderflow")):
        feed = Feed("SPX", *kind)
        assert market().tape(feed).json(9_000) == ordinary().tape(feed).json(9_000)


def test_what_is_before_an_event_stays() -> None:
    one = market(Crash(at=NOON, minutes=5, size=0.04))
    feed = Feed("SPX", "orderflow", "orderflow")
    for index in (0, 5_000, MINUTE - 1):
        assert one.tape(feed).json(index) == ordinary().tape(feed).json(index)
    assert one.tape(feed).json(SECOND + 60) != ordinary().tape(feed).json(SECOND + 60)


def test_crash_and_recovery() -> None:
    one = market(Crash(at=NOON, minutes=5, size=0.04, recovery=0.5))
    start, low, later = (flow(one, SECOND + s)["spot"] for s in (-60, 300, 300 + 900))
    assert low / start - 1 == pytest.approx(-0.04, abs=0.012)
    assert later / low - 1 == pytest.approx(0.02, abs=0.012)
    # VIX rises, a stock with beta falls more, and volatility is dearer.
    assert flow(one, SECOND + 300, "VIX")["spot"] > 1.15 * flow(one, SECOND - 60, "VIX")["spot"]
    assert flow(one, SECOND + 300, "TSLA")["spot"] < 0.95 * flow(one, SECOND - 60, "TSLA")["spot"]
    quiet, panic = (at_the_money(one, SECOND + s) for s in (-60, 280))
    assert panic > 1.3 * quiet


def at_the_money(of: Market, index: int) -> float:
    row = json.loads(of.tape(Feed("SPX", "state", "delta_one")).json(index))
    nearest = min(row["mini_contracts"], key=lambda contract: abs(contract[0] - row["spot"]))
    return float(nearest[1])


def test_squeeze_and_who_buys() -> None:
    one = market(Squeeze(at=NOON, minutes=10, size=0.03))
    assert flow(one, SECOND + 600)["spot"] / flow(one, SECOND - 60)["spot"] - 1 == pytest.approx(0.03, abs=0.012)
    gained = flow(one, SECOND + 600)["agg_dex"] - flow(one, SECOND - 60)["agg_dex"]
    usual = flow(ordinary(), SECOND + 600)["agg_dex"] - flow(ordinary(), SECOND - 60)["agg_dex"]
    assert gained > usual + 300
    lost = market(Crash(at=NOON, minutes=10, size=0.03))
    assert flow(lost, SECOND + 600)["agg_dex"] - flow(lost, SECOND - 60)["agg_dex"] < usual - 300


@pytest.mark.parametrize("strike", [0.0, 1.004])
def test_pin(strike: float) -> None:
    one = market(PinAt(at=NOON, minutes=200, strike=strike, pull=0.2))
    path = minutes(one, SECOND + 3600, SECOND + 12_000)
    target = strike * one._shown("SPX").chain.underlying.opening or round(path.mean() / 25) * 25
    assert path.mean() == pytest.approx(target, abs=4)
    assert path.std() < 0.75 * minutes(ordinary(), SECOND + 3600, SECOND + 12_000).std()


def test_volatility_shock() -> None:
    one = market(VolatilityShock(at=NOON, minutes=60, realised=4.0, implied=1.5, volume=3.0))
    during, before = (np.abs(np.diff(spots(one, range(s, s + 3_000)))).mean() for s in (SECOND + 60, SECOND - 3_060))
    usual = np.abs(np.diff(spots(ordinary(), range(SECOND + 60, SECOND + 3_060)))).mean()
    assert during > 3 * usual
    assert during > 2 * before
    assert at_the_money(one, SECOND + 120) > 1.3 * at_the_money(one, SECOND - 120)
    charms = [flow(of, SECOND + 3_000)["zcharm"] for of in (one, ordinary())]
    assert abs(charms[0]) > 1.1 * abs(charms[1])  # charm counts trades


def test_halt_stands_still_and_then_goes_on() -> None:
    one = market(Halt(at=NOON, minutes=10))
    first = MINUTE
    rows = [flow(one, index) for index in range(first + 1, first + 600, 7)]
    for name in ("spot", "agg_dex", "agg_call_dex", "one_agg_put_dex"):
        assert len({row[name] for row in rows}) == 1
    assert {row["dexoflow"] for row in rows} == {0}
    read = Reader(one, "SPX")
    start, end = (read("state", "volume_zero", index)["mini_contracts"] for index in (first, first + 599))
    assert [contract[3] for contract in start] == [contract[3] for contract in end]
    assert len(set(spots(one, range(first + 601, first + 661)))) > 20
    assert len({row["timestamp"] for row in rows}) == len(rows)


def test_the_flash_crash_falls_until_its_halt() -> None:
    one = market(*named_scenario("flash-crash").events)
    crash, halt, over = (second_of(dt.time(14, minute)) + 2 for minute in (32, 41, 44))
    before, lowest = flow(one, crash)["spot"], flow(one, halt)["spot"]
    assert lowest / before - 1 == pytest.approx(-0.06, abs=0.012)
    assert len(set(spots(one, range(halt - 60, halt)))) > 30
    assert set(spots(one, range(halt, over))) == {lowest}
    assert len(set(spots(one, range(over, over + 60)))) > 30


def test_data_gap_has_no_records() -> None:
    one = market(DataGap(at=NOON, seconds=82))
    tape = one.tape(Feed("SPX", "classic", "gex_zero"))
    assert len(tape) == RECORDS - 82
    assert not tape.has(len(tape))
    start = TradingSession.of(DATE).first + SECOND
    before = tape.index_at(start)
    assert tape.timestamp(before) == start - 1
    assert tape.timestamp(before + 1) == start + 82
    assert tape.index_at(start + 81) == before
    assert tape.index_at(start + 82) == before + 1
    assert tape.index_at(10**11) == len(tape) - 1
    assert json.loads(tape.json(before + 1))["timestamp"] == start + 82


def test_identities_hold_across_a_gap() -> None:
    """Changes are per snapshot, and a look-back finds the newest record there was."""
    read = Reader(market(DataGap(at=NOON, seconds=130)), "SPX")
    for index in (SECOND - 1, SECOND, SECOND + 1, SECOND + 40):
        check_orderflow(read, index)
        check_agreement(read, index)
        check_sums(read, index)
    after = read("classic", "gex_zero", SECOND)
    last = {strike[0]: strike[1] for strike in read("classic", "gex_zero", SECOND - 1)["strikes"]}
    assert [strike[3][0] for strike in after["strikes"]] == [last.get(strike[0], 0) for strike in after["strikes"]]
    (strike, change), *_ = after["max_priors"]
    now = {row[0]: row[1] for row in after["strikes"]}
    assert change == pytest.approx(now[strike] - last.get(strike, 0), abs=1e-6)


def test_a_frozen_feed_repeats_its_last_record() -> None:
    one = market(FrozenFeed(at=NOON, seconds=45))
    read, feed = Reader(one, "SPX"), Feed("SPX", "orderflow", "orderflow")
    tape = one.tape(feed)
    assert len(tape) == RECORDS
    lines = [tape.json(index) for index in range(SECOND - 1, SECOND + 47)]
    assert len(set(lines)) == 3
    assert len(set(lines[1:47])) == 1
    times = [tape.timestamp(index) for index in range(SECOND, SECOND + 46)]
    assert len(set(times)) == 1
    assert tape.index_at(times[0]) == tape.index_at(times[0] + 45) == SECOND + 45
    thaw, frozen = read("orderflow", "orderflow", SECOND + 46), read("orderflow", "orderflow", SECOND)
    assert round(100 * thaw["gexoflow"]) == round(100 * thaw["zgr"]) - round(100 * frozen["zgr"])


def test_knobs_of_the_day() -> None:
    gap = market(gap=-0.03)
    assert flow(gap, 0)["spot"] / flow(ordinary(), 0)["spot"] == pytest.approx(np.exp(-0.03), abs=1e-4)
    # Hedging goes by where the price is, and that is elsewhere: a drift is exact without it.
    drift, free = Market(DATE, 3, Scenario(name="test", drift=0.02), feedback=0.0), Market(DATE, 3, feedback=0.0)
    assert flow(drift, RECORDS - 1)["spot"] / flow(free, RECORDS - 1)["spot"] == pytest.approx(1.02, abs=1e-3)
    assert 1.01 < flow(market(drift=0.02), RECORDS - 1)["spot"] / flow(ordinary(), RECORDS - 1)["spot"] < 1.03
    calm = market(volatility=0.3, implied=0.7, volume=0.5)
    assert minutes(calm).std() < 0.5 * minutes(ordinary()).std()
    assert at_the_money(calm, 9_000) == pytest.approx(0.7 * at_the_money(ordinary(), 9_000), rel=0.12)
    assert abs(flow(calm, 9_000)["zcharm"]) == pytest.approx(abs(flow(ordinary(), 9_000)["zcharm"]) / 2, rel=0.1)


@pytest.mark.parametrize("ticker", ["SPX", "VIX", "TSLL", "EXK"])
@pytest.mark.parametrize("way", [-1, 1])
def test_the_wildest_day_is_still_a_market(ticker: str, way: int) -> None:
    run = Crash if way < 0 else Squeeze
    hours = [run(at=dt.time(hour), minutes=50, size=0.3) for hour in range(10, 16)]
    shocks = [VolatilityShock(at=NOON, minutes=300, realised=10, implied=10, volume=10)] * 3
    one = market(*hours, *shocks, gap=0.3 * way, volatility=10, implied=10, volume=10)
    read = Reader(one, ticker)
    for index in (0, SECOND + 200, RECORDS - 1):
        check_orderflow(read, index)
        check_agreement(read, index)
        check_sums(read, index)
    assert len(one._shown(ticker).chain.strikes) < 3_000


# --- files -------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_named_scenarios_are_days_that_hold_together(name: str) -> None:
    scenario = named_scenario(name)
    assert scenario.name == name
    assert scenario.description.endswith(".")
    assert scenario != Scenario(name=name, description=scenario.description)
    one = Market(DATE, 4, scenario)
    read = Reader(one, "SPX")
    last = len(one.tape(Feed("SPX", "orderflow", "orderflow"))) - 1
    for index in (0, 2, 6_001, 16_000, last):
        check_orderflow(read, index)
        check_agreement(read, index)
        check_sums(read, index)
    if name != "data-outage":
        check_priors(read, "classic", "gex_full", 18_700)
        check_max_priors(read, "state", "gex_zero", 18_700)


def test_named_scenarios_are_what_their_names_say() -> None:
    days = {name: Market(DATE, 4, named_scenario(name)) for name in NAMES}
    paths = {name: minutes(one) for name, one in days.items()}
    usual = minutes(Market(DATE, 4))
    assert paths["calm"].std() < 0.7 * usual.std()
    assert paths["trend-day"][-1] > 1.006 * paths["trend-day"][0]
    assert max(a / b - 1 for a, b in pairwise(paths["flash-crash"])) > 0.006
    assert paths["flash-crash"].min() < 0.96 * paths["flash-crash"][0]
    assert paths["gap-down"][0] < 0.98 * usual[0]
    assert at_the_money(days["vol-crush"], 15_000) < 0.8 * at_the_money(days["vol-crush"], 600)
    at_two = second_of(dt.time(14))
    quiet, loud = (minutes(days["fed-day"], at_two + s, at_two + s + 1_800).std() for s in (-3_600, 0))
    assert loud > 2 * quiet
    assert len(days["data-outage"].tape(Feed("SPX", "orderflow", "orderflow"))) == RECORDS - 682
    pinned = paths["opex-pin"][-100:]
    assert abs(pinned.mean() / 25 - round(pinned.mean() / 25)) * 25 < 4


FULL = """\
# a comment
description = "All there is"

[day]
drift = 0.01
volatility = 2

[[events]]
kind = "crash"
at = 14:32:00
minutes = 8
size = 0.05

[[events]]
kind = "frozen-feed"
seconds = 30
at = 10:00:00.5
"""


def test_a_file_is_read() -> None:
    assert load_scenario("mine.toml", FULL) == Scenario(
        name="mine.toml",
        description="All there is",
        drift=0.01,
        volatility=2.0,
        events=(
            Crash(at=dt.time(14, 32), minutes=8, size=0.05),
            FrozenFeed(at=dt.time(10, 0, 0, 500_000), seconds=30),
        ),
    )
    assert load_scenario("empty.toml", "") == Scenario(name="empty.toml")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("drift = 0.01", "drif = 0.01", 5, "drif is not known here; known are drift, gap, volatility, implied, volume"),
        ("drift = 0.01", "drift = 0.9", 5, "drift must be a number from -0.3 to 0.3"),
        ("drift = 0.01", "drift = nan", 5, "drift must be a number"),
        ("drift = 0.01", "drift = true", 5, "drift must be a number"),
        ("volatility = 2", 'volatility = "2"', 6, "volatility must be a number from 0.05 to 10.0"),
        ("volatility = 2", "volatility = 0", 6, "volatility must be a number"),
        ("[day]", "[days]", 4, "days is not known here; known are description, day, events"),
        ('description = "All there is"', "description = 3", 2, "description is not a text"),
        ("[day]", "[[day]]", 4, "day is not a table"),
        ('kind = "crash"', 'kind = "crush"', 9, "kind must be one of crash, squeeze, pin, volatility-shock, halt"),
        ('kind = "crash"\n', "", 8, "kind must be one of"),
        ('kind = "crash"', "kind = [1]", 9, "kind must be one of"),
        ("minutes = 8", "minutes = 8.5", 11, "minutes must be a whole number from 1 to 390"),
        ("minutes = 8", "minutes = 0", 11, "minutes must be a whole number"),
        ("minutes = 8\n", "", 9, "also needs minutes"),
        ("size = 0.05", "size = 0.5", 12, "size must be a number from 0.0 to 0.3"),
        ("size = 0.05", "strike = 0.5", 12, "strike is not known here; known are kind, at, minutes, size, recovery"),
        ("at = 14:32:00", "at = 09:30:00", 10, "at must be a time from 09:30:02 to 16:00:00"),
        ("at = 14:32:00", 'at = "14:32"', 10, "at must be a time"),
        ("at = 14:32:00", "at = 2026-04-10T14:32:00Z", 10, "at must be a time"),
        ("seconds = 30", "second = 30", 16, "second is not known"),
        ("seconds = 30", "seconds = 23400", 16, "seconds must be a whole number"),
    ],
)
def test_a_file_with_a_mistake_is_refused(old: str, new: str, line: int, says: str) -> None:
    assert old in FULL
    with pytest.raises(DataError) as refused:
        load_scenario("mine.toml", FULL.replace(old, new, 1))
    assert str(refused.value).startswith(f"mine.toml, line {line}: {says}") or (
        f"line {line}: " in str(refused.value) and says in str(refused.value)
    )


@pytest.mark.parametrize("text", ["day = ", "[day", "x = 1\nx = 2", "\x00"])
def test_what_is_not_toml_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(DataError, match=r"^mine\.toml: .*\(at line \d"):
        load_scenario("mine.toml", text)


def test_events_must_be_tables() -> None:
    with pytest.raises(DataError, match="line 1: events"):
        load_scenario("mine.toml", "events = [1]")
    with pytest.raises(DataError, match="line 1: events is not a list"):
        load_scenario("mine.toml", 'events = "crash"')


def test_a_day_without_a_record_is_refused() -> None:
    gaps = '[[events]]\nkind = "data-gap"\nat = 09:30:02\nseconds = 23398\n'
    assert load_scenario("mine.toml", gaps).events
    with pytest.raises(DataError, match="no record"):
        load_scenario("mine.toml", gaps + gaps.replace("09:30:02", "16:00:00"))


def test_an_unknown_name_is_refused_with_the_list() -> None:
    with pytest.raises(DataError, match="'crash'; there are calm, trend-day"):
        named_scenario("crash")

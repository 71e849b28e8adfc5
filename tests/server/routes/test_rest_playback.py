"""Which record a request gets: market time, steps, positions of their own, the end of the day."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gexfaker.catalog import Feed
from gexfaker.playback.turns import Turn
from gexfaker.wire.tokens import world_id
from support import rest
from support.rest import OPEN, World, at, write
from support.session import Session

FULL, ZERO, STATE = "/v2/SPX/classic/gex_full", "/v2/SPX/classic/gex_zero", "/v2/SPX/state/gex_full"
FLOW = "/v2/SPX/orderflow/orderflow"
OVER = (404, b'{"error":"No more data available"}')


@pytest.fixture
def root(tmp_path: Path) -> Path:
    seconds = [1, 2, 3, 5, 5, 9]
    for feed in ("classic/gex_full", "classic/gex_zero", "state/gex_full"):
        write(tmp_path, f"SPX/{feed}", *(at(rest.GEX, OPEN + second) for second in seconds))
    write(tmp_path, "SPX/orderflow/orderflow", *(rest.flow(OPEN + second) for second in seconds))
    return tmp_path


# --- clock mode -------------------------------------------------------------------------------------


def test_the_newest_record_not_after_market_time_however_often_asked(root: Path) -> None:
    world = World(root)
    start = world.now
    for second, shown in ((0, 1), (0.9, 1), (1, 2), (2, 3), (3.5, 3), (4, 5), (7.9, 5), (8, 9), (5000, 9)):
        world.now = start + second
        for path in (FULL, ZERO, STATE, FLOW, FULL + "/majors", FULL + "/maxchange"):
            assert [world.second(path) for _ in range(3)] == [shown] * 3


def test_keys_start_when_they_are_first_used_and_do_not_meet(root: Path) -> None:
    world = World(root)
    assert world.second(FULL, "one") == 1
    world.now += 4
    assert world.second(FULL, "two") == 1
    assert world.second(FULL, "one") == 5
    world.now += 2
    assert (world.second(FULL, "two"), world.second(ZERO, "one")) == (3, 5)


def test_the_day_may_end_with_its_last_record(root: Path) -> None:
    world = World(root, playback="clock", cache_mode="exhaust")
    world.second(FULL)
    world.now += 8
    assert world.second(FULL) == 9
    world.now += 1
    assert world.get(FULL) == OVER


def test_the_next_day_follows(root: Path) -> None:
    write(root, "SPX/classic/gex_full", at(rest.GEX, OPEN + 3 * 86400 + 7), date="2026-07-20")
    world = World(root, data_date="2026-07-17", cache_mode="next")
    assert world.second(FULL) == 1
    world.now += 60
    assert world.second(FULL) == 9
    assert world.second(FULL) == 3 * 86400 + 7


def test_live_timestamps_are_of_the_present(root: Path) -> None:
    world = World(root, timestamps="live")
    for second, due in ((0, 0), (1, 1), (3.5, 2), (4.5, 4), (100, 8)):
        world.now = 1_900_000_000 + second
        for path in (FULL, FULL + "/majors", FULL + "/maxchange", FLOW):
            assert world.ok(path)["timestamp"] == 1_900_000_000 + due
    recorded = json.loads(World(root).get(FULL)[1])
    assert world.ok(FULL) == recorded | {"timestamp": 1_900_000_008}


# --- step mode --------------------------------------------------------------------------------------


def test_a_package_shares_one_position(root: Path) -> None:
    world = World(root, playback="step")
    seen = [world.second(path) for path in (FULL, ZERO, FULL + "/majors", ZERO + "/maxchange", "/spx/gex/all")]
    assert seen == [1, 2, 3, 5, 5]
    assert (world.second(STATE), world.second(FLOW)) == (1, 1)
    assert world.second(FULL) == 9
    assert [world.get(path) for path in (FULL, ZERO)] == [OVER] * 2
    assert world.second(STATE) == 2


def test_or_every_endpoint_has_its_own(root: Path) -> None:
    world = World(root, playback="step", endpoint_cache_mode="independent")
    paths = (FULL, ZERO, FULL + "/majors", ZERO + "/maxchange", STATE)
    for shown in (1, 2, 3, 5, 5, 9):
        assert [world.second(path) for path in paths] == [shown] * 5
    assert [world.get(path) for path in paths] == [OVER] * 5


def test_aliases_and_bases_are_one_endpoint(root: Path) -> None:
    world = World(root, playback="step", endpoint_cache_mode="independent")
    seen = [world.second(path) for path in (FULL, "/SPX/classic/full", "/v1/spx/classic/gex_full", "/SPX/gex/all")]
    assert seen == [1, 2, 3, 5]


def test_keys_step_on_their_own(root: Path) -> None:
    world = World(root, playback="step")
    assert [world.second(FULL, "one") for _ in range(3)] == [1, 2, 3]
    assert world.second(FULL, "two") == 1


@pytest.mark.parametrize("mode", ["shared", "independent"])
def test_the_feed_and_rest_have_positions_of_their_own(root: Path, mode: str) -> None:
    world = World(root, playback="step", endpoint_cache_mode=mode)
    session = Session.of(world.service.worlds.get(world_id("demo")))
    tape = session.library.tape(Feed("SPX", "classic", "gex_full"))
    assert tape is not None
    assert [session.due(tape, Turn(0, 0.0, 0.0)) for _ in range(3)] == [[0], [1], [2]]
    assert world.second(FULL) == 1
    assert session.due(tape, Turn(0, 0.0, 0.0)) == [3]
    assert world.second(FULL) == 2


@pytest.mark.parametrize(("cache_mode", "after"), [("hold", [9, 9]), ("rotation", [1, 2])])
def test_other_ends_of_a_day(root: Path, cache_mode: str, after: list[int]) -> None:
    world = World(root, playback="step", cache_mode=cache_mode)
    assert [world.second(FULL) for _ in range(8)] == [1, 2, 3, 5, 5, 9, *after]


def test_refusals_move_nothing(root: Path) -> None:
    world = World(root, playback="step", tiers="low=classic,*=quant")
    for path in ("/v2/SPX/state/delta/majors", "/v2/SPX/classic/nope", "/v2/SPX/classic/one", "/v2/SPX/state/charm"):
        assert world.get(path)[0] >= 400
    assert world.get(FLOW, "low")[0] == 403
    assert world.second(FULL) == 1


# --- the conversion ---------------------------------------------------------------------------------

CONVERT = "/v2/futures/conversion?ticker=spx&future=es"


def prices(root: Path) -> Path:
    """A basis that changes every second: minute and second of it can be told."""
    seconds = range(1, 3602, 100)
    write(root, "SPX/orderflow/orderflow", *(rest.flow(OPEN + second, spot=7000) for second in seconds))
    hybrid = (rest.flow(OPEN + second, "ES_SPX", 7000 + second) for second in seconds)
    write(root, "ES_SPX/orderflow/orderflow", *hybrid)
    return root


def test_conversions_are_renewed_every_quarter_of_an_hour(tmp_path: Path) -> None:
    world = World(prices(tmp_path))
    start = world.now
    assert world.ok(CONVERT) == {"future_contract": "ESU6", "multiplier": 1, "additive": 1}
    # market time is a second ahead: it begins with the first record
    for second, basis in ((898, 1), (899, 801), (1500, 801), (1798, 801), (1799, 1701), (2699, 2601), (9000, 3601)):
        world.now = start + second
        assert world.ok(CONVERT)["additive"] == basis


def test_models_and_pairs(tmp_path: Path) -> None:
    world = World(prices(tmp_path))
    body = world.get(CONVERT + "&model=multiplicative")[1]
    assert body == b'{"future_contract":"ESU6","multiplier":1.000142857,"additive":0}'
    assert world.get(CONVERT + "&model=Affine") == world.get(CONVERT)
    assert world.get(CONVERT + "&model=other")[0] == 400
    for pair in (
        "ticker=SPX&future=NQ",
        "ticker=ES&future=SPX",
        "ticker=SPX",
        "future=ES",
        "",
        "ticker=SPX&future=ESU6",
    ):
        assert world.get(f"/futures/conversion?{pair}")[0] == 400
    for pair in ("NDX NQ", "QQQ NQ", "RUT RTY", "IWM RTY", "DIA YM", "GLD GC", "USO CL", "SPY ES"):
        ticker, future = pair.split()
        told = world.ok(f"/futures/conversion?ticker={ticker}&future={future}")
        assert told["future_contract"].startswith(future)
        assert told["multiplier"] == 1


def test_in_step_mode_it_is_of_the_record_last_asked_for(tmp_path: Path) -> None:
    world = World(prices(tmp_path), playback="step")
    assert world.ok(CONVERT)["additive"] == 1
    for _ in range(12):
        world.ok(FLOW)
    assert world.ok(CONVERT)["additive"] == 801
    assert world.ok(CONVERT, "other")["additive"] == 1


def test_a_simulated_market_has_its_own_basis(tmp_path: Path) -> None:
    world = World(tmp_path, simulate="true")
    assert world.ok(CONVERT)["additive"] == pytest.approx(39.65, abs=0.02)

"""``/_gexfaker/market``: another simulated market, or recorded days, while the server runs."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import data, decode
from support.control import DAYS, Plane, until_pong, write_days
from support.raw import connect
from support.server import InProcess, running_server

MARKET = "/_gexfaker/market"
CLASSIC = "/v2/SPX/classic/gex_zero"
NOON = "12:00:00"
HEADERS = {"Authorization": "Bearer demo", "User-Agent": "test"}
JSON = "json.webpubsub.azure.v1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InProcess]:
    with running_server(
        simulate="true", data_dir=str(tmp_path / "days"), data_date="2026-07-17", tickers="SPX"
    ) as running:
        yield running


@pytest.fixture
def plane(server: InProcess) -> Iterator[Plane]:
    with Plane(server, HEADERS) as made:
        yield made


def change(plane: Plane, **wanted: object) -> dict[str, Any]:
    status, found = plane.call("POST", MARKET, wanted)
    assert status == 200, found
    assert plane.call("GET", MARKET) == (200, found)
    return dict(found)


def at_noon(plane: Plane) -> Any:
    plane.act("pause")
    plane.act("seek", time=NOON)
    return plane.call("GET", CLASSIC)[1]


def noon_of(**settings: str | int) -> Any:
    """What a server says that was started with these settings."""
    with (
        running_server(simulate="true", data_date="2026-07-17", tickers="SPX", **settings) as running,
        Plane(running, HEADERS) as plane,
    ):
        return at_noon(plane)


@pytest.mark.parametrize("wanted", [{"seed": 7}, {"scenario": "gap-down"}, {"seed": 7, "scenario": "gap-down"}])
def test_the_market_is_that_of_a_server_started_so(plane: Plane, wanted: dict[str, Any]) -> None:
    before = at_noon(plane)
    found = change(plane, **wanted)
    now = plane.call("GET", CLASSIC)[1]
    assert (now["timestamp"], now["spot"] == before["spot"]) == (before["timestamp"], False), "at the same market time"
    assert now == noon_of(**wanted)
    assert (found["kind"], found["seed"], found["scenario"]) == (
        "simulated",
        wanted.get("seed", 1),
        wanted.get("scenario"),
    )
    assert plane.playback()["origin"] == found["origin"] == plane.call("GET", "/health")[1]["data_origin"]
    change(plane, seed=1, scenario=None)
    assert plane.call("GET", CLASSIC)[1] == before


@pytest.mark.parametrize("playback", ["clock", "step"])
@pytest.mark.parametrize("cache_mode", ["exhaust", "hold", "rotation"])
def test_a_key_at_the_end_of_its_day_goes_on_in_a_shorter_market(
    playback: str, cache_mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"simulate": "true", "data_date": "2026-07-17", "tickers": "SPX", "cache_mode": cache_mode}
    with running_server(playback=playback, **settings) as server, Plane(server, HEADERS) as plane:
        plane.call("GET", CLASSIC)
        plane.act("seek", time="close")
        with connect(server.negotiate()["classic"], JSON) as raw:
            raw.join("blue_SPX_classic_gex_zero")
            for _ in range(3):
                plane.call("GET", CLASSIC)
            for seed in range(2, 12):
                change(plane, seed=seed)
                (session,) = plane.call("GET", "/_gexfaker/sessions")[1]["sessions"]
                assert session["playback"]["origin"] == plane.call("GET", MARKET)[1]["origin"]
                assert all(at["index"] < at["data_length"] for at in synced(server))
                assert plane.call("GET", CLASSIC)[0] in (200, 404)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def synced(server: InProcess) -> list[dict[str, Any]]:
    """The positions of all keys, as the next event of the sync stream tells them."""
    with connect_http(server) as connection:
        connection.request("GET", "/_gexfaker/sync")
        lines = iter(connection.getresponse().readline, b"")
        told = next(line for line in lines if line.startswith(b"data:"))
        return list(json.loads(told[5:])["positions"])


@contextlib.contextmanager
def connect_http(server: InProcess) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def test_who_listens_goes_on_in_the_other_market(server: InProcess, plane: Plane) -> None:
    plane.act("speed", speed=60)
    with connect(server.negotiate()["classic"], JSON) as raw:
        raw.join("blue_SPX_classic_gex_zero")
        stamps = [decode.timestamp(raw.read_kind("data").any) for _ in range(5)]
        change(plane, seed=9)
        stamps += [decode.timestamp(raw.read_kind("data").any) for _ in range(5)]
        plane.act("pause")
        stamps += until_pong(raw, b"end")
    assert stamps == sorted(set(stamps)), "no record twice, none before another"
    assert at_noon(plane) == noon_of(seed=9)


def test_what_is_downloaded_is_of_the_market_that_is_played(plane: Plane) -> None:
    path = "/hist/SPX/classic/gex_zero/2026-07-16?noredirect"

    def first() -> Any:
        link = plane.call("GET", path)[1]["url"]
        return plane.call("GET", "/" + link.split("/", 3)[3])[1][0]

    before = first()
    change(plane, seed=8)
    assert first()["spot"] != before["spot"]
    change(plane, seed=1)
    assert first() == before


def test_recorded_days_that_came_meanwhile_are_played_and_simulated_ones_again(plane: Plane, tmp_path: Path) -> None:
    plane.act("seek", time=NOON)
    assert plane.call("GET", MARKET)[1]["recorded"] == {"folder": str(tmp_path / "days"), "days": 0}
    status, refused = plane.call("POST", MARKET, {"kind": "recorded"})
    assert status == 404
    assert "holds no market data" in refused["error"]
    assert plane.call("GET", MARKET)[1]["kind"] == "simulated"
    write_days(tmp_path / "days", 20)
    found = change(plane, kind="recorded")
    assert (found["kind"], found["recorded"]["days"]) == ("recorded", len(DAYS))
    assert plane.playback()["day"] == DAYS[-1]
    assert plane.call("GET", "/v2/ES_SPX/orderflow/orderflow")[0] == 200
    assert plane.playback()["shown"][11:16] == "09:30", "it begins anew"
    assert plane.call("GET", CLASSIC)[0] == 404
    assert plane.call("GET", "/health")[1]["data_origin"] == str(tmp_path / "days")
    change(plane, seed=3)
    assert plane.call("GET", CLASSIC)[0] == 200
    assert plane.playback()["origin"] == "simulated, seed 3"


FAULTY = '[[faults]]\nname = "slow"\ntype = "latency"\n[faults.attributes]\nlatency = 10\n'


def test_keys_that_come_later_begin_with_the_faults_of_the_scenario(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(FAULTY, encoding="utf-8")
    with running_server(simulate="true", tickers="SPX", scenario=str(file)) as running, Plane(running) as plane:

        def faults(key: str) -> list[str]:
            running.negotiate(key)
            return [one["name"] for one in plane.call("GET", f"/_gexfaker/faults?key={key}")[1]["faults"]]

        assert faults("first") == ["slow"]
        change(plane, scenario="")
        assert (faults("first"), faults("second")) == (["slow"], [])
        change(plane, scenario=str(file))
        assert (faults("second"), faults("third")) == ([], ["slow"])


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "say what to play"),
        ({"kind": "real"}, "say what to play"),
        ({"kind": "recorded", "seed": 3}, "say what to play"),
        ({"speed": 3}, "say what to play"),
        ({"seed": 1.5}, "seed is a whole number"),
        ({"seed": True}, "seed is a whole number"),
        ({"seed": 2**53}, "seed is a whole number"),
        ({"seed": "7"}, "seed is a whole number"),
        ({"scenario": "none"}, "scenario is one of calm"),
        ({"scenario": 7}, "scenario is one of calm"),
        ({"scenario": "/etc/passwd.toml"}, "scenario is one of calm"),
        ([], "not a JSON object"),
    ],
)
def test_refusals_change_nothing(plane: Plane, wanted: Any, said: str) -> None:
    before = plane.call("GET", MARKET)
    status, found = plane.call("POST", MARKET, wanted)
    assert status == 400
    assert said in found["error"]
    assert plane.call("GET", MARKET) == before


def test_every_scenario_is_told_with_what_it_is(plane: Plane) -> None:
    scenarios = plane.call("GET", MARKET)[1]["scenarios"]
    assert {"calm", "flash-crash"} <= set(scenarios)
    assert all(text.endswith(".") for text in scenarios.values()), json.dumps(scenarios)


def test_keys_of_a_simulated_market_that_nobody_used_since_come_back_to_recorded_days(tmp_path: Path) -> None:
    data.write_day(tmp_path, 200)
    broken = tmp_path / data.DATE / "ES_SPX" / "classic" / "gex_full.jsonl.zst"
    broken.parent.mkdir()
    broken.write_bytes(b"half a file")
    with running_server(data_dir=str(tmp_path)) as server:
        record, agent = "/v2/ES_SPX/orderflow/orderflow", {"Authorization": "Bearer demo", "User-Agent": "t"}
        assert server.get(record, agent)[0] == 200
        status, body = server.request("POST", "/_gexfaker/sessions/demo/seek", b'{"time": "09:31"}')
        assert (status, b"gex_full" in body) == (200, False), "one broken file does not hold up the others"
        assert server.request("POST", "/_gexfaker/market", b'{"scenario": "calm"}')[0] == 200
        assert server.request("POST", "/_gexfaker/market", b'{"kind": "recorded"}')[0] == 200
        assert server.get(record, agent)[0] == 200
        assert server.request("POST", "/_gexfaker/sessions/demo/reset", b"")[0] == 200

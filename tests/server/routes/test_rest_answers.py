"""Bodies, headers and errors of the data routes, from records with the values of real answers."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from support import rest
from support.rest import KEY, OPEN, World, at, write, write_all

TYPE = "application/json; charset=utf-8"
GEX_ONLY = b'{"error":"Category must be one of gex_full, gex_one or gex_zero"}'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("data")
    for ticker in ("SPX", "ES_SPX"):
        write_all(root, ticker)
    write(root, "XSP/classic/gex_full", rest.GEX)
    write(root, "TEST/classic/gex_full", rest.GEX)
    write(root, "SPY/classic/gex_full", rest.MAJORS_RECORD)
    write(root, "SPY/classic/gex_zero", rest.GEX)
    write(root, "SPY/state/gex_full", rest.MAXCHANGE_RECORD)
    write(root, "SPY/state/gex_zero", rest.STATE_GEX)
    write(root, "SPY/state/delta_zero", rest.GREEK)
    write(root, "SPY/orderflow/orderflow", rest.flow())
    return World(root)


@pytest.mark.parametrize("base", ["", "/v1", "/v2"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("classic/gex_full/majors", rest.MAJORS),
        ("classic/gex_zero", rest.GEX),
        ("state/gex_full/maxchange", rest.MAXCHANGE),
        ("state/gex_zero", rest.STATE_GEX),
        ("state/delta_zero", rest.GREEK),
        ("orderflow/orderflow", rest.flow()),
    ],
)
def test_real_answers_to_the_byte(world: World, base: str, path: str, body: str) -> None:
    reply = world.ask(f"{base}/SPY/{path}", user_agent="x", **KEY)
    assert reply.body.decode() == body
    assert (reply.status, reply.headers["content-type"]) == (200, TYPE)
    assert reply.headers["content-length"] == str(len(body))
    assert b" " not in reply.body


NAMES = {
    "classic": {"full": "gex_full", "gex_full": "gex_full", "zero": "gex_zero", "gex_zero": "gex_zero"}
    | {"one": "gex_one", "gex_one": "gex_one"},
    "orderflow": {"orderflow": "orderflow"},
}
NAMES["state"] = NAMES["classic"] | {
    name: f"{greek}_{end}"
    for greek in rest.GREEKS
    for end, names in (("zero", (greek, f"{greek}_zero")), ("one", (f"one{greek}", f"{greek}_one")))
    for name in names
}


@pytest.mark.parametrize("base", ["", "/v1", "/v2"])
@pytest.mark.parametrize("ticker", ["SPX", "es_spx"])
@pytest.mark.parametrize("package", NAMES)
def test_every_alias_is_the_same_feed(world: World, base: str, ticker: str, package: str) -> None:
    endings = ("", "/majors", "/maxchange")
    for (name, category), ending in itertools.product(NAMES[package].items(), endings):
        status, body = world.get(f"{base}/{ticker}/{package}/{name}{ending}")
        if category.startswith("gex_"):
            assert (status, body) == world.get(f"/v2/{ticker.upper()}/{package}/{category}{ending}")
            assert json.loads(body)["ticker"] == ticker.upper()
        elif ending and package == "state":
            assert (status, body) == (400, GEX_ONLY)
        else:
            assert status == (404 if ending else 200)


def test_fifteen_feeds_are_fifteen_answers(world: World) -> None:
    paths = [f"/v2/SPX/{package}/{name}" for package in NAMES for name in dict.fromkeys(NAMES[package].values())]
    assert len({world.ok(path)["spot"] for path in paths}) == len(paths) == 15


def test_the_forms_of_2023(world: World) -> None:
    for old, new in (("all", "gex_full"), ("zero", "gex_zero")):
        for ending in ("", "/majors", "/maxchange"):
            reply = world.ask(f"/SPX/gex/{old}{ending}?key=demo", user_agent="x")
            assert (reply.status, reply.body) == world.get(f"/v2/SPX/classic/{new}{ending}")
    assert world.get("/v2/SPX/gex/all")[0] == 404


def test_head_and_other_methods(world: World) -> None:
    reply = world.ask("/v2/SPX/classic/gex_full", "HEAD", user_agent="x", **KEY)
    assert reply.status == 200
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        reply = world.ask("/v2/SPX/classic/gex_full", method, user_agent="x", **KEY)
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
        assert list(json.loads(reply.body)) == ["error"]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v2/NOPE/classic/gex_full", 404, "NOPE"),
        ("/v2/" + "X" * 3000 + "/classic/gex_full", 404, "..."),
        ("/v2/SPX/classic/delta", 404, "delta"),
        ("/v2/SPX/classic/gex_full/minors", 404, "minors"),
        ("/v2/SPX/other/gex_full", 404, ""),
        ("/v2/SPX/classic", 404, ""),
        ("/v2/XSP/classic/gex_full", 404, "XSP"),
        ("/v2/SOXL/classic/gex_full", 404, "SOXL"),
        ("/v2/TEST/state/gex_full", 404, "of TEST it has classic gex_full"),
        ("/v2/NDX/classic/gex_full", 404, "2026-07-17 has no NDX classic gex_full; it has ES_SPX, SPX, SPY"),
        ("/v2/nothing", 404, ""),
        ("/v2/futures/conversion", 400, "SPX to ES"),
    ],
)
def test_errors_name_what_is_wrong(world: World, path: str, status: int, says: str) -> None:
    found, body = world.get(path)
    assert found == status
    assert list(json.loads(body)) == ["error"]
    assert says in json.loads(body)["error"]
    assert len(body) < 600


def test_a_ticker_of_the_folder_only_is_served(world: World) -> None:
    assert world.ok("/v2/TEST/classic/gex_full")["spot"] == 7138.55


def test_public_routes_need_nothing(world: World) -> None:
    for base in ("", "/v1", "/v2"):
        reply = world.ask(base + "/tickers")
        assert (reply.status, reply.headers["content-type"]) == (200, TYPE)
        tickers = json.loads(reply.body)
        assert list(tickers) == ["stocks", "indexes", "futures"]
        assert tickers["futures"] == ["ES_SPX", "NQ_NDX"]
        assert set(tickers["indexes"]) == {"SPX", "NDX", "RUT", "VIX"}
        assert {"AAPL", "SPY", "QQQ", "ZS"} <= set(tickers["stocks"])
        assert "XSP" not in reply.body.decode()
        for package, count in (("classic", 3), ("state", 11), ("orderflow", 1)):
            reply = world.ask(f"{base}/{package}/categories")
            assert reply.status == 200
            assert len(set(json.loads(reply.body))) == count
    assert world.ask("/quant/categories").status == 404


def test_whoami_never_tells_the_key(world: World) -> None:
    told = world.ok("/v2/whoami", "gexbot_custom_1234")
    assert told["tier"] == "quant"
    assert told["key"] == "gexb***"
    assert set(told["entitlements"]) == {"classic", "state", "orderflow"}
    assert world.ask("/whoami", user_agent="x").status == 400


def test_unreadable_records_are_passed_over(tmp_path: Path) -> None:
    good = [at(rest.GEX, OPEN + second) for second in range(3)]
    write(
        tmp_path, "SPX/classic/gex_full", *good, '{"timestamp":', '{"timestamp":1784295003,"ticker":"SPX","spot":NaN}'
    )
    write(tmp_path, "SPX/classic/gex_zero", "{", "{}")
    world = World(tmp_path)
    world.ok("/v2/SPX/classic/gex_full")
    world.now += 60
    assert world.second("/v2/SPX/classic/gex_full") == 2
    status, body = world.get("/v2/SPX/classic/gex_zero")
    assert status == 404
    assert list(json.loads(body)) == ["error"]
    assert str(tmp_path) not in body.decode()


def test_a_record_of_another_tool_is_served_as_the_service_would(tmp_path: Path) -> None:
    row = json.loads(rest.GEX) | {"received_at": 1.5}
    write(tmp_path, "SPX/classic/gex_full", json.dumps(dict(reversed(row.items()))))
    assert World(tmp_path).get("/SPX/classic/full")[1].decode() == rest.GEX

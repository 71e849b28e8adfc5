"""Keys, headers, tiers and quotas."""

from __future__ import annotations

import json

import pytest

from gexfaker.server.http.replies import sentence
from support.rest import World, write_all

MISSING = b'{"error":"Authorization header not found."}'
LIMITED = b'{"error":"Rate limit exceeded."}'
PATH = "/v2/SPX/classic/gex_full"
PROTECTED = [PATH, "/SPX/state/zero/majors", "/spx/gex/all", "/whoami", "/futures/conversion?ticker=SPX&future=ES"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    tiers = "gexbot_c=classic,gexbot_s=state,gexbot_o=orderflow,*=quant"
    return World(write_all(tmp_path_factory.mktemp("data")), tiers=tiers)


@pytest.mark.parametrize("path", PROTECTED)
def test_every_way_to_give_a_key(world: World, path: str) -> None:
    mark = "&" if "?" in path else "?"
    for headers, query in (
        ({"Authorization": "Bearer gexbot_1"}, ""),
        ({"Authorization": "bearer gexbot_1"}, ""),
        ({"Authorization": "Basic gexbot_1"}, ""),
        ({}, f"{mark}key=gexbot_1"),
        ({"Authorization": "Basic gexbot_1", "Accept": "application/json"}, ""),
        ({"Authorization": "Basic gexbot_1", "Accept": "text/html"}, ""),
    ):
        assert world.ask(path + query, user_agent="x", **headers).status == 200


@pytest.mark.parametrize("path", [*PROTECTED, "/v2/NOPE/classic/gex_full", "/SPX/classic/nope"])
def test_without_a_key_it_is_400_to_the_byte(world: World, path: str) -> None:
    for headers in ({}, {"authorization": ""}, {"authorization": "Bearer "}):
        reply = world.ask(path, user_agent="x", **headers)
        assert (reply.status, reply.body) == (400, MISSING)
        assert reply.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("path", PROTECTED)
def test_a_key_without_a_scheme_is_400_with_a_sentence_that_says_so(world: World, path: str) -> None:
    reply = world.ask(path, user_agent="x", authorization="gexbot_custom_1")
    assert reply.status == 400
    assert json.loads(reply.body) == {"error": "Authorization header has no scheme: write Bearer before the key."}


@pytest.mark.parametrize("given", ["Token gexbot_1", "Digest x", "Apikey  k "])
def test_a_key_with_another_scheme_is_400_with_a_sentence_that_says_so(world: World, given: str) -> None:
    reply = world.ask(PATH, user_agent="x", authorization=given)
    assert reply.status == 400
    assert json.loads(reply.body) == {"error": "Authorization header has another scheme: write Bearer before the key."}


@pytest.mark.parametrize("path", ["/SPX/clasic/gex_zero", "/v2/spx/Greeks/delta_zero", "/v1/ES_SPX/statte/zero/majors"])
def test_a_package_that_there_is_not_is_404_with_those_there_are(world: World, path: str) -> None:
    status, body = world.get(path)
    assert (status, "use one of classic, state, orderflow" in json.loads(body)["error"]) == (404, True)


@pytest.mark.parametrize("path", PROTECTED)
def test_without_a_user_agent_it_is_400(world: World, path: str) -> None:
    for headers in ({}, {"user_agent": ""}):
        reply = world.ask(path, authorization="Bearer gexbot_1", **headers)
        assert reply.status == 400
        assert list(json.loads(reply.body)) == ["error"]


@pytest.mark.parametrize(
    ("key", "open_packages"),
    [
        ("gexbot_c", {"classic"}),
        ("gexbot_s", {"classic", "state"}),
        ("gexbot_o", {"classic", "state", "orderflow"}),
        ("gexbot_any", {"classic", "state", "orderflow"}),
    ],
)
def test_tiers(world: World, key: str, open_packages: set[str]) -> None:
    feeds = {"classic": "gex_full", "state": "gex_zero", "orderflow": "orderflow"}
    for package, category in feeds.items():
        status, body = world.get(f"/v2/SPX/{package}/{category}", key)
        if package in open_packages:
            assert status == 200
        else:
            assert status == 403
            assert package in json.loads(body)["error"]
    assert set(world.ok("/whoami", key)["entitlements"]) == open_packages


@pytest.mark.parametrize("path", ["/v2/XSP/orderflow/orderflow", "/v2/SOXL/classic/gex_zero/majors", "/xsp/state/zero"])
def test_a_ticker_of_the_feed_alone_is_told_so(world: World, path: str) -> None:
    status, body = world.get(path, "gexbot_any")
    assert (status, b"is on the real-time feed only: it has no REST." in body) == (404, True)


def test_a_ticker_that_does_not_exist_is_404_for_every_tier(world: World) -> None:
    assert world.get("/v2/NOPE/orderflow/orderflow", "gexbot_c")[0] == 404


def test_orderflow_may_be_refused_inside_a_200(world: World) -> None:
    odd = World(world.root, realism="orderflow-error-200", tiers="*=classic")
    status, body = odd.get("/v2/SPX/orderflow/orderflow")
    assert status == 200
    assert list(json.loads(body)) == ["error"]
    assert odd.get("/v2/SPX/state/gex_full")[0] == 403


def test_strict_keys(world: World) -> None:
    strict = World(world.root, strict_keys="true", tiers="gexbot_c=classic,*=quant")
    assert strict.ask("/whoami", user_agent="x", authorization="Bearer *").status == 401, "it stands for no key"
    assert strict.get(PATH, "gexbot_c")[0] == 200
    status, body = strict.get(PATH, "gexbot_x")
    assert status == 401
    assert list(json.loads(body)) == ["error"]
    assert strict.ask("/tickers").status == 200


def test_quota_of_each_key(world: World) -> None:
    limited = World(world.root, quota="3")
    for _ in range(3):
        assert limited.get(PATH, "one")[0] == 200
    for _ in range(5):
        assert limited.get(PATH, "one") == (429, LIMITED)
        assert limited.get("/SPX/classic/nope", "one") == (429, LIMITED)
    assert limited.get(PATH, "two")[0] == 200
    assert limited.ask("/tickers").status == 200
    limited.now += 59.9
    assert limited.get(PATH, "one")[0] == 429
    limited.now += 0.1
    assert [limited.get(PATH, "one")[0] for _ in range(4)] == [200, 200, 200, 429]


POOLED = {
    "classic": [PATH, "/spx/gex/all", "/v1/SPX/classic/zero/majors", "/SPX/all/gex"],
    "state": ["/v2/SPX/state/gex_full", "/SPX/state/delta", "/SPX/state/zero/maxchange"],
    "orderflow": ["/v2/SPX/orderflow/orderflow"],
    "history": ["/hist/SPX/classic/gex_full/2026-07-17?noredirect", "/v2/hist/SPX/state/delta_zero/2026-07-16"],
    "negotiation": ["/negotiate", "/v2/negotiate"],
    "other": ["/whoami", "/futures/conversion?ticker=SPX&future=ES", "/options/SPX/expiries", "/v2/SPX/classic/nope"],
}


@pytest.mark.parametrize(("pool", "path"), [(pool, path) for pool, paths in POOLED.items() for path in paths])
def test_each_route_counts_for_its_pool_and_for_no_other(world: World, pool: str, path: str) -> None:
    limited = World(world.root, quota=",".join(f"{other}:{1 if other == pool else 1000}/day" for other in POOLED))
    first, second = (limited.ask(path, user_agent="x", host="h", authorization="Bearer k") for _ in range(2))
    assert (first.status != 429, second.status, second.body) == (True, 429, LIMITED)
    others = World(world.root, quota=",".join(f"{other}:1/day" for other in POOLED if other != pool))
    assert 429 not in {others.ask(path, user_agent="x", host="h", authorization="Bearer k").status for _ in range(3)}


def test_a_key_has_its_own_quota_or_that_of_all_others(world: World) -> None:
    limited = World(world.root, quota="one=classic:1/day, one=state:2/month, 3/day")
    assert [limited.get(PATH, "one")[0] for _ in range(2)] == [200, 429]
    assert [limited.get("/SPX/state/zero", "one")[0] for _ in range(3)] == [200, 200, 429]
    assert [limited.get("/whoami", "one")[0] for _ in range(9)] == [200] * 9
    assert [limited.get(PATH, "two")[0] for _ in range(4)] == [200, 200, 200, 429]


def test_a_429_says_when_to_come_back_and_the_log_which_quota_it_was(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    limited = World(world.root, quota="classic:1/day")
    limited.get(PATH, "one")
    with caplog.at_level("INFO"):
        reply = limited.ask(PATH, user_agent="x", authorization="Bearer one")
    wait = int(reply.headers["retry-after"])
    assert "429: its quota of classic:1/day is used up" in caplog.text
    limited.now += wait - 1
    assert limited.get(PATH, "one")[0] == 429
    limited.now += 1
    assert limited.get(PATH, "one")[0] == 200


def test_who_only_watches_uses_nothing_up(world: World) -> None:
    limited = World(world.root, quota="1/day")
    watching = {"authorization": "Bearer one", "x-gexfaker-watch": "true"}
    assert {limited.ask(PATH, user_agent="x", **watching).status for _ in range(5)} == {200}
    assert [limited.get(PATH, "one")[0] for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("base", ["", "/v1", "/v2"])
@pytest.mark.parametrize("path", ["/negotiate", "/options/SPX/expiries"])
def test_the_gate_is_before_negotiation_and_expiries_too(world: World, path: str, base: str) -> None:
    """But no User-Agent is demanded there."""
    path, known, unknown = base + path, {"authorization": "Bearer one"}, {"authorization": "Bearer two"}
    strict = World(world.root, tiers="one=quant", strict_keys="true")
    assert strict.ask(path, host="h", **known).status == 200
    assert strict.ask(path, host="h", **unknown).status == 401
    assert strict.ask(path, host="h").body == MISSING
    limited = World(world.root, quota="2")
    assert [limited.ask(path, host="h", **known).status for _ in range(3)] == [200, 200, 429]
    assert limited.get(PATH, "one") == (429, LIMITED)
    assert limited.ask(path, host="h", **unknown).status == 200


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_the_gate_is_before_memberships(world: World, method: str) -> None:
    strict = World(world.root, tiers="one=quant", strict_keys="true", quota="1")
    statuses = [strict.ask("/v2/negotiate", method, host="h", authorization=f"Bearer {key}").status for key in "xx"]
    assert statuses == [401, 401]
    statuses = [strict.ask("/v2/negotiate", method, host="h", authorization="Bearer one").status for _ in range(2)]
    assert statuses == [400, 429]


def test_no_quota_is_no_limit(world: World) -> None:
    assert {world.get(PATH)[0] for _ in range(100)} == {200}


@pytest.mark.parametrize(("text", "said"), [("no day", "no day."), ("no day.", "no day."), ("", ".")])
def test_a_refusal_ends_with_one_period(text: str, said: str) -> None:
    assert sentence(ValueError(text)) == said

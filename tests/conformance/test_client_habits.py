"""What public clients of the service are known to do, each habit a line of a table, against a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from support import rest
from support.server import Served, running_server

BEARER = {"Authorization": "Bearer gexbot_custom_1"}
BASIC = {"Authorization": "Basic gexbot_custom_1"}
AGENT = {"User-Agent": "client/1.0"}
JSON = {"Accept": "application/json"}


class Habit(NamedTuple):
    """A habit of a client, the request it makes, and what it has to get."""

    name: str
    path: str
    headers: dict[str, str]
    status: int = 200
    keys: int = 15


HABITS = [
    Habit("the current generation, as documented", "/v2/SPX/classic/gex_full", BEARER | AGENT | JSON),
    Habit("no Accept", "/v2/SPX/classic/gex_full", BEARER | AGENT),
    Habit("any Accept", "/v2/SPX/classic/gex_full", BEARER | AGENT | {"Accept": "*/*"}),
    Habit("no User-Agent", "/v2/SPX/classic/gex_full", BEARER, 400, 1),
    Habit("no Authorization", "/v2/SPX/classic/gex_full", AGENT, 400, 1),
    Habit("the key in the query", "/SPX/classic/zero?key=gexbot_custom_1", AGENT),
    Habit("the key in the query of v2", "/v2/SPX/classic/gex_zero?key=gexbot_custom_1", AGENT),
    Habit("the key in the query among others", "/SPX/classic/zero?a=1&key=gexbot_custom_1&b=", AGENT),
    Habit("the raw key as Basic", "/SPX/classic/zero", BASIC | AGENT),
    Habit("a lower-case scheme", "/SPX/classic/zero", {"Authorization": "bearer gexbot_custom_1"} | AGENT),
    Habit("lower-case header names", "/SPX/classic/zero", {"authorization": "Bearer k", "user-agent": "x"}),
    Habit("lower-case tickers", "/v2/spx/classic/gex_full", BEARER | AGENT),
    Habit("lower-case futures", "/v2/es_spx/state/gex_zero", BEARER | AGENT),
    Habit("short categories", "/SPX/classic/full", BEARER | AGENT),
    Habit("short categories on v2", "/v2/SPX/classic/one", BEARER | AGENT),
    Habit("long categories without v2", "/SPX/classic/gex_zero", BEARER | AGENT),
    Habit("v1", "/v1/SPX/classic/zero", BEARER | AGENT),
    Habit("ES_SPX classic", "/v2/ES_SPX/classic/gex_full", BEARER | AGENT),
    Habit("ES_SPX state", "/ES_SPX/state/zero", BEARER | AGENT),
    Habit("ES_SPX greeks", "/v2/ES_SPX/state/gamma_zero", BEARER | AGENT, keys=10),
    Habit("ES_SPX orderflow", "/v2/ES_SPX/orderflow/orderflow", BEARER | AGENT, keys=37),
    Habit("ES_SPX majors", "/v2/ES_SPX/classic/gex_full/majors", BEARER | AGENT, keys=10),
    Habit("ES_SPX maxchange", "/v2/ES_SPX/classic/gex_full/maxchange", BEARER | AGENT, keys=8),
    Habit("greeks by one word", "/SPX/state/delta", BEARER | AGENT, keys=10),
    Habit("greeks of the next expiry", "/SPX/state/onegamma", BEARER | AGENT, keys=10),
    Habit("majors of a greek", "/v2/SPX/state/gamma_zero/majors", BEARER | AGENT, 400, 1),
    Habit("max changes of a greek", "/v2/SPX/state/delta/maxchange", BEARER | AGENT, 400, 1),
    Habit("2023", "/SPX/gex/all?key=gexbot_custom_1", AGENT),
    Habit("2023 majors", "/SPX/gex/zero/majors?key=gexbot_custom_1", AGENT, keys=10),
    Habit("2023 max changes", "/SPX/gex/all/maxchange?key=gexbot_custom_1", AGENT, keys=8),
    Habit("a slash at the end", "/v2/SPX/classic/gex_full/", BEARER | AGENT),
    Habit("an escaped underscore", "/v2/ES%5FSPX/classic/gex%5Ffull", BEARER | AGENT),
    Habit("a body with a GET", "/v2/SPX/classic/gex_full", BEARER | AGENT | {"Content-Type": "application/json"}),
    Habit("a key that is too old", "/v2/SPX/classic/gex_full", {"Authorization": "Digest x"} | AGENT, 400, 1),
    Habit("a ticker that does not exist", "/v2/NOPE/classic/gex_full", BEARER | AGENT, 404, 1),
    Habit("a ticker of the Quant feed", "/v2/SOXL/classic/gex_full", BEARER | AGENT, 404, 1),
    Habit("a path with a part too few", "/v2/SPX/gex_full", BEARER | AGENT, 404, 1),
    Habit("the list of tickers, without a key", "/v2/tickers", {}, keys=3),
    Habit("the list of tickers at the root", "/tickers", {}, keys=3),
    Habit("the list of categories, without a key", "/state/categories", {}, keys=11),
    Habit("the conversion to futures", "/v2/futures/conversion?ticker=SPX&future=ES", BEARER | AGENT, keys=3),
    Habit("a conversion that does not exist", "/v2/futures/conversion?ticker=SPX&future=NQ", BEARER | AGENT, 400, 1),
    Habit("who am I", "/v2/whoami", BEARER | AGENT, keys=8),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("data")
    for ticker in ("SPX", "ES_SPX"):
        rest.write_all(root, ticker, 30)
    with running_server(data_dir=str(root)) as running:
        yield running


@pytest.mark.parametrize("habit", HABITS, ids=[habit.name for habit in HABITS])
def test_a_client_gets_what_it_expects(server: Served, habit: Habit) -> None:
    began = time.monotonic()
    status, body = server.get(habit.path, habit.headers)
    assert time.monotonic() - began < 5.0
    assert status == habit.status, body
    answer: Any = json.loads(body)
    assert len(answer) == habit.keys
    assert json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode() == body
    assert status == 200 or list(answer) == ["error"]


def test_times_never_go_back(server: Served) -> None:
    stamps = []
    for _ in range(30):
        status, body = server.get("/v2/ES_SPX/classic/gex_full", BEARER | AGENT)
        assert status == 200
        stamps.append(json.loads(body)["timestamp"])
        time.sleep(0.05)
    assert stamps == sorted(stamps)
    assert len(set(stamps)) >= 2


def test_a_browser_may_read_the_answers(server: Served) -> None:
    import http.client

    connection = http.client.HTTPConnection(*server.address, timeout=10)
    headers = BEARER | AGENT | {"Origin": "http://localhost:3000"}
    connection.request("GET", "/v2/SPX/classic/gex_full", headers=headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.getheader("Access-Control-Allow-Origin") == "*"
    assert response.getheader("Content-Type") == "application/json; charset=utf-8"

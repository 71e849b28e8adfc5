"""The mark: nobody can take an answer of ours for the service's."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import data
from support.control import DAYS, write_days
from support.raw import JSON, connect, try_upgrade
from support.server import InProcess, running_server

RECORD = "/v2/ES_SPX/orderflow/orderflow"
KEYED = {"Authorization": "Bearer k", "User-Agent": "x"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    root = write_days(tmp_path_factory.mktemp("days"), 30)
    with running_server(data_dir=str(root), data_date=DAYS[-1]) as server:
        yield server


@pytest.fixture(scope="module")
def simulated() -> Iterator[InProcess]:
    with running_server(simulate="true", tickers="SPX") as server:
        yield server


def mark_of(server: InProcess, path: str, method: str = "GET", **headers: str) -> str | None:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.headers["X-Gexfaker"]
    finally:
        connection.close()


@pytest.mark.parametrize(
    "path", ["/health", "/", "/tickers", "/foo", RECORD, "/v2/ES_SPX/orderflow/nope", "/negotiate"]
)
def test_every_answer_is_marked(recorded: InProcess, simulated: InProcess, path: str) -> None:
    for headers in ({}, KEYED, KEYED | {"Origin": "http://page"}, KEYED | {"Accept-Encoding": "gzip"}):
        assert mark_of(recorded, path, **headers) == f"recorded {DAYS[-1]}"
        assert mark_of(simulated, path, **headers) == "simulated"
    preflight = {"Origin": "http://page", "Access-Control-Request-Method": "GET"}
    assert mark_of(recorded, path, "OPTIONS", **preflight) == f"recorded {DAYS[-1]}"


def test_the_mark_has_the_day_of_the_key(recorded: InProcess) -> None:
    mine = KEYED | {"Authorization": "Bearer mine"}
    assert mark_of(recorded, RECORD, **mine) == f"recorded {DAYS[-1]}"
    body = json.dumps({"date": DAYS[0]}).encode()
    assert recorded.request("POST", "/_gexfaker/sessions/by-key/day?key=mine", body)[0] == 200
    for _ in range(2):  # the second time the short way
        assert mark_of(recorded, RECORD, **mine) == f"recorded {DAYS[0]}"
        assert mark_of(recorded, RECORD, **KEYED) == f"recorded {DAYS[-1]}"
    with connect(recorded.orderflow("mine"), JSON) as raw:
        assert raw.header("X-Gexfaker") == [f"recorded {DAYS[0]}"]
    assert try_upgrade(f"{recorded.url}/client/hubs/classic", [JSON]).header("X-Gexfaker") == [f"recorded {DAYS[-1]}"]
    assert json.loads(recorded.get("/whoami", mine)[1])["gexfaker"] == f"recorded {DAYS[0]}"


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    root = data.write_day(tmp_path, 3)
    with running_server(data_dir=str(root), mark="false") as server:
        for path in ("/health", RECORD, "/negotiate"):
            assert mark_of(server, path, **KEYED) is None
        assert "gexfaker" not in json.loads(server.get("/whoami", KEYED)[1])
        with connect(server.orderflow("k"), JSON) as raw:
            assert raw.header("X-Gexfaker") == []

"""Without data every ticker of the service is there, by REST, in the feed and in the history, made when asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.raw import JSON, connect
from support.server import Served, running_server

KEYED = {"Authorization": "Bearer universe", "User-Agent": "x"}
DATE = "2026-07-17"
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server(data_date=DATE) as running:
        yield running


@pytest.fixture(scope="module")
def tickers(server: Served) -> list[str]:
    status, body = server.get("/tickers")
    assert status == 200
    return [ticker for kind in json.loads(body).values() for ticker in kind]


def test_every_ticker_answers_each_of_its_routes(server: Served, tickers: list[str]) -> None:
    assert len(tickers) >= 59
    for ticker in tickers:
        for path in ("classic/gex_full", "classic/gex_zero/majors", "state/charm_one", "orderflow/orderflow"):
            status, body = server.get(f"/v2/{ticker}/{path}", KEYED)
            assert (status, json.loads(body).get("ticker")) == (200, ticker), (path, body[:200])
        assert server.get(f"/hist/{ticker}/classic/gex_one/{DATE}?noredirect", KEYED)[0] == 200


def test_every_ticker_streams(server: Served, tickers: list[str]) -> None:
    with connect(server.orderflow("streams"), JSON) as raw:
        for number, ticker in enumerate(tickers, 1):
            raw.send_text(
                json.dumps({"type": "joinGroup", "group": f"blue_{ticker}_orderflow_orderflow", "ackId": number})
            )
        heard: set[str] = set()
        while len(heard) < len(tickers):
            heard.add(raw.read_kind("data").group)
    assert heard == {f"blue_{ticker}_orderflow_orderflow" for ticker in tickers}
    assert not [line for line in server.stderr if "WARNING" in line]

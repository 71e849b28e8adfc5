"""`--fill simulated`: recorded feeds as they are, and a simulated market for what was not recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import data, decode
from support.control import SESSIONS
from support.raw import JSON, connect
from support.server import InProcess, running_server, wait_until

HEADERS = {"Authorization": "Bearer demo", "User-Agent": "test"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.write_day(tmp_path_factory.mktemp("filled"), 3000)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[InProcess]:
    with running_server(None, data_dir=str(folder), fill="simulated", tickers="SPX", seed="5") as running:
        yield running


def ask(server: InProcess, path: str) -> tuple[int, Any]:
    status, body = server.get(path, HEADERS)
    return status, json.loads(body)


def test_recorded_feeds_are_as_recorded_and_the_others_are_there(server: InProcess) -> None:
    recorded = ask(server, "/ES_SPX/orderflow/orderflow")[1]
    index = recorded["timestamp"] - data.FIRST
    assert recorded["spot"] == json.loads(data.record("ES_SPX", index))["spot"]
    for path in ("/ES_SPX/classic/full", "/ES_SPX/state/delta_zero", "/SPX/classic/zero", "/SPX/orderflow/orderflow"):
        status, body = ask(server, path)
        assert (status, body["ticker"]) == (200, path.split("/")[1])
    status, body = ask(server, "/NDX/classic/zero")
    assert status == 404, "neither recorded nor asked for"


def test_what_is_missing_is_that_of_the_simulated_market(server: InProcess) -> None:
    with running_server(None, simulate="true", data_date=data.DATE, tickers="ES_SPX,SPX", seed="5") as simulated:
        for name in (server, simulated):
            name.request("POST", f"{SESSIONS}/by-key/pause?key=demo", b"")
            name.request("POST", f"{SESSIONS}/by-key/seek?key=demo", b'{"time":"10:00"}')
        for path in ("/SPX/classic/zero", "/ES_SPX/state/delta_zero"):
            assert ask(server, path) == ask(simulated, path)


def test_it_is_said_wherever_a_feed_is_named(server: InProcess) -> None:
    response = server.get("/SPX/classic/zero", HEADERS)
    assert response[0] == 200
    assert server.health()["data_origin"].endswith("; what is missing is simulated, seed 5")
    with connect(server.orderflow("said"), JSON) as raw:
        raw.join("blue_ES_SPX_orderflow_orderflow")
        raw.join("blue_SPX_orderflow_orderflow", 2)
        raw.read_kind("data")
        status = json.loads(server.get(f"{SESSIONS}/by-key?key=said")[1])
    groups = {group["group"]: group.get("simulated", False) for group in status["connections"][0]["groups"]}
    assert groups == {"blue_ES_SPX_orderflow_orderflow": False, "blue_SPX_orderflow_orderflow": True}
    told = "joined blue_SPX_orderflow_orderflow on orderflow, which is simulated"
    wait_until(lambda: any(told in line for line in server.stderr), 5, told)


def test_the_mark_says_that_some_of_it_is_simulated(server: InProcess) -> None:
    import http.client

    connection = http.client.HTTPConnection(*server.address)
    connection.request("GET", "/SPX/classic/zero", headers=HEADERS)
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.getheader("X-Gexfaker") == f"recorded {data.DATE}, simulated where nothing was recorded"


def test_both_come_by_the_feed(server: InProcess) -> None:
    with connect(server.orderflow("both"), JSON) as raw:
        for number, ticker in enumerate(("ES_SPX", "SPX"), 1):
            raw.join(f"blue_{ticker}_orderflow_orderflow", number)
        heard = {message.group: decode.timestamp(message.any) for message in (raw.read_kind("data") for _ in range(6))}
    assert heard.keys() == {"blue_ES_SPX_orderflow_orderflow", "blue_SPX_orderflow_orderflow"}
    assert abs(heard["blue_ES_SPX_orderflow_orderflow"] - heard["blue_SPX_orderflow_orderflow"]) <= 2


def test_history_has_what_was_recorded_only(server: InProcess) -> None:
    reply = json.loads(server.get(f"/available-data/{data.DATE}")[1])
    assert reply["summary"] == {"total_tickers": 1, "total_files": 1}


def test_without_recorded_days_it_is_told_that_it_has_no_effect(tmp_path: Path) -> None:
    with running_server(None, fill="simulated", simulate="true") as running:
        notes = running.server.service.notes
    assert any(note.startswith("FILL (from the flag --fill) has no effect") for note in notes)


def test_settings_of_the_market_have_an_effect_with_it(server: InProcess) -> None:
    assert not [note for note in server.server.service.notes if "has no effect" in note]


def test_the_market_is_not_made_before_somebody_asks_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at in the start is the recorded day."""
    from gexfaker.playback import simulated

    def refuse(*_: object) -> None:
        raise AssertionError("the market was made")

    monkeypatch.setattr(simulated._Opener, "__call__", refuse)
    with running_server(None, data_dir=str(folder), fill="simulated", tickers="AAPL,SPX") as running:
        assert running.server.service.day.digest()
        assert not running.server.service.day.is_newest_first()
        assert running.server.service.notes == ()
        assert ask(running, "/ES_SPX/orderflow/orderflow")[0] == 200

"""`POST /seek` of the earlier tool: to a time of any day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.control import SESSIONS, first_of, write_days
from support.server import Served, running_server

DAYS = ("2026-07-13", "2026-07-14", "2026-07-16")
COUNT = 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_days(tmp_path_factory.mktemp("seek"), COUNT, DAYS)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Served]:
    with running_server(data_dir=str(folder), data_date="2026-07-13..2026-07-16") as running:
        yield running


def seek(server: Served, timestamp: object, key: str | None = "seeker", status: int = 200) -> dict[str, Any]:
    asked = {"timestamp": timestamp} | ({} if key is None else {"key": key})
    found, body = server.request("POST", "/seek", json.dumps(asked).encode())
    assert found == status, body
    reply: dict[str, Any] = json.loads(body)
    return reply


@pytest.mark.parametrize(
    ("timestamp", "day", "resolved", "in_gap", "clamped"),
    [
        (first_of("2026-07-13") + 7, "2026-07-13", first_of("2026-07-13") + 7, False, "none"),
        (first_of("2026-07-16") + 20, "2026-07-16", first_of("2026-07-16") + 20, False, "none"),
        (first_of("2026-07-14") + 3000, "2026-07-14", first_of("2026-07-14") + COUNT - 1, True, "none"),
        (first_of("2026-07-15") + 20, "2026-07-16", first_of("2026-07-16"), True, "none"),
        (first_of("2026-07-10"), "2026-07-13", first_of("2026-07-13"), False, "start"),
        (first_of("2026-07-20"), "2026-07-16", first_of("2026-07-16") + COUNT - 1, False, "end"),
    ],
)
def test_a_time_of_any_day(server: Served, timestamp: int, day: str, resolved: int, in_gap: bool, clamped: str) -> None:
    reply = seek(server, timestamp)
    assert (reply["day"], reply["resolved_ts"], reply["in_gap"], reply["clamped"]) == (day, resolved, in_gap, clamped)
    assert (reply["reason"] is None) == (timestamp == resolved)
    status, body = server.get(f"{SESSIONS}/by-key?key=seeker")
    assert status == 200
    assert json.loads(body)["playback"]["day"] == day
    status, body = server.get("/ES_SPX/orderflow/orderflow", {"Authorization": "Bearer seeker", "User-Agent": "test"})
    assert json.loads(body)["timestamp"] >= resolved


@pytest.mark.parametrize("timestamp", [None, "now", 1.5, True, -1, 10**12])
def test_what_is_no_time_is_refused(server: Served, timestamp: object) -> None:
    assert "epoch seconds" in seek(server, timestamp, status=400)["error"]


def test_beyond_the_days_may_be_an_error(folder: Path) -> None:
    settings = {"data_dir": str(folder), "data_date": "2026-07-13..2026-07-16", "range_end_policy": "error"}
    with running_server(None, **settings) as server:
        for day in ("2026-07-10", "2026-07-20"):
            reply = seek(server, first_of(day), status=400)
            assert reply["error"] == f"there are days from 2026-07-13 to 2026-07-16, and {day} is none of them."
        assert seek(server, first_of("2026-07-15"))["day"] == "2026-07-16", "a hole is no end"


def test_all_keys_go_there_and_none_is_told(folder: Path) -> None:
    with running_server(data_dir=str(folder), data_date="2026-07-13..2026-07-16") as server:
        assert "no sessions yet" in seek(server, first_of("2026-07-14"), key=None, status=400)["error"]
        for key in ("one", "other"):
            seek(server, first_of("2026-07-13"), key)
        seek(server, first_of("2026-07-14") + 5, key=None)
        assert {session["playback"]["day"] for session in server.sessions()} == {"2026-07-14"}


def test_simulated_days_are_those_of_the_exchange() -> None:
    with running_server(simulate="true", data_date="2026-07-17", tickers="SPX") as server:
        assert seek(server, first_of("2026-07-16") + 5)["day"] == "2026-07-16"
        reply = seek(server, first_of("2026-07-18"))
        assert (reply["day"], reply["in_gap"]) == ("2026-07-20", True), "a Saturday"

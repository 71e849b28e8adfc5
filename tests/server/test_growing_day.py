"""A recorder writes a day while it is played: what it adds is served without a restart, and nobody gets it twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support import data, decode
from support.control import SESSIONS
from support.raw import JSON, connect
from support.server import running_server, wait_until

FEW, ALL = 40, 80


def test_what_is_added_comes_to_who_listens_and_to_who_asks(tmp_path: Path) -> None:
    data.write_day(tmp_path, FEW)
    path = tmp_path / data.DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    headers = {"Authorization": "Bearer live", "User-Agent": "test"}
    with running_server(data_dir=str(tmp_path), speed="20") as server, connect(server.orderflow("live"), JSON) as raw:
        raw.join(data.group())
        seen = [decode.timestamp(raw.read_kind("data").any) for _ in range(10)]

        def second() -> int:
            status, body = server.get("/ES_SPX/orderflow/orderflow", headers)
            assert status == 200
            found: int = json.loads(body)["timestamp"]
            return found

        wait_until(lambda: second() == data.FIRST + FEW - 1, 10, "the end of what is written")
        with path.open("a", encoding="utf-8") as file:
            for index in range(FEW, ALL):
                file.write(data.record("ES_SPX", index) + "\n")
        server.request("POST", f"{SESSIONS}/by-key/seek?key=live", json.dumps({"time": data.FIRST + FEW}).encode())
        wait_until(lambda: second() == data.FIRST + ALL - 1, 10, "the end of what was added")
        while seen[-1] < data.FIRST + ALL - 1:
            seen.append(decode.timestamp(raw.read_kind("data").any))
    assert seen == list(range(seen[0], data.FIRST + ALL)), "every second once"


@pytest.mark.parametrize("settings", [{"speed": "20"}, {"playback": "step", "ws_stream_interval": "20ms"}])
def test_a_day_that_is_newest_first_is_played_in_order_and_told(tmp_path: Path, settings: dict[str, str]) -> None:
    data.write_day(tmp_path, 400)
    path = tmp_path / data.DATE / "ES_SPX" / "orderflow" / "orderflow.jsonl"
    path.write_text("".join(reversed(path.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    headers = {"Authorization": "Bearer asks", "User-Agent": "test"}
    with running_server(data_dir=str(tmp_path), **settings) as server:
        (note,) = [note for note in server.server.service.notes if "newest first" in note]
        status, body = server.get("/ES_SPX/orderflow/orderflow", headers)
        assert (status, json.loads(body)["timestamp"]) == (200, data.FIRST)
        with connect(server.orderflow("hears"), JSON) as raw:
            raw.join(data.group())
            seen = [decode.timestamp(raw.read_kind("data").any) for _ in range(40)]
        assert seen == list(range(seen[0], seen[0] + 40))
        assert seen[0] < data.FIRST + 40
    assert "gexfaker import --convert jsonl --replace writes them so" in note

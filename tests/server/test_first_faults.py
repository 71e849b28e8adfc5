"""What keys begin with: the settings FAULTS and JOURNAL, and the rules of a scenario file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gexfaker.errors import DataError, SettingError
from gexfaker.market.scenarios.scenariofile import load_scenario
from gexfaker.server.service import Service
from gexfaker.settings import load
from support import data
from support.server import InProcess, running_server

PATH = "/ES_SPX/orderflow/orderflow"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(data.write_day(tmp_path / "days", 50))


def get(server: InProcess, key: str, path: str = PATH) -> int:
    return server.get(path, {"Authorization": f"Bearer {key}", "User-Agent": "t"})[0]


def test_every_key_begins_with_a_preset_and_a_journal(folder: str) -> None:
    with running_server(data_dir=folder, faults="quota-exhausted", journal="true") as server:
        assert [get(server, key) for key in ("a", "b")] == [429, 429]
        for key in ("a", "b"):
            entries = json.loads(server.get(f"/_gexfaker/journal?key={key}")[1])["entries"]
            assert [entry["type"] for entry in entries] == ["fault", "request"], "from its first request on"
        server.request("DELETE", "/_gexfaker/faults?key=a")
        assert [get(server, key) for key in ("a", "b")] == [200, 429]


def test_rules_from_a_file(folder: str, tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text('[{"type": "status", "attributes": {"code": 502}}]', encoding="utf-8")
    with running_server(data_dir=folder, faults=str(file)) as server:
        assert [get(server, "a") for _ in range(2)] == [502, 502], "from its very first request on"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "it is no preset"),
        ("[", "is no JSON"),
        ('[{"type": "x"}]', "rule 1: there is no type"),
        ("3", "a list"),
        ('[{"type": "drop", "on": {"key": "secret"}}]', "on.key is for /_gexfaker/faults"),
    ],
)
def test_faults_that_are_none_stop_the_start(folder: str, tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "faults.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingError) as caught:
        Service(load({"DATA_DIR": folder, "FAULTS": str(file)}, {}))
    assert "FAULTS=" in str(caught.value)
    assert said in str(caught.value)


SCENARIO = """
description = "a bad morning"

[[events]]
kind = "halt"
start = 10:00:00
minutes = 5

[[faults]]
type = "status"
name = "busy"
attributes = { code = 503 }
count = 1

[[faults]]
type = "close"
when = { market = 10:05:00 }
attributes = { code = 1001 }
"""


def test_a_scenario_breaks_things_by_the_time_of_its_market(tmp_path: Path) -> None:
    file = tmp_path / "morning.toml"
    text = SCENARIO.replace('[[events]]\nkind = "halt"\nstart = 10:00:00\nminutes = 5\n', "")
    file.write_text(text, encoding="utf-8")
    with running_server(simulate="true", tickers="SPX", scenario=str(file)) as server:
        assert [get(server, "a", "/SPX/classic/zero") for _ in range(2)] == [503, 200]
        listed = json.loads(server.get("/_gexfaker/faults?key=a")[1])["faults"]
        assert [rule["name"] for rule in listed] == ["busy", "close"]
        assert listed[1]["when"] == {"market": "10:05:00"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[faults]]\ntype = "drop"\n\n[[faults]]\ntype = "x"\n', "bad, line 4: fault 2: there is no type 'x'"),
        ('[[faults]]\ntype = "latency"\nattributes = { lateny = 3 }\n', "bad, line 1: fault 1, latency: attributes"),
        ('[[faults]]\ntype = "drop"\non = { key = "secret" }\n', "bad, line 1: rule drop: on.key is for"),
        ("faults = 3\n", "bad, line 1: faults is not a list of tables"),
    ],
)
def test_a_mistake_in_a_scenario_names_the_line(text: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        load_scenario("bad", text)
    assert said in str(caught.value)


def test_a_watched_key_is_not_forgotten_and_others_are(folder: str) -> None:
    service = Service(load({"DATA_DIR": folder}, {}))
    try:
        service.worlds._limit = 3  # type: ignore[misc]
        watched = service.worlds.get("watched")
        watched.watched().record()
        for number in range(10):
            service.worlds.get(f"other-{number}")
        assert service.worlds.peek("watched") is watched
        assert len(service.worlds.all()) == 3
        assert watched.watch is not None
        watched.watch.close()
        watched.unwatch()
        for number in range(10):
            service.worlds.get(f"again-{number}")
        assert service.worlds.peek("watched") is None
    finally:
        service.close()

"""`gexfaker ctl fault` and `gexfaker ctl journal`, as a user has them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gexfaker.cli.ctl import ctl
from gexfaker.wire.tokens import world_id
from support import data
from support.server import InProcess, running_server, wait_until

PATH = "/ES_SPX/orderflow/orderflow"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    with running_server(data_dir=str(data.write_day(tmp_path_factory.mktemp("ctl"), 50))) as running:
        yield running


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return re.sub(r"\W", "-", request.node.name)


def call(server: InProcess, key: str, *arguments: str) -> Result:
    return CliRunner().invoke(ctl, [*arguments, "--url", server.url, "--key", key])


def said(server: InProcess, key: str, *arguments: str) -> str:
    done = call(server, key, *arguments)
    assert done.exit_code == 0, done.output + str(done.exception)
    return done.output.strip()


def get(server: InProcess, key: str) -> int:
    return server.get(PATH, {"Authorization": f"Bearer {key}", "User-Agent": "t"})[0]


def test_faults_are_added_shown_and_switched_off(server: InProcess, key: str) -> None:
    assert said(server, key, "fault", "list") == "no faults"
    added = said(
        server, key, "fault", "add", "status", "code=503", "--count", "2", "--on", "route=/ES_*", "--name", "busy"
    )
    assert added == "1. busy (status: code=503; on route=/ES_*; count=2)  on, hit 0 of 0"
    assert [get(server, key) for _ in range(3)] == [503, 503, 200]
    assert (
        said(server, key, "fault", "list") == "1. busy (status: code=503; on route=/ES_*; count=2)  spent, hit 2 of 2"
    )
    two = said(
        server,
        key,
        "fault",
        "add",
        "drop",
        "--toxicity",
        "0.5",
        "--after",
        "3",
        "--for",
        "30s",
        "--when",
        "market=10:05",
    )
    assert two.splitlines()[1] == "2. drop (drop: toxicity=0.5 after=3 for=30s; market=10:05)  on, hit 0 of 0"
    assert said(server, key, "fault", "off", "busy").startswith("1. drop")
    assert said(server, key, "fault", "off") == "no faults"
    assert json.loads(said(server, key, "fault", "list", "--json"))["faults"] == []


def test_faults_from_a_file_inline_and_by_preset(server: InProcess, key: str, tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text('\ufeff{"faults": [{"type": "gap"}]}', encoding="utf-8")
    assert said(server, key, "fault", "set", str(file), "--seed", "3").startswith("1. gap")
    assert json.loads(said(server, key, "fault", "list", "--json"))["seed"] == 3
    assert said(server, key, "fault", "set", '[{"type": "freeze"}]').startswith("1. freeze")
    assert "lost (drop" in said(server, key, "fault", "preset", "flaky-feed")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "latencyy"), "did you mean latency?"),
        (("add", "latency", "soon"), "an attribute is written NAME=VALUE, not 'soon'"),
        (("add", "latency", "latency=x"), "Expected"),
        (("add", "drop", "--on", "grup=x"), "unknown field grup"),
        (("set", "nowhere.json"), "nowhere.json cannot be read"),
        (("set", "[{]"), "the list is no JSON"),
        (("preset", "slow"), "there are slow-network"),
        (("off", "nothing"), "there is no fault 'nothing'"),
        (("types", "nothing"), "there is no type 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_one_line(server: InProcess, key: str, arguments: tuple[str, ...], told: str) -> None:
    with_server = () if arguments[0] == "types" else ("--url", server.url, "--key", key)
    done = CliRunner().invoke(ctl, ["fault", *arguments, *with_server])
    assert done.exit_code != 0
    assert told in str(done.exception)
    assert "\n" not in str(done.exception)


def test_types_and_presets_are_listed_without_a_server() -> None:
    listed = CliRunner().invoke(ctl, ["fault", "types"]).output
    assert "corrupt\n" in listed
    assert "A good client" in listed
    assert "`" not in listed
    assert max(map(len, listed.splitlines())) <= 100
    assert (
        json.loads(CliRunner().invoke(ctl, ["fault", "types", "--json"]).output)["latency"]["latency"]["default"]
        == 1000.0
    )


def test_the_journal_is_shown_cleared_and_ended(server: InProcess, key: str) -> None:
    assert said(server, key, "journal") == "nothing yet: what was before it began is not in it"
    get(server, key)
    line = said(server, key, "journal")
    assert re.fullmatch(r"1  \d\d:\d\d:\d\d\.\d{3}  request +method=GET path=\S+ status=200 bytes=\d+ .*", line), line
    for _ in range(4):
        get(server, key)
    assert [one.split()[0] for one in said(server, key, "journal", "--limit", "2").splitlines()] == ["4", "5"]
    assert said(server, key, "journal", "--type", "close") == "nothing of that kind"
    assert json.loads(said(server, key, "journal", "--json"))["entries"][0]["path"] == PATH
    assert said(server, key, "journal", "--clear") == "5 entries forgotten"
    assert said(server, key, "journal", "--off") == "the journal is off"


def is_followed(server: InProcess, key: str) -> bool:
    world = server.server.service.worlds.peek(world_id(key))
    journal = None if world is None or world.watch is None else world.watch.journal
    return journal is not None and bool(journal.listeners)


def test_the_journal_is_followed_until_it_is_interrupted(server: InProcess, key: str) -> None:
    command = [sys.executable, "-m", "gexfaker", "ctl", "journal", "--follow", "--url", server.url, "--key", key]
    following = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert following.stdout is not None
        wait_until(lambda: is_followed(server, key), 20, "the follower")
        get(server, key)
        assert "path=/ES_SPX/orderflow/orderflow" in following.stdout.readline()
    finally:
        following.terminate()
        following.communicate(timeout=10)


def test_a_server_that_is_not_there_is_told(key: str) -> None:
    done = CliRunner().invoke(ctl, ["fault", "list", "--url", "http://127.0.0.1:9", "--key", key])
    assert "start one with: gexfaker serve" in str(done.exception)
    done = CliRunner().invoke(ctl, ["journal", "--follow", "--url", "http://127.0.0.1:9", "--key", key])
    assert "start one with: gexfaker serve" in str(done.exception)

"""`gexfaker ctl market`: what is played, shown and changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gexfaker.cli.ctl import ctl
from support.control import write_days
from support.server import Served, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = write_days(tmp_path_factory.mktemp("days"), 5)
    with running_server(simulate="true", data_dir=str(folder), tickers="SPX") as running:
        yield running


def lines(server: Served, *arguments: str, code: int = 0) -> list[str]:
    done = CliRunner().invoke(ctl, ["market", *arguments, "--url", server.url])
    assert done.exit_code == code, done.output
    return done.output.splitlines()


def test_it_shows_what_is_played_and_what_could_be(server: Served) -> None:
    shown = lines(server)
    assert shown[0] == "simulated: simulated, seed 1"
    assert shown[1].startswith("3 recorded days in ")
    assert any(line.startswith("  flash-crash: ") for line in shown)


def test_seed_scenario_and_kind_are_changed(server: Served) -> None:
    assert lines(server, "--scenario", "calm") == ["simulated: simulated, seed 1, scenario calm"]
    assert lines(server, "--seed", "7") == ["simulated: simulated, seed 7, scenario calm"]
    assert lines(server, "--scenario", "none") == ["simulated: simulated, seed 7"]
    [recorded] = lines(server, "--recorded")
    assert recorded.startswith("recorded: ")
    assert json.loads(lines(server, "--json")[0])["kind"] == "recorded"
    assert lines(server, "--simulated", "--seed", "1") == ["simulated: simulated, seed 1"]


def test_what_does_not_go_together_is_refused(server: Served, tmp_path: Path) -> None:
    assert "--recorded is alone" in " ".join(lines(server, "--recorded", "--seed", "7", code=2))
    done = CliRunner().invoke(ctl, ["market", "--scenario", "boom", "--url", server.url])
    assert "scenario is one of calm" in str(done.exception)

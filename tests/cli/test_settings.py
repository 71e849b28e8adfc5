"""`gexfaker settings`: what `gexfaker serve` would have, and from where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gexfaker.cli.main import cli
from gexfaker.settings import SETTINGS


def show(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str, **environment: str) -> Result:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(cli, ["settings", *arguments], env=environment)


def test_every_setting_is_shown_with_its_value_and_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gexfaker.toml").write_text('speed = 60\ntickers = ["SPX", "SPY"]\n')
    done = show(monkeypatch, tmp_path, "--strict-groups", "--json", PORT="9000", GEXFAKER_SEED="7", SEED="8")
    rows = {row["name"]: (row["value"], row["source"]) for row in json.loads(done.stdout)["settings"]}
    assert rows.keys() == SETTINGS.keys()
    assert rows["PORT"] == ("9000", "the environment variable PORT")
    assert rows["SEED"] == ("7", "the environment variable GEXFAKER_SEED")
    assert rows["SPEED"] == ("60", "gexfaker.toml")
    assert rows["TICKERS"] == ("SPX,SPY", "gexfaker.toml")
    assert rows["STRICT_GROUPS"] == ("true", "the flag --strict-groups")
    assert rows["CACHE_MODE"] == ("hold", "the default")
    assert rows["STATE_FILE"] == ("unset", "the default")


def test_as_text_it_is_a_settings_file_with_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = show(monkeypatch, tmp_path, "--speed", "2")
    assert "[clock]\n" in done.stdout
    assert "speed = 2  from the flag --speed\n" in done.stdout
    assert "start = open\n" in done.stdout


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = "hunter2" * 8
    environment = {f"GEXFAKER_{name}": secret for name in ("TOKEN_SECRET", "CONTROL_TOKEN")}
    for arguments in ((), ("--json",)):
        done = show(monkeypatch, tmp_path, *arguments, GEXFAKER_TIERS="hunter2=state", **environment)
        assert done.exit_code == 0
        assert "hunter2" not in done.output
        assert done.output.count("***") == 3


def test_what_is_not_used_and_what_is_wrong_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = show(monkeypatch, tmp_path, "--playback", "step", "--speed", "2", GEXFAKER_PROT="1")
    assert "note: the environment variable GEXFAKER_PROT is no setting: did you mean GEXFAKER_PORT?" in done.output
    assert "note: SPEED (from the flag --speed) has no effect: there is no market clock in step mode" in done.output
    assert "PORT='x'" in str(show(monkeypatch, tmp_path, "--port", "x").exception)
    assert "a file that exists" in str(show(monkeypatch, tmp_path, "--config", "nowhere.toml").exception)

"""``~`` is one's home in every path of the command line, whether the shell puts it in or not."""

from __future__ import annotations

import ast
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import gexfaker.cli
from gexfaker.cli.main import COMMANDS, cli
from gexfaker.cli.paths import UserPath
from gexfaker.errors import GexfakerError
from gexfaker.settings import load
from gexfaker.shell import expanded
from support.data import DATE, write_day

NOBODY = "~nobody-of-this-name"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    write_day(tmp_path / "home" / "days", 40, ("SPX",))
    return tmp_path / "home"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "~/days", "--out", "out/2026-07-17"),
        ("generate", "--date", DATE, "--records", "5", "--out", "out/20260717"),
        ("download", "--tickers", "SPX", "--out", "out/2026-07-17", "--upstream", "http://127.0.0.1:1"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_days_are_not_written_into_the_folder_of_a_day(home: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    said = " ".join(done.output.replace("│", " ").split())
    assert "is called as a day, and days in it are not played: give the folder above, out" in said
    assert not Path("out").exists()


def test_coverage_tells_of_a_ticker_that_is_none(home: Path) -> None:
    done = run("coverage", "~/days", "--ticker", "SPXX")
    assert "no day has SPXX; there is SPX" in str(done.exception)
    assert run("coverage", "~/days", "--ticker", "ndx").exit_code == 1, "a ticker of the service is missing"


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        (("inspect", "~/days"), ()),
        (("coverage", "~/days"), ()),
        (("import", "~/days", "--out", "~/out", "--no-check"), ("out",)),
        (("generate", "--date", DATE, "--records", "5", "--out", "~/made"), ("made",)),
        (("plot", "--date", DATE, "--data-dir", "~/days", "--out", "~/pictures"), ("pictures",)),
    ],
    ids=lambda value: value[0] if value else "",
)
def test_one_s_home_is_put_in(home: Path, arguments: tuple[str, ...], made: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code in (0, 1), done.output
    assert all((home / name).exists() for name in made)
    assert not (Path.cwd() / "~").exists()


def test_every_path_of_a_command_is_one_of_a_user() -> None:
    """So that a new command has it, too."""
    for entry in COMMANDS.values():
        command = cli.get_command(click.Context(cli), next(name for name in COMMANDS if COMMANDS[name] is entry))
        assert command is not None
        for parameter in command.params:
            assert not isinstance(parameter.type, click.Path) or isinstance(parameter.type, UserPath), parameter.name
    for file in Path(gexfaker.cli.__file__).parent.glob("*.py"):
        calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)]
        assert "expanduser" not in [node.attr for node in calls], file


@pytest.mark.parametrize("arguments", [("inspect", NOBODY), ("import", f"{NOBODY}/x"), ("coverage", NOBODY)])
def test_a_name_that_is_nobody_s_is_a_path_that_is_not_there(home: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert isinstance(done.exception, GexfakerError | SystemExit), done.exception
    assert expanded(Path(NOBODY)) == Path(NOBODY)
    assert load({"DATA_DIR": NOBODY, "SIMULATE": "true"}, {}).data_dir == NOBODY


# --- the data folder of the server ---------------------------------------------------------------

SETTINGS_FILE = "gexfaker.toml"


@pytest.mark.parametrize("by", ["environment", "file", "nothing"])
def test_commands_write_into_the_folder_that_the_server_plays_from(
    home: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.delenv("GEXFAKER_DATA_DIR", raising=False)
    if by == "environment":
        monkeypatch.setenv("GEXFAKER_DATA_DIR", "mine")
    elif by == "file":
        Path(SETTINGS_FILE).write_text('data_dir = "mine"\n')
    folder = Path("data" if by == "nothing" else "mine")
    assert run("generate", "--date", "2026-07-16", "--records", "5").exit_code == 0
    done = run("import", "~/days", "--no-check")
    assert done.exit_code == 0, done.output
    assert f"--data-dir {folder.resolve()}" in done.output or f"--data-dir {folder}" in done.output
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["2026-07-16", DATE]
    shown = run("coverage", "--json")
    assert (shown.exit_code, DATE in shown.output) == (1, True), "days of so few records are worth a look"


@pytest.mark.parametrize("command", [("import", "~/days"), ("generate", "--date", DATE), ("coverage",)])
def test_a_broken_settings_file_is_named_and_nothing_is_written(home: Path, command: tuple[str, ...]) -> None:
    Path(SETTINGS_FILE).write_text("data_dir = \n")
    done = CliRunner().invoke(cli, [*command])
    assert done.exit_code != 0
    assert SETTINGS_FILE in done.output + str(done.exception)
    assert not done.exception or isinstance(done.exception, SystemExit | GexfakerError)
    assert not Path("data").exists()

"""Every command without arguments, and with one that is none: a sentence, and never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gexfaker.cli.main import COMMANDS, cli
from gexfaker.errors import GexfakerError

NOBODY = "http://127.0.0.1:1"
STARTS = {("serve",), ("collect",), ("download",), ("plot",)}
"""What goes on until it is stopped, or works for long."""


def paths_of(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """The commands below one, by their words."""
    if not isinstance(command, click.Group):
        yield path
        return
    with click.Context(command) as context:
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from paths_of(below, *path, name)


PATHS = [path for path in paths_of(cli) if path not in STARTS]


def test_all_commands_are_looked_at() -> None:
    assert {path[0] for path in PATHS} | {path[0] for path in STARTS} == set(COMMANDS)
    assert {("ctl", "day"), ("ctl", "fault", "add"), ("ctl", "journal")} <= set(PATHS)


@pytest.mark.parametrize("more", [(), ("surplus", "-7", "x")], ids=["none", "surplus"])
@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_command_without_its_arguments_or_with_wrong_ones_says_so(
    path: tuple[str, ...], more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known = {"HOME": str(tmp_path), "GEXFAKER_URL": NOBODY, "GEXBOT_API_KEY": "k", "GEXBOT_API_URL": NOBODY}
    done = CliRunner(env=known | {"PORT": "1"}).invoke(cli, [*path, *more], standalone_mode=False)
    told = done.exception
    assert told is None or isinstance(told, click.ClickException | click.Abort | SystemExit | GexfakerError), done
    if isinstance(told, GexfakerError):
        assert "\n  File" not in str(told)

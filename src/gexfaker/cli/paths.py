"""Paths of the command line: ``~`` is one's home everywhere, as only some shells put it in themselves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gexfaker.cli.reach import Command
from gexfaker.shell import expanded


class OutFolder(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A data folder to write days into, given as a Path."""

    name = "path"

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, with one's home in it; the folder of a day is none: days in a day are not played."""
        from gexfaker.tapes.dates import is_day_folder

        path = expanded(Path(value))
        if is_day_folder(path.name):
            above = path.parent if path.parent.name else Path("data")
            self.fail(f"{path} is called as a day, and days in it are not played: give the folder above, {above}")
        return path


def data_folder(given: str | None = None) -> Path:
    """The folder that is given, else that of the server: its setting DATA_DIR, or ./data. Raises SettingError."""
    from gexfaker.settings import FILE, load

    return expanded(Path(load({"DATA_DIR": given}, os.environ, Path(FILE)).data_dir))


def with_out(help_: str) -> Callable[[Command], Command]:
    """Give a command ``--out``, the data folder that it writes days into; without it that of the server."""
    shown = f"{help_}  [default: the server's setting DATA_DIR, or ./data]"
    return click.option("--out", metavar="DIR", type=OutFolder(), callback=_or_data_folder, help=shown)


def _or_data_folder(_context: click.Context, _option: click.Parameter, given: Path | None) -> Path:
    return data_folder() if given is None else given


class UserPath(click.Path):
    """A path as ``click.Path`` has it, given as a Path."""

    def __init__(self, **checks: Any) -> None:
        super().__init__(path_type=Path, **checks)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """The path, with one's home in it."""
        return super().convert(expanded(Path(value)), param, ctx)

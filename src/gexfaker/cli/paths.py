"""Paths of the command line: ``~`` is one's home everywhere, as only some shells put it in themselves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from gexfaker.shell import expanded


class UserPath(click.Path):
    """A path as ``click.Path`` has it, given as a Path."""

    def __init__(self, **checks: Any) -> None:
        super().__init__(path_type=Path, **checks)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """The path, with one's home in it."""
        return super().convert(expanded(Path(value)), param, ctx)

"""How commands that take long tell how far they are: bars for people, lines of JSON for programs, or nothing."""

from __future__ import annotations

import json
from time import monotonic
from typing import Final

import click

from gexfaker.cli.reach import Command

BETWEEN_SECONDS: Final = 0.25
"""Between two lines about one file: who shows them needs no more."""


class ProgressLines:
    """Tells a program how far a command is: a line of JSON for each file that has moved on.

    A line has ``done`` and ``total`` files, how many of them are ``there``, the ``file`` that is under way, and in
    words how much of it has come.

    Args:
        total: files there are.
    """

    def __init__(self, total: int) -> None:
        self._total: Final = total
        self._done = self._there = 0
        self._told = 0.0

    def file(self, name: str, text: str = "") -> None:
        """A file is so far; most of these are not told."""
        if monotonic() - self._told > BETWEEN_SECONDS:
            self._tell(name, text)

    def ended(self, name: str, *, is_there: bool) -> None:
        """A file has ended: it is there now, or could not be had."""
        self._done += 1
        self._there += is_there
        self._tell(name, "")

    def _tell(self, name: str, text: str) -> None:
        self._told = monotonic()
        told = {"done": self._done, "there": self._there, "total": self._total, "file": name, "text": text}
        click.echo(json.dumps(told))


def telling(command: Command) -> Command:
    """Give a command ``--progress``."""
    return click.option(
        "--progress",
        "shown",
        type=click.Choice(["bars", "json"]),
        default="bars",
        show_default=True,
        help="Bars on a terminal, or a line of JSON for each step on standard output, for programs.",
    )(command)

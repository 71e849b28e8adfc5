"""How commands that take long tell how far they are: bars for people, lines of JSON for programs, or nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import monotonic
from typing import Final

import click

from gexfaker.cli.reach import Command

BETWEEN_SECONDS: Final = 0.25
"""Between two lines about one file: who shows them needs no more."""


class ProgressLines:
    """Tells a program how far a command is: a line of JSON for each file that has moved on.

    A line has ``done`` and ``total`` files, the ``file`` that is under way, and how much of it there is, in words.

    Args:
        total: files there are.
        write: where lines go.
    """

    def __init__(self, total: int, write: Callable[[str], object] = sys.stdout.write) -> None:
        self._total: Final = total
        self._write: Final = write
        self._done = 0
        self._told = 0.0

    def file(self, name: str, text: str = "") -> None:
        """A file is so far; most of these are not told."""
        if monotonic() - self._told > BETWEEN_SECONDS:
            self._tell(name, text)

    def ended(self, name: str) -> None:
        """A file has ended."""
        self._done += 1
        self._tell(name, "")

    def _tell(self, name: str, text: str) -> None:
        self._told = monotonic()
        told = {"done": self._done, "total": self._total, "file": name, "text": text}
        self._write(json.dumps(told) + "\n")
        sys.stdout.flush()


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

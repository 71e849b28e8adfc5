"""The option by which commands that look at recorded days are told of some tickers alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

Command = Callable[..., Any]


def _listed(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    """All that were given, in capitals: one by one, or several with commas between them.

    Raises BadParameter: none was, which must not mean all.
    """
    found = tuple(name.strip().upper() for text in given for name in text.split(",") if name.strip())
    if given and not found:
        raise click.BadParameter("it names no ticker (is a variable of the shell empty?): leave it out for all")
    return found


def with_tickers(command: Command) -> Command:
    """Give a command ``--ticker``."""
    return click.option(
        "--ticker",
        "--tickers",
        "tickers",
        multiple=True,
        metavar="A,B,...",
        callback=_listed,
        help="Only these tickers; may be repeated.",
    )(command)

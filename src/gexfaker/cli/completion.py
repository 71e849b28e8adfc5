"""What a shell proposes when the user presses Tab: the command that sets it up, and the values; click asks for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import click

from gexfaker.catalog import CATEGORIES, SPOT, TICKERS
from gexfaker.settings import SETTINGS

Complete = Callable[[click.Context, click.Parameter, str], list[str]]

_NONSENSE: Final = "no-such-word"
"""What only a setting takes that takes any text; it has no words to propose."""


def for_setting(name: str) -> Complete:
    """Proposes the words that a setting takes, by its name; none where it takes any text. They are found when asked."""
    words = _OWN.get(name) or partial(_words_of, name)
    return lambda _ctx, _param, incomplete: [word for word in words() if word.startswith(incomplete)]


def groups(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Groups of the ticker that is written; before its underscore, tickers and the word orderflow."""
    ticker, underscore, _ = incomplete.partition("_")
    if not underscore or ticker == "orderflow":
        return [name for name in ("orderflow", *sorted(TICKERS)) if name.startswith(incomplete)]
    known = [name for name in TICKERS if incomplete.startswith(name)]
    kinds = [f"{package}_{name}" for package, names in CATEGORIES.items() for name in names] + [SPOT]
    found = {f"{name}_{kind}" for name in known for kind in kinds} | TICKERS
    return sorted(group for group in found if group.startswith(incomplete))


def _words_of(name: str) -> list[str]:
    """Those words of what is accepted that the setting itself accepts."""
    setting = SETTINGS[name]
    if _is_accepted(setting.parse, _NONSENSE):
        return []
    return [word for word in re.findall(r"[a-z][\w-]+", setting.accepted) if _is_accepted(setting.parse, word)]


def _is_accepted(parse: Callable[[str], Any], word: str) -> bool:
    try:
        parse(word)
    except (ValueError, KeyError):
        return False
    return True


def _scenarios() -> list[str]:
    from gexfaker.market.scenarios.scenariofile import NAMES

    return list(NAMES)


_OWN: Final[dict[str, Callable[[], list[str]]]] = {
    "SCENARIO": _scenarios,
    "TICKERS": lambda: ["all", *sorted(TICKERS)],
}


@click.command(short_help="Print what has a shell complete commands and values.")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the lines that have the Tab key propose commands, options and values.

    \b
    Examples:
      eval "$(gexfaker completion bash)"                  in ~/.bashrc
      eval "$(gexfaker completion zsh)"                   in ~/.zshrc
      gexfaker completion fish | source                   in config.fish
    """
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root()
    kind = get_completion_class(shell)
    if kind is not None:
        # The text alone: click's own way first asks bash for its version, which need not be there.
        made = kind(root.command, {}, "gexfaker", "_GEXFAKER_COMPLETE")
        click.echo(made.source_template % made.source_vars())

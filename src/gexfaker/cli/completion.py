"""What a shell proposes for values when the user presses Tab; click asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import click

from gexfaker.catalog import CATEGORIES, SPOT, TICKERS
from gexfaker.settings import SETTINGS

Complete = Callable[[click.Context, click.Parameter, str], list[str]]

_NONSENSE: Final = "no-such-word"
"""What only a setting takes that takes any text; it has no words to propose."""


def for_setting(name: str) -> Complete | None:
    """The words that a setting takes, by its name; None where the shell may propose files, or nothing is fixed."""
    if name in _OWN:
        return _starting_with(_OWN[name])
    words = _words_of(name)
    return _starting_with(lambda: words) if words else None


def groups(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Groups of the ticker that is written; before its underscore, tickers and the word orderflow."""
    ticker, underscore, _ = incomplete.partition("_")
    if not underscore or ticker == "orderflow":
        return [name for name in ("orderflow", *sorted(TICKERS)) if name.startswith(incomplete)]
    known = [name for name in TICKERS if incomplete.startswith(name)]
    kinds = [f"{package}_{name}" for package, names in CATEGORIES.items() for name in names] + [SPOT]
    found = {f"{name}_{kind}" for name in known for kind in kinds} | TICKERS
    return sorted(group for group in found if group.startswith(incomplete))


def _starting_with(words: Callable[[], list[str]]) -> Complete:
    return lambda _ctx, _param, incomplete: [word for word in words() if word.startswith(incomplete)]


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

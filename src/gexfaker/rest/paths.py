"""From a request's path to the route and the feed it asks for, by looking its parts up: no pattern is matched."""

from __future__ import annotations

from typing import Final, NamedTuple

from gexfaker.catalog import CATEGORIES, FUTURES, INDEXES, QUANT_TICKERS, STOCKS, WEEKLIES, Feed
from gexfaker.rest.routes import BASES, OLD_NAMES, ROUTES, DataRoute

REST_TICKERS: Final = frozenset((*STOCKS, *INDEXES, *FUTURES, *WEEKLIES))
"""The tickers the service has on REST; those of the Quant tier are on the feed only."""

QUOTED_CHARS: Final = 40
"""How much of a name an error repeats: requests choose it, and it may be very long."""


class Found(NamedTuple):
    """What a path asks for: a route, and the feed it is about (None of a route without one)."""

    route: DataRoute
    feed: Feed | None


class Wrong(NamedTuple):
    """A path of a data route with a part that does not exist; the text names it and what there is."""

    text: str


def resolve(path: str) -> Found | Wrong | None:
    """What a path (starting with a slash) asks for; None when it is no path of a data route."""
    parts = path.split("/")
    base = path[:3] if path.startswith(_PREFIXES) else ""
    if base:
        del parts[1]
    if 4 <= len(parts) <= 5:
        return _feed(base, *parts[1:])
    route = _FIXED.get((base, "/".join(parts)))
    return Found(route, None) if route else None


def is_rest_ticker(ticker: str, stored: frozenset[str]) -> bool:
    """Whether a ticker is served: one of the service's own, or one that the day has and Quant has not."""
    return ticker in REST_TICKERS or (ticker in stored and ticker not in QUANT_TICKERS)


def quoted(name: str) -> str:
    """A name from a request as an error repeats it: escaped and cut."""
    return repr(name if len(name) <= QUOTED_CHARS else name[:QUOTED_CHARS] + "...")


def _feed(base: str, ticker: str, word: str, name: str, ending: str = "") -> Found | Wrong | None:
    package, category = word.lower(), name.lower()  # a published client writes GEX_zero
    route = _NAMED.get((base, package, category, ending.lower()))
    if route is not None and ticker:
        meant = route.names.get(category) or route.names[package]  # the oldest form has the category first
        return Found(route, Feed(ticker.upper(), route.package, meant))
    choice = _CHOICE.get((base, package))
    if category == "gex" and not choice and not ending and (base, "all", "gex", "") in _NAMED:
        return Wrong(f"There is no {quoted(word)} in the form of 2023: use one of {', '.join(OLD_NAMES)}.")
    if not choice and word and name and ticker.upper() in REST_TICKERS:
        return Wrong(f"There is no package {quoted(word)}: use one of {', '.join(CATEGORIES)}.")
    if not choice or not ticker or not name:
        return None
    if (base, package, category, "") in _NAMED:
        return Wrong(f"There is no {quoted(ending)} of {word} {name}.")
    return Wrong(f"There is no {quoted(name)} in {word}: use one of {choice}.")


def _named() -> dict[tuple[str, str, str, str], DataRoute]:
    """The routes of feeds by base, package as it is in the path, category as it is in the path, and ending."""
    found: dict[tuple[str, str, str, str], DataRoute] = {}
    for route in ROUTES:
        if route.pattern.startswith("/{ticker}/"):
            _, _, word, last, *rest = route.pattern.split("/")
            turned = word == "{category}"
            for base in route.bases:
                for name in route.names:
                    found[(base, name, last, "") if turned else (base, word, name, "".join(rest))] = route
    return found


def _choice() -> dict[tuple[str, str], str]:
    """The names that there are behind each base and word, as an error lists them."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for base, word, name, _ in _NAMED:
        found.setdefault((base, word), {})[name] = None
    return {key: ", ".join(names) for key, names in found.items()}


_PREFIXES: Final = tuple(base + "/" for base in BASES if base)
_NAMED: Final = _named()
_FIXED: Final = {(base, route.pattern): route for route in ROUTES if not route.names for base in route.bases}
_CHOICE: Final = _choice()

"""The groups that people ask for by name, and what a wrong name may mean."""

from __future__ import annotations

from gexfaker.catalog import CATEGORIES, TICKERS, Feed, meant_group, parse_group
from gexfaker.client.feed import ListenError
from gexfaker.nearest import nearest


def feed_named(name: str) -> Feed:
    """The feed of a group such as SPX_classic_gex_zero or SPX_spot. Raises ListenError, with what may be meant."""
    feed, meant = parse_group(name), meant_group(name)
    if feed is None or (meant and feed.ticker not in TICKERS):
        hint = _meant(meant) if meant else _categories(name) or _groups_of(name)
        raise ListenError(f"{name!r} is not a group such as SPX_classic_gex_zero or SPX_spot{hint}")
    return feed


def _meant(group: str) -> str:
    return f"; did you mean {group}? A group is written without its prefix here, as in the POST flow"


def _categories(name: str) -> str:
    """Which categories there are, where the package of a name is right."""
    package = next((part for part in name.lower().split("_") if part in CATEGORIES), None)
    if package is None:
        return ""
    ticker, _, category = name.lower().partition(f"_{package}_")
    parts = [one for one in CATEGORIES[package] if category and category in one]
    close = parts[0] if parts else nearest(category, CATEGORIES[package])
    meant = f"{ticker.upper() if ticker.upper() in TICKERS else 'SPX'}_{package}_{close or CATEGORIES[package][0]}"
    asks = f"; did you mean {meant}?" if close else f", as {meant}"
    return f"; the categories of {package} are {', '.join(CATEGORIES[package])}{asks}"


def _groups_of(name: str) -> str:
    """What a ticker alone may mean."""
    ticker = name.upper()
    return f"; groups of {ticker} are {ticker}_classic_gex_zero, {ticker}_spot and others" if ticker in TICKERS else ""

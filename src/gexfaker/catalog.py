"""What exists upstream and what belongs together: tickers, packages, categories, feeds, hubs, groups.

The names are the service's own. A group on the wire is ``{prefix}_{ticker}_{package}_{category}``;
tickers may hold an underscore (``ES_SPX``), so a group is matched against the known tickers and is
never split on ``_``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STOCKS: Final = tuple(
    "AAPL AMD AMZN APP AVGO BABA BOIL COIN CRWD CRWV DDOG DIA GLD GME GOOG GOOGL HOOD HYG IBIT INTC IONQ IWM "
    "META MSFT MSTR MU NFLX NVDA NVO ORCL PL PLTR QQQ RDDT ROKU SHOP SLV SMCI SNDK SNOW SOFI SPY TLT TQQQ TSLA "
    "TSM UBER UNG UNH USO UVXY VALE ZS".split()
)
INDEXES: Final = ("NDX", "RUT", "SPX", "VIX")
FUTURES: Final = ("ES_SPX", "NQ_NDX")
TICKERS: Final = frozenset((*STOCKS, *INDEXES, *FUTURES))

CURRENT_HUBS: Final = (
    "classic",
    "state_gex",
    "state_greeks_zero",
    "state_greeks",
    "state_greeks_one",
    "orderflow",
)

GEX_CATEGORIES: Final = ("gex_full", "gex_zero", "gex_one")
GREEK_CATEGORIES: Final = tuple(
    f"{greek}_{expiry}" for greek in ("delta", "gamma", "vanna", "charm") for expiry in ("zero", "one")
)
CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "classic": GEX_CATEGORIES,
    "state": (*GEX_CATEGORIES, *GREEK_CATEGORIES),
    "orderflow": ("orderflow",),
}


@dataclass(frozen=True, slots=True, order=True)
class Feed:
    """One stream of snapshots: a ticker's package and category, e.g. SPX orderflow orderflow."""

    ticker: str
    package: str
    category: str

    @property
    def group(self) -> str:
        """The group's name without the wire prefix."""
        return f"{self.ticker}_{self.package}_{self.category}"


def hub_of(package: str, category: str) -> str:
    """The current-generation hub that publishes a category of a package."""
    if package != "state":
        return package
    if category in GEX_CATEGORIES:
        return "state_gex"
    return "state_greeks_one" if category.endswith("_one") else "state_greeks_zero"


_SUFFIXES: Final = {
    f"_{package}_{category}": (package, category)
    for package, categories in CATEGORIES.items()
    for category in categories
}


def parse_group(name: str) -> Feed | None:
    """The feed of an unprefixed group name, or None when it is not ``{ticker}_{package}_{category}``.

    The ticker is not checked against the universe: a data folder may hold others.
    """
    for suffix, (package, category) in _SUFFIXES.items():
        ticker = name.removesuffix(suffix)
        if ticker and ticker != name:
            return Feed(ticker, package, category)
    return None

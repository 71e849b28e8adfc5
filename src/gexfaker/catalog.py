"""What exists upstream and what belongs together: tickers, packages, categories, feeds, hubs, groups.

The names are the service's own. A group is ``{ticker}_{package}_{category}``, or ``{ticker}_spot``; on the current
hubs a prefix stands before it. Tickers may hold an underscore (``ES_SPX``), so a group is matched against the known
endings and is never split on ``_``.
"""

from __future__ import annotations

import datetime
import re
from functools import lru_cache
from typing import Final, NamedTuple

STOCKS: Final = tuple(
    "AAPL AMD AMZN APP AVGO BABA BOIL COIN CRWD CRWV DDOG DIA GLD GME GOOG GOOGL HOOD HYG IBIT INTC IONQ IWM "
    "META MSFT MSTR MU NFLX NVDA NVO ORCL PL PLTR QQQ RDDT ROKU SHOP SLV SMCI SNDK SNOW SOFI SPY TLT TQQQ TSLA "
    "TSM UBER UNG UNH USO UVXY VALE ZS".split()
)
INDEXES: Final = ("NDX", "RUT", "SPX", "VIX")
FUTURES: Final = ("ES_SPX", "NQ_NDX")
WEEKLIES: Final = {"NDXP": "NDX", "RUTW": "RUT", "SPXW": "SPX", "VIXW": "VIX"}
"""The weekly roots, which the service accepts as tickers of their own, and the index behind each."""

QUANT_STOCKS: Final = tuple(
    "SOXL LLY FUTU MARA PYPL F ETHA EXK HIMS PINS NKE IREN RIVN IEF MTCH SBSW RIOT ONDS CRM PFE TSLL TGT NXE WMT "
    "BMNR CIFR TTD SMR XLF WULF DRAM BE NBIS OXY XLE GDX SMH JPM BAC WFC C GS MS SCHW AXP V MA CME CBOE NDAQ".split()
)
QUANT_INDEXES: Final = ("XSP",)
QUANT_TICKERS: Final = frozenset((*QUANT_STOCKS, *QUANT_INDEXES))
"""Tickers on the real-time feed only: never in REST or history."""

OPTION_TICKERS: Final = frozenset((*STOCKS, *INDEXES, *QUANT_TICKERS))
"""Tickers that own options, so that expiries can be listed for them; a future shows its index's."""

TICKERS: Final = frozenset((*OPTION_TICKERS, *FUTURES, *WEEKLIES))

DEFAULT_TICKERS: Final = ("SPX", "NDX", "SPY", "QQQ", "ES_SPX", "NQ_NDX")
"""Those that most clients ask for: examples name them."""

CURRENT_HUBS: Final = (
    "classic",
    "state_gex",
    "state_greeks_zero",
    "state_greeks",
    "state_greeks_one",
    "orderflow",
)
V2: Final = "v2_"
"""What stands before the name of a second-generation hub."""

V2_HUBS: Final = tuple(V2 + hub for hub in CURRENT_HUBS)
HUBS: Final = (*CURRENT_HUBS, *V2_HUBS)

GREEKS: Final = ("delta", "gamma", "vanna", "charm")
GEX_CATEGORIES: Final = ("gex_full", "gex_zero", "gex_one")
GREEK_CATEGORIES: Final = tuple(f"{greek}_{expiry}" for greek in GREEKS for expiry in ("zero", "one"))
VOLUME_CATEGORIES: Final = ("volume_zero", "volume_one")
"""The legacy feeds of the state package, carried as JSON text."""

CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "classic": GEX_CATEGORIES,
    "state": (*GEX_CATEGORIES, *GREEK_CATEGORIES),
    "orderflow": ("orderflow",),
}
"""The fifteen standard categories, by package."""

GEX_NAMES: Final = {name: category for category in GEX_CATEGORIES for name in (category, category.removeprefix("gex_"))}
GREEK_NAMES: Final = {
    name: f"{greek}_{expiry}"
    for greek in GREEKS
    for expiry, names in (("zero", (greek, f"{greek}_zero")), ("one", (f"one{greek}", f"{greek}_one")))
    for name in names
}
FLOW_NAMES: Final = {"orderflow": "orderflow"}
CATEGORY_NAMES: Final[dict[str, dict[str, str]]] = {
    "classic": GEX_NAMES,
    "state": GEX_NAMES | GREEK_NAMES,
    "orderflow": FLOW_NAMES,
}
"""The standard categories as clients write them, in full and short (``zero``, ``onedelta``), by package."""

STANDARD_KINDS: Final = tuple(
    (package, category) for package, categories in CATEGORIES.items() for category in categories
)
"""Each standard category with its package, in the order of an end-of-day report."""

STORED_CATEGORIES: Final = {**CATEGORIES, "state": (*CATEGORIES["state"], *VOLUME_CATEGORIES)}
"""The categories a stored day may hold, by package."""

SPOT: Final = "spot"
"""The package of the spot feeds, which have no category."""

TIERS: Final = ("classic", "state", "orderflow", "quant")
"""Subscriptions, from the smallest to the largest; each has all that the one before it has."""

_EXPIRY: Final = re.compile(r"(?:(gex|delta|gamma|vanna|charm)_)?(\d{8})")


class Feed(NamedTuple):
    """One stream of snapshots: a ticker's package and category, e.g. SPX orderflow orderflow."""

    ticker: str
    package: str
    category: str

    @property
    def group(self) -> str:
        """The group's name without the wire prefix."""
        return f"{self.ticker}_{self.package}_{self.category}" if self.category else f"{self.ticker}_{self.package}"

    @property
    def expiry(self) -> datetime.date | None:
        """The expiry of an explicit-expiry feed, None of a standard one."""
        return _expiry_of(self.category)

    @property
    def kind(self) -> str:
        """What is shown: gex, a greek, volume, orderflow, or spot."""
        return _kind_of(self.package, self.category)


# Every record that is sent asks; there are some 200 categories a day.
@lru_cache(maxsize=4096)
def _kind_of(package: str, category: str) -> str:
    match = _EXPIRY.fullmatch(category)
    stem = match[1] if match else category.partition("_")[0]
    return stem or package


@lru_cache(maxsize=4096)
def _expiry_of(category: str) -> datetime.date | None:
    match = _EXPIRY.fullmatch(category)
    return _date(match[2]) if match else None


def spot_of(ticker: str) -> Feed:
    """The spot feed of a ticker."""
    return Feed(ticker, SPOT, "")


def explicit(ticker: str, package: str, kind: str, expiry: datetime.date) -> Feed:
    """The explicit-expiry feed of a kind (gex, a greek, orderflow), e.g. SPX classic gex_20260717."""
    day = f"{expiry:%Y%m%d}"
    return Feed(ticker, package, day if package == "orderflow" else f"{kind}_{day}")


def hub_of(package: str, category: str) -> str:
    """The current-generation hub that publishes a category of a package (not for spot, which is on every V2 hub)."""
    if package != "state":
        return package
    if category.startswith("gex_"):
        return "state_gex"
    ending = category.rpartition("_")[2]
    return f"state_greeks_{ending}" if ending in ("zero", "one") else "state_greeks"


_SUFFIXES: Final = {
    f"_{package}_{category}": (package, category)
    for package, categories in STORED_CATEGORIES.items()
    for category in categories
} | {f"_{SPOT}": (SPOT, "")}
GROUP_ENDINGS: Final = tuple(_SUFFIXES)
"""How groups end that are of no date."""

_EXPLICIT: Final = re.compile(
    r"(.+)_(?:(classic|state)_((?:gex|(?<=_state_)(?:delta|gamma|vanna|charm))_\d{8})|(orderflow)_(\d{8}))", re.DOTALL
)


_OF_PACKAGE: Final = re.compile(r"(.+?)_(classic|state|orderflow)_(.+)", re.DOTALL | re.IGNORECASE)
_DASHED: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})$")


def parse_group(name: str) -> Feed | None:
    """The feed of an unprefixed group name, or None when it is no such name.

    The ticker is not checked against the universe: a data folder may hold others.
    """
    for suffix, (package, category) in _SUFFIXES.items():
        ticker = name.removesuffix(suffix)
        if ticker and ticker != name:
            return Feed(ticker, package, category)
    match = _EXPLICIT.fullmatch(name) if name.isascii() else None
    if match is None:
        return None
    feed = Feed(match[1], match[2] or match[4], match[3] or match[5])
    return feed if feed.expiry else None


def respelled(name: str) -> Feed | None:
    """The feed meant by a group name with capitals, a date in dashes, or a category of another package."""
    match = _OF_PACKAGE.fullmatch(name)
    if match is None:
        return None
    ticker, package, category = match[1], match[2].lower(), match[3].lower()
    ticker = ticker.upper() if ticker.upper() in TICKERS else ticker
    plain = _DASHED.sub(r"\1\2\3", category)
    dated = parse_group(f"{ticker}_{package}_{plain}")
    if dated is not None and dated.expiry:
        return dated
    packages = (package, *STORED_CATEGORIES)
    return next((Feed(ticker, one, category) for one in packages if category in STORED_CATEGORIES[one]), None)


def homes(feed: Feed) -> tuple[str, ...]:
    """The hubs that carry a feed, the current one first; spot is at home on every V2 hub."""
    if feed.package == SPOT:
        return V2_HUBS
    hub = hub_of(feed.package, feed.category)
    return hub, V2 + hub


def meant_ticker(name: str) -> str | None:
    """The ticker that a part of its name means: ES is ES_SPX, NQ is NQ_NDX."""
    return next((ticker for ticker in sorted(TICKERS) if ticker.startswith(f"{name.upper()}_")), None)


def meant_group(name: str) -> str | None:
    """The group that a wrong name means, where it differs by a prefix or by the case of its letters alone."""
    for other in (name, name.partition("_")[2]):
        meant = respelled(other)
        if meant is not None and meant.ticker in TICKERS:
            return meant.group
        ticker, _, rest = other.partition("_")
        for group in (f"{ticker.upper()}_{rest.lower()}", f"{ticker.upper()}_{rest.upper()}"):
            found = parse_group(group)
            if found is not None and found.ticker in TICKERS:
                return group
    return None


def _date(digits: str) -> datetime.date | None:
    try:
        return datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


_TICKER: Final = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,15}")
_WINDOWS_DEVICE: Final = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\..*)?")


def is_ticker(value: str) -> bool:
    """Whether ``value`` can be a ticker: upper case, and a safe folder name on every system."""
    # Windows drops a dot at the end and opens a device for some names, wherever they stand.
    return bool(_TICKER.fullmatch(value)) and not value.endswith(".") and not _WINDOWS_DEVICE.fullmatch(value)

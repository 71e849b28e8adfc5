"""Whether a pattern of a rule can fit anything that there is: a rule that never hits would prove nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from gexfaker.catalog import (
    CATEGORIES,
    FLOW_NAMES,
    GEX_NAMES,
    GREEK_NAMES,
    GROUP_ENDINGS,
    SPOT,
    STORED_CATEGORIES,
    TICKERS,
    Feed,
    homes,
    parse_group,
)
from gexfaker.nearest import nearest

REMEMBERED: Final = 1024
"""Patterns of which it is known whether they fit, a few hundred bytes each: the same rules are given again."""

PART: Final = "\0"
"""In a path of ROUTES: any letters without a slash, one at least."""

DIGIT: Final = "\1"
"""In a name: any digit."""

SUBPROTOCOLS: Final = tuple(
    f"{kind}.webpubsub.azure.v1" for kind in ("json", "json.reliable", "protobuf", "protobuf.reliable")
)

PACKAGES: Final = (*STORED_CATEGORIES, SPOT)

_DATE: Final = DIGIT * 8
_DATED: Final = {"classic": ("gex_",), "state": ("gex_", "delta_", "gamma_", "vanna_", "charm_"), "orderflow": ("",)}
"""What stands before the date in categories of a date, by package."""

NAMED_CATEGORIES: Final = tuple(dict.fromkeys(name for names in STORED_CATEGORIES.values() for name in names))
_BY_PACKAGE: Final = (
    *((package, name) for package, names in STORED_CATEGORIES.items() for name in names),
    *((package, kind + _DATE) for package, kinds in _DATED.items() for kind in kinds),
    (SPOT, ""),
)

_GROUPS: Final = (
    *(f"*{ending}" for ending in GROUP_ENDINGS),
    *(f"*_{package}_{kind}{_DATE}" for package, kinds in _DATED.items() for kind in kinds),
)
_OF_FEED: Final = re.compile(
    r"_(classic|state|orderflow)_|_(gex_(full|zero|one)|(delta|gamma|vanna|charm|volume)_(zero|one))$", re.IGNORECASE
)
_STARS: Final = re.compile(r"\*+")
SHORTEST_WORD: Final = 4
"""Letters of a word that can be misspelt: of a shorter one too many are meant."""

_BETWEEN_WORDS: Final = re.compile(r"[^a-z]+")
_WORDS: Final = tuple(dict.fromkeys(word for group in _GROUPS for word in _BETWEEN_WORDS.split(group) if word))
_TICKER_PARTS: Final = frozenset(part for ticker in TICKERS for part in ticker.split("_"))

_OLD: Final = ("all", "full", "zero", "one")
_NAMES: Final = (
    *(("classic", name) for name in GEX_NAMES),
    *(("state", name) for name in (*GEX_NAMES, *GREEK_NAMES)),
    *(("orderflow", name) for name in FLOW_NAMES),
    *(("gex", name) for name in _OLD),
)
RECORD_ROUTES: Final = (
    *(f"/{PART}/{package}/{category}" for package, category in _NAMES),
    *(f"/{PART}/{package}/{category}/{end}" for package, category in _NAMES for end in ("majors", "maxchange")),
    *(f"/{PART}/{name}/gex" for name in _OLD),
)
"""The paths of requests for a record, without the version before them."""

NEGOTIATION: Final = ("/negotiate",)
ROUTES: Final = (
    *RECORD_ROUTES,
    *NEGOTIATION,
    *("/tickers", "/whoami", "/futures/conversion", "/tickers/quant"),
    *(f"/{package}/categories" for package in CATEGORIES),
    *(f"/options/{PART}/expiries", f"/hist/eod/{PART}", f"/hist/{PART}/{PART}/{PART}/{PART}", f"/_files/{PART}"),
    f"/tradingview/hist/{PART}/{PART}/{PART}/majors/{PART}",
)
"""The paths of requests that faults see, without the version before them."""

_VERSIONS: Final = ("", "/v1", "/v2")
_VERSION: Final = re.compile(r"^/v[12](?=/)", re.IGNORECASE)


@lru_cache(REMEMBERED)
def fits_route(pattern: str, routes: tuple[str, ...] = ROUTES) -> bool:
    """Whether a request can have such a path, one of ``routes``, with or without a slash at its end."""
    path = pattern.rstrip("/") or pattern
    return any(meets(path, version + route) for version in _VERSIONS for route in routes)


@lru_cache(REMEMBERED)
def fits_group(pattern: str) -> bool:
    """Whether there is such a group. One's own may be called anything, but not like that of a ticker's feed."""
    if misspelt_in(pattern) is not None:
        return False
    return not _is_like_a_feed(pattern) or any(meets(pattern, group) for group in _groups_of(pattern))


def _is_like_a_feed(pattern: str) -> bool:
    if _OF_FEED.search(pattern) is None:
        return False
    return bool(set(pattern) & set("*?")) or _has_ticker(pattern)


def _has_ticker(pattern: str) -> bool:
    return not _TICKER_PARTS.isdisjoint(pattern.upper().split("_"))


def _groups_of(pattern: str) -> Iterable[str]:
    """The groups of the tickers that a pattern begins with; of any ticker, if it begins with none."""
    tickers = [ticker for ticker in TICKERS if pattern.upper().startswith(f"{ticker}_")]
    return [ticker + group[1:] for ticker in tickers for group in _GROUPS] or _GROUPS


def misspelt_in(pattern: str) -> tuple[str, str] | None:
    """A word of a pattern for groups of feeds that is nearly one of theirs, with the one that is meant."""
    if not set(pattern) & set("*?") or not (pattern[:1] in ("*", "?") or _has_ticker(pattern)):
        return None
    words = _BETWEEN_WORDS.split(pattern.lower())
    tickers = [at for at, word in enumerate(words) if word.upper() in _TICKER_PARTS]
    for word in words[max(tickers, default=-1) + 1 :]:  # before a ticker stands a prefix, which is any word
        is_right = len(word) < SHORTEST_WORD or any(word in known for known in _WORDS)
        meant = None if is_right else nearest(word, _WORDS)
        if meant is not None:
            return word, meant
    return None


@lru_cache(REMEMBERED)
def fits_category(pattern: str) -> bool:
    """Whether there is such a category; of a date the digits are not looked at."""
    return any(meets(pattern, name) for _, name in _BY_PACKAGE)


def fits_one(pattern: str, names: tuple[str, ...]) -> bool:
    """Whether one of these names fits."""
    return any(meets(pattern, name) for name in names)


def fits_together(hub: str | None, group: str | None, package: str | None, category: str | None) -> bool:
    """Whether a hub carries such a group, and a package has such a category; None is any."""
    if group is not None and hub is not None and not _is_carried(hub, group):
        return False
    if package is None or category is None:
        return True
    return any(meets(package, name) and meets(category, one) for name, one in _BY_PACKAGE)


def fits_hub(hub: str, package: str | None, category: str | None) -> bool:
    """Whether one of the hubs that fit carries a feed of such a package and category; None is any."""
    return any(
        meets(hub, home)
        for one, name in _BY_PACKAGE
        if (package is None or meets(package, one)) and (category is None or meets(category, name))
        for home in homes(Feed("SPX", one, name))
    )


def fits_feed(group: str, ticker: str | None, package: str | None, category: str | None) -> bool:
    """Whether a group is named after a feed of such a ticker, package and category; true where it is a pattern."""
    named = [feed for name in (group, group.partition("_")[2]) if (feed := parse_group(name)) is not None]
    if not named or set(group) & set("*?["):
        return True
    wanted = [(number, pattern) for number, pattern in enumerate((ticker, package, category)) if pattern is not None]
    return any(all(meets(pattern, feed[number]) for number, pattern in wanted) for feed in named)


def fits_ticker(route: str, ticker: str) -> bool:
    """Whether a request to such a path can be about such a ticker."""
    first = _VERSION.sub("", route).strip("/").partition("/")[0]
    return first.upper() not in TICKERS or meets(ticker, first)


def _is_carried(hub: str, group: str) -> bool:
    """Whether one of the hubs that fit carries the feed of a group; true where the group is a pattern, or one's own."""
    feed = parse_group(group)
    if feed is None or set(group) & set("*?["):
        return True
    return any(meets(hub, home) for home in homes(feed))


def meets(pattern: str, other: str) -> bool:
    """Whether some text fits both, whatever the case of its letters.

    It goes through the pattern once, with the set of the places in ``other`` that it may have come to, one bit each: to
    try all combinations would take a second for a pattern of two hundred letters.

    Args:
        pattern: as rules have them: ``*`` any letters, ``?`` any one; one with ``[`` is not judged, and meets all.
        other: a name, in which ``*``, PART and DIGIT stand for what may be there.
    """
    if "[" in pattern:
        return True
    target = _target(_STARS.sub("*", other.lower()))
    places = target.past_stars(1)
    for sign in pattern.lower():
        places = target.after(places, sign)
        if not places:
            return False
    return bool(places & target.end)


class _Target:
    """The places of a name, one bit each: where a letter leads on, and where one may stay."""

    __slots__ = ("_all", "_digits", "_letters", "_parts", "_stars", "end")

    def __init__(self, name: str) -> None:
        self._letters: Final[dict[str, int]] = {}
        for at, letter in enumerate(name):
            self._letters[letter] = self._letters.get(letter, 0) | 1 << at
        self._stars, self._parts = self._letters.pop("*", 0), self._letters.pop(PART, 0)
        self._digits: Final = self._letters.pop(DIGIT, 0)
        self.end: Final = 1 << len(name)
        self._all: Final = (self.end << 1) - 1

    def after(self, places: int, sign: str) -> int:
        """Where one may be behind one more sign of a pattern."""
        if sign == "*":  # any letters: to every place from the first one on
            return self._all & -(places & -places)
        parts = self._parts if sign != "/" else 0
        if sign == "?":
            steps, stays = self._all & ~self._stars & ~self.end, self._parts | self._stars
        else:
            digits = self._digits if sign.isdigit() else 0
            steps, stays = self._letters.get(sign, 0) | parts | digits, parts | self._stars
        return self.past_stars((places & steps) << 1 | places & stays)

    def past_stars(self, places: int) -> int:
        """A star may stand for nothing; no two of them are neighbours."""
        return places | (places & self._stars) << 1


@lru_cache(REMEMBERED)
def _target(name: str) -> _Target:
    return _Target(name)

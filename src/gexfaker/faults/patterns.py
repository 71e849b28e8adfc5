"""Whether a pattern of a rule can fit anything that there is: a rule that never hits would prove nothing."""

from __future__ import annotations

import re
from typing import Final

from gexfaker.catalog import (
    CATEGORIES,
    FLOW_NAMES,
    GEX_NAMES,
    GREEK_NAMES,
    GROUP_ENDINGS,
    SPOT,
    STORED_CATEGORIES,
    V2,
    hub_of,
    parse_group,
)

PART: Final = "\0"
"""In a path of ROUTES: any letters without a slash, one at least."""

DIGIT: Final = "\1"
"""In a name: any digit."""

SUBPROTOCOLS: Final = tuple(
    f"{kind}.webpubsub.azure.v1" for kind in ("json", "json.reliable", "protobuf", "protobuf.reliable")
)

PACKAGES: Final = (*STORED_CATEGORIES, SPOT)

_DATED: Final = ("gex_", "delta_", "gamma_", "vanna_", "charm_", "")
NAMED_CATEGORIES: Final = tuple(dict.fromkeys(name for names in STORED_CATEGORIES.values() for name in names))
_CATEGORIES: Final = (*NAMED_CATEGORIES, *(kind + DIGIT * 8 for kind in _DATED))

_DATED_GROUPS: Final = (
    *(f"_classic_gex_{DIGIT * 8}", f"_orderflow_{DIGIT * 8}"),
    *(f"_state_{kind}{DIGIT * 8}" for kind in _DATED[:-1]),
)
_GROUPS: Final = tuple(f"*{ending}" for ending in (*GROUP_ENDINGS, *_DATED_GROUPS))
_OF_FEED: Final = re.compile(
    r"_(classic|state|orderflow)_|_(gex_(full|zero|one)|(delta|gamma|vanna|charm|volume)_(zero|one))$", re.IGNORECASE
)

_OLD: Final = ("all", "full", "zero", "one")
_NAMES: Final = (
    *(("classic", name) for name in GEX_NAMES),
    *(("state", name) for name in (*GEX_NAMES, *GREEK_NAMES)),
    *(("orderflow", name) for name in FLOW_NAMES),
    *(("gex", name) for name in _OLD),
)
ROUTES: Final = (
    *(f"/{PART}/{package}/{category}" for package, category in _NAMES),
    *(f"/{PART}/{package}/{category}/{end}" for package, category in _NAMES for end in ("majors", "maxchange")),
    *(f"/{PART}/{name}/gex" for name in _OLD),
    *("/tickers", "/whoami", "/futures/conversion", "/negotiate", "/tickers/quant"),
    *(f"/{package}/categories" for package in CATEGORIES),
    *(f"/options/{PART}/expiries", f"/hist/eod/{PART}", f"/hist/{PART}/{PART}/{PART}/{PART}", f"/_files/{PART}"),
    f"/tradingview/hist/{PART}/{PART}/{PART}/majors/{PART}",
)
"""The paths of requests that faults see, without the version before them."""

_VERSIONS: Final = ("", "/v1", "/v2")


def fits_route(pattern: str) -> bool:
    """Whether a request can have such a path."""
    return any(meets(pattern, version + path) for version in _VERSIONS for path in ROUTES)


def fits_group(pattern: str) -> bool:
    """Whether there is such a group; groups of one's own may be called anything, but not like one of a feed."""
    return _OF_FEED.search(pattern) is None or any(meets(pattern, group) for group in _GROUPS)


def fits_together(hub: str | None, group: str | None, package: str | None, category: str | None) -> bool:
    """Whether a hub carries such a group, and a package has such a category; None is any."""
    if group is not None and hub is not None and not _is_carried(hub, group):
        return False
    if package is None or category is None:
        return True
    known = ((name, one) for name, names in STORED_CATEGORIES.items() for one in (*names, *_dated_of(name)))
    return any(meets(package, name) and meets(category, one) for name, one in known)


def _is_carried(hub: str, group: str) -> bool:
    """Whether one of the hubs that fit carries the feed of a group; true where the group is a pattern, or one's own."""
    feed = parse_group(group)
    if feed is None or set(group) & set("*?["):
        return True
    home = "*" if feed.package == SPOT else hub_of(feed.package, feed.category)
    hubs = [V2 + home] if feed.package == SPOT else [home, V2 + home]
    return any(meets(hub, one) for one in hubs)


def _dated_of(package: str) -> tuple[str, ...]:
    """The categories of a package that are of a date."""
    kinds = {"classic": ("gex_",), "state": _DATED[:-1]}.get(package, ("",))
    return tuple(kind + DIGIT * 8 for kind in kinds)


def fits_category(pattern: str) -> bool:
    """Whether there is such a category; of a date the digits are not looked at."""
    return any(meets(pattern, name) for name in _CATEGORIES)


def fits_one(pattern: str, names: tuple[str, ...]) -> bool:
    """Whether one of these names fits."""
    return any(meets(pattern, name) for name in names)


def meets(pattern: str, other: str) -> bool:
    """Whether some text fits both, whatever the case of its letters.

    Args:
        pattern: as rules have them: ``*`` any letters, ``?`` any one; one with ``[`` is not judged, and meets all.
        other: a name, in which ``*``, PART and DIGIT stand for what may be there.
    """
    if "[" in pattern:
        return True
    pattern, other = pattern.lower(), other.lower()
    reached, seen = [(0, 0)], {(0, 0)}
    while reached:
        at, there = reached.pop()
        if (at, there) == (len(pattern), len(other)):
            return True
        new = {step for step in _steps(pattern, other, at, there) if step not in seen}
        seen |= new
        reached += new
    return False


def _steps(pattern: str, other: str, at: int, there: int) -> set[tuple[int, int]]:
    """How far both come by one more letter, or by the end of what stands for any."""
    one, two = pattern[at : at + 1], other[there : there + 1]
    steps = set[tuple[int, int]]()
    if one == "*":
        steps |= {(at + 1, there)} | ({(at, there + 1)} if two else set())
    if two == "*":
        steps |= {(at, there + 1)} | ({(at + 1, there)} if one else set())
    if one and two and one != "*" and two != "*" and _is_same(one, two):
        steps |= {(at + 1, there + 1)} | ({(at + 1, there)} if two == PART else set())
    return steps


def _is_same(one: str, two: str) -> bool:
    if two == PART:
        return one != "/"
    if two == DIGIT:
        return one == "?" or one.isdigit()
    return one in ("?", two)

"""Group names: which feed a hub's group carries, what a feed's group is called there, and why one stays silent.

On the current hubs a group is prefixed, on the second-generation ones it is not: there the server joins.
"""

from __future__ import annotations

import difflib
import logging
import sys
from typing import Final

from gexfaker.catalog import CURRENT_HUBS, FUTURES, SPOT, TICKERS, V2, Feed, hub_of, parse_group
from gexfaker.limits import MAX_EXPLAINED_GROUPS, MAX_HINTED_LENGTH, MAX_HINTS, MAX_KNOWN_GROUPS
from gexfaker.playback.day import Library
from gexfaker.playback.sources import is_listed, owner

log: Final = logging.getLogger(__name__)


class Groups:
    """The names of one day's groups.

    Args:
        library: the day that is meant when none is given; may be changed for another.
        prefix: what stands before the groups of the current hubs, without its underscore.
    """

    def __init__(self, library: Library, prefix: str) -> None:
        self.library = library
        self._prefix: Final = f"{prefix}_"
        self._known: dict[tuple[Library, str, str], Feed | None] = {}
        self._explained: set[tuple[str, str]] = set()
        self._hints: dict[str, str] = {}

    def name(self, hub: str, feed: Feed) -> str:
        """What a feed's group is called on a hub; the same string for everybody, as many keys keep it."""
        return sys.intern(self._prefix_of(hub) + feed.group)

    def feed_of(self, hub: str, group: str, library: Library | None = None) -> Feed | None:
        """The feed a group of a hub carries, or None when nothing will ever come there on that day."""
        library = library or self.library
        place = (library, hub, group)
        try:
            return self._known[place]
        except KeyError:
            feed = self._find(hub, group, library)
            if len(group) <= MAX_HINTED_LENGTH:
                if len(self._known) >= MAX_KNOWN_GROUPS:
                    self._known.clear()
                self._known[place] = feed
            return feed

    def _prefix_of(self, hub: str) -> str:
        return "" if hub.startswith(V2) else self._prefix

    def named(self, hub: str, group: str) -> Feed | None:
        """The feed that a group's name means on a hub, whether the day has it or not."""
        prefix = self._prefix_of(hub)
        feed = parse_group(group.removeprefix(prefix)) if group.startswith(prefix) else None
        return feed if feed is not None and hub in homes(feed) else None

    def _find(self, hub: str, group: str, library: Library) -> Feed | None:
        feed = self.named(hub, group)
        if feed is None:
            return None
        there = feed.ticker in library.tickers if feed.package == SPOT else library.source(feed)
        return feed if there else None

    def why_not(self, feed: Feed, strict: bool, library: Library | None = None) -> str | None:
        """Why nobody may ask for a feed, or None: it is unknown, or, if ``strict``, the day has no records of it."""
        library = library or self.library
        if feed.ticker not in TICKERS | library.tickers:
            return f"there is no ticker {feed.ticker[:MAX_HINTED_LENGTH]!r}"
        if feed.expiry is not None and feed.ticker in FUTURES:
            return f"expiries are those of {owner(feed.ticker)}, whose options they are"
        if feed.expiry is not None and not is_listed(feed, library.day):
            return f"{feed.ticker} has no options that expire then, see /v2/options/{feed.ticker}/expiries"
        if strict and feed.package != SPOT and library.source(feed) is None:
            return f"{library.date} ({library.origin}) has no such feed"
        return None

    # --- explaining silence ------------------------------------------------------------------

    def joined(self, hub: str, group: str) -> None:
        """Say once why a group just joined will stay silent, if it will: the service itself never tells."""
        if self.feed_of(hub, group) is None and self._is_news(hub, group):
            self.explain(hub, group, self.reason(hub, group))

    def _is_news(self, hub: str, group: str) -> bool:
        return (hub, group) not in self._explained and len(self._explained) < MAX_EXPLAINED_GROUPS

    def explain(self, hub: str, group: str, reason: str) -> None:
        """Log once why nothing comes to a group."""
        if self._is_news(hub, group):
            self._explained.add((hub, group))
            log.warning("nothing will come to group %r on hub %r: %s", group, hub, reason)

    def reason(self, hub: str, group: str, library: Library | None = None) -> str:
        """Why nothing comes to ``group`` on ``hub``, with the nearest name that works."""
        library = library or self.library
        prefix = self._prefix_of(hub)
        if not group.startswith(prefix):
            return f"groups start with {prefix!r} here{self._nearest(prefix, group)}"
        feed = parse_group(group.removeprefix(prefix))
        if feed is None:
            wanted = f"{prefix and 'PREFIX_'}TICKER_PACKAGE_CATEGORY"
            return f"the name is not {wanted}{self._nearest(prefix, group.removeprefix(prefix))}"
        if hub not in homes(feed):
            return f"it belongs to hub {homes(feed)[0]!r}" if feed.package != SPOT else "spot is on the V2 hubs only"
        hint = self._nearest(prefix, group.removeprefix(prefix))
        return f"{library.date} ({library.origin}) has no such feed{hint}"

    def _nearest(self, prefix: str, group: str) -> str:
        """The hint for a name; looking takes milliseconds, so it is given for a bounded number of names only."""
        if group not in self._hints:
            if len(self._hints) >= MAX_HINTS or len(group) > MAX_HINTED_LENGTH:
                return ""
            close = difflib.get_close_matches(group, sorted(feed.group for feed in self.library.feeds), n=1)
            self._hints[group] = close[0] if close else ""
        hint = self._hints[group]
        return f"; did you mean {prefix + hint!r}?" if hint else ""


def homes(feed: Feed) -> tuple[str, ...]:
    """The hubs that carry a feed, the current one first; spot is at home on every V2 hub."""
    if feed.package == SPOT:
        return tuple(V2 + hub for hub in CURRENT_HUBS)
    hub = hub_of(feed.package, feed.category)
    return hub, V2 + hub

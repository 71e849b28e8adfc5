"""Group names: which feed a hub's group carries, what a feed's group is called there, and why one stays silent.

On the current hubs a group is prefixed, on the second-generation ones it is not: there the server joins.
"""

from __future__ import annotations

import heapq
import logging
import sys
from typing import Final
from weakref import WeakKeyDictionary

from gexfaker.catalog import (
    FUTURES,
    SPOT,
    TICKERS,
    V2,
    Feed,
    homes,
    hub_of,
    meant_group,
    meant_ticker,
    parse_group,
    respelled,
)
from gexfaker.exchange.expiries import is_listed, owner
from gexfaker.limits import (
    MAX_COMPARED,
    MAX_EXPLAINED_GROUPS,
    MAX_HINTED_FEEDS,
    MAX_HINTED_LENGTH,
    MAX_HINTS,
    MAX_KNOWN_GROUPS,
)
from gexfaker.nearest import nearest
from gexfaker.playback.day import Day

log: Final = logging.getLogger(__name__)


class Groups:
    """The names of one day's groups.

    Args:
        day: the day that is meant when none is given; may be changed for another.
        prefix: what stands before the groups of the current hubs, without its underscore.
        on_v2: whether it stands before those of the V2 hubs, too. "The server adds the configured prefix", says the
            vendor's guide of August 2026 about the names in a POST; nobody has published a message of a V2 hub.
    """

    def __init__(self, day: Day, prefix: str, *, on_v2: bool = False) -> None:
        self.day = day
        self._prefix: Final = f"{prefix}_"
        self._on_v2: Final = on_v2
        # A day that is closed must not be kept in memory by what its groups mean.
        self._known: WeakKeyDictionary[Day, dict[tuple[str, str], Feed | None]] = WeakKeyDictionary()
        self._known_count = 0
        self._explained: set[tuple[str, str]] = set()
        self._hints: dict[tuple[str, str, str], str] = {}

    def name(self, hub: str, feed: Feed) -> str:
        """What a feed's group is called on a hub; the same string for everybody, as many keys keep it."""
        return sys.intern(self._prefix_of(hub) + feed.group)

    def feed_of(self, hub: str, group: str, day: Day | None = None) -> Feed | None:
        """The feed a group of a hub carries, or None when nothing will ever come there on that day."""
        day = day or self.day
        known = self._known.get(day, {})
        if (hub, group) in known:
            return known[hub, group]
        feed = self._find(hub, group, day)
        if len(group) <= MAX_HINTED_LENGTH:
            self._remember(day, hub, group, feed)
        return feed

    def _remember(self, day: Day, hub: str, group: str, feed: Feed | None) -> None:
        if self._known_count >= MAX_KNOWN_GROUPS:
            self._known.clear()
            self._known_count = 0
        self._known.setdefault(day, {})[hub, group] = feed
        self._known_count += 1

    def _prefix_of(self, hub: str) -> str:
        return self._prefix if self._on_v2 or not hub.startswith(V2) else ""

    def named(self, hub: str, group: str) -> Feed | None:
        """The feed that a group's name means on a hub, whether the day has it or not."""
        if len(group) > MAX_HINTED_LENGTH:  # no real name is so long, and a client may be in 10,000 of them
            return None
        prefix = self._prefix_of(hub)
        feed = parse_group(group.removeprefix(prefix)) if group.startswith(prefix) else None
        return feed if feed is not None and hub in homes(feed) else None

    def _find(self, hub: str, group: str, day: Day) -> Feed | None:
        feed = self.named(hub, group)
        if feed is None:
            return None
        there = feed.ticker in day.tickers if feed.package == SPOT else day.source(feed)
        return feed if there else None

    def why_not(self, feed: Feed, strict: bool, day: Day | None = None) -> str | None:
        """Why nobody may ask for a feed, or None: it is unknown, or, if ``strict``, the day has no records of it."""
        day = day or self.day
        if feed.ticker not in TICKERS | day.tickers:
            meant = f"; did you mean {whole}?" if (whole := meant_ticker(feed.ticker)) else ""
            return f"there is no ticker {feed.ticker[:MAX_HINTED_LENGTH]!r}{meant}"
        if feed.expiry is not None and feed.ticker in FUTURES:
            return f"expiries are those of {owner(feed.ticker)}, whose options they are"
        if feed.expiry is not None and not is_listed(feed, day.calendar_date):
            return f"{feed.ticker} has no options that expire then, see /v2/options/{feed.ticker}/expiries"
        if strict and feed.package != SPOT and day.source(feed) is None:
            return f"{day.date} ({day.origin}) has no such feed"
        return None

    # --- explaining silence ------------------------------------------------------------------

    def joined(self, hub: str, group: str, day: Day | None = None) -> None:
        """Say once why a group just joined will stay silent, if it will: the service itself never tells."""
        if self.feed_of(hub, group, day) is None and self._is_news(hub, group):
            self.explain(hub, group, self.reason(hub, group, day))

    def _is_news(self, hub: str, group: str) -> bool:
        return (hub, group) not in self._explained and len(self._explained) < MAX_EXPLAINED_GROUPS

    def explain(self, hub: str, group: str, reason: str) -> None:
        """Log once why nothing comes to a group."""
        if self._is_news(hub, group):
            self._explained.add((hub, group))
            log.warning("nothing will come to group %r on hub %r: %s", group, hub, reason)

    def complain(self, what: str, trouble: str) -> None:
        """Log once why a day, or a feed of it, cannot be sent."""
        if self._is_news("", what):
            self._explained.add(("", what))
            log.warning("%s: nothing will come: %s", what, trouble)

    def reason(self, hub: str, group: str, day: Day | None = None) -> str:
        """Why nothing comes to ``group`` on ``hub``, with the nearest name that works."""
        day = day or self.day
        prefix = self._prefix_of(hub)
        if not group.startswith(prefix):
            return f"groups start with {prefix!r} here{self._with_prefix(day, hub, group)}"
        feed = parse_group(group.removeprefix(prefix))
        if feed is None:
            if meant := respelled(group.removeprefix(prefix)):
                home = hub_of(meant.package, meant.category)
                elsewhere = "" if hub in homes(meant) else f" on hub {home!r}"
                return f"no group is called so; did you mean {prefix + meant.group!r}{elsewhere}?"
            wanted = f"{prefix and 'PREFIX_'}TICKER_PACKAGE_CATEGORY"
            return f"the name is not {wanted}{self._nearest(day, hub, group.removeprefix(prefix))}"
        if hub not in homes(feed):
            return f"it belongs to hub {homes(feed)[0]!r}" if feed.package != SPOT else "spot is on the V2 hubs only"
        return self._absent(feed, day, hub)

    def _absent(self, feed: Feed, day: Day, hub: str) -> str:
        """Why a day has not a feed whose name is right."""
        if feed.expiry is not None and (why := self.why_not(feed, strict=False, day=day)):
            return f"on {day.date} {why}"
        if feed.ticker in day.tickers:
            return f"{day.date} ({day.origin}) has no such feed{self._nearest(day, hub, feed.group)}"
        if feed.ticker in TICKERS:
            more = f"; --tickers {feed.ticker} adds it" if day.is_simulated else ""
            return f"{day.date} ({day.origin}) has no {feed.ticker}{more}"
        if whole := meant_ticker(feed.ticker):
            meant = self._prefix_of(hub) + feed._replace(ticker=whole).group
            return f"there is no ticker {feed.ticker!r}; did you mean {meant!r}?"
        is_like_one = "_" in feed.ticker or nearest(feed.ticker.upper(), day.tickers)
        meant = self._nearest(day, hub, feed.group) if is_like_one else ""
        return f"there is no ticker {feed.ticker[:MAX_HINTED_LENGTH]!r}{meant}"

    def _with_prefix(self, day: Day, hub: str, group: str) -> str:
        """The hint for a name without the prefix, or with another one."""
        meant = meant_group(group)
        feed = None if meant is None else parse_group(meant)
        if feed is not None and hub in homes(feed):
            return f"; did you mean {self._prefix_of(hub) + feed.group!r}?"
        return self._nearest(day, hub, group)

    def _nearest(self, day: Day, hub: str, group: str) -> str:
        """The hint for a name; looking takes milliseconds, so it is given for a bounded number of names only."""
        asked = day.date, hub, group
        if asked not in self._hints:
            if len(self._hints) >= MAX_HINTS or len(group) > MAX_HINTED_LENGTH:
                return ""
            names = _comparable(day, hub, group)
            same = next((name for name in names if name.upper() == group.upper()), None)
            self._hints[asked] = same or nearest(group, names) or ""
        hint = self._hints[asked]
        return f"; did you mean {self._prefix_of(hub) + hint!r}?" if hint else ""


def _comparable(day: Day, hub: str, group: str) -> list[str]:
    """The right names with which a wrong one is compared: of the hub, those with the most parts in common with it."""
    if len(day.feeds) > MAX_HINTED_FEEDS:
        return []
    parts = set(group.upper().split("_"))
    names = sorted(feed.group for feed in day.feeds if hub in homes(feed))
    return heapq.nlargest(MAX_COMPARED, names, key=lambda name: len(parts.intersection(name.upper().split("_"))))

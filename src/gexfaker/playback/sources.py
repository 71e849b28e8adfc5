"""From whose records a feed is served: its own, or the nearest stored category's. Pure decisions.

Nobody has stored days of explicit expiries or of the legacy volume feeds: the service keeps them off REST and history.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator
from typing import Final

from gexfaker.catalog import GEX_CATEGORIES, SPOT, VOLUME_CATEGORIES, Feed
from gexfaker.exchange.expiries import is_listed, nearest

INSTEAD_OF_VOLUME: Final = {"volume_zero": "gamma_zero", "volume_one": "gamma_one"}
"""The categories with the same columns that say most about where contracts trade."""


def source_of(feed: Feed, stored: Collection[Feed], day: datetime.date) -> Feed | None:
    """The stored feed whose records serve ``feed`` on ``day``: itself, the nearest one, or None."""
    if feed in stored:
        return feed
    candidates = (Feed(feed.ticker, feed.package, category) for category in _instead(feed, day))
    return next((candidate for candidate in candidates if candidate in stored), None)


def _instead(feed: Feed, day: datetime.date) -> Iterator[str]:
    """Categories to serve instead, the nearest first."""
    if feed.category in VOLUME_CATEGORIES:
        yield INSTEAD_OF_VOLUME[feed.category]
    if feed.package == SPOT or feed.expiry is None or not is_listed(feed, day):
        return
    if feed.kind == "orderflow":
        yield "orderflow"
        return
    first = nearest(feed.ticker, day)[0]
    for ending in ("zero", "one") if feed.expiry == first else ("one", "zero"):
        yield f"{feed.kind}_{ending}"
    if feed.kind == "gex":
        yield GEX_CATEGORIES[0]

"""What a day, a category and a file of the history are called, in both directions.

A file is ``{date}_{TICKER}_{package}_{category}.json``; tickers hold underscores, so that a name is never split on
them. Only the fifteen standard categories are in the history: explicit expiries and the volume feeds are not.
"""

from __future__ import annotations

import datetime
import re
from typing import Final, NamedTuple

from gexfaker.catalog import CATEGORY_NAMES, STANDARD_KINDS, STORED_CATEGORIES, Feed, parse_group
from gexfaker.tapes.dates import is_date

PLAIN: Final = ".json"
PACKED: Final = ".json.gz"
"""The endings of a file: a JSON array behind a link, a gzip file of one in a report."""

_LOOSE_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_FILE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})_(.{1,64}?)\.json")


FILES: Final = "/_files/"
"""The path before the names of files, where signed links lead."""


class File(NamedTuple):
    """One file of the history: a day's snapshots of one feed."""

    date: str
    feed: Feed

    @property
    def name(self) -> str:
        """Its name, e.g. ``2026-07-17_ES_SPX_classic_gex_full.json``."""
        return f"{self.stem}{PLAIN}"

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return f"{self.date}_{self.feed.group}"


def parse_date(text: str) -> str | None:
    """A day written YYYY-MM-DD, or without leading zeros (2026-7-1), as YYYY-MM-DD; None when it is none."""
    match = _LOOSE_DATE.fullmatch(text)
    if match is None:
        return None
    try:
        return datetime.date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        return None


def parse_category(package: str, name: str) -> str | None:
    """The standard category that a name or a short name means in a package; None when there is none."""
    return CATEGORY_NAMES.get(package, {}).get(name)


def parse_stored_category(package: str, name: str) -> str | None:
    """The same among all categories that a stored day may hold."""
    category = CATEGORY_NAMES.get(package, {}).get(name, name)
    return category if category in STORED_CATEGORIES.get(package, ()) else None


def parse_file(name: str) -> File | None:
    """The file that a name means; None when it is no name of a file of the history."""
    match = _FILE.fullmatch(name)
    feed = parse_group(match[2]) if match else None
    if match is None or feed is None or not is_date(match[1]):
        return None
    if parse_category(feed.package, feed.category) != feed.category:
        return None
    return File(match[1], feed)


def short_category(category: str) -> str:
    """A category as the earlier tool's links write it: ``full`` for gex_full; greeks in full."""
    return category.removeprefix("gex_")


def report_name(date: str, ticker: str) -> str:
    """The file name of a ticker's end-of-day report."""
    return f"eod_report_{ticker}_{date}.zip"


def member_name(date: str, feed: Feed) -> str:
    """A feed's place in the report, e.g. ``SPY/classic/gex_full/2026-07-17_SPY_classic_gex_full.json.gz``."""
    return f"{feed.ticker}/{feed.package}/{feed.category}/{File(date, feed).stem}{PACKED}"


def standard_feeds(ticker: str) -> list[Feed]:
    """A ticker's fifteen feeds, in the order of the report."""
    return [Feed(ticker, *kind) for kind in STANDARD_KINDS]

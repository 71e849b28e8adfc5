"""Recorded days to play: as many feeds and records as a measurement needs, from the simulated market."""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gexfaker.catalog import CATEGORIES, Feed, hub_of
from gexfaker.exchange.hours import NEW_YORK
from gexfaker.market.simulation import Market

DATE = "2026-06-17"
"""With a record in every second: from July 2026 on they are 1.1 to 1.6 seconds apart, as on the service."""

FIRST = 7000
"""The first record taken from the simulated day, about two hours after the open."""

TICKERS = "SPX NDX RUT VIX SPY QQQ IWM AAPL MSFT NVDA AMZN META TSLA GOOGL AMD GLD TLT NFLX AVGO PLTR".split()
CLASSIC = CATEGORIES["classic"]


def feeds_of(tickers: Iterable[str], packages: Iterable[str] = tuple(CATEGORIES)) -> list[Feed]:
    """All standard feeds of tickers."""
    return [Feed(ticker, package, name) for ticker in tickers for package in packages for name in CATEGORIES[package]]


def hubs_of(feeds: Iterable[Feed]) -> dict[str, list[str]]:
    """The groups of feeds by their current hub."""
    found: dict[str, list[str]] = {}
    for feed in feeds:
        found.setdefault(hub_of(feed.package, feed.category), []).append(f"blue_{feed.group}")
    return found


def prepare(root: Path) -> None:
    """Let gexfaker prepare the day."""
    command = [sys.executable, "-m", "gexfaker", "prepare", DATE, "--data-dir", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def times_of(root: Path, feed: Feed, apart: int) -> list[str]:
    """The market times of every ``apart``-th record of a feed."""
    lines = _file(root, feed).read_bytes().splitlines()[::apart]
    stamps = [int(msgspec.json.decode(line, type=dict[str, Any])["timestamp"]) for line in lines]
    return [datetime.datetime.fromtimestamp(stamp, NEW_YORK).strftime("%H:%M:%S") for stamp in stamps]


def _file(root: Path, feed: Feed) -> Path:
    return root / DATE / feed.ticker / feed.package / f"{feed.category}.jsonl"


def write_day(root: Path, feeds: Sequence[Feed], records: int) -> Path:
    """Feeds as files of so many records, about a second apart; returns the data folder."""
    market = Market(DATE, 1)
    for feed in feeds:
        file = _file(root, feed)
        file.parent.mkdir(parents=True, exist_ok=True)
        tape = market.tape(feed)
        with file.open("wb") as lines:
            for index in range(records):
                lines.write(tape.json(FIRST + index) + b"\n")
    return root

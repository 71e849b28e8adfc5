"""The journal: what it costs for fifty keys that get 20,000 messages a second together."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.progress import Progress

from bench import fanout
from bench.days import hubs_of, write_day
from bench.positions import watched
from bench.processes import Load, gexfaker
from bench.report import Report

KEYS: Final = 50
GROUPS: Final = 40
SECONDS: Final = 6.0
REPEATS: Final = 7
"""Pairs of runs: a pair alone is off by a tenth either way on a machine that does other things, too."""


def cores(root: Path, journal: str) -> dict[str, float]:
    """What fifty keys with a client each take, of 40 groups ten times a second."""
    feeds = fanout.FEEDS[:GROUPS]
    job = {"clients": KEYS, "keys": KEYS, "subprotocol": fanout.JSON, "hubs": hubs_of(feeds), "seconds": SECONDS}
    settings = {"ws_stream_interval": "100ms", "cache_mode": "rotation", "journal": journal}
    with gexfaker(root, "bench.watched", **settings) as (process, url):
        [counted] = watched(process, SECONDS, Load("bench.load", job | {"target": url}))
    return counted


def measure(report: Report, root: Path, progress: Progress) -> None:
    """In alternation, so that a slow minute is in both."""
    write_day(root, fanout.FEEDS[:GROUPS], fanout.RECORDS)
    task = progress.add_task("journal", total=2 * REPEATS)
    title = f"{KEYS} keys x {GROUPS} groups x 10/s, journal on"
    for number in range(REPEATS):
        found = {}
        for journal in ("true", "false") if number % 2 else ("false", "true"):
            found[journal] = cores(root, journal)
            progress.advance(task)
        report.note(f"{title}, CPU times that without it", found["true"]["cores"] / found["false"]["cores"])
        report.note(f"{title}, MB resident", found["true"]["rss_mb"])

"""The access log: what it costs while clients get 20,000 messages and ask 5,000 times a second."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.progress import Progress

from bench import fanout
from bench.days import hubs_of, write_day
from bench.processes import Load, gexfaker, loaded
from bench.report import Report
from bench.rest import job

CLIENTS: Final = 333
"""Each in 60 groups that send once a second."""

CONNECTIONS: Final = 16
PAUSE_SECONDS: Final = 0.0032
"""Between two requests of a connection: together they ask 5,000 times a second, if the server can."""

REPEATS: Final = 11
"""Pairs of runs: a pair alone is off by a tenth either way on a machine that does other things, too."""


def cpu_of(root: Path, level: str) -> float:
    """Seconds of a core for a thousand requests, the messages included."""
    streams = {"clients": CLIENTS, "keys": 1, "seconds": 5.0, "subprotocol": fanout.JSON}
    settings = {"ws_stream_interval": "1s", "cache_mode": "rotation", "log_level": level}
    with gexfaker(root, **settings) as (process, url):
        listening = Load("bench.load", streams | {"target": url, "hubs": hubs_of(fanout.FEEDS)})
        asked = job(CONNECTIONS) | {"target": url, "pause": PAUSE_SECONDS}
        counted = loaded(process, "bench.requests", asked)
        listening.counted()
        listening.go()
    return 1000 * counted["cpu"] / (counted["rate"] * float(str(asked["seconds"])))


def measure(report: Report, root: Path, progress: Progress) -> None:
    """In alternation, so that a slow minute is in both."""
    write_day(root, fanout.FEEDS, fanout.RECORDS)
    task = progress.add_task("access log", total=2 * REPEATS)
    for number in range(REPEATS):
        levels = ("info", "warning") if number % 2 else ("warning", "info")
        found = {}
        for level in levels:
            found[level] = cpu_of(root, level)
            progress.advance(task)
        report.note("access log on, CPU times that without it", found["info"] / found["warning"])

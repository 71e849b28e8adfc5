"""Many keys, each at a position of its own; and every feed there is for one."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress

from bench.days import TICKERS, feeds_of, hubs_of, prepare, times_of, write_day
from bench.processes import Counted, Load, Process, cpu_seconds, gexfaker, line_of, loaded, rss_mb
from bench.report import Report
from gexfaker.catalog import STOCKS, Feed

KEYS, APART, INTERVAL_MS = 200, 5, 100
RECORDS: Final = KEYS * APART
SECONDS: Final = 6.0
REPEATS: Final = 2
JSON: Final = "json.webpubsub.azure.v1"
ONE_HUB: Final = feeds_of(TICKERS[:5], ["classic"])
"""Fifteen groups on one socket a key."""

FIVE_HUBS: Final = feeds_of(["SPX"])
"""All fifteen categories of a ticker: five sockets a key."""

ASKING: Final = {"paths": ["/v2/SPX/classic/gex_zero"], "connections": 4, "pause": 0.01, "seconds": SECONDS}
"""Requests meanwhile, as of a few dashboards."""

LIVE_FEEDS: Final = feeds_of((*TICKERS, *[name for name in STOCKS if name not in TICKERS])[:60])
LIVE_RECORDS: Final = 6
"""By the time that one of these comes again, 900 groups later each, it is forgotten."""


def watched(process: Process, seconds: float, *loads: Load) -> list[Counted]:
    """What the loads counted; the first with the server's cores, memory and longest block meanwhile."""
    process.send_signal(signal.SIGUSR1)
    before = cpu_seconds(process.pid)
    first, *others = [load.counted() for load in loads]
    first |= {"cores": (cpu_seconds(process.pid) - before) / seconds, "rss_mb": rss_mb(process.pid)}
    process.send_signal(signal.SIGUSR2)
    while not (line := line_of(process)).startswith("{"):
        continue
    for load in loads:
        load.go()
    seen: dict[str, float] = json.loads(line)
    return [first | seen, *others]


def streams(root: Path, feeds: list[Feed]) -> dict[str, Any]:
    """The load: every key listens to all feeds, at a distinct position."""
    job = {"clients": KEYS, "keys": KEYS, "subprotocol": JSON, "hubs": hubs_of(feeds), "seconds": SECONDS}
    return job | {"times": times_of(root, feeds[0], APART)}


def due(feeds: list[Feed]) -> float:
    """Messages that all of them are to get."""
    return KEYS * len(feeds) * SECONDS * 1000 / INTERVAL_MS


def alone(root: Path, feeds: list[Feed]) -> Counted:
    """What it costs."""
    with gexfaker(root, ws_stream_interval=f"{INTERVAL_MS}ms", cache_mode="rotation") as (process, url):
        counted = loaded(process, "bench.load", streams(root, feeds) | {"target": url})
    return counted | {"delivered": counted["frames"] / due(feeds), "cores": counted["cpu"] / SECONDS}


def beside(root: Path, feeds: list[Feed]) -> tuple[Counted, Counted]:
    """The same while some ask by REST, with a look at the event loop."""
    job = streams(root, feeds)
    with gexfaker(root, "bench.watched", ws_stream_interval=f"{INTERVAL_MS}ms", cache_mode="rotation") as (
        process,
        url,
    ):
        load = Load("bench.load", job | {"target": url})
        asking = Load("bench.requests", ASKING | {"target": url, "warm": 0.0})
        counted, asked = watched(process, SECONDS, load, asking)
    return counted | {"delivered": counted["frames"] / due(feeds)}, asked


def live(root: Path) -> Counted:
    """One key listens to 900 groups, a record a second of each, all encoded as they are sent."""
    job = {"clients": 1, "keys": 1, "subprotocol": JSON, "hubs": hubs_of(LIVE_FEEDS), "seconds": SECONDS}
    playing = {"ws_stream_interval": "1s", "cache_mode": "rotation"}
    with gexfaker(root, "bench.watched", **playing, queue_messages=10_000) as (process, url):
        [counted] = watched(process, SECONDS, Load("bench.load", job | {"target": url}))
    return counted | {"delivered": counted["frames"] / (len(LIVE_FEEDS) * SECONDS)}


def measure(report: Report, root: Path, progress: Progress) -> None:
    """Prepared and not, on one socket a key and on five; then one key with everything."""
    days = {"one hub": (root / "one", ONE_HUB), "five hubs": (root / "five", FIVE_HUBS)}
    task = progress.add_task("distinct positions", total=len(days) * (1 + 2 * REPEATS) + REPEATS)
    for name, (folder, feeds) in days.items():
        write_day(folder, feeds, RECORDS)
        for number in range(1 + REPEATS):
            title = f"200 keys x 15 groups, {name}, {'prepared' if number else 'not prepared'}"
            if number == 1:
                prepare(folder)
            if number:
                report.note_all(title, alone(folder, feeds), "delivered", "cores", "rss_mb")
                progress.advance(task)
            counted, asked = beside(folder, feeds)
            report.note_all(f"{title}, REST beside it", counted, "delivered", "cores", "block_ms")
            report.note(f"{title}, REST beside it, p99 ms", asked["p99_ms"])
            progress.advance(task)
    write_day(root / "live", LIVE_FEEDS, LIVE_RECORDS)
    for _ in range(REPEATS):
        report.note_all("900 groups a second, live", live(root / "live"), "delivered", "cores", "block_ms")
        progress.advance(task)

"""Very many keys: each with a clock at a phase of its own and one group; and what keys cost whose turn is later."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Final

from rich.progress import Progress

from bench.days import feeds_of, hubs_of, prepare, write_day
from bench.positions import watched
from bench.processes import Counted, Load, gexfaker
from bench.report import Report
from gexfaker.catalog import Feed
from gexfaker.playback.actions import Pause
from gexfaker.server.service import Service
from gexfaker.settings import load
from gexfaker.wire.subprotocols import SUBPROTOCOLS
from gexfaker.wire.tokens import Grant
from gexfaker.worlds.change import change

MOST_KEYS: Final = 20_000
SPARE_DESCRIPTORS: Final = 200
"""What server and load have open beside the connections."""

RECORDS: Final = 600
"""More than pass while all connect; the day begins again otherwise."""

SECONDS: Final = 6.0
REPEATS: Final = 2
WAKE_UPS: Final = 1000
NOW: Final = 1_795_600_000.0
JSON: Final = "json.webpubsub.azure.v1"
FEED: Final = Feed("SPX", "orderflow", "orderflow")


def keys_here() -> int:
    """How many connections a process of this machine may have open, at most MOST_KEYS."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MOST_KEYS, soft - SPARE_DESCRIPTORS)


def streams(root: Path, keys: int) -> Counted:
    """Every key listens at speed 1; its clock starts when it connects, so its seconds begin at a time of their own."""
    job = {"clients": keys, "keys": keys, "subprotocol": JSON, "hubs": hubs_of([FEED]), "seconds": SECONDS}
    with gexfaker(root, "bench.watched", cache_mode="rotation") as (process, url):
        [counted] = watched(process, SECONDS, Load("bench.load", job | {"target": url}))
    return counted | {"delivered": counted["frames"] / (keys * SECONDS)}


def idle(root: Path) -> float:
    """Microseconds of a wake-up at which nothing is due, while MOST_KEYS keys listen and are paused."""
    service = Service(load({"DATA_DIR": str(root)}, {}), lambda: NOW)
    hub, streamer = service.hubs["orderflow"], service.streamer
    for number in range(MOST_KEYS):
        world = service.worlds.get(f"key-{number}")
        hub.connect(Grant(world.id, (), (f"blue_{FEED.group}",)), SUBPROTOCOLS[JSON])
        change(world, Pause(), NOW)
    while streamer.next_turn(NOW) is not None:  # all are heard of once
        streamer.begin(NOW)
        while streamer.advance():
            streamer.drain()
    began = time.perf_counter()
    for number in range(WAKE_UPS):
        streamer.begin(NOW + number)
        streamer.advance()
        streamer.drain()
        streamer.next_turn(NOW + number)
    took = (time.perf_counter() - began) / WAKE_UPS * 1e6
    service.close()
    return took


def measure(report: Report, root: Path, progress: Progress) -> None:
    """As many as the machine allows, fewer as well, and those that wait."""
    write_day(root, feeds_of(["SPX"], ["orderflow"]), RECORDS)
    prepare(root)
    counts = sorted({keys_here() // 4, keys_here() // 2, keys_here()})
    task = progress.add_task("many keys", total=REPEATS * (len(counts) + 1))
    for _ in range(REPEATS):
        for keys in counts:
            title = f"{keys:,} keys x 1 group at phases of their own, prepared"
            report.note_all(title, streams(root, keys), "delivered", "cores", "block_ms", "rss_mb")
            progress.advance(task)
        report.note(f"a wake-up beside {MOST_KEYS:,} idle keys, us", idle(root))
        progress.advance(task)

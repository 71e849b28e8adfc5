"""Several servers as one: what being in a cluster costs, how it grows with workers, and what the engine is asked."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rich.progress import Progress

from bench.days import CLASSIC, TICKERS, hubs_of, prepare, write_day
from bench.processes import Counted, Load, Process, cpu_seconds, gexfaker
from bench.report import Report
from gexfaker.catalog import Feed

CLIENTS: Final = 800
KEYS: Final = 8
SECONDS, SETTLE = 5.0, 3.0
REPEATS: Final = 3
RECORDS: Final = 2_000
ACTIONS: Final = 1_000
JSON: Final = "json.webpubsub.azure.v1"
FEEDS: Final = [Feed(ticker, "classic", category) for ticker in TICKERS for category in CLASSIC]
SPEED: Final = 5


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def serving(process: Process) -> list[int]:
    """Those that serve: the process itself, or its workers."""
    workers = [pid for pid in children_of(process.pid) if b"--listen-fds" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return workers or [process.pid]


@contextmanager
def servers(root: Path, workers: int) -> Iterator[tuple[Process, str]]:
    """A server alone (0), or so many workers of a cluster."""
    settings: dict[str, str | int] = {"speed": SPEED}
    if workers:
        settings["workers"] = workers
    with gexfaker(root, "gexfaker", **settings) as (process, url):
        yield process, url


def fan_out(root: Path, workers: int) -> Counted:
    """Microseconds of CPU a message of all that serve."""
    job = {"clients": CLIENTS, "keys": KEYS, "seconds": SECONDS, "settle": SETTLE, "subprotocol": JSON}
    with servers(root, workers) as (process, url):
        load = Load("bench.load", job | {"target": url, "hubs": hubs_of(FEEDS)})
        pids = serving(process)
        for core, pid in enumerate(pids):
            on_core(pid, core)
        before = [cpu_seconds(pid) for pid in pids]
        counted = load.counted()
        spent = [cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True)]
        load.go()
    return {"us": sum(spent) / counted["frames"] * 1e6}


def fan_out_apart(root: Path) -> float:
    """The same with two servers that know nothing of each other, each with half of the clients."""
    job = {"clients": CLIENTS // 2, "keys": KEYS, "seconds": SECONDS, "settle": SETTLE, "subprotocol": JSON}
    with servers(root, 0) as (one, one_url), servers(root, 0) as (other, other_url):
        on_core(other.pid, 1)
        hubs = hubs_of(FEEDS)
        loads = [Load("bench.load", job | {"target": url, "hubs": hubs}) for url in (one_url, other_url)]
        before = cpu_seconds(one.pid) + cpu_seconds(other.pid)
        frames = sum(load.counted()["frames"] for load in loads)
        spent = cpu_seconds(one.pid) + cpu_seconds(other.pid) - before
        for load in loads:
            load.go()
    return spent / frames * 1e6


def on_core(pid: int, core: int) -> None:
    """Hold a process on a core."""
    cores = sorted(os.sched_getaffinity(0))
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {cores[core % len(cores)]})


def engine_path(process: Process) -> str:
    """The socket of the engine that workers have of their own."""
    for pid in children_of(process.pid):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"--unixsocket" in words:
            return words[words.index(b"--unixsocket") + 1].decode()
        if words and b"unixsocket:" in words[0]:  # Redis rewrites its command line
            return words[0].partition(b"unixsocket:")[2].decode()
    raise LookupError("no engine")


def engine_traffic(root: Path) -> float:
    """Bytes a second for each key that is listened to, in and out of the engine, while nobody changes anything."""
    from redis import Redis

    job = {"clients": KEYS, "keys": KEYS, "seconds": SECONDS, "settle": SETTLE, "subprotocol": JSON}
    with servers(root, 2) as (process, url), Redis(unix_socket_path=engine_path(process)) as engine:
        load = Load("bench.load", job | {"target": url, "hubs": hubs_of(FEEDS)})
        before = _bytes(engine.info("stats"))
        load.counted()
        moved = _bytes(engine.info("stats")) - before
        load.go()
    return moved / SECONDS / KEYS


def _bytes(stats: object) -> int:
    assert isinstance(stats, dict)
    return int(stats["total_net_input_bytes"]) + int(stats["total_net_output_bytes"])


def action_times(root: Path, workers: int) -> list[float]:
    """Milliseconds of each of many control actions, one after the other on one connection."""
    with servers(root, workers) as (process, url):
        for core, pid in enumerate(serving(process)):
            on_core(pid, core)
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        took = []
        for number in range(ACTIONS):
            began = time.perf_counter()
            body = json.dumps({"speed": 1 + number % 2})
            connection.request("POST", "/_gexfaker/sessions/by-key/speed?key=bench", body)
            response = connection.getresponse()
            response.read()
            took.append((time.perf_counter() - began) * 1000)
            assert response.status == 200
        connection.close()
    return sorted(took)


def measure(report: Report, root: Path, progress: Progress) -> None:
    """Alone, one worker and two, one after the other, repeat by repeat."""
    write_day(root, FEEDS, RECORDS)
    prepare(root)
    task = progress.add_task("cluster", total=REPEATS * 4 + 3)
    for _ in range(REPEATS):
        costs = []
        for workers, name in ((0, "a server alone"), (1, "a worker of a cluster"), (2, "two workers")):
            costs.append(fan_out(root, workers)["us"])
            report.note(f"cluster: {name}, us of CPU a message", costs[-1])
            progress.advance(task)
        apart = fan_out_apart(root)
        report.note("cluster: two servers apart, us of CPU a message", apart)
        # With two cores the load takes part of both, and two servers of any kind cost more each. So two workers are
        # compared with two servers that share nothing: what the cluster costs is the difference.
        report.note("cluster: two workers deliver so many times what one does", 2 * apart / costs[-1])
        progress.advance(task)
    report.note("cluster: engine traffic of an active key, bytes a second", engine_traffic(root))
    progress.advance(task)
    for workers, name in ((0, "alone"), (2, "two workers")):
        took = action_times(root, workers)
        report.note(f"cluster: control action, {name}, ms (median)", took[len(took) // 2])
        report.note(f"cluster: control action, {name}, ms (99 %)", took[len(took) * 99 // 100])
        progress.advance(task)

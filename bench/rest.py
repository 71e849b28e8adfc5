"""REST: one data route against the same route as a plain FastAPI handler; and while the feed has its load."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.progress import Progress

from bench import fanout
from bench.days import DATE, hubs_of, write_day
from bench.processes import Counted, Load, gexfaker, loaded, server
from bench.report import Report
from gexfaker.catalog import Feed

PATH: Final = "/v2/SPX/classic/gex_zero"
CONNECTIONS: Final = (1, 16, 64)
SECONDS: Final = 3.0
REPEATS: Final = 3


def job(connections: int) -> dict[str, object]:
    """As many connections as asked, one request after the other on each."""
    return {"paths": [PATH], "connections": connections, "seconds": SECONDS}


def ours(root: Path, connections: int) -> Counted:
    """gexfaker's."""
    with gexfaker(root) as (process, url):
        return loaded(process, "bench.requests", job(connections) | {"target": url})


def fastapi(root: Path, connections: int) -> Counted:
    """The plain handler's, on the record of the same file."""
    file = root / DATE / "SPX" / "classic" / "gex_zero.jsonl"
    with server("bench.plain", "fastapi", str(file)) as (process, port):
        return loaded(process, "bench.requests", job(connections) | {"target": f"http://127.0.0.1:{port}"})


def mixed(root: Path) -> Counted:
    """gexfaker's, while 500 clients get 60 groups a second."""
    streams = {"clients": fanout.CLIENTS, "keys": 1, "seconds": SECONDS, "subprotocol": fanout.JSON}
    with gexfaker(root, ws_stream_interval="1s", cache_mode="rotation") as (_, url):
        load = Load("bench.load", streams | {"target": url, "hubs": hubs_of(fanout.FEEDS)})
        asking = Load("bench.requests", job(16) | {"target": url, "pause": 0.01})
        counted = asking.counted()
        for each in (asking, load):
            each.go()
    return counted


def measure(report: Report, root: Path, progress: Progress) -> None:
    """At one, sixteen and sixty-four connections."""
    write_day(root, [Feed("SPX", "classic", "gex_zero")], 10)
    task = progress.add_task("REST", total=REPEATS * len(CONNECTIONS) + 1)
    for _ in range(REPEATS):
        for connections in CONNECTIONS:
            name = f"REST, {connections} connections"
            counted, other = ours(root, connections), fastapi(root, connections)
            report.note(f"{name}, requests a second", counted["rate"])
            report.note(f"{name}, p99 ms", counted["p99_ms"])
            report.note(f"{name}, times the plain FastAPI handler", counted["rate"] / other["rate"])
            progress.advance(task)
    write_day(root / "mixed", fanout.FEEDS, fanout.RECORDS)
    report.note("REST while 500 clients x 60 groups, p99 ms", mixed(root / "mixed")["p99_ms"])
    progress.advance(task)

"""Many clients in the same groups: against the raw limit, and against the plain ways."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.progress import Progress

from bench.days import CLASSIC, TICKERS, hubs_of, prepare, write_day
from bench.processes import Counted, gexfaker, loaded, server
from bench.report import Report
from gexfaker.catalog import Feed

CLIENTS: Final = 500
FEEDS: Final = [Feed(ticker, "classic", category) for ticker in TICKERS for category in CLASSIC]
RECORDS: Final = 100
"""More than the server keeps encoded, so that each tick's records are new to it."""

SECONDS, SETTLE = 4.0, 2.5
REPEATS: Final = 3
JSON, RELIABLE = "json.webpubsub.azure.v1", "json.reliable.webpubsub.azure.v1"
OTHERS: Final = {
    "protobuf": "protobuf.webpubsub.azure.v1",
    "reliable protobuf": "protobuf.reliable.webpubsub.azure.v1",
    "no subprotocol": "",
}


def run(root: Path, subprotocol: str, keys: int = 1) -> Counted:
    """A fresh server under the load, with the CPU time of a message."""
    job = {"clients": CLIENTS, "keys": keys, "seconds": SECONDS, "settle": SETTLE, "subprotocol": subprotocol}
    with gexfaker(root, ws_stream_interval="1s", cache_mode="rotation") as (process, url):
        return per_message(loaded(process, "bench.load", job | {"target": url, "hubs": hubs_of(FEEDS)}))


def bare(way: str, size: int) -> Counted:
    """The same bytes to as many sockets: by the bare transport, or in a plain way."""
    arguments = ("bench.raw",) if way == "raw" else ("bench.plain", way)
    with server(*arguments, str(len(FEEDS)), str(size), "1.0") as (process, port):
        target = f"raw:{port}" if way == "raw" else f"ws://127.0.0.1:{port}/"
        job = {"target": target, "clients": CLIENTS, "seconds": SECONDS, "settle": SETTLE}
        return per_message(loaded(process, "bench.load", job))


def per_message(counted: Counted) -> Counted:
    """With the CPU time of a message, and how large one is."""
    return counted | {
        "us": counted["cpu"] / counted["frames"] * 1e6,
        "size": counted["bytes"] / counted["frames"],
        "delivered": counted["frames"] / (CLIENTS * len(FEEDS) * SECONDS),
    }


def measure(report: Report, root: Path, progress: Progress) -> None:
    """Everything that is compared is measured one after the other, repeat by repeat."""
    write_day(root, FEEDS, RECORDS)
    task = progress.add_task("fan-out", total=REPEATS * 4 + len(OTHERS) + 3)

    def note(name: str, counted: Counted) -> Counted:
        report.note(f"{name}, us of CPU a message", counted["us"])
        progress.advance(task)
        return counted

    for _ in range(1):
        note("plain JSON, encoded as it is sent", run(root, JSON))
    prepare(root)
    for _ in range(REPEATS):
        plain = note("plain JSON", run(root, JSON))
        raw = note("raw limit", bare("raw", int(plain["size"]) - 4))
        reliable = note("reliable JSON", run(root, RELIABLE))
        starlette = note("Starlette, a send_text a message", bare("starlette", int(plain["size"]) - 4))
        report.note("plain JSON / raw limit", plain["us"] / raw["us"])
        report.note("Starlette / plain JSON", starlette["us"] / plain["us"])
        report.note("reliable JSON / plain JSON", reliable["us"] / plain["us"])
        report.note("messages delivered of those due", plain["delivered"])
        report.note("memory under that load, MB", plain["rss_mb"])
    note("websockets.broadcast", bare("broadcast", int(plain["size"]) - 4))
    note("plain JSON, 50 keys", run(root, JSON, keys=50))
    for name, subprotocol in OTHERS.items():
        note(name, run(root, subprotocol))

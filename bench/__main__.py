"""`make bench`: fan-out against the raw limit and the plain ways, REST, start-up, memory, encoding. Linux only.

Ratios carry over to other machines, microseconds do not. Everything is compared within one run.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from timeit import timeit

from bench.processes import gexfaker, loaded, rss_mb, server

CLIENTS, SECONDS, REPEATS = 500, 6.0, 3
TICKERS = "SPX NDX RUT VIX SPY QQQ IWM AAPL MSFT NVDA AMZN META TSLA GOOGL AMD GLD TLT NFLX AVGO PLTR".split()
GROUPS = [f"blue_{ticker}_classic_{category}" for ticker in TICKERS for category in ("gex_full", "gex_zero", "gex_one")]
PLAIN, RELIABLE = "json.webpubsub.azure.v1", "json.reliable.webpubsub.azure.v1"
DATE, RECORDS = "2026-07-17", 3
PATH = "/v2/SPX/classic/gex_zero"
RESULTS = Path(__file__).parent / "results" / "latest.json"
Rows = dict[str, list[float]]


def write_day(root: Path) -> None:
    """The feeds of the benchmark as files, a few records each; they are played round and round."""
    from gexfaker.catalog import CATEGORIES, Feed
    from gexfaker.market.simulation import Market

    market = Market(DATE, 1)
    for ticker in TICKERS:
        for category in CATEGORIES["classic"]:
            file = root / DATE / ticker / "classic" / f"{category}.jsonl"
            file.parent.mkdir(parents=True, exist_ok=True)
            tape = market.tape(Feed(ticker, "classic", category))
            file.write_bytes(b"\n".join(tape.json(7000 + index) for index in range(RECORDS)) + b"\n")


def settings(data: Path) -> dict[str, str | int]:
    """Of the servers under load."""
    return {"data_dir": str(data), "ws_stream_interval": "1s", "cache_mode": "rotation", "queue_messages": 100_000}


def fan_out(data: Path, subprotocol: str, keys: int = 1) -> dict[str, float]:
    """A fresh server under the load."""
    job = {"clients": CLIENTS, "keys": keys, "seconds": SECONDS, "subprotocol": subprotocol, "hub": "classic"}
    with gexfaker(**settings(data)) as (process, url):
        return per_message(loaded(process, "bench.load", job | {"target": url, "groups": GROUPS}))


def per_message(run: dict[str, float]) -> dict[str, float]:
    """With the CPU time of a message, and how large one is."""
    return run | {"us": run["cpu"] / run["frames"] * 1e6, "size": run["bytes"] / run["frames"]}


def bare(way: str, size: int) -> dict[str, float]:
    """The same bytes to as many sockets: by the bare transport, or in a plain way."""
    module = ("bench.raw",) if way == "raw" else ("bench.plain", way)
    with server(*module, str(len(GROUPS)), str(size), "1.0") as (process, port):
        target = f"raw:{port}" if way == "raw" else f"ws://127.0.0.1:{port}/"
        job = {"target": target, "clients": CLIENTS, "seconds": SECONDS}
        return per_message(loaded(process, "bench.load", job))


def rest(data: Path, connections: int) -> dict[str, float]:
    """Requests a second of one data route."""
    job = {"path": PATH, "connections": connections, "seconds": 3.0}
    with gexfaker(data_dir=str(data)) as (process, url):
        return loaded(process, "bench.requests", job | {"target": url})


def plain_rest(data: Path, connections: int) -> dict[str, float]:
    """The same by a plain handler."""
    job = {"path": PATH, "connections": connections, "seconds": 3.0}
    with server("bench.plain", "rest", str(data / DATE / "SPX" / "classic" / "gex_zero.jsonl")) as (process, port):
        return loaded(process, "bench.requests", job | {"target": f"http://127.0.0.1:{port}"})


def start_up() -> tuple[float, float]:
    """(milliseconds from the command to the ready line, MB when idle)."""
    began = time.perf_counter()
    with gexfaker() as (process, _):
        took = (time.perf_counter() - began) * 1000
        time.sleep(0.5)
        return took, rss_mb(process.pid)


def encoding() -> Iterator[tuple[str, float]]:
    """(category, microseconds to make one payload from its JSON) of SPX."""
    from gexfaker.catalog import CATEGORIES, Feed
    from gexfaker.market.simulation import Market
    from gexfaker.wire import payload
    from gexfaker.wire.feeds import format_of

    market = Market(DATE, 1)
    for package, categories in CATEGORIES.items():
        for category in categories:
            feed = Feed("SPX", package, category)
            record, form = market.tape(feed).json(12_000), format_of(feed)
            pack: Callable[[], bytes] = lambda f=form, r=record: payload.pack(f.type_url, f.encode(r).message)  # type: ignore[misc]  # noqa: E731
            yield f"encode {package}/{category}, us", timeit(pack, number=500) / 500 * 1e6


def random_access(data: Path) -> float:
    """Microseconds to read a record anywhere in a file."""
    from gexfaker.catalog import Feed
    from gexfaker.tapes.folder import DataFolder

    tape = DataFolder(data).open(DATE, Feed("SPX", "classic", "gex_full"))
    order = [index * 17 % RECORDS for index in range(RECORDS)]
    return timeit(lambda: [tape.json(index) for index in order], number=100) / 100 / RECORDS * 1e6


def measure(data: Path) -> Rows:
    """Everything, repeat by repeat, so that what is compared was measured at the same time."""
    from rich.progress import track

    rows: Rows = {}

    def note(name: str, value: float) -> None:
        rows.setdefault(name, []).append(value)

    for _ in track(range(REPEATS), description="fan-out"):
        plain, reliable, many = fan_out(data, PLAIN), fan_out(data, RELIABLE), fan_out(data, PLAIN, keys=50)
        raw, starlette = bare("raw", int(plain["size"]) - 4), bare("starlette", int(plain["size"]) - 4)
        for name, run in (("plain", plain), ("reliable", reliable), ("50 keys", many), ("raw", raw)):
            note(f"{name}, us CPU a message", run["us"])
        note("starlette, us CPU a message", starlette["us"])
        note("plain / raw", plain["us"] / raw["us"])
        note("50 keys / raw", many["us"] / raw["us"])
        note("starlette / plain", starlette["us"] / plain["us"])
        note("reliable / plain", reliable["us"] / plain["us"])
        note("messages delivered of those due", plain["frames"] / (CLIENTS * len(GROUPS) * SECONDS))
        note("memory under that load, MB", plain["rss_mb"])
    for _ in track(range(REPEATS), description="REST"):
        for connections in (1, 16, 64):
            run, other = rest(data, connections), plain_rest(data, connections)
            note(f"REST, {connections} connections, requests a second", run["requests"] / 3)
            note(f"REST, {connections} connections, p99 ms", run["p99_ms"])
            note(f"REST, {connections} connections, times the plain handler", run["requests"] / other["requests"])
    for _ in track(range(5), description="start-up"):
        took, idle = start_up()
        note("start-up, ms", took)
        note("idle memory, MB", idle)
    for _ in range(REPEATS):
        note("random access, us", random_access(data))
        for name, value in encoding():
            note(name, value)
    return rows


def main() -> None:
    """Run everything, print the table, keep the JSON."""
    with tempfile.TemporaryDirectory() as folder:
        write_day(Path(folder))
        rows = measure(Path(folder))
    print(f"\n{CLIENTS} clients x {len(GROUPS)} groups, every second; median, and the range over the repeats\n")
    for name, values in rows.items():
        print(f"  {name:52}{statistics.median(values):10.2f}   {min(values):.2f} .. {max(values):.2f}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=1))
    print(f"\n  as JSON: {RESULTS}")


if __name__ == "__main__":
    main()

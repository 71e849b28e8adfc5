"""`make bench`: fan-out against the raw limit, start-up, encoding. Linux only (CPU times come from /proc)."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from timeit import timeit

CLIENTS, SECONDS, REPEATS, INTERVAL = 200, 5.0, 3, "100ms"
TICKERS = ("SPX", "NDX", "SPY", "QQQ", "ES_SPX", "NQ_NDX")
GROUPS = [f"blue_{ticker}_orderflow_orderflow" for ticker in TICKERS]
RESULTS = Path(__file__).parent / "results" / "latest.json"


def pinned(core: int) -> Callable[[], None]:
    """A start hook that keeps a process on one core, so that server and load do not share one."""
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[core % len(cores)]})


def start(*command: str) -> tuple[subprocess.Popen[str], str]:
    """A server process on core 0, and the first line it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=pinned(0),
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def loaded(process: subprocess.Popen[str], target: str, subprotocol: str) -> dict[str, float]:
    """CPU microseconds of ``process`` per frame that the load client received."""
    arguments = [target, str(CLIENTS), str(SECONDS), subprotocol, *GROUPS]
    load = subprocess.Popen(
        [sys.executable, "-m", "bench.load", *arguments], stdout=subprocess.PIPE, text=True, preexec_fn=pinned(1)
    )
    assert load.stdout is not None
    assert load.stdout.readline() == "counting\n"
    before = cpu_seconds(process.pid)
    counted = json.loads(load.stdout.readline())
    spent = cpu_seconds(process.pid) - before
    load.wait()
    return {
        "us_per_message": spent / counted["frames"] * 1e6,
        "messages_per_second": counted["frames"] / SECONDS,
        "bytes_per_message": counted["bytes"] / counted["frames"],
    }


def fan_out(subprotocol: str) -> dict[str, float]:
    """One run of a fresh server under load."""
    server, line = start("gexfaker", "serve", "--port", "0", "--ws-stream-interval", INTERVAL)
    try:
        result = loaded(server, line.rpartition(" ")[2], subprotocol)
        status = Path(f"/proc/{server.pid}/status").read_text()
        result["rss_mb"] = int(status.split("VmRSS:")[1].split()[0]) / 1024
    finally:
        server.terminate()
        server.wait()
    return result


def raw(size: int) -> dict[str, float]:
    """The same load on the bare transport."""
    server, port = start("bench.raw", str(len(GROUPS)), str(size), str(float(INTERVAL.removesuffix("ms")) / 1000))
    try:
        return loaded(server, f"raw:{port}", "")
    finally:
        server.kill()
        server.wait()


def start_up() -> float:
    """Milliseconds from the command to the ready line."""
    began = time.perf_counter()
    server, _ = start("gexfaker", "serve", "--port", "0")
    took = time.perf_counter() - began
    server.terminate()
    server.wait()
    return took * 1000


def encoding() -> float:
    """Microseconds to make one orderflow payload from its JSON."""
    from gexfaker.market.orderflow import SimulatedOrderflow
    from gexfaker.wire import payload
    from gexfaker.wire.orderflow import ORDERFLOW

    record = SimulatedOrderflow("SPX", "2026-07-17", 1).json(5000)
    return timeit(lambda: payload.pack(ORDERFLOW.type_url, ORDERFLOW.encode(record).message), number=5000) / 5000 * 1e6


def spread(values: list[float]) -> str:
    """The median, and the smallest and largest value."""
    return f"{statistics.median(values):8.2f}   {min(values):.2f} .. {max(values):.2f}"


def main() -> None:
    """Run everything, print the table, keep the JSON."""
    from rich.progress import track

    plain, reliable, bare = [], [], []
    for _ in track(range(REPEATS), description="fan-out"):
        plain.append(fan_out("json.webpubsub.azure.v1"))
        reliable.append(fan_out("json.reliable.webpubsub.azure.v1"))
        bare.append(raw(int(plain[-1]["bytes_per_message"]) - 4))
    rows = {
        "raw limit, us CPU a message": [run["us_per_message"] for run in bare],
        "plain JSON, us CPU a message": [run["us_per_message"] for run in plain],
        "reliable JSON, us CPU a message": [run["us_per_message"] for run in reliable],
        "plain / raw": [a["us_per_message"] / b["us_per_message"] for a, b in zip(plain, bare, strict=True)],
        "reliable / plain": [a["us_per_message"] / b["us_per_message"] for a, b in zip(reliable, plain, strict=True)],
        "plain JSON, messages a second": [run["messages_per_second"] for run in plain],
        "server memory under load, MB": [run["rss_mb"] for run in plain],
        "start-up, ms": [start_up() for _ in track(range(5), description="start-up")],
        "encode one record, us": [encoding() for _ in range(5)],
    }
    print(f"\n{CLIENTS} clients x {len(GROUPS)} groups, every {INTERVAL}; median, and the range over the repeats\n")
    for name, values in rows.items():
        print(f"  {name:34}{spread(values)}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=1))
    print(f"\n  as JSON: {RESULTS}")


if __name__ == "__main__":
    main()

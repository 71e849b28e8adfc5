"""How soon it answers, and what it takes when there is little to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

from rich.progress import Progress

from bench.days import write_day
from bench.processes import Load, cpu_seconds, gexfaker, rss_mb
from bench.report import Report
from gexfaker.catalog import Feed

STARTS: Final = 5
IDLE: Final = 2000
"""Connections that are open and in no group."""

SECONDS: Final = 4.0


def start(root: Path | None) -> tuple[float, float]:
    """(milliseconds from the command to the first record by REST, MB then), of a simulated day unless one is given."""
    began = time.perf_counter()
    with gexfaker(root) as (process, url):
        request = Request(f"{url}/v2/SPX/classic/gex_zero", headers={"Authorization": "Bearer bench"})  # noqa: S310
        with urlopen(request) as answer:  # noqa: S310
            answer.read()
        return (time.perf_counter() - began) * 1000, rss_mb(process.pid)


def idle(root: Path) -> tuple[float, float, float]:
    """(MB without clients, KiB for each idle connection, milliseconds of CPU a second with all of them)."""
    with gexfaker(root) as (process, url):
        time.sleep(1.0)
        before = rss_mb(process.pid)
        job = {"clients": IDLE, "keys": 1, "subprotocol": "json.webpubsub.azure.v1", "hubs": {"classic": []}}
        load = Load("bench.load", job | {"target": url, "seconds": SECONDS})
        spent = cpu_seconds(process.pid)
        each = (rss_mb(process.pid) - before) * 1024 / IDLE
        load.counted()
        load.go()
        return before, each, (cpu_seconds(process.pid) - spent) / SECONDS * 1000


TEST: Final = """
import pytest
import urllib.request

@pytest.mark.parametrize("number", range(12))
def test_it(gexfaker, number):
    request = urllib.request.Request(gexfaker.url + "/SPX/classic/zero", headers=gexfaker.headers)
    urllib.request.urlopen(request).read()
    gexfaker.set_faults({"type": "latency", "attributes": {"latency": 1}})
    gexfaker.verify({"type": "request", "exactly": 1})
"""
"""A client's test as docs/testing.md has it: a request, a fault, an expectation."""


def tests(root: Path) -> tuple[float, list[float]]:
    """(milliseconds that the first test with the pytest plug-in takes, that each further one takes).

    Without what comes after them: the last one's also stops the server.
    """
    root.mkdir(parents=True, exist_ok=True)
    (root / "test_it.py").write_text(TEST, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(root), "--durations=0", "-vv"]
    ran = subprocess.run([*command, str(root)], check=True, stdout=subprocess.PIPE, text=True)
    took: defaultdict[str, float] = defaultdict(float)
    for seconds, number in re.findall(r"^([0-9.]+)s (?:setup|call) +.*test_it\[(\d+)\]", ran.stdout, re.MULTILINE):
        took[number] += float(seconds) * 1000
    return took.pop("0"), [*took.values()]


def measure(report: Report, root: Path, progress: Progress) -> None:
    """Start-up of both kinds of day and of a client's tests, then idling."""
    write_day(root, [Feed("SPX", "classic", "gex_zero")], 10)
    task = progress.add_task("start-up and idling", total=STARTS + 1)
    for _ in range(STARTS):
        report.note("start to the first record, recorded day, ms", start(root)[0])
        report.note("start to the first record, simulated day, ms", start(None)[0])
        first, further = tests(root.parent / "tests")
        report.note("first test with the pytest plug-in, ms", first)
        report.note("slowest of eleven further tests, ms", max(further))
        progress.advance(task)
    memory, each, spent = idle(root)
    report.note("idle memory, MB", memory)
    report.note("an idle connection, KiB", each)
    report.note(f"CPU with {IDLE} idle connections, ms a second", spent)
    progress.advance(task)

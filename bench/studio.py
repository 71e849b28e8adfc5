"""The studio in a real browser: how soon it is there, and what a page that is open costs the server."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Final

from rich.progress import Progress

from bench.processes import cpu_seconds
from bench.report import Report
from support.browser import NAMES, SECONDS, browser
from support.server import running_process, wait_until

REPEATS: Final = 3
OPEN_SECONDS: Final = 15.0
PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
READY: Final = "performance.getEntriesByName('ready')[0]?.startTime ?? 0"


def measure(report: Report, _root: Path, progress: Progress) -> None:
    """A browser of its own each time, so that nothing is in its cache."""
    if not any(map(shutil.which, NAMES)):
        progress.console.print("studio: left out, as there is no chromium")
        return
    task = progress.add_task("studio", total=REPEATS)
    for _ in range(REPEATS):
        with running_process(tickers="SPX", data_date="2026-07-17", log_level="warning") as server, browser() as page:
            page.resize(1440, 1000)
            before = cpu_seconds(server.process.pid)
            page.open(f"{server.url}/studio#market?key=bench")
            wait_until(lambda: page.run(READY) > 0, SECONDS, "the studio to be ready")
            report.note("studio: first paint, ms", page.run(PAINT))
            report.note("studio: interactive, ms", page.run(READY))
            wait_until(lambda: page.run("document.querySelectorAll('.uplot').length") == 10, SECONDS, "the lines")
            time.sleep(5.0)
            opening, began = cpu_seconds(server.process.pid), time.monotonic()
            time.sleep(OPEN_SECONDS)
            used = (cpu_seconds(server.process.pid) - opening) / (time.monotonic() - began)
            report.note("studio: a page open, % of a core of the server", used * 100)
            report.note("studio: to open it, s of CPU of the server", opening - before)
        progress.advance(task)

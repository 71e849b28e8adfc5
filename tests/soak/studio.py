"""The studio left open: ``python -m tests.soak.studio [SECONDS [SPEED]]``, 1,800 s at a minute of the market a second.

The market screen of one key is open in Chromium while the day is played over and over. Memory of the page's scripts is
looked at after each collection of garbage, and frames are counted as the browser draws them.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Final

from support.browser import SECONDS, Page, browser
from support.server import Running, running_process, wait_until

DEFAULT_SECONDS: Final = 1800.0
DEFAULT_SPEED: Final = 60.0
SETTLE_SECONDS: Final = 20.0
"""Until the lines have their points, and what is made once is made."""

LOOK_SECONDS: Final = 10.0
MAX_GROWTH_MB: Final = 100.0
LEAST_FRAMES: Final = 30.0
"""Frames a second; the page is fluent then."""

FRAMES: Final = (
    "new Promise((told) => { let count = 0, began = performance.now(); const next = (now) => { count += 1; "
    "if (now - began < 2000) requestAnimationFrame(next); else told(count / (now - began) * 1000); }; "
    "requestAnimationFrame(next); })"
)


def look(page: Page) -> tuple[float, float]:
    """(memory of the scripts in MB, frames a second)."""
    return page.heap_mb(), float(page.run(FRAMES))


def open_studio(page: Page, server: Running, speed: float) -> None:
    """The market of a key, whose day goes by in minutes."""
    body = json.dumps({"key": "soak", "speed": speed}).encode()
    assert server.request("POST", "/_gexfaker/sessions", body)[0] == 201
    page.resize(1440, 1000)
    page.open(f"{server.url}/studio#market?key=soak")
    wait_until(lambda: page.run("document.querySelectorAll('.uplot').length") == 10, SECONDS, "the lines")


def run(seconds: float, speed: float = DEFAULT_SPEED) -> tuple[float, float]:
    """(growth of memory in MB, the fewest frames a second) in so many seconds."""
    with running_process(tickers="SPX", data_date="2026-07-17", cache_mode="rotation") as server, browser() as page:
        open_studio(page, server, speed)
        time.sleep(SETTLE_SECONDS)
        (first, fewest), most, until = look(page), 0.0, time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            memory, frames = look(page)
            most, fewest = max(most, memory - first), min(fewest, frames)
            print(f"{memory:6.1f} MB, {frames:4.0f} frames a second", flush=True)  # noqa: T201
        assert page.problems == []
        return most, fewest


def main() -> None:
    """Run, and say what came of it."""
    growth, frames = run(*(map(float, sys.argv[1:]) if len(sys.argv) > 1 else (DEFAULT_SECONDS,)))
    print(f"memory grew by {growth:.1f} MB at the most, {frames:.0f} frames a second at the least")  # noqa: T201
    assert growth < MAX_GROWTH_MB
    assert frames >= LEAST_FRAMES


if __name__ == "__main__":
    main()

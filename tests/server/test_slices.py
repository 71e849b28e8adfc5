"""Long work lets the event loop have its turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from gexfaker.server.slices import in_slices


def slow(count: int) -> Iterator[int]:
    for number in range(count):
        time.sleep(0.002)
        yield number


def test_the_loop_has_its_turn_between_items() -> None:
    async def run() -> tuple[list[int], float]:
        longest = 0.0

        async def watch() -> None:
            nonlocal longest
            before = time.monotonic()
            while True:
                await asyncio.sleep(0)
                now = time.monotonic()
                longest, before = max(longest, now - before), now

        watching = asyncio.create_task(watch())
        found = [number async for number in in_slices(slow(50))]
        watching.cancel()
        return found, longest

    found, longest = asyncio.run(run())
    assert found == list(range(50))
    assert longest < 0.05, "half of what it takes in one"

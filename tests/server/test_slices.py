"""Long work lets the event loop have its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest

from gexfaker.limits import MAX_LOOP_BLOCK_SECONDS
from gexfaker.server.slices import in_slices

ITEM_SECONDS = 0.002


class Clock:
    """Time that passes while an item is made, and at no other moment."""

    def __init__(self) -> None:
        self.now = 0.0

    def slow(self, count: int) -> Iterator[int]:
        for number in range(count):
            self.now += ITEM_SECONDS
            yield number


def test_the_loop_has_its_turn_between_items(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    turns = [0.0]

    async def watch() -> None:
        while True:
            turns.append(clock.now)
            await asyncio.sleep(0)

    async def run() -> list[int]:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock.now)
        watching = asyncio.create_task(watch())
        found = [number async for number in in_slices(clock.slow(50))]
        watching.cancel()
        return found

    assert asyncio.run(run()) == list(range(50))
    longest = max(later - earlier for earlier, later in pairwise([*turns, clock.now]))
    assert longest <= MAX_LOOP_BLOCK_SECONDS + 2 * ITEM_SECONDS

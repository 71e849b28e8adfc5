"""Long work lets the event loop have its turn."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from itertools import pairwise

import pytest

from gexfaker.limits import MAX_LOOP_BLOCK_SECONDS
from gexfaker.server.slices import _TURNS, in_slices

ITEM_SECONDS = 0.002


class Clock:
    """Time that passes while an item is made, and at no other moment."""

    def __init__(self) -> None:
        self.now = 0.0

    def slow(self, count: int) -> Iterator[int]:
        for number in range(count):
            self.now += ITEM_SECONDS
            yield number


@pytest.mark.parametrize("works", [1, 2, 50])
def test_all_long_work_together_takes_one_slice_of_a_round(works: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, turns = Clock(), [0.0]

    async def run() -> list[int]:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock.now)
        watching = asyncio.create_task(watch(clock, turns))
        found = await asyncio.gather(*(work(clock, 20) for _ in range(works)))
        watching.cancel()
        return found

    assert asyncio.run(run()) == [20] * works
    assert longest(turns) <= MAX_LOOP_BLOCK_SECONDS + ITEM_SECONDS


def test_what_is_short_does_not_wait_behind_all_that_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, ended = Clock(), dict[str, float]()

    async def one(name: str, items: int) -> None:
        await work(clock, items)
        ended[name] = clock.now

    async def run() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock.now)
        long = [asyncio.create_task(one(f"long {number}", 100)) for number in range(50)]
        while clock.now < 1:
            await asyncio.sleep(0)
        came = clock.now
        await one("short", 2)
        ended["short"] -= came
        await asyncio.gather(*long)

    asyncio.run(run())
    assert ended["short"] < 5 * MAX_LOOP_BLOCK_SECONDS
    assert ended["long 49"] > 50 * 90 * ITEM_SECONDS, "they were all under way at once"


def test_much_that_is_short_shares_the_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred keys that ask for a little at once do not take a round each."""
    clock, rounds = Clock(), 0

    async def count() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    async def run() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock.now)
        counting = asyncio.create_task(count())
        long = asyncio.create_task(work(clock, 1000))
        await asyncio.sleep(0)
        clock_before = clock.now
        await asyncio.gather(*(only(range(3)) for _ in range(200)))
        assert clock.now - clock_before < 10 * MAX_LOOP_BLOCK_SECONDS
        counting.cancel()
        long.cancel()

    asyncio.run(run())
    assert rounds < 20


async def only(items: range) -> int:
    return len([number async for number in in_slices(items)])


def test_a_loop_that_has_ended_is_not_kept() -> None:
    asyncio.run(only(range(3)))
    gc.collect()
    assert len(_TURNS) == 0


def test_what_is_long_ends_although_something_short_comes_always(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    async def shorts() -> None:
        while True:
            await work(clock, 3)

    async def run() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock.now)
        coming = [asyncio.create_task(shorts()) for _ in range(20)]
        await work(clock, 100)
        for task in coming:
            task.cancel()

    asyncio.run(run())
    assert clock.now < 2 * 21 * 100 * ITEM_SECONDS, "it has half of its share at least"


def test_work_that_is_given_up_while_it_waits_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    async def run() -> int:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock.now)
        others = [asyncio.create_task(work(clock, 100)) for _ in range(10)]
        while clock.now < 0.2:
            await asyncio.sleep(0)
        for task in others[::2]:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        return await work(clock, 20)

    assert asyncio.run(run()) == 20


def test_work_inside_of_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    async def run() -> int:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock.now)
        done = 0
        async for _ in in_slices(clock.slow(10)):
            done += await work(clock, 10)
        return done

    assert asyncio.run(run()) == 100


async def watch(clock: Clock, turns: list[float]) -> None:
    while True:
        turns.append(clock.now)
        await asyncio.sleep(0)


async def work(clock: Clock, items: int) -> int:
    return len([number async for number in in_slices(clock.slow(items))])


def longest(turns: list[float]) -> float:
    return max(later - earlier for earlier, later in pairwise(turns))


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

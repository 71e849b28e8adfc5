"""The alarm: sleeps end on time, or soon after a ring, however many there are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from typing import Any, cast

import pytest

from gexfaker.limits import NOTICE_SECONDS
from gexfaker.server.alarm import Alarm


class Jumping(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next timer instead of waiting for it."""

    now = 0.0

    def time(self) -> float:
        """Seconds since it began."""
        return self.now

    def _run_once(self) -> None:
        scheduled = cast("Any", self)._scheduled
        if not cast("Any", self)._ready and scheduled:
            self.now = max(self.now, scheduled[0].when())
        cast("Any", super())._run_once()


@pytest.fixture
def loop() -> Iterator[Jumping]:
    with contextlib.closing(Jumping()) as made:
        yield made


def run(loop: Jumping, job: Coroutine[Any, Any, None]) -> float:
    """The seconds that a job took."""
    began = loop.time()
    loop.run_until_complete(job)
    return loop.time() - began


def test_it_sleeps_as_long_as_it_is_told(loop: Jumping) -> None:
    assert run(loop, Alarm().sleep(5.0)) == pytest.approx(5.0)


@pytest.mark.parametrize("rings", [1, 1000])
def test_rings_wake_it_once_and_soon(loop: Jumping, rings: int) -> None:
    alarm = Alarm()

    async def job() -> None:
        for number in range(rings):
            loop.call_later(1.0 + number * NOTICE_SECONDS / rings / 2, alarm.ring)
        await alarm.sleep(60.0)
        assert loop.time() == pytest.approx(1.0 + NOTICE_SECONDS)
        await alarm.sleep(60.0)

    assert run(loop, job()) == pytest.approx(61.0 + NOTICE_SECONDS)


def test_a_ring_does_not_make_a_sleep_longer(loop: Jumping) -> None:
    alarm = Alarm()
    alarm.ring()
    assert run(loop, alarm.sleep(NOTICE_SECONDS / 4)) == pytest.approx(NOTICE_SECONDS / 4)


def test_a_ring_while_nobody_sleeps_shortens_the_next_sleep_only(loop: Jumping) -> None:
    alarm = Alarm()
    alarm.ring()
    assert run(loop, alarm.sleep(60.0)) == pytest.approx(NOTICE_SECONDS)
    assert run(loop, alarm.sleep(60.0)) == pytest.approx(60.0)


def test_a_sleep_that_is_given_up_leaves_nothing_behind(loop: Jumping) -> None:
    alarm = Alarm()

    async def job() -> None:
        task = asyncio.create_task(alarm.sleep(60.0))
        loop.call_later(1.0, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await alarm.sleep(10.0)

    assert run(loop, job()) == pytest.approx(11.0)

"""A standstill of the program is not a silence of the engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from gexfaker.errors import UnavailableError
from gexfaker.limits import ENGINE_SECONDS, ENGINE_SILENCE_LOOKS
from gexfaker.server.cluster.engine import Engine
from gexfaker.server.cluster.patience import LOOKS, patience
from support.cluster import Redis, running_redis

SECONDS = 0.2


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with running_redis() as made:
        yield made


def stand_still(seconds: float) -> None:
    """What a machine that sleeps does to a program."""
    time.sleep(seconds)


async def answer_after(standstill: float, later: float) -> str:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()
    async with patience(SECONDS):
        loop.call_soon(stand_still, standstill)
        await asyncio.sleep(0)
        loop.call_later(later, answer.set_result, "here")
        return await answer


@pytest.mark.parametrize("standstill", [0, SECONDS * 0.9, SECONDS * 1.5, SECONDS * 4])
def test_a_standstill_of_any_length_leaves_time_for_the_answer(standstill: float) -> None:
    assert asyncio.run(answer_after(standstill, SECONDS / LOOKS)) == "here"


def test_a_wait_ends_when_the_loop_turned_for_so_long() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"no answer for 0\.2 s"):
        asyncio.run(answer_after(0, 60))
    assert time.monotonic() - began >= SECONDS


def test_a_timeout_of_the_operation_itself_stays_what_it_is() -> None:
    async def fail() -> None:
        async with patience(SECONDS):
            raise TimeoutError("the network says so")

    with pytest.raises(TimeoutError, match="the network says so"):
        asyncio.run(fail())


async def asked_across_a_standstill(redis: Redis) -> str:
    """What the engine answers when it and the server stood still together, as on a machine that slept."""
    engine = Engine(redis.url, "patience")
    await engine.agree("warm", "connected", 60)
    with redis.silent():
        asked = asyncio.ensure_future(engine.agree("story", "told", 60))
        await asyncio.sleep(0.05)
        stand_still(ENGINE_SECONDS * 1.5)
    try:
        return await asked
    finally:
        await engine.close()


def test_an_answer_that_comes_after_a_standstill_counts(redis: Redis) -> None:
    assert asyncio.run(asked_across_a_standstill(redis)) == "told"


async def heard_across_a_standstill(redis: Redis) -> bytes | None:
    engine = Engine(redis.url, "listening")
    async with engine.listening() as hear:
        await hear()
        stand_still(ENGINE_SECONDS * (ENGINE_SILENCE_LOOKS + 1))
        await engine.tell(b"news")
        heard = None
        while heard is None:
            heard = await hear()
    await engine.close()
    return heard


def test_a_server_that_stood_still_goes_on_listening(redis: Redis) -> None:
    assert asyncio.run(heard_across_a_standstill(redis)) == b"news"


async def ask_a_silent_engine(redis: Redis) -> None:
    engine = Engine(redis.url, "silent")
    try:
        with redis.silent():
            await engine.agree("story", "told", 60)
    finally:
        await engine.close()


def test_an_engine_that_is_silent_is_named(redis: Redis) -> None:
    with pytest.raises(UnavailableError, match="no answer for 1 s"):
        asyncio.run(ask_a_silent_engine(redis))

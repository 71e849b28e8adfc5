"""Waiting until what is due to a key has been sent, so that a question or a change right after a step finds it so."""

from __future__ import annotations

import asyncio
from typing import Final

from gexfaker.server.service import Service
from gexfaker.worlds.world import World

CATCH_UP_SECONDS: Final = 8.0
"""How long is waited at most: a step of a thousand seconds of three feeds takes one, and more where a client is waited
for. Whoever asks waits ten for an answer.
"""

LOOK_SECONDS: Final = 0.002
"""Between two looks: a turn of one record takes half of it."""


async def catch_up(service: Service, world: World) -> bool:
    """Let what is due to a key by now be sent; whether that was done in time."""
    loop, now = asyncio.get_running_loop(), service.clock()
    until = loop.time() + CATCH_UP_SECONDS
    while service.streamer.owes(world, now) and not service.silent and loop.time() < until:
        await asyncio.sleep(LOOK_SECONDS)
    return not service.streamer.owes(world, now)

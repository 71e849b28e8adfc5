"""The timer loop: it sleeps until something is due to a key, sends that, and looks after what has ended."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from gexfaker.limits import (
    MAX_IDLE_SECONDS,
    MAX_LOOP_BLOCK_SECONDS,
    REAP_INTERVAL_SECONDS,
    RETRY_SECONDS,
    STUMBLE_SECONDS,
)
from gexfaker.server.routes.newday import follow_date, follow_files
from gexfaker.server.service import Service

log: Final = logging.getLogger(__name__)

SHORTEST_SLEEP: Final = 0.001
"""Seconds to the next tick when its turn is not due yet. uvloop counts whole milliseconds: a shorter sleep is none, and
the loop would spin until the turn is due."""

PREPARED_SECONDS: Final = 0.02
"""Before a turn nothing is encoded ahead any more: what is left is encoded when it is due."""

FILES_SECONDS: Final = 2.0
"""Between two looks at the files of the days that are open: some 50 calls of the system for a day of five tickers."""

RENEWAL_SECONDS: Final = 10.0
"""To the next look after files had changed: a compressed day that is being written is unpacked anew each time."""

PARTS_AT_ONCE: Final = 64
"""Parts of turns in one slice at most. The event loop writes what they sent after the slice, some 50 us for each
socket, which the clock of the slice does not see."""


async def stream(service: Service) -> None:
    """Wake when something may be due, encoding in slices so that the loop is never held up."""
    while True:
        try:
            await _wait_and_send(service)
        except Exception:
            log.exception("a tick failed; the stream goes on")
            await asyncio.sleep(STUMBLE_SECONDS)


async def _wait_and_send(service: Service) -> None:
    if service.silent:
        service.streamer.rest()
        service.streamer.release(service.clock())
        await service.alarm.sleep(REAP_INTERVAL_SECONDS)
        return
    now = service.clock()
    at = service.streamer.next_turn(now)
    wait = MAX_IDLE_SECONDS if at is None else at - now
    await service.alarm.sleep(0.0 if wait <= 0 else min(max(wait, SHORTEST_SLEEP), MAX_IDLE_SECONDS))
    if await _tick(service):
        service.counts.lag.observe(max(service.clock() - (now if at is None else at), 0.0))
        await _prepare(service)


async def _prepare(service: Service) -> None:
    """Encode ahead, in slices with rests between them, until the next turn is near or something changes."""
    loop = asyncio.get_running_loop()
    until, began = service.streamer.next_turn(service.clock()), loop.time()
    for _ in service.streamer.prepare():
        if loop.time() - began > MAX_LOOP_BLOCK_SECONDS:
            await asyncio.sleep(SHORTEST_SLEEP)
            began = loop.time()
        if service.alarm.has_rung or (until is not None and service.clock() > until - PREPARED_SECONDS):
            return


async def _tick(service: Service) -> bool:
    """Send what is due, and what becomes due meanwhile, until the market closes; whether anything was sent."""
    streamer, loop = service.streamer, asyncio.get_running_loop()
    sent, began, parts = streamer.sent, loop.time(), 0
    streamer.begin(service.clock())
    while streamer.advance():
        parts += 1
        if parts == PARTS_AT_ONCE or loop.time() - began > MAX_LOOP_BLOCK_SECONDS:
            streamer.drain()
            await asyncio.sleep(0)
            if service.silent:
                return False
            streamer.begin(service.clock())
            began, parts = loop.time(), 0
    streamer.drain()
    return streamer.sent > sent


async def reap(service: Service) -> None:
    """Now and then: end connections whose clients did not come back, close days, try files again, keep positions."""
    loop = asyncio.get_running_loop()
    retried = loop.time()
    while True:
        await asyncio.sleep(REAP_INTERVAL_SECONDS)
        try:
            for hub in service.hubs.values():
                hub.expire(loop.time())
            await follow_date(service)
            service.days.sweep()
            if service.access is not None:
                service.clients.look_at(service.days, service.worlds.in_use())
            service.clients.access.flush()
            if loop.time() - retried > RETRY_SECONDS:
                retried = loop.time()
                service.worlds.retry()
            await service.state_file.keep(service.worlds, service.clock())
        except Exception:
            log.exception("looking after connections and days failed; it goes on")


async def watch_files(service: Service) -> None:
    """See when files of open days are others. By itself, as a disk that does not answer must hold up nothing else."""
    have_changed = False
    while True:
        await asyncio.sleep(RENEWAL_SECONDS if have_changed else FILES_SECONDS)
        try:
            have_changed = await follow_files(service)
        except Exception:
            log.exception("looking at the files of days failed; it goes on")

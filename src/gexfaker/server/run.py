"""Start, run, drain, stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

import uvicorn

from gexfaker.errors import SettingError
from gexfaker.limits import DRAIN_SECONDS, MAX_HEAD_BYTES, MAX_IDLE_SECONDS
from gexfaker.server.alarm import Alarm
from gexfaker.server.http.app import create_app
from gexfaker.server.http.controlguard import LOOPBACK
from gexfaker.server.service import Service
from gexfaker.server.stream import reap, stream
from gexfaker.server.transport.fastpath import FastPath
from gexfaker.server.transport.http import http_protocol
from gexfaker.settings import Settings

log: Final = logging.getLogger(__name__)


GARBAGE_THRESHOLDS: Final = (5_000, 10, 10)
"""When the collector runs. What the feed and its connections make is freed without it; each run holds up the loop."""


class Server(uvicorn.Server):
    """A uvicorn server that streams, and that drains on the first signal and dies on the second.

    Args:
        service: what to serve.
        announce: called once with the base URL when the first request can be answered.
    """

    def __init__(self, service: Service, announce: Callable[[str], None]) -> None:
        app = create_app(service)
        config = uvicorn.Config(
            app,
            http=http_protocol(service, FastPath(service)),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            timeout_graceful_shutdown=int(DRAIN_SECONDS),
        )
        # Config knows WebSocket classes of its own only; ours takes the upgrade before this is asked for.
        config.load()
        config.ws_protocol_class = asyncio.Protocol
        super().__init__(config)
        self.service: Final = service
        self._announce: Final = announce
        self._exit: Final = Alarm()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._background: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, start the feed, tell the world."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._background = [asyncio.create_task(job) for job in (stream(self.service), reap(self.service))]
        self.service.life.started = True
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._announce(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """No new sockets, queued frames flushed, 1001 to everybody, then the end of whoever stays."""
        self.service.life.draining = True
        for task in self._background:
            task.cancel()
        self.service.streamer.rest()  # before positions are kept: what was not sent is not past
        self.service.streamer.drain()
        self.service.state_file.save(self.service.worlds, self.service.clock())
        await super().shutdown(sockets)
        self.service.close()

    async def main_loop(self) -> None:
        """As uvicorn's, which looks ten times a second: until a signal comes, keep the Date header right."""
        while not await self.on_tick(0):
            await self._exit.sleep(MAX_IDLE_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: drain. Second: end at once."""
        if self.service.life.draining:
            os._exit(130)
        self.service.life.draining = True
        self.should_exit = True
        if self._loop is not None:  # from here nothing else would wake it
            self._loop.call_soon_threadsafe(self._exit.ring)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but a drained stop is a success: the signal is not raised again (exit code 0)."""
        signals = [signal.SIGINT, signal.SIGTERM]
        if sys.platform == "win32":
            signals.append(signal.SIGBREAK)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listening_socket(settings: Settings) -> socket.socket:
    """A bound socket for the settings' host and port. Raises SettingError when it cannot be had."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind)
    except (OSError, ValueError) as error:
        raise SettingError(
            "HOST", settings.host, settings.sources["HOST"], f"an address of this machine ({error})"
        ) from None
    try:
        if sys.platform != "win32":  # there it would let two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        accepted = f"a free port, such as --port 0 ({error.strerror or error})"
        raise SettingError("PORT", settings.port, settings.sources["PORT"], accepted) from None
    return bound


def run(settings: Settings, announce: Callable[[Service, str], None]) -> None:
    """Serve until a signal comes.

    Args:
        settings: how.
        announce: called once with the service and its base URL when it is ready.

    Raises:
        SettingError, DataError: the server cannot start as told.
    """
    service = Service(settings)
    bound = listening_socket(settings)
    server = Server(service, lambda url: announce(service, url))
    gc.freeze()  # what is there now stays: the collector need not look at it again
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    if settings.host not in LOOPBACK:
        log.warning("listening on %s: everybody who reaches this machine can use this server", settings.host)
    server.run(sockets=[bound])

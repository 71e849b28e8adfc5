"""A server as an object: it can be run by a command, as a task, or in a thread of another program.

It leaves the program around it alone: it sets no signal handlers, no logging and no garbage collection, and it ends
nothing but itself. The command ``gexfaker serve`` does that for its own process.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Final, Self

import uvicorn

from gexfaker.errors import SettingError
from gexfaker.limits import DRAIN_SECONDS, MAX_HEAD_BYTES, MAX_IDLE_SECONDS
from gexfaker.server.alarm import Alarm
from gexfaker.server.cluster.membership import introduced, join
from gexfaker.server.descriptors import connections_of, descriptor_limit
from gexfaker.server.http.app import create_app
from gexfaker.server.service import Service
from gexfaker.server.stream import reap, stream, watch_files
from gexfaker.server.transport.doors import Doors
from gexfaker.server.transport.fastpath import FastPath
from gexfaker.server.transport.http import http_protocol
from gexfaker.server.transport.listening import listening_sockets, multiplied
from gexfaker.settings import LOOPBACK, Settings

log: Final = logging.getLogger(__name__)

START_SECONDS: Final = 30.0
"""How long a thread or a task may take to start its server; opening a day takes a fraction of a second."""


class Server:
    """One server.

    Its sockets are bound when it is made, so that its address is known; it answers once it runs.

    Args:
        settings: how it is set up; port 0 takes a free one.
        clock: real time (epoch seconds), and what the feed sleeps by if it has ``call_later``; the system's by default.
        sockets: bound ones, to be used instead of the settings' host and port.

    Attributes:
        service: what it is made of.

    Raises:
        SettingError, DataError: it cannot start as told.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] | None = None,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self.service: Final = Service(introduced(settings), clock)
        join(self.service)
        self._sockets: Final = _bound(self.service, settings, sockets)
        host, port = self._sockets[0].getsockname()[:2]
        self.url: Final = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._uvicorn: Final = _Uvicorn(self.service)
        self._task: asyncio.Task[None] | None = None
        if settings.host not in LOOPBACK:
            control = "" if settings.control_token else "; gexfaker ctl and /_gexfaker are off without CONTROL_TOKEN"
            reach = "everybody who reaches this machine can use this server"
            log.warning("listening on %s: %s%s", settings.host, reach, control)

    async def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until ``stop`` is called; ``ready`` is called once the first request can be answered."""
        service, began = self.service, time.monotonic()

        def started() -> None:
            log.info(
                "started on %s, playing %s (%s)", self.url, service.day.date, service.day.origin, extra=_about("start")
            )
            if service.silent:
                log.warning("the market is closed: the feed is silent until %s (market-hours)", service.next_opening)
            ready()

        self._uvicorn.ready = started
        await self._uvicorn.serve(self._sockets)
        service.clients.access.end()
        seconds, sent = time.monotonic() - began, service.streamer.sent
        lasted = datetime.timedelta(seconds=round(seconds))
        log.info("stopped after %s, %s messages sent", lasted, f"{sent:,}", extra=_about("stop"))

    def stop(self) -> None:
        """End ``serve`` by draining: clients get what was queued for them. May be called from anywhere."""
        self._uvicorn.stop()

    @property
    def is_stopping(self) -> bool:
        """Whether nothing new is accepted any more."""
        return self.service.life.draining

    def loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop] | None:
        """Makes the event loop that serves fastest here; None is asyncio's own."""
        return self._uvicorn.config.get_loop_factory()

    # --- as a task ---------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Serve beside what the program does; return once the first request can be answered."""
        started = asyncio.Event()
        self._task = asyncio.create_task(self.serve(started.set))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait((self._task, waiting), timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            await self._task
        elif not started.is_set():
            self.stop()
            raise TimeoutError(f"{self.url} does not answer after {START_SECONDS:g} s")
        return self

    async def __aexit__(self, _type: type[BaseException] | None, _e: object, _t: TracebackType | None) -> None:
        """Stop, and return once everything has ended."""
        self.stop()
        if self._task is not None:
            await self._task

    # --- in a thread -------------------------------------------------------------------------

    @contextlib.contextmanager
    def in_thread(self) -> Iterator[Server]:
        """Serve in a thread of its own while the context lasts; it is entered when requests can be answered."""
        started, failures = threading.Event(), list[BaseException]()

        def run() -> None:
            try:
                with asyncio.Runner(loop_factory=self.loop_factory()) as runner:
                    runner.run(self.serve(started.set))
            except BaseException as failure:
                failures.append(failure)
            finally:
                started.set()

        thread = threading.Thread(target=run, name=f"gexfaker {self.url}", daemon=True)
        thread.start()
        try:
            if not started.wait(START_SECONDS):
                raise TimeoutError(f"{self.url} does not answer after {START_SECONDS:g} s")
            if not failures:
                yield self
        finally:
            self.stop()
            thread.join(START_SECONDS)
        if failures:
            raise failures[0]


class _Uvicorn(uvicorn.Server):
    """uvicorn's server with our feed beside it."""

    def __init__(self, service: Service) -> None:
        doors = Doors(connections_of(descriptor_limit()))
        app = create_app(service)
        app.state.doors = doors
        config = uvicorn.Config(
            app,
            http=http_protocol(service, FastPath(service), doors),
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
        self.ready: Callable[[], None] = lambda: None
        self._service: Final = service
        self._exit: Final = Alarm()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._background: list[asyncio.Task[None]] = []
        self._listeners: list[socket.socket] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, start the feed, say so."""
        self._loop = asyncio.get_running_loop()
        self._listeners = [one for bound in sockets or () for one in multiplied(bound, self._loop)]
        if self._service.cluster is not None:
            await self._service.cluster.start()
        await super().startup(self._listeners)
        jobs = (stream(self._service), reap(self._service), watch_files(self._service))
        self._background = [asyncio.create_task(job) for job in jobs]
        self._service.life.started = True
        self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """No new sockets, queued frames flushed, 1001 to everybody, then the end of whoever stays."""
        service = self._service
        service.life.draining = True
        for server in self.servers:  # a proxy goes on to the next server of a cluster at once
            server.close()
        for task in self._background:
            task.cancel()
        service.streamer.rest()  # before positions are kept: what was not sent is not past
        service.streamer.drain()
        service.state_file.save(service.worlds, service.clock())
        if service.cluster is not None:
            await service.cluster.hand_over()
        await super().shutdown(self._listeners)
        if service.cluster is not None:
            await service.cluster.stop()
        service.close()

    async def main_loop(self) -> None:
        """As uvicorn's, which looks ten times a second: until it is to stop, keep the Date header right."""
        while not await self.on_tick(0):
            await self._exit.sleep(MAX_IDLE_SECONDS)

    def stop(self) -> None:
        """Drain, from any thread or signal handler."""
        self._service.life.draining = True
        self.should_exit = True
        if self._loop is not None and not self._loop.is_closed():  # from here nothing else would wake it
            with contextlib.suppress(RuntimeError):  # it was closed just now
                self._loop.call_soon_threadsafe(self._exit.ring)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for the program around the server."""
        yield


def _bound(service: Service, settings: Settings, given: Sequence[socket.socket]) -> list[socket.socket]:
    """The server's sockets; without any the service is closed again."""
    try:
        return list(given) or listening_sockets(settings)
    except SettingError:
        service.close()
        raise


def _about(event: str) -> dict[str, dict[str, str]]:
    """What a line of the JSON log is about."""
    return {"fields": {"event": event}}

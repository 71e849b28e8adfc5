"""Large bodies: made in a thread as fast as the client takes them, and given up at once when it goes.

The work is done in a worker thread, so that neither a slow disk nor gzip holds up the event loop, and in short turns:
a thread that has the interpreter gives it up only after 5 ms when asked, but at once when its turn is over. Between
two turns nothing is held but the tape.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from time import perf_counter
from typing import Final, Protocol, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gexfaker.limits import KIB
from gexfaker.server.http.replies import error, service_of

log: Final = logging.getLogger(__name__)

DOWNLOAD_THREADS: Final = 1
"""Threads that make downloads. Two are not faster, as most of the work holds the interpreter, but delay the ticks."""

TURN_SECONDS: Final = 0.001
"""Work done before the next download, and the event loop, have their turn. The way there and back takes 0.1 ms."""

TURN_BYTES: Final = 64 * KIB
"""What a turn makes at the most, and one record more: it is copied several times on its way to the socket."""

LOOKUP_THREADS: Final = 1
"""Threads that only look whether something is there, so that nobody waits behind the downloads to be told."""

MAX_DOWNLOADS: Final = 256
"""Downloads under way, some 0.7 MiB (index, gzip, a chunk) and two descriptors each: the 15 files of 17 tickers."""

BUSY: Final = "There are too many downloads under way: try again in a second."

T = TypeVar("T")


class Pieces(Protocol):
    """What a download is made of; closed at its end, however it ends."""

    def __next__(self) -> bytes: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class Downloads:
    """What is under way in one server.

    Attributes:
        count: of downloads.
        threads: that make them.
        lookups: threads that look whether something is there.
    """

    def __init__(self) -> None:
        self.count = 0
        self.threads: Final = CapacityLimiter(DOWNLOAD_THREADS)
        self.lookups: Final = CapacityLimiter(LOOKUP_THREADS)


def downloads_of(request: Request) -> Downloads:
    """The server's downloads, made at first use."""
    state = request.app.state
    if not hasattr(state, "downloads"):
        state.downloads = Downloads()
    found: Downloads = state.downloads
    return found


async def in_thread(request: Request, work: Callable[[], T]) -> T:
    """The result of a short look at the disk."""
    return await to_thread.run_sync(work, limiter=downloads_of(request).lookups)


async def turn(request: Request, work: Iterator[T]) -> list[T]:
    """What an iterator gives in one turn of a thread; nothing at its end."""
    return await to_thread.run_sync(_take, work, limiter=downloads_of(request).threads)


def _take(work: Iterator[T]) -> list[T]:
    began, size = perf_counter(), 0
    made = []
    for item in work:
        made.append(item)
        size += len(item) if isinstance(item, bytes) else 0
        if size >= TURN_BYTES or perf_counter() - began >= TURN_SECONDS:
            break
    return made


def download(
    request: Request, content: Pieces, headers: Mapping[str, str], media_type: str, status: int = 200
) -> Response:
    """A response of these pieces, which are closed whatever happens; 503 when there are too many downloads."""
    if request.method == "HEAD" or downloads_of(request).count >= MAX_DOWNLOADS:
        content.close()
        if request.method == "HEAD":
            return StreamingResponse([], status, headers, media_type)
        busy = error(BUSY, 503)
        busy.headers["Retry-After"] = "1"
        return busy
    return _Download(request, content, headers, media_type, status)


class _Download(StreamingResponse):
    def __init__(
        self, request: Request, content: Pieces, headers: Mapping[str, str], media_type: str, status: int
    ) -> None:
        super().__init__(_chunks(request, content), status, headers, media_type)
        self._content: Final = content
        self._downloads: Final = downloads_of(request)
        self._service: Final = service_of(request)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._downloads.count += 1
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if not self._service.life.draining:
                raise
            log.warning("%s was cut off: the client did not take it before the server had to stop", scope["path"])
        finally:
            self._downloads.count -= 1
            # A client's going waits for the step under way; the server's own end does not, and finds it running.
            with contextlib.suppress(ValueError):
                self._content.close()


async def _chunks(request: Request, content: Pieces) -> AsyncIterator[bytes]:
    while made := await turn(request, content):
        if chunk := b"".join(made):
            yield chunk

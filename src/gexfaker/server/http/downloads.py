"""Large bodies: made in a thread as fast as the client takes them, and given up at once when it goes.

The work is done in a worker thread, so that neither a slow disk nor gzip holds up the event loop, and in short turns:
a thread that has the interpreter gives it up only after 5 ms when asked, but at once when its turn is over. Between
two turns nothing is held but the tape.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gexfaker.archive.framing import Measured
from gexfaker.bounded import Bounded
from gexfaker.errors import GexfakerError
from gexfaker.limits import KIB
from gexfaker.playback.simulated import SimulatedDays
from gexfaker.server.http.replies import made_once, service_of, unavailable
from gexfaker.server.http.sockets import transport_of

if TYPE_CHECKING:
    from anyio import CapacityLimiter

log: Final = logging.getLogger(__name__)

DOWNLOAD_THREADS: Final = 1
"""Threads that make downloads. Two are not faster, as most of the work holds the interpreter, but delay the ticks."""

TURN_SECONDS: Final = 0.001
"""Work done before the next download, and the event loop, have their turn. The way there and back takes 0.1 ms."""

TURN_BYTES: Final = 64 * KIB
"""What a turn makes at the most, and one record more: it is copied several times on its way to the socket."""

LOOKUP_THREADS: Final = 1
"""Threads that only look whether something is there, so that nobody waits behind the downloads to be told."""

MAX_DOWNLOADS: Final = 128
"""Downloads under way, some 0.7 MiB each (index, gzip, a chunk), and 2.7 MiB for each simulated day: 0.4 GiB in all."""

MAX_OF_ONE: Final = MAX_DOWNLOADS // 2
"""Of these, downloads of one file."""

LINE_SECONDS: Final = (5.0, 15.0)
"""How long a request waits for a slot before it is answered 503, drawn by chance from this range: of 1,500 that came
together and ask again at once, each hundred that are answered together hold up everybody for 50 ms."""

SLOW_SECONDS: Final = 5.0
"""A client that has taken nothing for so long is cut off when another one waits for its slot."""

MAX_MEASURED: Final = 1024
"""Arrays whose length is remembered for ranges, 1 KiB each."""

END_SECONDS: Final = 0.01
"""How long a connection that was cut takes to be gone."""

BUSY: Final = "There are too many downloads under way: try again in a second."

T = TypeVar("T")


class Pieces(Protocol):
    """What a download is made of; closed at its end, however it ends."""

    def __next__(self) -> bytes: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class Slot:
    """One of the downloads that may be under way.

    Attributes:
        since: when the client last took something, seconds of the event loop.
        what: is downloaded.
        is_handed_on: whether the response has it, which gives it back.
    """

    __slots__ = ("_receive", "is_handed_on", "since", "what")

    def __init__(self, receive: Receive, what: str) -> None:
        self._receive: Final = receive
        self.what = what
        self.is_handed_on = False
        self.took()

    def took(self) -> None:
        """The client has taken a piece."""
        self.since = asyncio.get_running_loop().time()

    def cut_off(self) -> None:
        """End the download and its connection."""
        cut_off(self._receive)


def limiter(threads: int) -> CapacityLimiter:
    """So many threads at a time."""
    from anyio import CapacityLimiter

    return CapacityLimiter(threads)


class Downloads:
    """What is under way in one server.

    Attributes:
        slots: of the downloads, in the order in which they began.
        measured: how long arrays are, by file and what tells its versions apart.
        days: simulated days that are downloaded, so that downloads of one day share it; made at first use.
    """

    def __init__(self) -> None:
        self.slots: Final[dict[Slot, None]] = {}
        self._line: Final[dict[Slot, asyncio.Future[None]]] = {}
        self.measured: Final[Bounded[Hashable, Measured]] = Bounded(MAX_MEASURED)
        self.days: SimulatedDays | None = None

    # They are made at first use: that loads a part of anyio, 3 ms of a start.

    @cached_property
    def threads(self) -> CapacityLimiter:
        """Those that make downloads."""
        return limiter(DOWNLOAD_THREADS)

    @cached_property
    def lookups(self) -> CapacityLimiter:
        """Those that look whether something is there."""
        return limiter(LOOKUP_THREADS)

    @contextlib.asynccontextmanager
    async def reserve(self, request: Request) -> AsyncIterator[Slot | None]:
        """A slot for a request, before anything is opened for it; given back unless it is handed on.

        When all are taken, it is that of a client which takes nothing. None when there is none after a while in the
        line, which slows down clients that ask again at once.
        """
        slot = Slot(request.receive, request.scope["path"])
        if self._has_room(slot.what):
            self.slots[slot] = None
        elif not await self._wait_in_line(slot):
            yield None
            return
        try:
            yield slot
        finally:
            if not slot.is_handed_on:
                self.give_back(slot)

    def _has_room(self, what: str) -> bool:
        """Whether there is a slot. Half of all may be for the same file: others want others."""
        if sum(slot.what == what for slot in self.slots) >= MAX_OF_ONE:
            return False
        return len(self.slots) < MAX_DOWNLOADS or self._cut_the_slowest()

    async def _wait_in_line(self, slot: Slot) -> bool:
        """Whether it was this slot's turn in time; then it is taken."""
        turn = self._line[slot] = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait((turn,), timeout=random.uniform(*LINE_SECONDS))
        except asyncio.CancelledError:
            self.give_back(slot)
            raise
        finally:
            self._line.pop(slot, None)
        slot.took()
        return turn.done()

    def _call_next(self) -> None:
        """The first in the line for whom there is a slot."""
        full: set[str] = set()
        for slot, turn in self._line.items():
            if slot.what not in full and self._has_room(slot.what):
                del self._line[slot]
                self.slots[slot] = None
                turn.set_result(None)
                return
            full.add(slot.what)

    def give_back(self, slot: Slot) -> None:
        """The end of ``reserve``. May be called again."""
        if self.slots.pop(slot, self) is not self:
            self._call_next()

    def _cut_the_slowest(self) -> bool:
        slowest = min(self.slots, key=lambda slot: slot.since)
        if asyncio.get_running_loop().time() - slowest.since < SLOW_SECONDS:
            return False
        log.warning("a download was cut off: its client took nothing, and others wait")
        del self.slots[slowest]  # for whoever asks: nobody in the line is called
        slowest.cut_off()
        return True


def downloads_of(request: Request) -> Downloads:
    """The server's downloads, made at first use."""
    return made_once(request, "downloads", Downloads)


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


def cut_off(receive: Receive) -> None:
    """End a request's TCP connection at once."""
    transport = transport_of(receive)
    if transport is not None:
        transport.abort()


def busy() -> Response:
    """503, as there are too many downloads."""
    return unavailable(BUSY)


def download(
    request: Request,
    content: Pieces,
    headers: Mapping[str, str],
    media_type: str,
    status: int = 200,
    *,
    slot: Slot,
) -> Response:
    """A response of these pieces, which are closed whatever happens; ``slot`` is given back at its end."""
    if request.method == "HEAD":
        content.close()
        return StreamingResponse([], status, headers, media_type)
    slot.is_handed_on = True
    return _Download(request, content, headers, media_type, status, slot)


class _Download(StreamingResponse):
    def __init__(
        self,
        request: Request,
        content: Pieces,
        headers: Mapping[str, str],
        media_type: str,
        status: int,
        slot: Slot,
    ) -> None:
        super().__init__(_chunks(request, content, slot), status, headers, media_type)
        self._content: Final = content
        self._downloads: Final = downloads_of(request)
        self._service: Final = service_of(request)
        self._slot: Final = slot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if not self._service.life.draining:
                raise
            log.warning("%s was cut off: the client did not take it before the server had to stop", scope["path"])
        except (OSError, GexfakerError) as problem:
            if not isinstance(problem, ClientDisconnect):
                log.warning("%s was cut off: %s", scope["path"], problem)
                cut_off(receive)
                await asyncio.sleep(END_SECONDS)  # until uvicorn knows
        finally:
            self._downloads.give_back(self._slot)
            # A client's going waits for the step under way; the server's own end does not, and finds it running.
            with contextlib.suppress(ValueError):
                self._content.close()


async def _chunks(request: Request, content: Pieces, slot: Slot) -> AsyncIterator[bytes]:
    while made := await turn(request, content):
        if chunk := b"".join(made):
            yield chunk
            slot.took()

"""Those who use the server as it is meant, and notice what the attack does to them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Final, cast
from urllib.parse import urlsplit

from siege.bounds import ATTEMPT_SECONDS, NEWCOMER_EVERY_SECONDS, POLL_SECONDS
from support import data, decode
from support.raw import JSON_RELIABLE, PING, PONG, TEXT, frame, take_frames, upgrade_request

ACK_SECONDS: Final = 0.5
"""Between two acknowledgements of the listener; at 10 ms a turn it must not have too many unacknowledged."""

KEY: Final = "innocent"
HEAD_END: Final = b"\r\n\r\n"


class Samples:
    """How long things took, in seconds, where one was due every so often.

    A wait stands for all that would have begun during it and waited for the rest of it: one long stall must not count
    as a single slow answer.
    """

    def __init__(self, every: float) -> None:
        self._every: Final = every
        self._taken: Final[list[float]] = []

    def add(self, seconds: float) -> None:
        """One that took so long."""
        while seconds > 0:
            self._taken.append(seconds)
            seconds -= self._every

    def clear(self) -> None:
        """Forget all."""
        self._taken.clear()

    def percentile_ms(self, share: float) -> float:
        """Milliseconds that this share keeps to."""
        ordered = sorted(self._taken)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


class Listener(asyncio.Protocol):
    """A reliable connection in the groups of some tickers that looks at every message.

    Attributes:
        gaps: between its turns; a turn is over when the last group's record has come.
        turns: how many there were.
        problems: what was lost, repeated or out of order.
    """

    def __init__(self, url: str, tickers: Sequence[str], interval: float, records: int | None) -> None:
        self._tickers: Final = tickers
        self._records: Final = records
        self._opening: Final = upgrade_request(url, [JSON_RELIABLE])
        self._loop: Final = asyncio.get_running_loop()
        self._pending = bytearray()
        self._open = self._is_over = False
        self._sequence = 0
        self._last: Final[dict[str, int]] = {}
        self._in_turn = 0
        self._turn_at = 0.0
        self._transport: asyncio.Transport | None = None
        self.gaps: Final = Samples(interval)
        self.turns = 0
        self.problems: Final[list[str]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._opening)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_over:
            self.problems.append(f"the listener's connection was lost: {exc}")

    def data_received(self, chunk: bytes) -> None:
        self._pending += chunk
        if not self._open and not self._upgraded():
            return
        for opcode, payload in take_frames(self._pending):
            if opcode == PING:
                self._send(PONG, payload)
            elif opcode == TEXT and b'"type":"message"' in payload[:60]:
                self._message(payload)

    def _upgraded(self) -> bool:
        head, separator, rest = bytes(self._pending).partition(HEAD_END)
        if not separator:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            self.problems.append(f"the listener was refused: {head[:40]!r}")
        self._open, self._pending = True, bytearray(rest)
        for number, ticker in enumerate(self._tickers, 1):
            self._send(TEXT, decode.json_join(data.group(ticker), number).encode())
        return True

    def _send(self, opcode: int, payload: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(opcode, payload))

    def _message(self, payload: bytes) -> None:
        message = decode.json_frame(payload)
        if message.sequence != self._sequence + 1:
            self.problems.append(f"sequence id {message.sequence} after {self._sequence}")
        self._sequence = message.sequence
        group, stamp = str(message.group), decode.timestamp(message.any)
        self._check(group, stamp)
        self._last[group] = stamp
        if len(self._last) == len(self._tickers):
            self._count()

    def _check(self, group: str, stamp: int) -> None:
        """A recorded day's records follow each other; of a simulated one the times only grow."""
        before = self._last.get(group)
        if before is None:
            return
        if self._records is None:
            follows = stamp > before
        else:
            follows = (stamp - data.FIRST) == (before - data.FIRST + 1) % self._records
        if not follows:
            self.problems.append(f"record {stamp} of {group} after {before}")

    def _count(self) -> None:
        """One message more of this turn."""
        self._in_turn += 1
        if self._in_turn < len(self._tickers):
            return
        now = self._loop.time()
        self.gaps.add(now - self._turn_at)
        self._in_turn, self._turn_at, self.turns = 0, now, self.turns + 1

    def begin(self) -> None:
        """From now on it counts."""
        self.gaps.clear()
        self.turns = 0

    def end(self) -> None:
        """The turn that has not come counts as far as it is late."""
        self.gaps.add(self._loop.time() - self._turn_at)
        self._is_over = True
        if self._transport is not None:
            self._transport.abort()

    async def acknowledge(self) -> None:
        """All it has got, now and then, for ever."""
        while True:
            await asyncio.sleep(ACK_SECONDS)
            if self._sequence:
                self._send(TEXT, decode.json_sequence_ack(self._sequence).encode())


class Asker:
    """Who asks again and again for the same thing.

    Attributes:
        times: until the answer.
        failures: refusals and lost connections.
    """

    def __init__(self, address: tuple[str, int], path: str, every: float) -> None:
        self._address: Final = address
        self._every: Final = every
        self._path: Final = path
        self._asked_at: float | None = None
        self.times: Final = Samples(every)
        self.failures: Final[list[str]] = []

    @property
    def _request(self) -> bytes:
        host, port = self._address
        headers = f"Host: {host}:{port}\r\nAuthorization: Bearer {KEY}\r\nUser-Agent: innocent\r\n"
        return f"GET {self._path} HTTP/1.1\r\n{headers}\r\n".encode()

    async def run(self) -> None:
        """For ever."""
        loop = asyncio.get_running_loop()
        while True:
            self._asked_at = loop.time()
            await self.ask()
            took, self._asked_at = loop.time() - self._asked_at, None
            self.times.add(took)
            await asyncio.sleep(max(0.001, self._every - took))

    async def ask(self) -> None:
        """Once, to the answer."""
        raise NotImplementedError

    def begin(self) -> None:
        """From now on it counts."""
        self.times.clear()
        self.failures.clear()

    def end(self) -> None:
        """What has not been answered counts as far as it has waited."""
        if self._asked_at is not None:
            self.times.add(asyncio.get_running_loop().time() - self._asked_at)

    async def exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        """Ask on a connection; the status of the answer."""
        writer.write(self._request)
        head = await reader.readuntil(HEAD_END)
        if b"chunked" in head:
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        else:
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        return int(head.split(b" ")[1])


class Poller(Asker):
    """On a kept connection, which is not to fail."""

    def __init__(self, address: tuple[str, int], path: str) -> None:
        super().__init__(address, path, POLL_SECONDS)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> None:
        """Once, to the answer, or to the failure."""
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(*self._address)
            status = await self.exchange(*self._streams)
            if status != 200:
                self.failures.append(f"status {status}")
        except (OSError, EOFError, IndexError) as error:
            self.failures.append(repr(error))
            await self.leave()
            self._streams = None

    async def leave(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            with contextlib.suppress(OSError):
                await self._streams[1].wait_closed()


class Newcomer(Asker):
    """On a new connection each time, until it is answered well."""

    def __init__(self, address: tuple[str, int], path: str) -> None:
        super().__init__(address, path, NEWCOMER_EVERY_SECONDS)

    async def ask(self) -> None:
        """Again and again to a good answer."""
        while True:
            with contextlib.suppress(OSError, EOFError, IndexError, TimeoutError):
                if await asyncio.wait_for(self._attempt(), ATTEMPT_SECONDS) == 200:
                    return
            await asyncio.sleep(POLL_SECONDS)

    async def _attempt(self) -> int:
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            return await self.exchange(reader, writer)
        finally:
            writer.close()


class Lag:
    """How much this process itself was held up."""

    def __init__(self) -> None:
        self.times: Final = Samples(POLL_SECONDS)

    async def run(self) -> None:
        """For ever."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(POLL_SECONDS)
            self.times.add(loop.time() - began - POLL_SECONDS)


def _given(listener: Listener) -> Listener:
    return listener


class Innocents:
    """All of them."""

    def __init__(self, listener: Listener, address: tuple[str, int], path: str, newcomer: str) -> None:
        self.listener: Final = listener
        self.health: Final = Poller(address, "/health")
        self.rest: Final = Poller(address, path)
        self.newcomer: Final = Newcomer(address, newcomer)
        self.lag: Final = Lag()
        self._tasks: Final[list[asyncio.Task[None]]] = []

    async def start(self, url: str) -> None:
        """Connect and go on."""
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        await loop.create_connection(partial(_given, self.listener), parts.hostname or "", parts.port or 0)
        askers = (self.health, self.rest, self.newcomer, self.lag)
        works = [self.listener.acknowledge(), *(asker.run() for asker in askers)]
        self._tasks.extend(asyncio.create_task(work) for work in works)

    def begin(self) -> None:
        """From now on it counts."""
        self.listener.begin()
        for asker in (self.health, self.rest, self.newcomer):
            asker.begin()
        self.lag.times.clear()

    async def end(self) -> list[str]:
        """No more counts, and they leave; what went wrong with themselves, which must not look like an answer."""
        self.listener.end()
        for asker in (self.health, self.rest, self.newcomer):
            asker.end()
        failed = [repr(task.exception()) for task in self._tasks if task.done()]
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(self.health.leave(), self.rest.leave())
        return failed

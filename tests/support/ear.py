"""Many WebSocket clients in one process, each with what it heard in exactly the order of the wire."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from support import decode
from support.raw import JSON, PING, PONG, TEXT, frame, upgrade_request


class Ear:
    """A WebSocket client that notes what arrives in exactly the order of the wire: (when, group, timestamp).

    Attributes:
        window: the timestamps that may come now; None: any, because a jump is under way.
        stale: what came outside of it.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._windows: dict[bytes, range] = {}
        self._acks = itertools.count(1)
        self.heard: list[tuple[float, str, int]] = []
        self.window: range | None = None
        self.stale: list[tuple[int, range]] = []
        self.joined = asyncio.Event()

    def join(self, group: str) -> None:
        """Ask to join a group."""
        self._writer.write(frame(TEXT, decode.json_join(group, next(self._acks)).encode()))

    def expect(self, word: bytes, window: range) -> None:
        """From the pong to ``word`` on only timestamps of ``window`` may come."""
        self._windows[word] = window
        self._writer.write(frame(PING, word))

    async def listen(self) -> None:
        """Read to the end."""
        while True:
            opcode, payload = await self._frame()
            if opcode == PONG:
                self.window = self._windows.pop(payload)
            elif opcode == TEXT:
                self._note(decode.json_frame(payload))
            else:
                raise AssertionError(f"frame {opcode}: {payload!r}")

    def _note(self, message: decode.Downstream) -> None:
        if message.kind == "ack":
            assert message.success
            self.joined.set()
        elif message.kind == "data":
            stamp = decode.timestamp(message.any)
            self.heard.append((time.time(), message.group, stamp))
            if self.window is not None and stamp not in self.window:
                self.stale.append((stamp, self.window))

    async def _frame(self) -> tuple[int, bytes]:
        first, size = await self._reader.readexactly(2)
        if size >= 126:
            size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
        return first & 15, await self._reader.readexactly(size)


@asynccontextmanager
async def listening(url: str, groups: tuple[str, ...]) -> AsyncIterator[Ear]:
    """A client in these groups."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(upgrade_request(url, [JSON]))
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    ear = Ear(reader, writer)
    for group in groups:
        ear.join(group)
    task = asyncio.create_task(ear.listen())
    try:
        await asyncio.wait_for(ear.joined.wait(), 10)
        yield ear
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        writer.close()

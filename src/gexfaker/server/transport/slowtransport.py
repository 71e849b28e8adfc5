"""Transports that are wrong on purpose: one writes slowly, one writes nothing any more. Both wrap a real one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

from gexfaker.hubs.outputs import Slowly
from gexfaker.limits import WRITE_HIGH_WATER_BYTES
from gexfaker.worlds.shaping import even

MAX_SILENT_SECONDS: Final = 3600.0
"""How long a half-open connection is kept: no client waits so long, and its descriptor is needed again."""

SHORTEST_PAUSE: Final = 0.001
"""Seconds between two pieces at least: timers count milliseconds."""

FULL_PAUSE: Final = 0.05
"""Seconds until it is looked again whether a peer that does not read has read on."""


class _Wrapped(asyncio.Transport):
    """A transport that hands on whatever it does not do in its own way."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport: Final = transport

    def is_closing(self) -> bool:
        """Whether it is being closed."""
        return self._transport.is_closing()

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection."""
        return self._transport.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        """Bytes that the system has not taken yet."""
        return self._transport.get_write_buffer_size()

    def close(self) -> None:
        """Close it once everything is written."""
        self._transport.close()


class SilentTransport(_Wrapped):
    """Writes nothing any more, and does not close: the peer hears nothing. What is aborted is aborted."""

    def write(self, data: Any) -> None:
        """Nothing happens."""

    def close(self) -> None:
        """Nothing happens."""


class SlowTransport(_Wrapped):
    """Writes some bytes slowly, and all later ones behind them.

    Args:
        transport: the real one.
        loop: for timers.
        keep: told how many bytes more, or less, wait here.

    Attributes:
        waiting: bytes that wait.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, keep: Callable[[int], None]
    ) -> None:
        super().__init__(transport)
        self._loop: Final = loop
        self._keep: Final = keep
        self._queue: Final[deque[tuple[float, Slowly] | bytes]] = deque()
        self.waiting = 0
        self._steps: Iterator[float] | None = None
        self._closes = False

    def __len__(self) -> int:
        """How many writes wait."""
        return len(self._queue)

    def write(self, data: Any) -> None:
        """Write bytes, behind those that wait."""
        if self._steps is None:
            self._transport.write(data)
        else:
            self._put(bytes(data), len(data))

    def write_slowly(self, output: Slowly) -> None:
        """Write bytes at their pace."""
        self._put((self._loop.time() + output.seconds, output), len(output.data))

    def get_write_buffer_size(self) -> int:
        """Bytes that the system has not taken yet, and those that wait here."""
        return super().get_write_buffer_size() + self.waiting

    def close(self) -> None:
        """Close it once everything is written."""
        self._closes = True
        if self._steps is None:
            self._transport.close()

    def give_up(self) -> None:
        """Write nothing more of what waits."""
        self._queue.clear()
        self._keep(-self.waiting)
        self.waiting, self._steps = 0, None

    def _put(self, what: tuple[float, Slowly] | bytes, size: int) -> None:
        self._queue.append(what)
        self.waiting += size
        self._keep(size)
        if self._steps is None:
            self._steps = self._work_off()
            self._go_on()

    def _go_on(self) -> None:
        """The next piece, and the next after it has had its time."""
        if self._steps is None:
            return
        if self._transport.is_closing():
            self.give_up()
            return
        is_full = self._transport.get_write_buffer_size() > WRITE_HIGH_WATER_BYTES
        wait = FULL_PAUSE if is_full else next(self._steps, None)
        if wait is not None:
            self._loop.call_later(max(wait, SHORTEST_PAUSE), self._go_on)
            return
        self._steps = None
        if self._closes:
            self._transport.close()

    def _work_off(self) -> Iterator[float]:
        """Writes what waits; gives the seconds to wait before each next piece."""
        while self._queue:
            what = self._queue.popleft()
            if isinstance(what, bytes):
                self._send(what)
                continue
            due, output = what
            if (left := due - self._loop.time()) > 0:  # what came earlier may have taken some of it
                yield left
            yield from self._write_pieces(output)

    def _write_pieces(self, what: Slowly) -> Iterator[float]:
        at = 0
        for size in what.pieces or even(len(what.data), what.rate):
            piece = what.data[at : at + size]
            self._send(piece)
            at += size
            if what.rate is not None:
                yield len(piece) / what.rate
            elif at < len(what.data):
                yield what.pause

    def _send(self, data: bytes) -> None:
        self.waiting -= len(data)
        self._keep(-len(data))
        self._transport.write(data)

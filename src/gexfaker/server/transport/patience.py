"""How long an HTTP connection may take for what it is at; afterwards its time is over.

Each connection has one timer. It is set anew only for what may take less time than before: when it fires, it looks how
much time is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Final

from gexfaker.limits import BODY_TIMEOUT_SECONDS, HEAD_TIMEOUT_SECONDS, STALL_BYTES, STALL_TIMEOUT_SECONDS


class Phase(Enum):
    """What a connection is at."""

    IDLE = "waits for the next request"
    HEAD = "sends the headers of a request"
    BODY = "sends the body of a request"
    ANSWER = "is answered"


class Patience:
    """The time of one connection.

    Args:
        transport: is asked how much the client has not taken yet.
        keep_alive: seconds for the next request.
        over: called with what the client was at when its time is over.

    Attributes:
        phase: what it is at.
        since: from when, seconds of the event loop.
    """

    __slots__ = ("_loop", "_over", "_seconds", "_timer", "_transport", "_untaken", "blocked", "phase", "since")

    def __init__(self, transport: asyncio.Transport, keep_alive: float, over: Callable[[Phase], None]) -> None:
        self._loop: Final = asyncio.get_running_loop()
        self._transport: Final = transport
        self._over = over
        self._seconds: Final = {
            Phase.IDLE: keep_alive,
            Phase.HEAD: HEAD_TIMEOUT_SECONDS,
            Phase.BODY: BODY_TIMEOUT_SECONDS,
            Phase.ANSWER: STALL_TIMEOUT_SECONDS,
        }
        self._untaken = 0
        self.blocked = False
        self.phase = Phase.HEAD
        self.since = self._loop.time()
        self._timer = self._loop.call_later(HEAD_TIMEOUT_SECONDS, self._look)

    def enter(self, phase: Phase) -> None:
        """The client is at something new, or at the same again."""
        shorter = self._seconds[phase] < self._seconds[self.phase]
        self.phase, self.since = phase, self._loop.time()
        if shorter:  # otherwise the timer is soon enough
            self._set(self._seconds[phase])

    def stay(self) -> None:
        """It does what it did before, from now on."""
        self.since = self._loop.time()

    def block(self, blocked: bool) -> None:
        """Whether the client takes no more of its answer; time is counted from when it stopped."""
        self.blocked = blocked
        self.since = self._loop.time()

    def close(self) -> None:
        """The connection is to be closed as soon as the client has taken everything: it must go on taking."""
        self._untaken = self._transport.get_write_buffer_size()
        self._set(STALL_TIMEOUT_SECONDS)

    def end(self) -> None:
        """The connection is gone."""
        self._timer.cancel()
        self._over = _ignore  # it holds the protocol, which holds this

    def _set(self, seconds: float) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        if self._transport.is_closing():
            self._look_at_the_rest()
            return
        left = self.since + self._seconds[self.phase] - self._loop.time()
        if left > 0:
            self._set(left)
        elif self.phase is Phase.ANSWER and not self.blocked:  # it is the server that takes its time
            self.stay()
            self._set(STALL_TIMEOUT_SECONDS)
        else:
            self._over(self.phase)

    def _look_at_the_rest(self) -> None:
        untaken, before = self._transport.get_write_buffer_size(), self._untaken
        if before and untaken > before - STALL_BYTES:
            self._transport.abort()
            return
        self._untaken = untaken
        self._set(STALL_TIMEOUT_SECONDS)


def _ignore(_phase: Phase) -> None:
    """Time that is over after the end."""

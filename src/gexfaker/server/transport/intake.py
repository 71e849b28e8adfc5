"""What clients send, in portions: nobody gets more of the event loop than a share.

A transport gives a protocol all that has come in at once, up to 8 MB of one client with uvloop. Worked off in one go,
a flood of small frames would hold up everybody for seconds. So there are three cases of what comes in:

* It is small, nothing of the same connection waits, and not much was worked off in the last milliseconds: it is worked
  off at once. This is the case of every ordinary client.
* It is small, but the time for it is used up: it waits for the next round of the loop. Small pieces go first.
* It is large: the client has sent more than one portion ahead. It is worked off portion by portion, in turn with all
  others that have. Meanwhile the connection is not read, so what else the client sends waits in the kernel, and in
  the end in the client.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Final

from gexfaker.holdings import Holdings
from gexfaker.limits import (
    BUSY_SECONDS,
    INTAKE_SECONDS,
    INTAKE_WINDOW_SECONDS,
    MAX_WAITING_BYTES,
    PORTION_BYTES,
    SMALL_BYTES,
)

log: Final = logging.getLogger(__name__)


class Intake:
    """What waits to be worked off in one server, and the time that may be spent on it.

    Args:
        clock: seconds that only go forward.

    Attributes:
        waiting: what waits, and what is there of unfinished requests and messages; who has the most is cut first.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock: Final = clock
        self._small: Final[deque[Inlet]] = deque()
        self._large: Final[deque[Inlet]] = deque()
        self._window = self._spent = 0.0
        self._is_scheduled = False
        self.waiting: Final = Holdings(MAX_WAITING_BYTES)

    @property
    def is_busy(self) -> bool:
        """Whether anything waits for its turn."""
        return self._is_scheduled

    def now(self) -> float:
        """Seconds that only go forward."""
        return self._clock()

    def has_time(self) -> bool:
        """Whether something may be worked off at once."""
        now = self._clock()
        if now - self._window >= INTAKE_WINDOW_SECONDS:
            self._window, self._spent = now, 0.0
        return self._spent < INTAKE_SECONDS

    def work(self, inlet: Inlet, portion: bytes) -> float:
        """Let a connection work off a portion, and count the time; returns the seconds."""
        began = self._clock()
        inlet.take(portion)
        seconds = self._clock() - began
        self._spent += seconds
        return seconds

    def charge(self, seconds: float) -> None:
        """Count time that something will take later, such as a request in a task of its own."""
        self._spent += seconds

    def wait(self, inlet: Inlet, *, small: bool) -> None:
        """Have a connection worked off in one of the next rounds."""
        (self._small if small else self._large).append(inlet)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._round)

    def _round(self) -> None:
        """What is small, as far as there is time; then what is large, of which one portion has its turn in any case."""
        self._window, self._spent = self._clock(), 0.0
        for inlets, least in ((self._small, 0), (self._large, 1)):
            for done in range(len(inlets)):
                if self._spent >= INTAKE_SECONDS and done >= least:
                    break
                self._next(inlets)
        self._is_scheduled = bool(self._small or self._large)
        if self._is_scheduled:
            asyncio.get_running_loop().call_soon(self._round)

    def _next(self, inlets: deque[Inlet]) -> None:
        inlet = inlets.popleft()
        try:
            inlet.work_off()
        except Exception:  # it would end the round of all others
            log.exception("what a client sent could not be worked off; its connection is cut")
            inlet.cut()


class _Labour:
    """The work that a client has made, in seconds, less the time in which it made none."""

    __slots__ = ("_paused", "seconds")

    def __init__(self) -> None:
        self._paused, self.seconds = 0.0, 0.0

    def begin(self, now: float) -> None:
        """More has come of it."""
        self.seconds = max(0.0, self.seconds - (now - self._paused))

    def pause(self, now: float) -> None:
        """All of it is done."""
        self._paused = now


class Inlet:
    """What one connection has sent and what of it waits.

    Args:
        intake: the server's.
        transport: is not read while something waits.
        take: works a portion off; called without bytes when there is only something to go on with.
    """

    __slots__ = (
        "_done",
        "_intake",
        "_is_held",
        "_is_queued",
        "_is_reading",
        "_labour",
        "_share",
        "_transport",
        "_unfinished",
        "_waiting",
        "_waiting_bytes",
        "take",
    )

    def __init__(self, intake: Intake, transport: asyncio.Transport, take: Callable[[bytes], None]) -> None:
        self._intake: Final = intake
        self._transport: Final = transport
        self.take = take
        self._waiting: Final[deque[bytes]] = deque()
        self._waiting_bytes = self._done = 0  # the latter of the first piece
        self._unfinished = 0
        self._labour: Final = _Labour()
        self._share: Final = intake.waiting.share(self._overflow)
        self._is_held = self._is_queued = False
        self._is_reading = True

    @property
    def is_waiting(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    @property
    def is_ahead(self) -> bool:
        """Whether more waits than one request."""
        return self._waiting_bytes > SMALL_BYTES

    def received(self, data: bytes) -> None:
        """Bytes of the client: work them off now, or have them wait."""
        intake = self._intake
        if self._is_reading and len(data) <= SMALL_BYTES and intake.has_time():
            intake.work(self, data)
        else:
            self._put(data)

    def hold(self) -> None:
        """Work nothing off until ``go_on``; what comes in waits."""
        self._is_held = True
        self._read(False)

    def go_on(self) -> None:
        """The end of ``hold``."""
        if self._is_held and self.take is not _ignore:
            self._is_held = False
            if self._waiting:
                self._queue()
            else:
                self._read(True)

    def keep(self, size: int) -> None:
        """So many bytes are kept of a request or a message whose end has not come."""
        if size != self._unfinished:
            self._share.add(size - self._unfinished)
            self._unfinished = size
            self._intake.waiting.shed()

    def wake(self) -> None:
        """There is something to go on with, whether or not anything comes in."""
        self._queue()

    def work_off(self) -> None:
        """One portion of what waits; afterwards the connection is read again, or waits for its next turn."""
        self._is_queued = False
        if self._is_held or self._transport.is_closing():
            return
        self._labour.seconds += self._intake.work(self, self._portion())
        if self._waiting and self._labour.seconds > BUSY_SECONDS:
            log.warning("a client was cut: it made %g s of work, nearly without a pause", BUSY_SECONDS)
            self.cut()
        elif self._waiting:
            self._queue()
        elif not self._is_held:
            self._read(True)
            self._labour.pause(self._intake.now())

    def rest(self) -> bytes:
        """Everything that waits, which is given up here: somebody else takes the connection over."""
        data = b"".join(self._waiting)[self._done :]
        self.close()
        return data

    def close(self) -> None:
        """The connection is gone."""
        self._share.end()
        self._waiting_bytes = 0
        self._waiting.clear()
        self._is_held = True
        self.take = _ignore  # it holds the protocol, which holds this

    def cut(self) -> None:
        """End the connection at once."""
        self.close()
        self._transport.abort()

    def _put(self, data: bytes) -> None:
        if not self._waiting:
            self._labour.begin(self._intake.now())
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self._share.add(len(data))
        self._read(False)
        self._queue()
        self._intake.waiting.shed()

    def _overflow(self) -> None:
        log.warning("a client was cut: it sent %s bytes ahead, and all clients together too much", self._share.size)
        self.cut()

    def _portion(self) -> bytes:
        if not self._waiting:
            return b""
        piece = self._waiting[0]
        size = SMALL_BYTES if self._waiting_bytes <= SMALL_BYTES else PORTION_BYTES
        portion = piece[self._done : self._done + size]
        self._done += len(portion)
        if self._done == len(piece):
            self._waiting.popleft()
            self._done = 0
        self._waiting_bytes -= len(portion)
        self._share.add(-len(portion))
        return portion

    def _queue(self) -> None:
        if not self._is_queued and not self._is_held:
            self._is_queued = True
            self._intake.wait(self, small=self._waiting_bytes <= SMALL_BYTES)

    def _read(self, wanted: bool) -> None:
        if wanted and not self._is_reading and not self._transport.is_closing():
            self._transport.resume_reading()
        elif not wanted and not self._transport.is_closing():
            self._transport.pause_reading()
        self._is_reading = wanted


def _ignore(_portion: bytes) -> None:
    """What comes in after the end."""

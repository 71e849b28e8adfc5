"""Real time that never goes back: market clocks run on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol, runtime_checkable

JUMP_SECONDS: Final = 2.0
"""How far the system's clock must be ahead to be followed: it was set, or the machine slept."""


class Timer(Protocol):
    """Something that will be called."""

    def cancel(self) -> None:
        """It is not called any more."""


@runtime_checkable
class Clock(Protocol):
    """Real time, and sleeping by it."""

    def __call__(self) -> float:
        """Epoch seconds."""

    def call_later(self, seconds: float, callback: Callable[[], None], /) -> Timer:
        """Call ``callback`` in the running event loop after ``seconds`` of this clock."""


class SteadyClock:
    """Epoch seconds that go forward evenly; a step back of the system's clock is not followed, one forward is.

    Args:
        wall: the system's clock, epoch seconds.
        steady: seconds that only go forward.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall: Final = wall
        self._steady: Final = steady
        self._offset = wall() - steady()

    def __call__(self) -> float:
        """Epoch seconds."""
        now, wall = self._steady() + self._offset, self._wall()
        if wall - now > JUMP_SECONDS:
            self._offset += wall - now
            return wall
        return now

    def call_later(self, seconds: float, callback: Callable[[], None], /) -> Timer:
        """Call ``callback`` after ``seconds``."""
        return asyncio.get_running_loop().call_later(seconds, callback)

"""A sleep that can be cut short."""

from __future__ import annotations

import asyncio
from typing import Final

from gexfaker.limits import NOTICE_SECONDS
from gexfaker.server.steadyclock import Clock, SteadyClock, Timer


class Alarm:
    """Wakes one sleeper when its time is over, or soon after somebody has rung.

    Rings are gathered for NOTICE_SECONDS, so that a thousand clients that join at once wake it once.

    Args:
        clock: by which it sleeps; the event loop's by default. Rings are real events, and come by the event loop.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock: Final = clock or SteadyClock()
        self._rung = False
        self._sleeper: asyncio.Future[None] | None = None
        self._timer: Timer | None = None

    def ring(self) -> None:
        """Something has changed; a ring while nobody sleeps shortens the next sleep."""
        if self._sleeper is not None and not self._rung:
            if self._timer is not None and not isinstance(self._clock, SteadyClock):
                self._timer.cancel()  # who moves that clock must not take it for asleep any more
            self._sleeper.get_loop().call_later(NOTICE_SECONDS, _wake, self._sleeper)
        self._rung = True

    @property
    def has_rung(self) -> bool:
        """Whether something has changed since the last sleep."""
        return self._rung

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``, or NOTICE_SECONDS after a ring."""
        loop = asyncio.get_running_loop()
        sleeper = self._sleeper = loop.create_future()
        notice = loop.call_later(NOTICE_SECONDS, _wake, sleeper) if self._rung else None
        timer = None
        if notice is None or isinstance(self._clock, SteadyClock):
            timer = self._clock.call_later(seconds, lambda: _wake(sleeper))
        self._timer = timer
        try:
            await sleeper
        finally:
            if timer is not None:
                timer.cancel()
            if notice is not None:
                notice.cancel()
            self._sleeper, self._rung = None, False


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)

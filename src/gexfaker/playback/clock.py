"""Market time as a function of real time: it runs at a speed, pauses, and jumps. Pure; real time is an argument."""

from __future__ import annotations

from typing import Final

AS_FAST_AS_POSSIBLE: Final = 0.0
"""The speed at which market time does not run by itself: whoever sends moves it on."""


class MarketClock:
    """One timeline of market time (epoch seconds) over real time (epoch seconds)."""

    __slots__ = ("_market", "_real", "paused", "speed")

    def __init__(self, market: float, real: float, speed: float = 1.0) -> None:
        self._market = market
        self._real = real
        self.speed = speed
        self.paused = False

    @property
    def anchor(self) -> tuple[float, float]:
        """A market time and the real time at which it was: the same until somebody changes the clock."""
        return self._market, self._real

    @property
    def runs(self) -> bool:
        """Whether market time goes on by itself."""
        return not self.paused and self.speed != AS_FAST_AS_POSSIBLE

    def at(self, now: float) -> float:
        """Market time at real time ``now``."""
        if self.paused:
            return self._market
        return self._market + (now - self._real) * self.speed

    def real(self, market: float) -> float | None:
        """When market time reaches ``market``; None when it never does by itself."""
        if self.paused or self.speed == AS_FAST_AS_POSSIBLE:
            return None
        return self._real + (market - self._market) / self.speed

    def seek(self, market: float, now: float) -> None:
        """Market time is ``market`` at ``now``."""
        self._market, self._real = market, now

    def set_speed(self, speed: float, now: float) -> None:
        """Go on from here at ``speed`` market seconds a second."""
        self.seek(self.at(now), now)
        self.speed = speed

    def pause(self, now: float) -> None:
        """Stand still."""
        self.seek(self.at(now), now)
        self.paused = True

    def resume(self, now: float) -> None:
        """Go on from where it stands."""
        self.seek(self.at(now), now)
        self.paused = False

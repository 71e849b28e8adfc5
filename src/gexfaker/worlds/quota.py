"""How often a key may ask: requests counted over a minute from its first one. Time is an argument."""

from __future__ import annotations

from typing import Final

QUOTA_SECONDS: Final = 60.0
"""The time that a quota is for: requests a minute."""


class Quota:
    """The requests of one key."""

    __slots__ = ("_began", "_count")

    def __init__(self) -> None:
        self._began = 0.0
        self._count = 0

    def allows(self, quota: int, now: float) -> bool:
        """Whether one more request is within ``quota`` a minute; it is counted if so."""
        if not self._count or not 0 <= now - self._began < QUOTA_SECONDS:
            self._began, self._count = now, 0
        if self._count >= quota:
            return False
        self._count += 1
        return True

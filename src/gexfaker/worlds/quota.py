"""How often a key may ask: its requests, counted for each of its allowances. Time is an argument."""

from __future__ import annotations

import math
from typing import Final

from gexfaker.allowances import ALL, Allowance, Period
from gexfaker.exchange.calendar import DAY
from gexfaker.exchange.hours import MIDNIGHT, date_at, epoch

MINUTE_SECONDS: Final = 60.0
"""A minute begins with the first request that counts in it."""


class Quota:
    """The requests of one key.

    Args:
        allowances: what it has; none is no limit.
    """

    __slots__ = ("_used", "allowances")

    def __init__(self, allowances: tuple[Allowance, ...] = ()) -> None:
        self.allowances: Final = allowances
        self._used: dict[Allowance, tuple[float, int]] = {}

    def counted_for(self, pool: str) -> list[Allowance]:
        """The allowances that a request of a pool counts for."""
        return [allowance for allowance in self.allowances if allowance.pool in (pool, ALL)]

    def know(self, allowance: Allowance, began: float, used: int) -> None:
        """So much of an allowance was used since its present period began: it is counted elsewhere."""
        self._used[allowance] = began, used

    def refuses(self, pool: str, now: float) -> Allowance | None:
        """The allowance that leaves no room for one more request of a pool; None when it may come, and is counted."""
        counts = {}
        for allowance in self.counted_for(pool):
            began, used = self._period(allowance, now)
            if used >= allowance.requests:
                return allowance
            counts[allowance] = began, used + 1
        self._used.update(counts)
        return None

    def used(self, allowance: Allowance, now: float) -> int:
        """How many requests of an allowance were counted in its present period."""
        return self._period(allowance, now)[1]

    def _period(self, allowance: Allowance, now: float) -> tuple[float, int]:
        """When the present period of an allowance began, and the requests since then."""
        began, used = self._used.get(allowance, (now, 0))
        # A clock that was set back begins a new period, or a key would have to wait until it catches up.
        return (began, used) if began <= now < end_of(allowance.period, began) else (now, 0)

    def wait(self, allowance: Allowance, now: float) -> int:
        """Whole seconds until an allowance counts from 0 again."""
        return max(1, math.ceil(end_of(allowance.period, self._period(allowance, now)[0]) - now))


def end_of(period: Period, began: float) -> float:
    """When the period ends that ``began`` lies in, or with which it began."""
    if period is Period.MINUTE:
        return began + MINUTE_SECONDS
    day = date_at(began)
    following = day + DAY if period is Period.DAY else (day.replace(day=1) + 32 * DAY).replace(day=1)
    return epoch(following, MIDNIGHT)

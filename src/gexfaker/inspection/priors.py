"""How often a strike's priors are what stood there 1, 5, 10, 15, 30 minutes ago. Information only.

Keeps half an hour of one column: 8 bytes a strike and record.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from typing import Final, TypeAlias

from gexfaker.inspection.check import Facts, PlainCheck, hundredths
from gexfaker.inspection.findings import Finding
from gexfaker.inspection.layout import Row
from gexfaker.inspection.times import Day

LOOK_BACKS: Final = (60, 300, 600, 900, 1800)
"""Seconds, in the order of the priors."""

EVERY_SECONDS: Final = 60
"""How often a record is compared: each costs a look at every strike, and neighbours say the same."""

MAX_KEPT: Final = 4096
"""Records of the last half hour that are kept; there are 1,800 at one a second."""

MAX_STRIKES: Final = 1024
"""Strikes a record may have and be kept; real ones have up to 143. Bounds the memory to 32 MB a feed."""

_Kept: TypeAlias = "tuple[int, array[float], array[float]]"
"""Time, strikes, values."""


class Priors(PlainCheck):
    """A check of the gex feeds' priors against the records before.

    The value wanted is that of the newest record not after the time looked back to.
    """

    def __init__(self, day: Day) -> None:
        self._day = day
        self._kept: deque[_Kept] = deque(maxlen=MAX_KEPT)
        self._due = 0
        self._compared = [0] * len(LOOK_BACKS)
        self._equal = [0] * len(LOOK_BACKS)

    def feed(self, row: Row) -> Iterator[Finding]:
        """Nothing wrong, whatever comes."""
        if self._is_usable(row):
            self._keep(row)
            if row.timestamp >= self._due:
                self._due = row.timestamp + EVERY_SECONDS
                self._compare(row)
        yield from ()

    def _is_usable(self, row: Row) -> bool:
        in_order = not self._kept or row.timestamp > self._kept[-1][0]
        return in_order and self._day.holds(row.timestamp) and len(row.record.strikes) <= MAX_STRIKES

    def _keep(self, row: Row) -> None:
        rows = row.record.strikes
        strikes = array("d", [line.strike for line in rows])
        if self._kept and self._kept[-1][1] == strikes:
            strikes = self._kept[-1][1]  # the ladder seldom moves: share it
        self._kept.append((row.timestamp, strikes, array("d", [line.volume for line in rows])))
        while len(self._kept) > 1 and self._kept[1][0] <= row.timestamp - LOOK_BACKS[-1]:
            self._kept.popleft()

    def _compare(self, row: Row) -> None:
        times = [kept[0] for kept in self._kept]
        for place, seconds in enumerate(LOOK_BACKS):
            found = bisect_right(times, row.timestamp - seconds) - 1
            if found >= 0:
                self._compare_with(row, place, self._kept[found])

    def _compare_with(self, row: Row, place: int, kept: _Kept) -> None:
        before = dict(zip(kept[1], kept[2], strict=True))
        for line in row.record.strikes:
            if line.priors is not None and line.strike in before:
                self._compared[place] += 1
                self._equal[place] += hundredths(line.priors[place]) == hundredths(before[line.strike])

    def facts(self) -> Facts:
        """Values compared and the share that was equal, by seconds looked back."""
        shares = zip(LOOK_BACKS, self._compared, self._equal, strict=True)
        return {
            "priors": {
                str(seconds): {"compared": compared, "equal_share": equal / compared}
                for seconds, compared, equal in shares
                if compared
            }
        }

"""When the records of a ticker come: on the service not in every second, and now and then not for a while.

Until July 2026 the service had a record in every second, and so have simulated days before it. Since then SPX has
17,650 to 18,010 a day, at most three seconds apart but for a few gaps, SPY 22,166 and NQ_NDX 15,131.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Final

import numpy as np

from gexfaker.market.numeric.exact import Floats, Ints
from gexfaker.market.numeric.hashing import uniforms, words

SLOWER: Final = dt.date(2026, 7, 1)
"""The first day without a record in every second."""

_APART: Final = {"SPX": 1.31, "SPY": 1.055, "NDX": 1.545}
"""Seconds between two records, on average, where that is known."""

_QUICKEST, _SLOWEST = 1.06, 1.3
"""Where it is not: drawn for each ticker between these."""

_VARIES: Final = 0.01
"""What of it may be more or less on a day."""

_GAPS: Final = 4
"""A day has fewer gaps than this."""

_SHORT, _LONG = 4, 20
"""Seconds without a record in a gap, from and to (excluded)."""

_BAD, _LONGEST = 0.05, 82
"""Share of the days on which the last gap is a long one, and its seconds."""


def thinned(name: str, day: dt.date, key: str, seconds: Ints) -> Ints:
    """Those of the records of a day that an underlying has; the first and the last are always among them.

    Args:
        name: of the underlying.
        day: the day.
        key: its key: seed and date.
        seconds: the second of the day that each record shows, one for every second of the session.
    """
    if day < SLOWER:
        return seconds
    draws = uniforms(words(f"{key}/cadence/{name}", range(len(seconds))), 0)[:, 0]
    steps = _steps(_apart(name, key), draws)
    for place, length in _gaps(name, key, len(steps)):
        steps[place] += length
    steps[:1] = 0
    places = np.cumsum(steps)
    kept: Ints = seconds[np.append(places[places < len(seconds) - 1], len(seconds) - 1)]
    return kept


def _apart(name: str, key: str) -> float:
    """Mean of the seconds between two records on a day."""
    usual = _APART.get(name)
    if usual is None:
        usual = _QUICKEST + (_SLOWEST - _QUICKEST) * float(uniforms(words(f"cadence/{name}", range(1)), 0)[0, 0])
    drawn = float(uniforms(words(f"{key}/cadence/{name}/day", range(1)), 0)[0, 0])
    return 1.0 + (usual - 1.0) * (1.0 + _VARIES * (2.0 * drawn - 1.0))


def _steps(apart: float, draws: Floats) -> Ints:
    """Seconds from each record to the next: 1, 2 or 3, as a chance p of one missing and p * p of two."""
    missing = (math.sqrt(1.0 + 4.0 * (apart - 1.0)) - 1.0) / 2.0
    return 1 + (draws < missing).astype(np.int64) + (draws < missing * missing)


def _gaps(name: str, key: str, count: int) -> list[tuple[int, int]]:
    """The day's gaps: before which record, and how many seconds."""
    bits = words(f"{key}/cadence/{name}/gaps", range(_GAPS))
    places, lengths = (uniforms(bits, part)[:, 0].tolist() for part in (0, 1))
    chance, bad = (float(uniforms(bits, part)[-1, 0]) for part in (2, 3))
    found = [
        (int(place * count), _SHORT + int((_LONG - _SHORT) * length))
        for place, length in zip(places[: int(chance * _GAPS)], lengths, strict=False)
    ]
    if found and bad < _BAD:
        found[-1] = (found[-1][0], _LONGEST)
    return found

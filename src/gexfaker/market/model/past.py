"""What days know of each other: where the market stood at the close of any day, found for every date at the same cost.

A source of moves has a move for each trading day: one over night, one in the session. Its level at a close is the sum
of all moves until then, of which those long ago have faded, so that a price stays within some distance of its usual
level. The volatility of a day follows that of the days before, and is higher after a fall. Nothing is handed on from
one day to the next: both work out the same sum from the same numbers.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from gexfaker.market.numeric.exact import Floats, exp, log
from gexfaker.market.numeric.hashing import normals, words

MARKET: Final = "market"
"""The source of which all volatility is."""

NIGHT: Final = 0.55
"""Standard deviation of the night's move, relative to the session's."""

_KEPT: Final = 0.975
"""What is left of a move a day later: half of it is gone after 27 trading days."""

_DAYS: Final = 400
"""Days that are added up: of a move before them there is nothing left that is seen."""

_CALM: Final = 0.9
"""What is left of a day's log volatility in the next: half of it is gone after a week and a half."""

_WAVES: Final = 0.25
"""Standard deviation of a day's log volatility."""

_AFRAID: Final = 0.6
"""Correlation of a day's change of volatility with the fall of the day before."""

_KNOWN: Final = 0.6
"""How much of a day's log volatility options cost: they look further ahead than a day."""

_STATES_KEPT: Final = 512
"""Closes in memory, three numbers each."""

_BEFORE: Final = 1 << 16
"""Added to the number of a day, so that days before the first are numbers, too."""

_FADING: Final = np.cumprod(np.full(_DAYS, _KEPT))[::-1] / _KEPT


def rows_of_days(first: int, last: int) -> range:
    """The rows of noise of trading days, given their numbers, the last one excluded."""
    return range(_BEFORE + first, _BEFORE + last)


class State(NamedTuple):
    """A source of moves at the close of a day, in usual sessions' moves.

    Attributes:
        level: the sum of all moves, as far as they have not faded.
        night: the move before the open.
        volatility: of the day, relative to usual; root mean square 1.
    """

    level: float
    night: float
    volatility: float

    @property
    def implied(self) -> float:
        """What options cost on the day, relative to usual."""
        return float(exp(_KNOWN * log(np.array([self.volatility])))[0])


class Past:
    """The past of one seed.

    Args:
        key: its noise.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self.state = lru_cache(maxsize=_STATES_KEPT)(self._state)

    def _state(self, name: str, number: int) -> State:
        """A source at the close of a trading day, given its number."""
        days = rows_of_days(number - _DAYS + 1, number + 1)
        volatility = self._volatility(days)
        nights = NIGHT * volatility * self._draws(f"{name}/nights", days)
        sessions = volatility * self._draws(f"{name}/sessions", days)
        level = np.cumsum((nights + sessions) * _FADING)[-1]
        return State(float(level), float(nights[-1]), float(volatility[-1]))

    def session(self, name: str, number: int) -> float:
        """The move of a source from the open to the close of a trading day."""
        now, before = self.state(name, number), self.state(name, number - 1)
        return now.level - before.level - now.night

    def _volatility(self, days: range) -> Floats:
        """Of each of these days."""
        falls = -self._draws(f"{MARKET}/sessions", range(days.start - 1, days.stop - 1))
        fresh = _AFRAID * falls + math.sqrt(1.0 - _AFRAID * _AFRAID) * self._draws("volatility", days)
        size, level, levels = _WAVES * math.sqrt(1.0 - _CALM * _CALM), 0.0, []
        for shock in fresh.tolist():
            level = _CALM * level + size * shock
            levels.append(level)
        # The mean square of exp(x) is exp(2 s * s), which is taken out.
        return np.asarray(exp(np.array(levels) - _WAVES * _WAVES))

    def _draws(self, name: str, days: range) -> Floats:
        drawn: Floats = normals(words(f"{self._key}/{name}", days))[:, 0]
        return drawn

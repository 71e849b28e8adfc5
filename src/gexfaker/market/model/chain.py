"""An option chain on one day: its expiries, the strikes in view, who holds what, and the books of its customers."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Final

import numpy as np

from gexfaker.market.model import minutes
from gexfaker.market.model.book import Book, Flow, Habits, Terrain
from gexfaker.market.model.interest import CONTRACTS, Positions, is_monthly
from gexfaker.market.model.minutes import BLOCKS
from gexfaker.market.model.profiles import Profile
from gexfaker.market.model.surface import Surface
from gexfaker.market.model.underlying import Underlying
from gexfaker.market.numeric.exact import Floats, Ints, log
from gexfaker.market.scenarios.shape import Shape

NEAR, NEXT, FAR = 0, 1, 2
"""The nearest expiry, the one after it, and the first of those that share a book."""

_HABITS: Final = (
    Habits(
        1.0, 0.009, 0.009, taste=0.015, noise=0.15, herd=0.04, chase=0.004, flicker=0.09, calls=0.55, puts=1.1, out=0.2
    ),
    Habits(
        0.19, 0.009, 0.019, taste=0.05, noise=0.15, herd=0.04, chase=0.05, flicker=0.01, calls=0.6, puts=1.6, out=0.35
    ),
    Habits(
        0.5, 0.006, 0.02, taste=0.03, noise=0.15, herd=0.04, chase=0.03, flicker=0.01, calls=0.8, puts=1.2, out=0.35
    ),
)
"""Of the books of the nearest, the next and all other expiries; contracts relative to the nearest. They are set so that
SPX has the sizes, the rushes and the correlations the service was seen to publish."""

_WIDTHS: Final = (0.8, 0.9, 1.0)
"""How wide trading spreads around spot, in standard deviations at expiry."""

_FAR_DAYS: Final = 10.0
"""Trading days after which an expiry has half the volume."""

_NARROWEST: Final = 0.8
"""Width of trading at the very end, in strikes: it never concentrates on one strike alone."""

_MARGIN: Final = 3
"""Strikes beyond what the day's skeleton needs: within a minute spot may go further than its ends."""


class Chain:
    """The options of one underlying on one day.

    Args:
        day: the day.
        key: seed and date.
        positions: who holds what.
    """

    def __init__(
        self, profile: Profile, underlying: Underlying, day: dt.date, key: str, positions: Positions, shape: Shape
    ) -> None:
        self.profile = profile
        self.underlying = underlying
        self.surface = Surface(profile, shape.implied, shape.session)
        self.day = day
        self.key = f"{key}/{profile.name}"
        self.positions = positions
        self.shape = shape
        self.expiries = positions.expiries
        self.days = positions.days

    @cached_property
    def shares(self) -> Floats:
        """Each further expiry's part of the flow in the far book."""
        days = np.array(self.days[FAR:], dtype=np.float64)
        size = np.array([2.5 if is_monthly(day) else 1.0 for day in self.expiries[FAR:]])
        part = size / (1.0 + days / _FAR_DAYS)
        return np.asarray(part / np.cumsum(part)[-1]) if len(part) else part

    @cached_property
    def spots(self) -> Floats:
        """Spot in strikes at each block's start and the close."""
        return self.underlying.skeleton.points * (100.0 / self.profile.spacing)

    @cached_property
    def centres(self) -> Ints:
        """The middle strike's number in each block: the one nearest to spot at its start."""
        lowest = self.profile.full // 2 + 1
        return np.maximum(np.rint(self.spots).astype(np.int64), lowest)

    @cached_property
    def strikes(self) -> range:
        """The numbers of all strikes that come into view on the day."""
        reach = self.profile.full // 2 + _MARGIN
        return range(max(1, int(self.centres.min()) - reach), int(self.centres.max()) + reach + 1)

    @cached_property
    def opening_log(self) -> float:
        """Logarithm of spot at the open."""
        return float(log(np.array([self.underlying.opening]))[0])

    @cached_property
    def _logs(self) -> Floats:
        return log(np.arange(self.strikes.start, self.strikes.stop, dtype=np.float64) * (self.profile.spacing / 100.0))

    def strike_logs(self, strikes: range) -> Floats:
        """Logarithms of strikes in view, given their numbers."""
        return self._logs[self.here(strikes)]

    def here(self, strikes: range) -> slice:
        """Where strikes are in arrays over all strikes of the day."""
        return slice(strikes.start - self.strikes.start, strikes.stop - self.strikes.start)

    def window(self, block: int, count: int) -> range:
        """The strike numbers in view during a block."""
        first = int(self.centres[block]) - count // 2
        return range(first, first + count)

    @cached_property
    def interest(self) -> tuple[Ints, Ints]:
        """Open interest of calls and of puts: expiries by strikes."""
        return self.positions.at(self.strikes, len(self.expiries))

    @cached_property
    def books(self) -> tuple[Book, Book, Book]:
        """The books of the nearest expiry, of the next, and of all others together."""
        near, further, far = (self._book(number) for number in (NEAR, NEXT, FAR))
        return near, further, far

    def _book(self, number: int) -> Book:
        habits = _HABITS[number]
        habits = habits._replace(contracts=habits.contracts * CONTRACTS * self.profile.volume)
        return Book(f"{self.key}/book{number}", habits, self._terrain(number))

    def _terrain(self, number: int) -> Terrain:
        days = self.days[min(number, len(self.days) - 1)]
        blocks = slice(0, BLOCKS)
        years = self.surface.years_at(days, blocks)
        level = self.surface.level_at(self.underlying.returns[:-1], blocks)
        deviation = np.sqrt(self.surface.variance(years, level)) * self.spots[:-1] * _WIDTHS[number]
        usual = self.profile.deviation * np.array(minutes.volatility(self.shape.session)) / _root(BLOCKS)
        moves = np.diff(self.underlying.returns)
        return Terrain(
            strikes=self.strikes,
            reach=self.profile.full // 2,
            spots=self.spots,
            widths=np.minimum(_NARROWEST + deviation, self.profile.full / 4),
            moves=np.divide(moves, usual, out=np.zeros(BLOCKS), where=usual > 0),
            volume=np.array(minutes.volume(self.shape.session)),
            activity=self.shape.volume,
            lean=self.shape.lean,
        )

    def flow(self, number: int, block: int) -> Flow:
        """The flow in an expiry at the records of a block, at the strikes of the full window."""
        window = self.window(block, self.profile.full)
        if number < FAR:
            return self.books[number].block(block, window)
        share = float(self.shares[number - FAR])
        shared = self.books[FAR].block(block, window)
        return Flow(*(np.rint(side * share).astype(np.int64) for side in shared))


def _root(number: float) -> float:
    return float(np.sqrt(np.float64(number)))

"""The prices of one simulated day: every underlying, what moves it, and who holds its options."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cached_property

from gexfaker.exchange.calendar import DAY, last_trading_day, trading_day_number
from gexfaker.exchange.hours import TradingSession
from gexfaker.market.model.dealers import Dealers, Effect
from gexfaker.market.model.factors import Factor
from gexfaker.market.model.interest import Positions
from gexfaker.market.model.past import MARKET, Past
from gexfaker.market.model.profiles import profiles
from gexfaker.market.model.surface import Surface
from gexfaker.market.model.underlying import Underlying
from gexfaker.market.numeric.exact import Floats
from gexfaker.market.scenarios.shape import Shape, ordinary


class Prices:
    """All underlyings on one day.

    Args:
        day: the day.
        seed: any integer.
        shape: the departures from the ordinary that a scenario makes, on a whole day.
        feedback: how strong the hedging of dealers moves the price, 0 to 1.

    Attributes:
        shape: those departures as they are on this day, with its close and its volatility.
    """

    def __init__(self, day: dt.date, seed: int, shape: Shape, feedback: float) -> None:
        self._day = day
        self._seed = seed
        self._feedback = feedback
        self._past_key = f"{seed}/past"
        self._past = Past(self._past_key)
        self._number = trading_day_number(day)
        implied = self._past.state(MARKET, self._number).implied
        self.shape = shape.until(len(TradingSession.of(day.isoformat()))).on_a_day_of(implied)
        self._factors: dict[str, Factor] = {}
        self._underlyings: dict[str, Underlying] = {}
        self._held: dict[str, Positions] = {}

    def underlying(self, name: str) -> Underlying:
        """The underlying of a chain; who follows another one is moved by the hedging of that one's options."""
        if name not in self._underlyings:
            profile = profiles()[name]
            own = self.factor(profile.follows or name)
            made = Underlying(profile, self.factor(MARKET), own, self._past, self._number, self.shape)
            self._underlyings[name] = made
            if self._feedback:
                made.hedged = self.dealers(name).effect if not profile.follows else self._led(profile.follows)
                made.left_behind = lambda: self._day_before.underlying(name).displacement
        return self._underlyings[name]

    def clear(self) -> None:
        """Forget all that was made."""
        self._factors.clear()
        self._underlyings.clear()
        self._held.clear()

    @cached_property
    def _day_before(self) -> Prices:
        """The day before, on which no scenario happens; it is never asked for the one before it."""
        return Prices(last_trading_day(self._day - DAY), self._seed, ordinary(), self._feedback)

    def _led(self, leader: str) -> Callable[[Floats, Floats], Effect]:
        return lambda _steps, _drift: self.underlying(leader).effect

    def dealers(self, name: str) -> Dealers:
        """Those who hedge an underlying's options."""
        profile, shape = profiles()[name], self.shape
        surface, opening = Surface(profile, shape.implied, shape.session), self.underlying(name).undisturbed
        return Dealers(profile, surface, self.positions(name), opening, self._feedback, shape.session)

    def positions(self, name: str) -> Positions:
        """Who holds what of an underlying's options."""
        if name not in self._held:
            self._held[name] = Positions(profiles()[name], self._day, self._past_key, self.underlying(name).close)
        return self._held[name]

    def factor(self, name: str) -> Factor:
        """A source of moves: the market's, or a family's."""
        if name not in self._factors:
            goal, state = self._past.session(name, self._number), self._past.state(name, self._number)
            key = f"{self._seed}/{self._day.isoformat()}/factor/{name}"
            self._factors[name] = Factor(key, goal, state.volatility, self.shape.session)
        return self._factors[name]

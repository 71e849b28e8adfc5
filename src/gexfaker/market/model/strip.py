"""One expiry during one block: its greeks, its flow, and what both make together, in cents by strike.

Units: exposures to gamma are millions of dollars of delta per 1 % move, to delta millions of dollars, to vanna the same
per 21 points of volatility, to charm per trading day. 100 shares a contract.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from gexfaker.market.model.book import Flow
from gexfaker.market.model.chain import Chain
from gexfaker.market.model.profiles import DAYS_A_YEAR
from gexfaker.market.model.underlying import Spot
from gexfaker.market.numeric import greeks
from gexfaker.market.numeric.exact import Floats, Ints, normal_pdf

GEX_CENTS: Final = 100 * 100 * 0.01 / 1e6
"""Cents of exposure per contract, gamma and squared spot: 100 shares, 1 %, millions."""

DELTA_CENTS: Final = 100 * 100 / 1e6
"""Cents of exposure per contract, delta and spot."""

VANNA_CENTS: Final = DELTA_CENTS / 4.7
"""The unit is not published: about per 21 points of volatility, so that sums are of the size that was seen."""

CHARM_CENTS: Final = DELTA_CENTS / DAYS_A_YEAR
"""Per trading day."""

_DEEP: Final = 1.8
"""Standard deviations in the money from which an option has no quote: it is stock, and nobody makes a market."""

_WORTHLESS: Final = 3.2
"""Standard deviations out of the money from which there is no bid."""

_GAP: Final = 0.035
"""How far calls are quoted below the surface, and puts above it, as a share."""


class Strip:
    """The records of a block by the strikes of the full window, for one expiry.

    Args:
        number: of the expiry.
        count: strikes in the window.
    """

    def __init__(self, chain: Chain, number: int, block: int) -> None:
        self._chain = chain
        self._number = number
        self._block = block
        self.window = chain.window(block, chain.profile.full)
        self.spot: Spot = chain.underlying.block(block)

    @cached_property
    def flow(self) -> Flow:
        """Contracts traded and bought, by record and strike."""
        return self._chain.flow(self._number, self._block)

    @cached_property
    def years(self) -> Floats:
        """Time to the expiry at each record, a column."""
        return self._chain.surface.years(self._chain.days[self._number], self._block)[:, None]

    @cached_property
    def deviation(self) -> Floats:
        """Implied volatility times the root of time."""
        return self._smile[1]

    @cached_property
    def volatility(self) -> Floats:
        """Implied volatility."""
        return np.asarray(self.deviation / np.sqrt(self.years))

    def risk_reversal(self) -> Floats:
        """Volatility of the 25-delta put over that of the 25-delta call, at each record."""
        return self._chain.surface.risk_reversal(self.years[:, 0], self._level)

    @cached_property
    def _level(self) -> Floats:
        return self._chain.surface.level(self.spot.log - self._chain.opening_log, self._block)

    @cached_property
    def _smile(self) -> tuple[Floats, Floats]:
        surface = self._chain.surface
        variance = surface.variance(self.years, self._level[:, None])
        moneyness = self._chain.strike_logs(self.window)[None, :] - self.spot.log[:, None]
        return moneyness, surface.deviation(moneyness, variance)

    @cached_property
    def _d1(self) -> Floats:
        return greeks.d1(*self._smile)

    @cached_property
    def _density(self) -> Floats:
        return normal_pdf(self._d1)

    @cached_property
    def _points(self) -> Floats:
        return self.spot.points[:, None]

    @cached_property
    def gamma_value(self) -> Floats:
        """Cents of gamma exposure per contract."""
        gamma = greeks.gamma(self._density, self._points, self.deviation)
        return np.asarray(gamma * (GEX_CENTS * self._points * self._points))

    @cached_property
    def _call_delta(self) -> Floats:
        return greeks.call_delta(self._d1, self._density)

    def classic(self) -> Ints:
        """Gamma exposure by volume: calls netted against puts."""
        return _cents(self.gamma_value * (self.flow.call_volume - self.flow.put_volume))

    def held(self) -> Ints:
        """Gamma exposure by open interest."""
        calls, puts = self._chain.interest
        here = self._chain.here(self.window)
        return _cents(self.gamma_value * (calls[self._number, here] - puts[self._number, here]))

    def state(self) -> Ints:
        """Gamma exposure by what customers bought on balance: calls netted against puts."""
        return _cents(self.gamma_value * (self.flow.call_net - self.flow.put_net))

    def call_delta(self) -> Ints:
        """Delta of the calls that customers bought on balance."""
        return _cents(self._call_delta * self.flow.call_net * (DELTA_CENTS * self._points))

    def put_delta(self) -> Ints:
        """Delta of the puts that customers bought on balance: negative for bought ones."""
        return _cents((self._call_delta - 1.0) * self.flow.put_net * (DELTA_CENTS * self._points))

    def delta(self) -> Ints:
        """Delta of all options that customers bought on balance, the sum of both sides to the cent."""
        return self.call_delta() + self.put_delta()

    def gamma(self) -> Ints:
        """Gamma of all options that customers bought on balance."""
        return _cents(self.gamma_value * self._both)

    def vanna(self) -> Ints:
        """Vanna of all options that customers bought on balance."""
        vanna = greeks.vanna(self._density, self._d1, self.deviation, self.years)
        return _cents(vanna * self._both * (VANNA_CENTS * self._points))

    def charm(self) -> Ints:
        """Charm of all options that customers bought on balance."""
        charm = greeks.charm(self._density, self._d1, self.deviation, self.years)
        return _cents(charm * self._both * (CHARM_CENTS * self._points))

    def volume(self) -> Ints:
        """Contracts that customers bought on balance, in hundredths as all columns."""
        return 100 * self._both

    @property
    def _both(self) -> Ints:
        return self.flow.call_net + self.flow.put_net

    def quotes(self) -> tuple[Ints, Ints]:
        """Implied volatilities of calls and puts in thousandths, 0 where there is no quote.

        Puts are quoted above calls of the same strike, as on the service (0.126 and 0.137 were seen).
        """
        below, above = (np.rint(self.volatility * (1000.0 * side)).astype(np.int64) for side in (1 - _GAP, 1 + _GAP))
        calls = (self._d1 < _DEEP) & (self._d1 > -_WORTHLESS)
        puts = (self._d1 > -_DEEP) & (self._d1 < _WORTHLESS)
        return np.where(calls, below, 0), np.where(puts, above, 0)


def _cents(values: Floats) -> Ints:
    return np.rint(values).astype(np.int64)

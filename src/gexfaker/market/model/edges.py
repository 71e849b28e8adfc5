"""What is worked out at the block's ends only, and taken to change evenly in between.

That is the exposure of the further expiries, which hardly moves within a minute, and zero gamma, the spot at which a
chain's gamma exposure would change its sign: the chain is valued again at a row of other spots.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from gexfaker.market.model.chain import FAR, NEAR, NEXT, Chain
from gexfaker.market.model.strip import GEX_CENTS
from gexfaker.market.numeric import greeks
from gexfaker.market.numeric.exact import Floats, Ints, add_rows, log, normal_pdf

EDGES_KEPT: Final = 4
"""Ends in memory, a few kilobytes each: those of the block in play and of the one before, and one more."""

FULL: Final = -1
"""Stands for all expiries together where the number of an expiry is asked for."""

_SPOTS: Final = np.arange(-16, 17) / 16.0
"""Where the chain is valued again, from one end of the window to the other."""

_COARSE: Final = slice(None, None, 8)
"""Of these, where further expiries are: their gamma is nearly a straight line."""


class FarExposure(NamedTuple):
    """Of all further expiries, in cents by strike of the day (not rounded): by volume, open interest and net buying."""

    volume: Floats
    interest: Floats
    net: Floats


class Edges:
    """A chain at the starts of blocks (BLOCKS is the close)."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self.far = lru_cache(maxsize=EDGES_KEPT)(self._far)
        self.zero_gamma = lru_cache(maxsize=EDGES_KEPT * 4)(self._zero_gamma)
        self._far_gammas = lru_cache(maxsize=EDGES_KEPT)(self._make_far_gammas)

    def _far(self, edge: int) -> FarExposure:
        chain, gammas = self._chain, self._far_gammas(edge)[len(_SPOTS[_COARSE]) // 2]
        flow = chain.books[FAR].skeleton
        traded = flow.call_volume[edge] - flow.put_volume[edge]
        bought = flow.call_net[edge] - flow.put_net[edge]
        calls, puts = chain.interest
        by_share = add_rows(gammas * chain.shares[:, None])
        return FarExposure(by_share * traded, add_rows(gammas * (calls[FAR:] - puts[FAR:])), by_share * bought)

    def _make_far_gammas(self, edge: int) -> Floats:
        """Cents per contract of each further expiry: coarse spots by expiries by strikes."""
        chain = self._chain
        days = np.array(chain.days[FAR:], dtype=np.float64)
        return self._gammas(edge, days, chain.strikes, self._row(edge)[_COARSE])

    def _gammas(self, edge: int, days: Floats, strikes: range, spots: Floats) -> Floats:
        chain, here = self._chain, slice(edge, edge + 1)
        years = chain.surface.years_at(days, here)
        returns = chain.underlying.skeleton.log[here] - chain.opening_log
        variance = chain.surface.variance(years, chain.surface.level_at(returns, here))[None, :, None]
        moneyness = (chain.strike_logs(strikes)[None, :] - log(spots)[:, None])[:, None, :]
        deviation = chain.surface.deviation(moneyness, variance)
        density = normal_pdf(greeks.d1(moneyness, deviation))
        return np.asarray(density * (GEX_CENTS * spots)[:, None, None] / deviation)

    def _row(self, edge: int) -> Floats:
        """The spots at which the chain is valued again."""
        profile = self._chain.profile
        spot = float(self._chain.underlying.skeleton.points[edge])
        reach = min(profile.near // 2 * profile.spacing / 100, 0.5 * spot)
        spots: Floats = spot + reach * _SPOTS
        return spots

    def _zero_gamma(self, number: int, edge: int) -> float:
        """The spot nearest to spot where gamma exposure by volume changes its sign, in points.

        Args:
            number: of the expiry, or FULL.
        """
        spots = self._row(edge)
        if number != FULL:
            return _crossing(spots, self._profile(number, edge, spots))
        total = self._profile(NEAR, edge, spots) + self._profile(NEXT, edge, spots)
        return _crossing(spots, total + self._far_profile(edge, spots))

    def _profile(self, number: int, edge: int, spots: Floats) -> Floats:
        """Gamma exposure by volume of one expiry at other spots."""
        chain = self._chain
        strikes = chain.window(edge, chain.profile.near)
        days = np.array([chain.days[number]], dtype=np.float64)
        return _add_columns(self._gammas(edge, days, strikes, spots)[:, 0, :] * self._traded(number, edge, strikes))

    def _far_profile(self, edge: int, spots: Floats) -> Floats:
        chain = self._chain
        traded = self._book_traded(FAR, edge, chain.strikes)
        coarse = [
            float(_add_columns((add_rows(gammas * chain.shares[:, None]) * traded)[None, :])[0])
            for gammas in self._far_gammas(edge)
        ]
        return _interpolate(coarse, len(spots))

    def _traded(self, number: int, edge: int, strikes: range) -> Floats:
        if number < FAR:
            return self._book_traded(number, edge, strikes).astype(np.float64)
        return np.asarray(self._book_traded(FAR, edge, strikes) * float(self._chain.shares[number - FAR]))

    def _book_traded(self, book: int, edge: int, strikes: range) -> Ints:
        flow, here = self._chain.books[book].skeleton, self._chain.here(strikes)
        traded: Ints = flow.call_volume[edge, here] - flow.put_volume[edge, here]
        return traded


def _add_columns(values: Floats) -> Floats:
    # In a fixed order, as add_rows.
    return np.asarray(np.cumsum(values, axis=1)[:, -1])


def _interpolate(coarse: list[float], count: int) -> Floats:
    step = (count - 1) // (len(coarse) - 1)
    fine = [start + (end - start) * at / step for start, end in pairwise(coarse) for at in range(step)]
    return np.array([*fine, coarse[-1]])


def _crossing(spots: Floats, exposures: Floats) -> float:
    """Where the line through the exposures crosses 0, nearest to the middle; else the end that is nearer to 0."""
    positive = exposures > 0
    changes = np.flatnonzero(positive[1:] != positive[:-1])
    if not len(changes):
        return float(spots[0] if abs(exposures[0]) < abs(exposures[-1]) else spots[-1])
    at = int(changes[np.argmin(np.abs(changes - len(spots) // 2))])
    low, high = float(exposures[at]), float(exposures[at + 1])
    return float(spots[at]) + float(spots[at + 1] - spots[at]) * (low / (low - high))

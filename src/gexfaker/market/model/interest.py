"""Open interest: what was held at the open, by strike. It does not change during the day, and a part of it each night.

Calls and puts balance at the money and part on the way out: puts are held below spot, calls above. So exposure is small
and moderately positive where the market was, negative further down and positive further up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from gexfaker.exchange.calendar import FRIDAY, last_trading_day, nth, trading_day_number
from gexfaker.exchange.expiries import DAILY, VOLATILITY, expiries
from gexfaker.market.model.past import rows_of_days
from gexfaker.market.model.profiles import Profile
from gexfaker.market.numeric.exact import Floats, Ints, add_rows
from gexfaker.market.numeric.hashing import Words, uniforms, words

CONTRACTS: Final = 2_000_000
"""Traded a day in the nearest expiry of SPX."""

_HELD: Final = {"daily": (0.08, 0.40, 0.05), "other": (0.40, 1.20, 0.70), "volatility": (2.50, 2.50, 1.50)}
"""Open contracts a side, per contract traded a day in the nearest expiry: in an ordinary expiry, in a monthly one, and
on an expiry's last day. Where one ends every day, positions are spread over many and closed or rolled in time."""

_BUILT: Final = 5
"""Open interest spreads as far as spot may go until expiry, and as it has gone in the five days before."""

_APART: Final = 0.75
"""Calls over puts far above spot, as a share of both, and puts over calls far below: both are alike at the money."""

_LOPSIDED: Final = 0.25
"""Largest departure of one strike from that."""

_INSURANCE: Final = 1.3
"""How much wider holdings reach below spot than above."""

_MASS: Final = 1.5707963267948966
"""Area under 1 / (1 + x * x) ** 2."""

_ROUND: Final = ((20, 3.0), (10, 2.0), (5, 1.3), (1, 0.6))
"""Strikes by roundness, in strike numbers, and how much more is held there."""


REMEMBERED: Final = 6
"""Days of which the trades are still held: what is older is in the strike's own luck."""

_ROLLED: Final = 0.7
"""What is left of a position a day later: three in ten are closed or rolled on a day, and as many are opened."""

_LEFT: Final = np.cumprod(np.full(REMEMBERED, _ROLLED))
"""What is left of the trades of each of these days, yesterday's first."""

_LASTING: Final = 0.5
"""Share of a strike's luck that it has on all days until expiry; the rest is of the days on which it was traded."""


class Positions:
    """Who holds what of one underlying on one day.

    Args:
        profile: the underlying.
        day: the day.
        key: seed, for what lasts longer than a day.
        close: where it closed so many trading days before, in points.
    """

    def __init__(self, profile: Profile, day: dt.date, key: str, close: Callable[[int], float]) -> None:
        self._profile = profile
        self._key = f"{key}/{profile.name}"
        self._number = trading_day_number(day)
        self._day = day
        self._close = close
        self.expiries = expiries(profile.name, day)

    @cached_property
    def days(self) -> tuple[int, ...]:
        """Trading days to each expiry, 0 for today's."""
        return tuple(trading_day_number(expiry) - self._number for expiry in self.expiries)

    @cached_property
    def _spots(self) -> Floats:
        """The closes of the days before in strikes, yesterday's first."""
        closes = [self._close(back) for back in range(1, REMEMBERED + 1)]
        return np.array(closes) * (100.0 / self._profile.spacing)

    def at(self, strikes: range, count: int) -> tuple[Ints, Ints]:
        """Open calls and puts of the ``count`` nearest expiries: expiries by strikes."""
        # Positions were taken on the days before, around the closes of these, whatever the night has brought.
        usual, rows = self._profile.deviation * float(self._spots[0]), []
        for expiry, days in zip(self.expiries[:count], self.days[:count], strict=True):
            spread = usual * float(np.sqrt(np.float64(days + _BUILT)))
            holding = Holding(f"{self._key}/{expiry}", self._contracts(expiry, days), spread, self._profile.calls)
            rows.append(held(holding, self._spots, self._number, strikes))
        return np.array([calls for calls, _ in rows]), np.array([puts for _, puts in rows])

    def _contracts(self, expiry: dt.date, days: int) -> float:
        ordinary, monthly, last = _HELD[_kind(self._profile.name)]
        size = (monthly if is_monthly(expiry) else ordinary) if days else last
        return CONTRACTS * self._profile.volume * size / (1.0 + days / 40.0)


class Holding(NamedTuple):
    """What is held of one expiry.

    Attributes:
        key: its noise, the same on all days.
        contracts: open on each side, about.
        width: a standard deviation at expiry, in strikes.
        calls: calls over puts at the money, as a share of both.
    """

    key: str
    contracts: float
    width: float
    calls: float


def held(holding: Holding, spots: Floats, number: int, strikes: range) -> tuple[Ints, Ints]:
    """Open calls and puts of one expiry by strike: each day before has left a part around its close.

    Args:
        holding: how much of what.
        spots: the closes of the REMEMBERED days before in strikes, yesterday's first.
        number: of the trading day.
    """
    numbers = np.arange(strikes.start, strikes.stop, dtype=np.float64)
    lasting = words(f"{holding.key}/interest", range(1), strikes)
    days = words(f"{holding.key}/traded", rows_of_days(number - REMEMBERED, number), strikes)[::-1]
    away = (numbers[None, :] - spots[:, None]) / holding.width
    luck = _LASTING * _luck(lasting) + (1.0 - _LASTING) * _luck(days)
    parts = (_LEFT / add_rows(_LEFT))[:, None] * _hump(away) * luck
    half = holding.contracts * round_strikes(numbers, _ROUND) / (_MASS * holding.width) * add_rows(parts)
    lopsided = _LOPSIDED * (2.0 * uniforms(lasting, 2)[0] - 1.0)
    # Positions are rolled to where the market is: puts are below yesterday's close, whenever they were bought.
    out = away[0]
    apart = holding.calls + _APART * out * np.abs(out) / (1.0 + out * out) + lopsided
    apart = np.minimum(np.maximum(apart, -0.98), 0.98)
    return np.floor(half * (1.0 + apart)).astype(np.int64), np.floor(half * (1.0 - apart)).astype(np.int64)


def _luck(bits: Words) -> Floats:
    """How many like a strike: few are liked much; 0.75 on average."""
    return np.asarray(3.0 * uniforms(bits, 0) * uniforms(bits, 0))


def round_strikes(numbers: Floats, table: tuple[tuple[int, float], ...]) -> Floats:
    """The factor of each strike number: that of the roundest step of the table it is a multiple of."""
    factor = np.zeros_like(numbers)
    for step, weight in table:
        factor = np.maximum(factor, np.where(np.floor(numbers / step) * step == numbers, weight, 0.0))
    return factor


def _hump(away: Floats) -> Floats:
    away = np.where(away < 0, away / _INSURANCE, away)
    bell = 1.0 / (1.0 + away * away)
    return np.asarray(bell * bell)


def _kind(name: str) -> str:
    if name in VOLATILITY:
        return "volatility"
    return "daily" if name in DAILY else "other"


def is_monthly(day: dt.date) -> bool:
    """Whether the options of a month end on ``day``."""
    return day == last_trading_day(nth(day.year, day.month, FRIDAY, 3))

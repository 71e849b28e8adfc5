"""What is simulated, and how large: one row for each underlying; futures, weekly roots and small indexes refer to it.

Levels are of 2026; volumes are relative to the nearest SPX expiry's. Nothing here is a forecast: it only has to put
strikes, volatilities and sizes where somebody who knows the ticker expects them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

from gexfaker.catalog import DEFAULT_TICKERS, TICKERS, WEEKLIES
from gexfaker.errors import DataError

MARKET_VOLATILITY: Final = 0.008
"""Standard deviation of the market's (SPX's) return from open to close."""

DAYS_A_YEAR: Final = 252
"""Trading days a year: the unit of implied variance is a year of them."""


@dataclass(frozen=True, slots=True)
class Profile:
    """An underlying and its option chain.

    Attributes:
        name: the option-owning ticker.
        level: where it usually opens.
        beta: return per market return.
        own: standard deviation of the part of the daily return that is not the market's.
        spacing: cents between strikes.
        near: strikes shown of one expiry.
        full: strikes shown of all expiries together.
        volume: contracts a day in the nearest expiry, relative to SPX.
        skew: correlation of the surface: negative where puts are dearer.
        follows: the underlying whose returns these are, scaled, or empty.
        fear: how much of a scenario's change of implied volatility is in the price: of volatility itself, most.
        calls: open calls over puts at the money, as a share of both.
    """

    name: str
    level: float
    beta: float
    own: float
    spacing: int
    near: int
    full: int
    volume: float
    skew: float
    follows: str = ""
    fear: float = 0.0
    calls: float = 0.12

    @property
    def deviation(self) -> float:
        """Standard deviation of the return from open to close."""
        market = self.beta * MARKET_VOLATILITY
        # Not **: the C library decides its last bit.
        return math.sqrt(market * market + self.own * self.own)


_INDEXES: Final = (
    Profile("SPX", 7450.0, 1.0, 0.0, 500, 71, 108, 1.0, -0.5, calls=0.1),
    Profile("NDX", 27_600.0, 1.2, 0.005, 1000, 143, 180, 0.06, -0.5),
    Profile("RUT", 2650.0, 1.15, 0.007, 500, 71, 108, 0.03, -0.45),
    Profile("VIX", 17.0, -5.0, 0.045, 50, 25, 35, 0.35, 0.6, fear=0.7, calls=0.3),
    Profile("XSP", 745.0, 1.0, 0.0, 100, 71, 108, 0.05, -0.5, "SPX"),
    Profile("SPY", 743.0, 1.0, 0.0, 100, 71, 108, 4.0, -0.5, "SPX"),
    Profile("QQQ", 671.0, 1.2, 0.005, 100, 71, 108, 2.5, -0.5, "NDX"),
    Profile("IWM", 264.0, 1.15, 0.007, 100, 41, 61, 0.5, -0.45, "RUT"),
    Profile("TQQQ", 118.0, 3.6, 0.015, 100, 41, 61, 0.12, -0.4, "NDX"),
)

# Ticker, level, beta, own daily volatility in percent, volume relative to SPX in percent.
_OTHERS: Final = """
AAPL 262 1.1 1.2 40
AMD 215 1.8 2.5 30
AMZN 238 1.3 1.4 30
APP 560 1.9 3.2 5
AVGO 365 1.6 2.1 12
BABA 165 0.9 2.2 12
BOIL 28 0.3 4.5 2
COIN 330 2.2 3.2 14
CRWD 500 1.3 2.0 4
CRWV 120 2.0 4.5 10
DDOG 160 1.4 2.4 2
DIA 478 0.9 0.3 3
GLD 385 0.1 1.0 14
GME 24 1.1 2.8 7
GOOG 262 1.1 1.4 8
GOOGL 261 1.1 1.4 22
HOOD 135 2.1 3.2 20
HYG 80.5 0.3 0.2 8
IBIT 62 1.2 2.2 20
INTC 38 1.3 2.6 20
IONQ 60 2.2 4.8 12
META 720 1.2 1.5 16
MSFT 520 1.0 1.0 15
MSTR 300 2.2 3.2 18
MU 210 1.8 2.6 14
NFLX 1120 1.1 1.7 9
NVDA 190 1.7 1.7 75
NVO 56 0.6 2.2 8
ORCL 285 1.4 2.4 14
PL 14 1.6 4.5 3
PLTR 182 2.0 2.7 35
RDDT 205 1.9 3.4 5
ROKU 98 1.7 2.8 2
SHOP 160 1.8 2.6 3
SLV 45 0.2 1.8 16
SMCI 54 1.8 3.6 12
SNDK 150 1.7 4.0 4
SNOW 245 1.5 2.4 3
SOFI 27 1.9 3.0 14
TLT 90 -0.1 0.8 9
TSLA 430 1.9 2.7 90
TSM 290 1.4 1.6 7
UBER 95 1.1 1.8 8
UNG 13 0.2 3.4 3
UNH 360 0.4 1.9 8
USO 71 0.4 1.8 4
UVXY 11 -5.5 5.0 5
VALE 12 0.8 1.6 3
ZS 310 1.3 2.1 1
SOXL 38 4.6 3.0 9
LLY 820 0.5 1.7 5
FUTU 165 1.3 3.0 2
MARA 19 2.4 4.2 12
PYPL 69 1.2 1.9 5
F 12.5 1.0 1.7 6
ETHA 30 1.6 3.4 6
EXK 9 1.0 3.8 0.5
HIMS 48 1.6 4.6 6
PINS 33 1.3 2.2 2
NKE 69 0.9 1.7 4
IREN 60 2.3 4.9 10
RIVN 13.5 1.7 3.2 5
IEF 96.5 -0.1 0.4 0.5
MTCH 33 1.1 2.1 0.4
SBSW 11 0.8 3.4 0.4
RIOT 21 2.3 4.2 6
ONDS 7 1.7 6.0 4
CRM 245 1.1 1.7 5
PFE 24.5 0.4 1.2 5
TSLL 20 3.8 5.2 6
TGT 90 0.8 1.8 3
NXE 9 1.2 3.0 0.4
WMT 103 0.6 1.1 5
BMNR 53 2.2 5.5 10
CIFR 20 2.3 5.2 6
TTD 50 1.4 3.0 3
SMR 42 1.9 5.0 5
XLF 53 1.0 0.5 4
WULF 15 2.2 5.0 4
DRAM 28 1.8 3.0 0.6
BE 110 1.9 4.8 3
NBIS 120 2.0 4.5 5
OXY 41 0.7 1.7 3
XLE 88 0.6 1.0 3
GDX 74 0.4 2.2 5
SMH 345 1.7 1.0 3
JPM 305 1.0 1.0 4
BAC 52 1.1 1.1 6
WFC 86 1.1 1.2 3
C 100 1.2 1.3 3
GS 790 1.2 1.2 2
MS 164 1.2 1.2 1.5
SCHW 94 1.0 1.3 1
AXP 355 1.1 1.2 1
V 345 0.8 0.9 2
MA 565 0.8 0.9 1
CME 268 0.4 1.1 0.4
CBOE 245 0.3 1.2 0.3
NDAQ 88 0.8 1.1 0.3
"""

_STOCK_SKEW: Final = -0.25
_STOCK_CALLS: Final = 0.18
"""Stocks: calls are written against them."""

BASES: Final = {"ES_SPX": 3965, "NQ_NDX": 14_580}
"""Cents a future stands above its index: added to spot, strikes and levels, nothing else."""


def _stock(row: str) -> Profile:
    name, *figures = row.split()
    level, beta, own, volume = map(float, figures)
    return Profile(name, level, beta, own / 100, _spacing(level), 41, 61, volume / 100, _STOCK_SKEW, calls=_STOCK_CALLS)


def _spacing(level: float) -> int:
    """Strikes of a stock are closer the cheaper it is; never so wide apart that the window would reach zero."""
    bounds = ((22.0, 25), (48.0, 50), (110.0, 100), (300.0, 250), (900.0, 500))
    return next((cents for bound, cents in bounds if level < bound), 1000)


@cache
def profiles() -> dict[str, Profile]:
    """All underlyings by their option-owning ticker."""
    rows = (*_INDEXES, *(_stock(row) for row in _OTHERS.strip().splitlines()))
    return {row.name: row for row in rows}


def chain_of(ticker: str) -> str:
    """Whose options a ticker shows: a future or a weekly root its index's, all others their own.

    Raises:
        DataError: no such ticker in the universe.
    """
    if ticker not in TICKERS:
        known = ", ".join(DEFAULT_TICKERS)
        raise DataError(f"{ticker!r} is not simulated; simulated is every ticker of the service, such as {known}")
    return WEEKLIES.get(ticker, ticker.rpartition("_")[2])

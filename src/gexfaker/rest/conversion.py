"""From a ticker's price to its future's: price * multiplier + additive. A model of our own; the service's is not known.

* additive: the multiplier is 1 and the sum carries all of the difference (what the service answers by default).
* multiplicative: nothing is added.
* affine: the multiplier is the nominal ratio of the two (10 from SPY to ES), and the sum carries the rest.

The future's price is the market's where it is played (ES_SPX, NQ_NDX). Elsewhere it is the cost of carry: the ticker's
price times the nominal ratio, grown at the pair's rate (interest less dividends, a year) to the contract's expiry.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from gexfaker.exchange.futures import GOLD, INDEX, OIL, Cycle, front

GRID_SECONDS: Final = 900
"""Conversions are renewed every 15 minutes of market time, as on the service."""

DAYS_A_YEAR: Final = 365
DECIMALS: Final = 9
"""Decimals of a factor, as the service prints them."""

MODELS: Final = ("additive", "multiplicative", "affine")


class Pair(NamedTuple):
    """A ticker and its future.

    Attributes:
        future: the root of its contracts.
        cycle: which contracts there are.
        hybrid: the ticker under which the future's own price is played; "" where there is none.
        ratio: the future's price as a multiple of the ticker's, without carry.
        carry: the future's growth over it a year.
        follows: the index that the ticker follows, for its price where only the index is played; "" where none is.
        level: the ticker's price where nothing of it is played: what it was in August 2026.
    """

    future: str
    cycle: Cycle
    hybrid: str
    ratio: float
    carry: float
    follows: str
    level: float


_PAIRS: Final = {
    "SPX": Pair("ES", INDEX, "ES_SPX", 1.0, 0.03, "", 7800.0),
    "SPY": Pair("ES", INDEX, "ES_SPX", 10.0, 0.03, "SPX", 778.0),
    "NDX": Pair("NQ", INDEX, "NQ_NDX", 1.0, 0.035, "", 29000.0),
    "QQQ": Pair("NQ", INDEX, "NQ_NDX", 41.0, 0.035, "NDX", 707.0),
    "RUT": Pair("RTY", INDEX, "", 1.0, 0.03, "", 2900.0),
    "IWM": Pair("RTY", INDEX, "", 10.0, 0.03, "RUT", 290.0),
    "DIA": Pair("YM", INDEX, "", 100.0, 0.025, "", 520.0),
    "GLD": Pair("GC", GOLD, "", 10.9, 0.04, "", 380.0),
    "USO": Pair("CL", OIL, "", 0.85, 0.0, "", 80.0),
}
PAIRS: Final = {(ticker, pair.future): pair for ticker, pair in _PAIRS.items()}
"""The pairs that the service converts; any other is refused."""


def on_grid(market: float) -> int:
    """The market time (epoch seconds) that a conversion at ``market`` is of."""
    return int(market // GRID_SECONDS) * GRID_SECONDS


def convert(
    ticker: str, pair: Pair, day: dt.date, model: str, price_of: Callable[[str], float | None]
) -> dict[str, Any]:
    """The body of a conversion.

    Args:
        ticker: that is converted.
        pair: it and its future.
        day: the market day.
        model: one of MODELS.
        price_of: the price of a ticker that is played, None of any other.
    """
    contract = front(pair.future, pair.cycle, day)
    price = price_of(ticker) or _followed(pair, price_of) or pair.level
    years = (contract.expiry - day).days / DAYS_A_YEAR
    theory = price * pair.ratio * math.exp(pair.carry * years)
    future = (pair.hybrid and price_of(pair.hybrid)) or theory
    multiplier = {"additive": 1.0, "multiplicative": future / price, "affine": pair.ratio}[model]
    additive = future - price * multiplier if model != "multiplicative" else 0.0
    return {"future_contract": contract.code, "multiplier": _number(multiplier), "additive": _number(additive)}


def _followed(pair: Pair, price_of: Callable[[str], float | None]) -> float | None:
    """The ticker's price by the index it follows."""
    price = price_of(pair.follows) if pair.follows else None
    return price and price / pair.ratio


def _number(value: float) -> float | int:
    """A factor as the service prints it: an integral one without a point."""
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded.is_integer() else rounded

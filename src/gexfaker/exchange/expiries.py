"""When a ticker's options expire: every day, three times a week, every week, or every month.

Who lists what, as of 2026: the big index products and their funds every trading day; the most traded stocks and
the funds of metals, oil, gas and bonds Monday, Wednesday and Friday; nearly all others every Friday; thinly traded
ones monthly only. A month's third Friday is listed by
all of them. Volatility alone expires on Wednesdays.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Final

from gexfaker.catalog import FUTURES, Feed
from gexfaker.exchange.calendar import DAY, FRIDAY, is_trading_day, last_trading_day, nth

HORIZON: Final = dt.timedelta(days=90)
"""How far ahead expiries are published."""

DAILY_AHEAD: Final = dt.timedelta(days=35)
"""How far ahead days that are neither Friday nor a month's end are listed: five weeks."""

THRICE_AHEAD: Final = dt.timedelta(days=14)
"""The same for Mondays and Wednesdays of stocks and funds: two weeks."""

WEEKLY_AHEAD: Final = dt.timedelta(days=56)
"""How far ahead ordinary Fridays are listed: eight weeks."""

DAILY: Final = frozenset("SPX SPXW NDX NDXP RUT RUTW XSP SPY QQQ IWM".split())
THRICE: Final = frozenset("AAPL AMZN AVGO GOOGL META MSFT NVDA TSLA IBIT GLD SLV TLT USO UNG".split())
MONTHLY: Final = frozenset("EXK MTCH NXE SBSW CME CBOE NDAQ BOIL".split())
VOLATILITY: Final = frozenset(("VIX", "VIXW"))
WEDNESDAY: Final = 2


@lru_cache(maxsize=512)
def expiries(ticker: str, start: dt.date) -> tuple[dt.date, ...]:
    """The expiries of an option-owning ticker from ``start`` (New York) to HORIZON later, both included."""
    days = (start + number * DAY for number in range(HORIZON.days + 1))
    return tuple(day for day in days if is_trading_day(day) and _is_listed(ticker, day, day - start))


def nearest(ticker: str, day: dt.date) -> tuple[dt.date, dt.date]:
    """The nearest expiry and the one after it, seen on ``day``: what ``zero`` and ``one`` mean."""
    first, second = expiries(owner(ticker), day)[:2]
    return first, second


def owner(ticker: str) -> str:
    """Whose options a ticker shows: a future its index's (ES_SPX: SPX), all others their own."""
    return ticker.rpartition("_")[2]


def _is_listed(ticker: str, day: dt.date, ahead: dt.timedelta) -> bool:
    if ticker in VOLATILITY:
        return _is_kept(day, WEDNESDAY)
    if day == _monthly(day):
        return True
    if ticker in MONTHLY:
        return False
    if _is_kept(day, FRIDAY):
        return ticker in DAILY or ahead <= WEEKLY_AHEAD
    if ticker in DAILY:
        return ahead <= DAILY_AHEAD or _is_month_end(day)
    return ticker in THRICE and day.weekday() in (0, WEDNESDAY) and ahead <= THRICE_AHEAD


def _is_kept(day: dt.date, weekday: int) -> bool:
    """Whether ``day`` stands for the ``weekday`` of its week, itself or the trading day before a holiday."""
    return last_trading_day(day + (weekday - day.weekday()) * DAY) == day


def _monthly(day: dt.date) -> dt.date:
    return last_trading_day(nth(day.year, day.month, FRIDAY, 3))


def _is_month_end(day: dt.date) -> bool:
    return last_trading_day((day.replace(day=1) + 32 * DAY).replace(day=1) - DAY) == day


def is_listed(feed: Feed, day: dt.date) -> bool:
    """Whether an explicit-expiry feed is published on ``day``: its ticker owns options that expire then."""
    return feed.ticker not in FUTURES and feed.expiry in expiries(feed.ticker, day)

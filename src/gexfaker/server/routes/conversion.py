"""`/futures/conversion`: what turns a ticker's price into its future's, at the key's place in the day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from starlette.responses import Response

from gexfaker.catalog import CATEGORIES, Feed
from gexfaker.errors import DataError, RecordError
from gexfaker.exchange.hours import opening
from gexfaker.playback.answers import first_in_hours
from gexfaker.playback.day import Day
from gexfaker.playback.play import Play
from gexfaker.rest.conversion import MODELS, PAIRS, convert, on_grid
from gexfaker.server.http.replies import error, reply
from gexfaker.server.slices import in_slices
from gexfaker.tapes.tape import Tape
from gexfaker.worlds.change import Begin, change
from gexfaker.worlds.world import World

_PRICED: Final = tuple(
    (package, category) for package in ("orderflow", "classic", "state") for category in CATEGORIES[package]
)
"""Where a ticker's price is looked for, the smallest records first."""


class _Priced(msgspec.Struct):
    spot: float


_SPOT: Final = msgspec.json.Decoder(_Priced)


async def conversion(world: World, query: Mapping[str, str], now: float) -> Response:
    """The conversion that a query asks for; 400 for a pair or a model that does not exist."""
    ticker, future = query.get("ticker", "").upper(), query.get("future", "").upper()
    pair = PAIRS.get((ticker, future))
    if pair is None:
        known = ", ".join(f"{one} to {other}" for one, other in PAIRS)
        return error(f"ticker and future must be one of these pairs: {known}.", 400)
    model = query.get("model", MODELS[0]).lower()
    if model not in MODELS:
        return error(f"model must be one of {', '.join(MODELS)}.", 400)
    day = world.play.day
    if world.play.is_new:
        change(world, Begin(), now)
    at = on_grid(_market_time(world.play, day, ticker, now))
    for name in (ticker, pair.hybrid, pair.follows):
        tape = _tape(day, name)
        async for _ in in_slices(() if tape is None else tape.steps_to_time(at)):
            pass
    return reply(convert(ticker, pair, day.calendar_date, model, lambda name: _price(day, name, at)))


def _market_time(play: Play, day: Day, ticker: str, now: float) -> float:
    """Market time; without a clock the time of the newest record of the ticker that was asked for."""
    market = play.market_time(now)
    if market is not None:
        return market
    return max(_reached(play, day, ticker), default=opening(day.calendar_date))


def _reached(play: Play, day: Day, ticker: str) -> Iterator[int]:
    """The times of the records that a ticker's positions have come to."""
    for index in play.indexes_of(ticker):
        tape = _tape(day, ticker)
        if tape is not None and tape.has(index):
            try:
                yield tape.timestamp(index)
            except RecordError:
                continue


def _price(day: Day, ticker: str, at: int) -> float | None:
    """A ticker's price at a market time, or at the open before its first record; None when it is not played."""
    tape = _tape(day, ticker)
    if tape is None or not tape.has(0):
        return None
    index = max(tape.index_at(max(at, first_in_hours(tape, day.calendar_date))), 0)
    try:
        spot = _SPOT.decode(tape.json(index)).spot
    except (RecordError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return spot if spot > 0 else None


def _tape(day: Day, ticker: str) -> Tape | None:
    """A tape with a ticker's price."""
    feeds = (Feed(ticker, package, category) for package, category in _PRICED)
    feed = next((feed for feed in feeds if feed in day.feeds), None)
    try:
        return None if feed is None else day.tape(feed)
    except DataError:
        return None

"""`/futures/conversion`: what turns a ticker's price into its future's, at the session's place in the day."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Final

import msgspec
from starlette.responses import Response

from gexfaker.catalog import CATEGORIES, Feed
from gexfaker.errors import DataError, RecordError
from gexfaker.exchange.times import opening
from gexfaker.playback.day import Library
from gexfaker.playback.session import Session
from gexfaker.rest.conversion import MODELS, PAIRS, convert, on_grid
from gexfaker.server.http.replies import error, reply
from gexfaker.tapes.tape import Tape

_PRICED: Final = tuple(
    (package, category) for package in ("orderflow", "classic", "state") for category in CATEGORIES[package]
)
"""Where a ticker's price is looked for, the smallest records first."""


class _Priced(msgspec.Struct):
    spot: float


_SPOT: Final = msgspec.json.Decoder(_Priced)


def conversion(session: Session, query: Mapping[str, str], now: float) -> Response:
    """The conversion that a query asks for; 400 for a pair or a model that does not exist."""
    ticker, future = query.get("ticker", "").upper(), query.get("future", "").upper()
    pair = PAIRS.get((ticker, future))
    if pair is None:
        known = ", ".join(f"{one} to {other}" for one, other in PAIRS)
        return error(f"ticker and future must be one of these pairs: {known}.", 400)
    model = query.get("model", MODELS[0]).lower()
    if model not in MODELS:
        return error(f"model must be one of {', '.join(MODELS)}.", 400)
    library = session.library
    at = on_grid(_market_time(session, library, ticker, now))
    return reply(convert(ticker, pair, library.day, model, lambda name: _price(session, library, name, at)))


def _market_time(session: Session, library: Library, ticker: str, now: float) -> float:
    """Market time; in step mode the time of the newest record of the ticker that was asked for."""
    session.begin(now)
    market = session.market_time(now)
    if market is not None:
        return market
    return max(_reached(session, library, ticker), default=opening(library.day))


def _reached(session: Session, library: Library, ticker: str) -> Iterator[int]:
    """The times of the records that a ticker's positions of step mode have come to."""
    for place, index in session.places.items():
        tape = _tape(library, ticker) if index and _is_of(place, ticker) else None
        if tape is not None and tape.has(index - 1):
            try:
                yield tape.timestamp(index - 1)
            except RecordError:
                continue


def _is_of(place: Hashable, ticker: str) -> bool:
    """Whether a position is a ticker's: of a feed, of a ticker and package, or of a feed and endpoint."""
    owner = place[0] if isinstance(place, tuple) else place
    return ticker == (owner.ticker if isinstance(owner, Feed) else owner)


def _price(session: Session, library: Library, ticker: str, at: int) -> float | None:
    """A ticker's price at a market time, or at the open before its first record; None when it is not played."""
    tape = _tape(library, ticker)
    if tape is None or not tape.has(0):
        return None
    index = max(tape.index_at(max(at, session.opening(tape))), 0)
    try:
        spot = _SPOT.decode(tape.json(index)).spot
    except (RecordError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return spot if spot > 0 else None


def _tape(library: Library, ticker: str) -> Tape | None:
    """A tape with a ticker's price."""
    feeds = (Feed(ticker, package, category) for package, category in _PRICED)
    feed = next((feed for feed in feeds if feed in library.feeds), None)
    try:
        return None if feed is None else library.tape(feed)
    except DataError:
        return None

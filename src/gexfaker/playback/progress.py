"""How far a session has come: its positions, and whether its day is over. Pure decisions."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from gexfaker.catalog import Feed
from gexfaker.playback.answers import is_last, newest_record, stamp_of
from gexfaker.playback.options import CacheMode
from gexfaker.tapes.tape import Tape

if TYPE_CHECKING:
    from gexfaker.playback.session import Session


def stepped_indexes(session: Session) -> dict[Feed, int]:
    """In step mode, the feeds that were used, each with the index it has come to, the feed's own before REST's."""
    places = session.places.items()
    given = {feed: index - 1 for place, index in places for feed in _feeds_at(session, place)}
    return given | {place: index - 1 for place, index in places if isinstance(place, Feed)}


def _feeds_at(session: Session, place: Hashable) -> list[Feed]:
    """The feed that a position of REST in step mode is told as: of a ticker's package the first there is."""
    if isinstance(place, Feed):
        return []
    if isinstance(place, tuple) and isinstance(place[0], Feed):
        return [place[0]]
    return sorted(feed for feed in session.library.feeds if (feed.ticker, feed.package) == place)[:1]


def reached(session: Session, now: float) -> float | None:
    """How far it has come: market time, or in step mode the time of the newest record given; None if unused."""
    if not session.is_stepped:
        return session.market_time(now)
    tapes = ((session.library.tape(feed), index) for feed, index in session.used().items())
    stamps = [stamp_of(tape, index) for tape, index in tapes if tape is not None and index >= 0]
    return max((stamp for stamp in stamps if stamp is not None), default=session.origin)


def is_over(session: Session) -> bool:
    """Whether every feed that was used has come to its end, as far as anybody has seen."""
    library = session.library
    tapes = [(library.tape(feed), index) for feed, index in session.used().items()]
    return bool(tapes) and all(tape is None or _has_ended(session, tape, index) for tape, index in tapes)


def _has_ended(session: Session, tape: Tape, index: int) -> bool:
    if session.clock is not None and not session.is_stepped:
        # A feed that nobody asks for any more ends all the same; one that is listened to is sent to its end first.
        market = session.clock.at(session.seen)
        index = newest_record(tape, min(market, session.streamed) if session.heard else market, index)
    return is_last(tape, index)


def day_after_the_end(session: Session) -> str | None:
    """The day to begin when all has been sent: the next one, the same again, or None to stay."""
    mode = session.options.cache_mode
    if mode is CacheMode.NEXT and is_over(session):
        return session.resolve_day("next")
    return session.day if mode is CacheMode.ROTATION and not session.is_stepped and is_over(session) else None

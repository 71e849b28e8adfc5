"""Sessions as plain data and back, so that positions survive a restart."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Final

import msgspec

from gexfaker.catalog import Feed
from gexfaker.errors import DataError
from gexfaker.playback.options import Options
from gexfaker.playback.session import Session
from gexfaker.playback.sessions import Sessions

VERSION: Final = 1
"""Of the format; a file of another version is not read."""


class Remembered(msgspec.Struct):
    """One session: its day, how it plays, market time and whether it runs, and the positions of step mode.

    ``streamed`` and ``origin`` are those of Session.
    """

    id: str
    day: str
    options: Options
    market_time: float | None
    paused: bool
    places: list[tuple[list[str], Annotated[int, msgspec.Meta(ge=0)]]]
    streamed: float = 0.0
    origin: float | None = None


class Memory(msgspec.Struct):
    """All sessions of a server."""

    version: int
    sessions: list[Remembered]


def remember(sessions: Sessions, now: float) -> bytes:
    """All sessions as they are at ``now``, as JSON."""
    return msgspec.json.encode(Memory(VERSION, [remembered(session, now) for session in sessions.all()]))


def recall(sessions: Sessions, text: bytes, now: float) -> int:
    """Put remembered sessions back; returns how many. Those whose day is gone start anew.

    Raises:
        DataError: the text is not what ``remember`` gives.
    """
    try:
        memory = msgspec.json.decode(text, type=Memory)
    except msgspec.MsgspecError as error:
        raise DataError(f"not a state file: {error}") from None
    if memory.version != VERSION:
        raise DataError(f"a state file of version {memory.version}, this is version {VERSION}")
    try:
        places = [{_as_place(names): index for names, index in session.places} for session in memory.sessions]
    except (ValueError, TypeError, IndexError):
        raise DataError("not a state file: a position that is none") from None
    for remembered, found in zip(memory.sessions, places, strict=True):
        _restore(sessions.get(remembered.id), remembered, found, now)
    return len(memory.sessions)


def remembered(session: Session, now: float) -> Remembered:
    places = [(_as_list(place), index) for place, index in session.places.items()]
    market = session.market_time(now)
    streamed, origin = session.streamed, session.origin
    return Remembered(session.id, session.day, session.options, market, session.paused, places, streamed, origin)


def _restore(session: Session, remembered: Remembered, places: dict[Hashable, int], now: float) -> None:
    try:
        day = session.resolve_day(remembered.day)
    except DataError:
        return
    session.options, session.paused = remembered.options, remembered.paused
    session.restart(day)
    if remembered.market_time is not None:
        session.begin(now)
        session.jump(remembered.market_time, now)
        session.streamed = remembered.streamed
    session.origin = remembered.origin
    session.places.update(places)


def _as_list(place: Hashable) -> list[str]:
    """A position's name: a feed, a (ticker, package), or a (feed, endpoint)."""
    if isinstance(place, Feed):
        return ["feed", *place]
    first, second = place if isinstance(place, tuple) else (place, "")
    if isinstance(first, Feed):
        return ["endpoint", *first, str(second)]
    return ["package", str(first), str(second)]


def _as_place(names: list[str]) -> Hashable:
    kind, *rest = names
    if kind == "feed":
        return Feed(*rest)
    if kind == "endpoint":
        return Feed(*rest[:3]), rest[3]
    if kind != "package":
        raise ValueError(kind)
    ticker, package = rest
    return ticker, package

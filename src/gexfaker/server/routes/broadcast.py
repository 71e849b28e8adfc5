"""What the sync stream tells: where sessions are, made once for all who ask for the same at nearly the same time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import msgspec

from gexfaker.catalog import Feed
from gexfaker.errors import GexfakerError
from gexfaker.playback.session import Session
from gexfaker.server.routes.status import session_ids
from gexfaker.server.service import Service
from gexfaker.server.slices import in_turns
from gexfaker.tapes.tape import Tape
from gexfaker.wire.tokens import mask, session_id

LENGTH_STRIDE: Final = 500
"""Records that are counted before the loop gets its turn: some milliseconds of reading on a large file."""

SHARED_SECONDS: Final = 0.5
"""Positions older than this, or than half an interval, are looked up anew; younger ones are good enough to share."""


class Told(NamedTuple):
    """The positions of a key's session, or of all, encoded, with the day and the mode they are of."""

    at: float
    date: str
    mode: str
    positions: msgspec.Raw


class Place(NamedTuple):
    """Where a session is on a tape."""

    session: Session
    name: str
    tape: Tape
    record: int


class Broadcast:
    """The positions of one server's sessions, for all its followers."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service
        self._lengths: Final[WeakKeyDictionary[Tape, int]] = WeakKeyDictionary()
        self._newest: Final[dict[str | None, Told]] = {}
        self._locks: Final[dict[str | None, asyncio.Lock]] = {}
        self._followers: Final[dict[str | None, int]] = {}

    def follow(self, key: str | None) -> None:
        """Somebody follows the session of a key, or with None all."""
        self._followers[key] = self._followers.get(key, 0) + 1

    def leave(self, key: str | None) -> None:
        """Somebody does no more; with the last one all that was kept for them goes."""
        self._followers[key] -= 1
        if not self._followers[key]:
            del self._followers[key]
            self._newest.pop(key, None)
            self._locks.pop(key, None)

    async def event(self, key: str | None, number: int) -> bytes:
        """The content of a stream's event ``number``; the first is never older than the question."""
        told = await self._told(key, 0.0 if not number else self._service.settings.sync_broadcast_system_interval / 2)
        return msgspec.json.encode(
            {
                "broadcaster_id": self._service.settings.sync_broadcast_system_id or socket.gethostname(),
                "data_date": told.date,
                "cache_mode": told.mode,
                "timestamp": int(told.at * 1000),
                "sequence": number,
                "positions": told.positions,
            }
        )

    async def _told(self, key: str | None, age: float) -> Told:
        asked = self._service.clock()
        async with self._locks.setdefault(key, asyncio.Lock()):
            newest = self._newest.get(key)
            if newest is None or newest.at < asked - min(age, SHARED_SECONDS):
                newest = self._newest[key] = await self._look(key)
            return newest

    async def _look(self, key: str | None) -> Told:
        service, at = self._service, self._service.clock()
        wanted = session_ids(service) if key is None else [session_id(key)]
        found = [session for session in map(service.sessions.peek, wanted) if session is not None]
        positions = [await self._position(place, key) async for place in in_turns(_places(found))]
        one = found[0] if found and key is not None else None
        date = service.library.date if one is None else one.day
        mode = service.settings.cache_mode if one is None else one.options.cache_mode
        known = [position for position in positions if position is not None]
        return Told(at, date, mode.value, msgspec.Raw(msgspec.json.encode(known)))

    async def _position(self, place: Place, key: str | None) -> dict[str, Any] | None:
        """A place, encoded; None when its day has been closed meanwhile."""
        session, name, tape, index = place
        try:
            length = self._lengths.get(tape) or await self._length(tape, index)
            stamp = _timestamp(tape, index)
        except (GexfakerError, OSError, ValueError):
            return None
        return {
            "cache_key": f"{name}/{session.id if key is None else mask(key)}",
            "index": index,
            "data_length": length,
            "data_timestamp": stamp,
            "exhausted": index + 1 >= length,
            "data_date": session.day,
        }

    async def _length(self, tape: Tape, index: int) -> int:
        """How many records a tape has: read to its end once, then remembered."""
        reached = index + 1
        while tape.has(reached + LENGTH_STRIDE):
            reached += LENGTH_STRIDE
            await asyncio.sleep(0)
        length = self._lengths[tape] = len(tape)
        return length


def data_key(feed: Feed) -> str:
    """A feed as the earlier tool calls it."""
    return f"{feed.ticker}/{feed.package}/{feed.category}"


def _places(sessions: list[Session]) -> Iterator[Place]:
    """Where sessions are; a day that cannot be opened any more has no places."""
    for session in sessions:
        try:
            library = session.library
            for feed, index in session.used().items():
                tape = library.tape(feed)
                if tape is not None:
                    yield Place(session, data_key(feed), tape, index)
        except GexfakerError:
            continue


def _timestamp(tape: Tape, index: int) -> int | None:
    try:
        return tape.timestamp(index) if index >= 0 else None
    except (GexfakerError, LookupError, ValueError):
        return None

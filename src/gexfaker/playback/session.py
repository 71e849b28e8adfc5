"""One API key's place in the day. Sessions never influence each other."""

from __future__ import annotations

import math
from collections import OrderedDict
from enum import StrEnum
from typing import Final

from gexfaker.catalog import Feed
from gexfaker.limits import MAX_SESSIONS
from gexfaker.tapes.tape import Tape

EXPIRY_STRIDE: Final = 5
"""Records from one snapshot of an explicit-expiry feed to the next: about five seconds, as on the service."""


def is_published(feed: Feed, index: int) -> bool:
    """Whether a feed sends record ``index``: all of a standard one, every EXPIRY_STRIDE-th of an explicit expiry."""
    return feed.expiry is None or index % EXPIRY_STRIDE == 0


class CacheMode(StrEnum):
    """What follows the last record: nothing more, or the first again."""

    EXHAUST = "exhaust"
    ROTATION = "rotation"


class Session:
    """The next record of every feed, for one key."""

    __slots__ = ("_next", "id")

    def __init__(self, session_id: str) -> None:
        self.id: Final = session_id
        self._next: dict[Feed, int] = {}

    def step(self, tape: Tape, mode: CacheMode) -> int | None:
        """The index that is due now, moving on to the following one; None when the day is over (or empty)."""
        index = self._next.get(tape.feed, 0)
        if not tape.has(index):
            if mode is CacheMode.EXHAUST or not tape.has(0):
                return None
            index = 0
        self._next[tape.feed] = index + 1
        return index

    def position(self, feed: Feed) -> int:
        """Index of the record that ``step`` will give next, if the day goes on."""
        return self._next.get(feed, 0)


class Sessions:
    """All sessions, by id; beyond ``limit`` the one unused for longest is forgotten."""

    def __init__(self, limit: int = MAX_SESSIONS) -> None:
        self._limit: Final = limit
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def peek(self, session_id: str) -> Session | None:
        """The session of that id as it is; None when it has none yet."""
        return self._sessions.get(session_id)

    def get(self, session_id: str) -> Session:
        """The session of that id, made on first use."""
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = Session(session_id)
            if len(self._sessions) > self._limit:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(session_id)
        return session


def next_tick(now: float, interval: float) -> float:
    """The first multiple of ``interval`` after ``now`` (epoch seconds): whole seconds for 1 s, halves for 0.5."""
    tick = (math.floor(now / interval) + 1) * interval
    return tick if tick > now else tick + interval

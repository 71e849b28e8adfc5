"""All sessions, by id; each made at its key's first use."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from gexfaker.limits import MAX_SESSIONS
from gexfaker.playback.days import Days
from gexfaker.playback.options import Options
from gexfaker.playback.session import Session


class Sessions:
    """The sessions of all keys; beyond ``limit`` the one unused for longest is forgotten.

    Args:
        days: that can be played.
        options: how a new session plays.
    """

    def __init__(self, days: Days, options: Options, limit: int = MAX_SESSIONS) -> None:
        self.days: Final = days
        self.options: Final = options
        self._limit: Final = limit
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def all(self) -> list[Session]:
        """Every session there is."""
        return list(self._sessions.values())

    def peek(self, session_id: str) -> Session | None:
        """The session of that id as it is; None when it has none yet."""
        return self._sessions.get(session_id)

    def get(self, session_id: str) -> Session:
        """The session of that id, made on first use."""
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = Session(session_id, self.days, self.options)
            if len(self._sessions) > self._limit:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(session_id)
        return session

"""How many lines the log gets about records that cannot be read: a ruined file must not flood it."""

from __future__ import annotations

from typing import Final

from gexfaker.bounded import Bounded
from gexfaker.limits import MAX_LOGGED_OF_A_TAPE, MAX_LOGGED_SKIPS
from gexfaker.tapes.tape import Tape

MORE_LINES: Final = "; more of this file is only counted, gexfaker inspect lists all"
"""The end of the last line about a file."""


class LogLimit:
    """Counts the lines about each tape, and all of them."""

    def __init__(self) -> None:
        self._of_tapes: Final[Bounded[int, int]] = Bounded(MAX_LOGGED_SKIPS)
        self._lines = 0

    def take(self, tape: Tape) -> str | None:
        """What one more line about a tape ends with; None when there is to be none."""
        number = tape.number
        count = self._of_tapes[number] + 1 if number in self._of_tapes else 1
        if count > MAX_LOGGED_OF_A_TAPE or self._lines == MAX_LOGGED_SKIPS:
            return None
        self._of_tapes[number] = count
        self._lines += 1
        return MORE_LINES if count == MAX_LOGGED_OF_A_TAPE else ""

"""Which groups a token's roles open (Azure Web PubSub roles, literal and wildcard)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Final

JOIN: Final = "webpubsub.joinLeaveGroup"
SEND: Final = "webpubsub.sendToGroup"
MAX_STARS: Final = 5
"""Stars a role's pattern may hold, as on the service; one with more opens nothing: matching it would be slow."""


def allows(roles: Iterable[str], right: str, group: str) -> bool:
    """Whether one of ``roles`` gives ``right`` (JOIN or SEND) on ``group``.

    ``right`` alone opens every group, ``right.NAME`` one, and the plural ``rights.PATTERN`` those that match.
    """
    exact, plural = f"{right}.{group}", f"{right}s."
    for role in roles:
        if role in (right, exact):
            return True
        pattern = _pattern(role.removeprefix(plural)) if role.startswith(plural) else None
        if pattern is not None and pattern.matches(group):
            return True
    return False


class _Pattern:
    """``?`` is one character but a dot, ``*`` any number of such, ``**`` anything, ``\\`` takes the next literally.

    Matching takes time in proportion to the length of the name. It goes through it once, with a set of the places in
    the pattern that it may have come to, one bit each. A regular expression would try all combinations.
    """

    def __init__(self, text: str) -> None:
        signs = re.findall(r"\\.|\*\*|.", text, flags=re.DOTALL)
        self._letters: Final[dict[str, int]] = {}
        self._any_but_dot = self._stars = self._double_stars = 0
        self._end: Final = 1 << len(signs)
        for at, sign in enumerate(signs):
            self._add(sign, 1 << at)

    def _add(self, sign: str, bit: int) -> None:
        if sign == "?":
            self._any_but_dot |= bit
        elif sign == "*":
            self._stars |= bit
        elif sign == "**":
            self._double_stars |= bit
        else:
            letter = sign[-1]
            self._letters[letter] = self._letters.get(letter, 0) | bit

    def matches(self, name: str) -> bool:
        """Whether the whole name fits."""
        places = self._past_stars(1)
        for letter in name:
            steps, stays = self._letters.get(letter, 0), self._double_stars
            if letter != ".":
                steps, stays = steps | self._any_but_dot, stays | self._stars
            places = self._past_stars((places & steps) << 1 | places & stays)
            if not places:
                return False
        return bool(places & self._end)

    def _past_stars(self, places: int) -> int:
        """Stars may stand for nothing."""
        stars = self._stars | self._double_stars
        while more := (places & stars) << 1 & ~places:
            places |= more
        return places


@functools.lru_cache(maxsize=1024)
def _pattern(text: str) -> _Pattern | None:
    return None if text.count("*") > MAX_STARS else _Pattern(text)

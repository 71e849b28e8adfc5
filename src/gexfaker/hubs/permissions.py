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
        if pattern is not None and pattern.fullmatch(group):
            return True
    return False


@functools.lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str] | None:
    """``?`` is one character but a dot, ``*`` any number of such, ``**`` anything, ``\\`` takes the next literally."""
    if text.count("*") > MAX_STARS:
        return None
    out = []
    for token in re.findall(r"\\.|\*\*|.", text, flags=re.DOTALL):
        special = {"?": "[^.]", "*": "[^.]*", "**": ".*"}.get(token)
        out.append(special or re.escape(token[1:] if len(token) == 2 else token))
    return re.compile("".join(out), re.DOTALL)

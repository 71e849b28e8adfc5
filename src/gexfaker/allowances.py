"""How many requests a key has: of which pool of routes, in which time.

Source: the vendor's documents name pools (the data routes of a package, history, negotiation), each with a daily and a
monthly allowance. Their numbers are not published. An allowance a minute, and one of all routes together, is ours.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

ALL: Final = "all"
"""The pool of every route that counts."""

OTHER: Final = "other"
"""The pool of what is in no other one: ``/whoami``, expiries, futures, and paths that there are not."""

POOLS: Final = ("classic", "state", "orderflow", "history", "negotiation", OTHER, ALL)
"""What requests are counted by; a data route counts for its package."""

MAX_ALLOWANCES: Final = 64
"""Allowances that a key may have: each is looked at for each of its requests."""

MAX_COUNT: Final = 10**12
"""Requests of an allowance at the most: more is no limit."""

_FORM: Final = re.compile(r"(?:([a-z]+):)?([0-9]{1,13})(?:/([a-z]+))?")


class Period(StrEnum):
    """The time that an allowance is for. Days and months are those of New York."""

    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"


class Allowance(NamedTuple):
    """So many requests of a pool in a period; ``str`` writes it as it is read: ``classic:100/day``."""

    pool: str
    requests: int
    period: Period

    def __str__(self) -> str:
        return f"{'' if self.pool == ALL else f'{self.pool}:'}{self.requests}/{self.period}"


def parse_allowance(text: str) -> Allowance:
    """``[POOL:]COUNT[/PERIOD]``, such as ``classic:100/day``; ``60`` alone is 60 a minute of all routes.

    Raises:
        ValueError: it is none; the text says why.
    """
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError("write COUNT/PERIOD or POOL:COUNT/PERIOD, such as classic:100/day")
    pool, count, period = match[1] or ALL, int(match[2]), match[3] or Period.MINUTE
    if pool not in POOLS:
        raise ValueError(f"there is no pool {pool[:40]!r}: one of {', '.join(POOLS)}")
    if period not in list(Period):
        raise ValueError(f"there is no period {period[:40]!r}: one of {', '.join(Period)}")
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(f"the count is from 1 to {MAX_COUNT}")
    return Allowance(pool, count, Period(period))


def parse_allowances(text: str) -> tuple[Allowance, ...]:
    """Allowances with commas between them; empty text and ``none`` are no limit. Raises ValueError as above."""
    parts = [part for part in text.split(",") if part.strip()]
    if [part.strip().lower() for part in parts] == ["none"]:
        return ()
    if len(parts) > MAX_ALLOWANCES:
        raise ValueError(f"there are {len(parts)} of them; a key has {MAX_ALLOWANCES} at most")
    return tuple(parse_allowance(part) for part in parts)

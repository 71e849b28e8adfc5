"""Records by market time: the newest one, the next one, the first in market hours, the last of the day."""

from __future__ import annotations

import datetime
import math
from typing import Final

from gexfaker.errors import DataError, RecordError
from gexfaker.exchange.hours import opening
from gexfaker.tapes.tape import Tape

NEAR: Final = 5
"""Records looked at one by one from where a feed was last; further away it is found by bisection."""


def is_reached(tape: Tape, index: int, market: float) -> bool:
    """Whether market time has come to a record; an unreadable one counts as reached, to be passed over."""
    try:
        return tape.timestamp(index) <= market
    except RecordError:
        return True


def stamp_of(tape: Tape, index: int) -> int | None:
    """Epoch seconds of a record; None when it cannot be read, or is not there (any more)."""
    try:
        return tape.timestamp(index)
    except (RecordError, IndexError):
        return None


def is_empty(tape: Tape) -> bool:
    """Whether a tape has no records at all; one that cannot be read may have some."""
    try:
        return not tape.has(0)
    except DataError:
        return False


def first_in_hours(tape: Tape, day: datetime.date) -> int:
    """Epoch seconds of a tape's first record in market hours; of the very first where none is in them."""
    before = tape.index_at(opening(day) - 1)
    index = before + 1 if tape.has(before + 1) else 0
    try:
        return tape.timestamp(index)
    except (RecordError, IndexError):
        return opening(day)


def newest_record(tape: Tape, market: float, last: int) -> int:
    """The newest readable record not after ``market``, looked for from ``last``, where it was; -1 before the first."""
    newest = last if last >= 0 and _is_not_after(stamp_of(tape, last), market) else None
    if newest is not None:
        for index in range(last + 1, last + 1 + NEAR):
            stamp = stamp_of(tape, index) if tape.has(index) else math.inf
            if _is_not_after(stamp, market):
                newest = index
            elif stamp is not None:
                return newest
    return tape.index_at(math.floor(market))


def _is_not_after(stamp: float | None, market: float) -> bool:
    return stamp is not None and stamp <= market


def is_last(tape: Tape, index: int) -> bool:
    """Whether no readable record follows."""
    while tape.has(index + 1):
        index += 1
        if stamp_of(tape, index) is not None:
            return False
    return True


def next_time(tape: Tape, market: float) -> float:
    """The time of the next readable record after ``market``, or ``market`` when there is none."""
    first = tape.index_at(math.floor(market)) + 1
    for index in range(first, first + NEAR):
        stamp = stamp_of(tape, index) if tape.has(index) else None
        if stamp is not None and stamp > market:
            return stamp
    return market

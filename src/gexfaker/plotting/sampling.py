"""Every so manieth record of a day, of several feeds at once.

Feeds are read side by side, not one after the other: those of a ticker share what they are computed from.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

from gexfaker.errors import DataError, RecordError
from gexfaker.market.session import NEW_YORK
from gexfaker.plotting.records import Flow, Kind, Levels, read
from gexfaker.tapes.tape import Tape

Report = Callable[[int, int], None]
"""Is told how many records are read, and how many there are to read."""


def sample(levels: Tape | None, flows: Tape | None, every: int, report: Report) -> tuple[list[Levels], list[Flow]]:
    """The day's sampled records of either feed; none of one that is not given.

    Args:
        every: 1 for all records, 60 for every sixtieth.
    """
    found: tuple[list[Levels], list[Flow]] = ([], [])
    tapes = [tape for tape in (levels, flows) if tape is not None]
    indexes = range(0, max((len(tape) for tape in tapes), default=0), every)
    for done, index in enumerate(indexes, 1):
        if levels is not None:
            found[0].extend(_one(levels, index, Levels))
        if flows is not None:
            found[1].extend(_one(flows, index, Flow))
        report(done, len(indexes))
    return found


def index_at(tape: Tape, time: dt.time) -> int:
    """Index of the newest record not after a New York time of the day.

    Raises DataError: there is none, because the day begins later.
    """
    day = dt.date.fromisoformat(tape.date)
    index = tape.index_at(int(dt.datetime.combine(day, time, NEW_YORK).timestamp()))
    if index < 0 or not holds(day, tape.timestamp(index)):
        raise DataError(f"--at {time:%H:%M}: {tape.feed.group} has no record before; give a later time of the session")
    return index


def holds(day: dt.date, timestamp: int) -> bool:
    """Whether a time is of a day: the first record may be the close of the day before."""
    return dt.datetime.fromtimestamp(timestamp, NEW_YORK).date() == day


def _one(tape: Tape, index: int, kind: type[Kind]) -> Iterator[Kind]:
    """The record, if there is one that can be read and is of the day."""
    if not tape.has(index):
        return
    try:
        record = read(tape, index, kind)
    except RecordError:
        return  # as the server does: a bad record is left out
    if holds(dt.date.fromisoformat(tape.date), record.timestamp):
        yield record

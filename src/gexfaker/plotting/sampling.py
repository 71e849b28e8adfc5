"""One record of so many of a day, of several feeds at once.

Feeds are read side by side, not one after the other: those of a ticker share what they are computed from.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

from gexfaker.errors import DataError, RecordError
from gexfaker.exchange.hours import NEW_YORK
from gexfaker.plotting.records import Flow, Kind, Levels, read
from gexfaker.tapes.tape import Tape

Report = Callable[[int, int], None]
"""Is told how many records are read, and how many there are to read."""


def sample(levels: Tape | None, flows: Tape | None, every: int, report: Report) -> tuple[list[Levels], list[Flow]]:
    """The day's sampled records of either feed; none of one that is not given.

    Args:
        every: 1 for all records, 60 for every sixtieth; the last is always one of them.
    """
    found: tuple[list[Levels], list[Flow]] = ([], [])
    lengths = (0 if levels is None else len(levels), 0 if flows is None else len(flows))
    chosen = sorted({index for length in lengths for index in indexes(length, every)})
    for done, index in enumerate(chosen, 1):
        if levels is not None and index < lengths[0]:
            found[0].extend(_one(levels, index, Levels))
        if flows is not None and index < lengths[1]:
            found[1].extend(_one(flows, index, Flow))
        report(done, len(chosen))
    return found


def indexes(length: int, every: int) -> list[int]:
    """Which records of a day are read: the last, too, where the day's largest values are."""
    return sorted({*range(0, length, every), *range(max(0, length - 1), length)})


def index_at(tape: Tape, time: dt.time) -> int:
    """Index of the newest record of the day not after a New York time.

    Raises DataError: the day begins later, or there is no record.
    """
    if not tape.has(0):
        raise DataError(f"{tape.feed.group} has no records on {tape.date}: gexfaker inspect tells what there is")
    asked = dt.datetime.combine(dt.date.fromisoformat(tape.date), time, NEW_YORK)
    index = tape.index_at(int(asked.timestamp()))
    if index < 0 or not holds(tape.date, tape.timestamp(index)):
        raise DataError(f"--at {time:%H:%M}: {tape.feed.group} begins later on {tape.date}; give a later time")
    return index


def holds(date: str, timestamp: int) -> bool:
    """Whether a time is of a day (New York): the first record may be the close of the day before."""
    day = dt.date.fromisoformat(date)
    begin, end = (dt.datetime.combine(each, dt.time(), NEW_YORK) for each in (day, day + dt.timedelta(days=1)))
    return begin.timestamp() <= timestamp < end.timestamp()


def _one(tape: Tape, index: int, kind: type[Kind]) -> Iterator[Kind]:
    """The record, if it can be read and is of the day."""
    try:
        record = read(tape, index, kind)
    except RecordError:
        return  # as the server does: a bad record is left out
    if holds(tape.date, record.timestamp):
        yield record

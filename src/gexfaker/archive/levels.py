"""The levels of a gex feed over a stretch of time, as rows for a chart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from gexfaker.archive.shelf import Shelf
from gexfaker.catalog import Feed
from gexfaker.errors import DataError, RecordError
from gexfaker.exchange.calendar import DAY, is_trading_day
from gexfaker.exchange.hours import closing, date_at, opening
from gexfaker.tapes.tape import Tape

LEVELS: Final = {1: "major_pos_vol", 2: "major_neg_vol", 4: "zero_gamma"}
"""What a row has, by the bits of the mask. Source: a browser extension of the vendor."""

MAX_MASK: Final = sum(LEVELS)

MAX_ROWS: Final = 2000
"""Rows of an answer: about what a chart has pixels. Of more records every so many-th is taken, evenly in time."""

MAX_DAYS: Final = 31
"""Days that a stretch may begin before its end: each is opened for it."""

_RECORD: Final = msgspec.json.Decoder(
    msgspec.defstruct("_Record", [("timestamp", int), *((name, msgspec.Raw) for name in LEVELS.values())], gc=False)
)


def masked(mask: int) -> list[str]:
    """The names of the levels that a mask asks for."""
    return [name for bit, name in LEVELS.items() if mask & bit]


def rows(shelf: Shelf, feed: Feed, first: int, last: int, names: list[str]) -> Iterator[dict[str, Any]]:
    """A feed's levels from ``first`` to ``last`` (epoch seconds), a row for a record, oldest first.

    Days that there are not are left out, and so are records that cannot be read.
    """
    first = max(first, last - MAX_DAYS * int(DAY.total_seconds()))
    day, until = date_at(first), date_at(last)
    step = max(1, -(-_trading_seconds(first, last) // MAX_ROWS))
    while day <= until:
        try:
            tape = shelf.open(day.isoformat(), feed)
        except DataError:
            tape = None
        if tape is not None:
            try:
                yield from _of_a_day(tape, first, last, step, names)
            finally:
                tape.close()
        day += DAY


def _trading_seconds(first: int, last: int) -> int:
    """Seconds in which the market is open between two times."""
    day, until, seconds = date_at(first), date_at(last), 0
    while day <= until:
        if is_trading_day(day):
            seconds += max(0, min(last, closing(day)) - max(first, opening(day)))
        day += DAY
    return seconds


def _of_a_day(tape: Tape, first: int, last: int, step: int, names: list[str]) -> Iterator[dict[str, Any]]:
    index = tape.index_at(first - 1) + 1
    while tape.has(index):
        row = _row(tape, index, names)
        if row is not None and row["timestamp"] > last:
            return
        if row is not None:
            yield row
        index = max(index + 1, _place(tape, row, step) if row is not None else 0)


def _place(tape: Tape, row: dict[str, Any], step: int) -> int:
    """The record that is ``step`` seconds later."""
    return 0 if step == 1 else tape.index_at(row["timestamp"] + step - 1) + 1


def _row(tape: Tape, index: int, names: list[str]) -> dict[str, Any] | None:
    try:
        record: Any = _RECORD.decode(tape.json(index))
    except (RecordError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return {"timestamp": record.timestamp, **{name: getattr(record, name) for name in names}}

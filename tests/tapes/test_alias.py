"""A feed served from another feed's tape: the same records, its own name."""

from __future__ import annotations

import datetime

import pytest

from gexfaker.catalog import Feed, explicit
from gexfaker.errors import RecordError
from gexfaker.playback.day import Day
from gexfaker.playback.options import Options, Playback
from gexfaker.tapes.alias import Alias
from gexfaker.tapes.tape import Tape
from support.session import Session
from support.tapes import SPX, MemoryDays, MemoryTape, day, record

EXPIRY = explicit("SPX", "orderflow", "orderflow", datetime.date(2026, 8, 14))


def pair(*records: bytes | None) -> tuple[Alias, MemoryTape]:
    tape = MemoryTape(list(records))
    return Alias(EXPIRY, tape), tape


def test_everything_but_the_feed_is_the_other_tape_s() -> None:
    alias, tape = pair(record(5), record(7), record(7), record(9))
    made: Tape = alias
    assert made.feed == EXPIRY
    assert tape.feed == SPX
    assert made.date == tape.date == "2026-08-14"
    assert len(made) == 4
    assert [made.has(index) for index in range(-1, 6)] == [False, True, True, True, True, False, False]
    assert [made.json(index) for index in range(4)] == tape.records
    assert [made.timestamp(index) for index in range(4)] == [5, 7, 7, 9]
    assert [made.index_at(time) for time in (4, 5, 6, 7, 8, 9, 10)] == [-1, 0, 0, 2, 2, 3, 3]
    assert made.place(2) == "memory/SPX.jsonl:3"


def test_it_grows_with_the_other_tape() -> None:
    alias, tape = pair()
    assert (len(alias), alias.has(0)) == (0, False)
    tape.records.append(record(1))
    assert (len(alias), alias.has(0), alias.timestamp(0)) == (1, True, 1)


def test_errors_pass_through() -> None:
    alias, _ = pair(None)
    with pytest.raises(RecordError):
        alias.json(0)
    with pytest.raises(RecordError):
        alias.timestamp(0)
    with pytest.raises(IndexError):
        alias.json(1)


def test_closing_it_leaves_the_other_tape_open() -> None:
    alias, tape = pair(record(1))
    alias.close()
    assert not tape.closed
    assert alias.json(0) == record(1)


def test_the_same_tape_twice_is_two_places_in_the_day() -> None:
    alias, tape = pair(*(record(number) for number in range(9)))
    session = Session("s", MemoryDays(day(tape)), Options(Playback.STEP))
    assert [session.step(alias, alias.feed) for _ in range(3)] == [0, 1, 2]
    assert session.step(tape, tape.feed) == 0
    assert (session.place(EXPIRY), session.place(SPX)) == (3, 1)


def test_the_library_opens_the_stored_tape_once_for_all_its_names() -> None:
    opened: list[MemoryTape] = []

    def opener(feed: Feed) -> MemoryTape:
        opened.append(MemoryTape([record(1)], feed))
        return opened[-1]

    library = Day("2026-08-14", "memory", [SPX], opener)
    expiries = [explicit("SPX", "orderflow", "orderflow", datetime.date(2026, 8, date)) for date in (14, 17)]
    aliases = [library.tape(feed) for feed in expiries]
    assert [tape and tape.feed for tape in aliases] == expiries
    assert [library.tape(feed) for feed in expiries] == aliases, "each is kept, as positions and payloads hang on it"
    assert library.tape(SPX) is opened[0]
    assert [tape.feed for tape in opened] == [SPX]
    assert library.tape(explicit("SPX", "orderflow", "orderflow", datetime.date(2026, 8, 15))) is None
    library.close()
    assert opened[0].closed

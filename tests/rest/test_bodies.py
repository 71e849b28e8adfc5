"""Bodies kept within bounds, and unreadable records passed over."""

from __future__ import annotations

import pytest

from gexfaker.catalog import Feed
from gexfaker.errors import RecordError
from gexfaker.rest.bodies import MAX_STEPS_BACK, Bodies
from gexfaker.rest.routes import Answer
from support import rest
from support.tapes import MemoryTape

GEX = Feed("SPX", "classic", "gex_full")


def tape(*records: bytes | None) -> MemoryTape:
    return MemoryTape(list(records), GEX)


def test_a_body_is_made_once_for_everybody() -> None:
    found, bodies = tape(rest.GEX.encode()), Bodies()
    first = bodies.body(found, 0, Answer.RECORD)
    assert bodies.body(found, 0, Answer.RECORD) is first
    assert found.reads == 1
    assert bodies.body(found, 0, Answer.MAJORS) != first
    assert bodies.body(tape(rest.STATE_GEX.encode()), 0, Answer.RECORD) == rest.STATE_GEX.encode()


def test_unreadable_records_are_passed_over() -> None:
    bodies = Bodies()
    found = tape(rest.GEX.encode(), None, b"{broken}", b"{}")
    assert bodies.newest(found, 3, Answer.RECORD) == (0, rest.GEX.encode())
    assert bodies.skipped == 3


def test_when_none_is_readable_it_says_so() -> None:
    with pytest.raises(RecordError, match="cannot be read"):
        Bodies().newest(tape(None, None), 1, Answer.RECORD)
    far = tape(rest.GEX.encode(), *[None] * MAX_STEPS_BACK)
    with pytest.raises(RecordError):
        Bodies().newest(far, MAX_STEPS_BACK, Answer.RECORD)


def test_both_bounds_hold() -> None:
    found = tape(*[rest.GEX.encode()] * 20)
    few, small = Bodies(limit=3), Bodies(byte_limit=2 * len(rest.GEX))
    for bodies in (few, small):
        for index in range(20):
            bodies.body(found, index, Answer.RECORD)
    assert (len(few), len(small)) == (3, 2)
    reads = found.reads
    few.body(found, 19, Answer.RECORD)
    assert found.reads == reads

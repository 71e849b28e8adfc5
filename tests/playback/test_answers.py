"""Which record a REST request gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.errors import ExhaustedError
from gexfaker.playback.answers import NEAR, is_last, is_reached, newest_record, stamp_of
from gexfaker.playback.options import CacheMode, Options
from support.session import Session
from support.tapes import OPEN, MemoryDays, MemoryTape, at_times, day

STAMPS = st.lists(st.one_of(st.none(), st.integers(0, 30)), max_size=30).map(
    lambda found: [
        stamp if stamp is None else sorted(s for s in found if s is not None)[index] for index, stamp in _counted(found)
    ]
)


def _counted(found: list[int | None]) -> list[tuple[int, int | None]]:
    """Each with the number of readable ones before it."""
    counted, number = [], 0
    for stamp in found:
        counted.append((number, stamp))
        number += stamp is not None
    return counted


def newest(stamps: list[int | None], market: float) -> int:
    return max((index for index, stamp in enumerate(stamps) if stamp is not None and stamp <= market), default=-1)


@given(STAMPS, st.floats(-2, 33), st.integers(-1, 29))
def test_the_newest_readable_record_from_wherever_one_looks(stamps: list[int | None], market: float, last: int) -> None:
    tape = at_times(stamps)
    assert newest_record(tape, market, min(last, len(stamps) - 1)) == newest(stamps, market)


@given(STAMPS)
def test_market_time_going_on_second_by_second(stamps: list[int | None]) -> None:
    tape, last = at_times(stamps), -1
    for half in range(-2, 64):
        last = newest_record(tape, half / 2, last)
        assert last == newest(stamps, half / 2)


class Counting(MemoryTape):
    """Counts the searches."""

    searches = 0

    def index_at(self, timestamp: int) -> int:
        self.searches += 1
        return super().index_at(timestamp)


def test_a_client_that_asks_every_second_costs_no_search() -> None:
    tape = Counting(at_times(range(1000)).records)
    last = newest_record(tape, 0.5, -1)
    assert tape.searches == 1
    for second in range(1000):
        last = newest_record(tape, second, last)
        assert last == second
    assert tape.searches == 1
    assert newest_record(tape, 999, 999 - NEAR) == 999
    assert newest_record(tape, 10, 999) == 10
    assert tape.searches <= 3


@pytest.mark.parametrize(
    ("stamps", "index", "last"),
    [
        ([1], 0, True),
        ([1, 2], 0, False),
        ([1, 2], 1, True),
        ([1, None, None], 0, True),
        ([1, None, 2], 0, False),
        ([], -1, True),
        ([None], -1, True),
        ([1], -1, False),
    ],
)
def test_the_last_record_is_that_after_which_none_can_be_read(stamps: list[int | None], index: int, last: bool) -> None:
    assert is_last(at_times(stamps), index) is last


def test_an_unreadable_record_has_no_time_and_is_passed() -> None:
    tape = at_times([1, None, 3])
    assert [stamp_of(tape, index) for index in range(3)] == [1, None, 3]
    assert [is_reached(tape, index, 1.0) for index in range(3)] == [True, True, False]


NOW = 1_795_600_000.0


def answer(mode: CacheMode, stamps: list[int | None], market: float) -> int | None:
    tape = at_times(stamps)
    session = Session("s", MemoryDays(day(tape)), Options(cache_mode=mode))
    session.start(tape, NOW)
    session.jump(market, NOW)
    try:
        return session.snapshot(tape, "record", NOW)
    except ExhaustedError:
        return None


@pytest.mark.parametrize("mode", CacheMode)
def test_before_the_first_record_the_first_is_given_and_of_an_empty_tape_nothing(mode: CacheMode) -> None:
    assert answer(mode, [OPEN, OPEN + 1], OPEN - 100) == 0
    assert answer(mode, [], OPEN) is None


@pytest.mark.parametrize(
    ("mode", "after", "expected"),
    [
        (CacheMode.HOLD, 99, 1),
        (CacheMode.NEXT, 99, 1),
        (CacheMode.ROTATION, 99, 1),
        (CacheMode.EXHAUST, 0, 1),
        (CacheMode.EXHAUST, 0.999, 1),
        (CacheMode.EXHAUST, 1, None),
        (CacheMode.EXHAUST, 99, None),
    ],
)
@pytest.mark.parametrize("ending", [[], [None], [None, None]])
def test_after_the_last(mode: CacheMode, after: float, expected: int | None, ending: list[int | None]) -> None:
    """The last record has its second; a ruined line behind it makes no difference."""
    assert answer(mode, [OPEN, OPEN + 1, *ending], OPEN + 1 + after) == expected
    assert answer(mode, [OPEN, OPEN + 1, *ending], OPEN + 0.5) == 0

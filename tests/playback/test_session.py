"""Positions of step mode, and the sessions of all keys."""

from __future__ import annotations

from collections.abc import Hashable

import pytest

from gexfaker.catalog import Feed
from gexfaker.errors import ExhaustedError
from gexfaker.playback.options import CacheMode, EndpointCacheMode, Options, Playback
from support.session import Session, Sessions
from support.tapes import ES_SPX, OPEN, SPX, MemoryDays, MemoryTape, at_times, day

NOW = 1_795_600_000.25
FULL, ZERO = Feed("SPX", "classic", "gex_full"), Feed("SPX", "classic", "gex_zero")


def numbered(count: int, feed: Feed = SPX, date: str = "2026-08-14") -> MemoryTape:
    return at_times(range(OPEN, OPEN + count), feed, date)


def stepped(*tapes: MemoryTape, mode: CacheMode = CacheMode.EXHAUST, session_id: str = "s", **options: str) -> Session:
    """A session in step mode on a day of these tapes."""
    endpoints = EndpointCacheMode(options.get("endpoints", "shared"))
    return Session(session_id, MemoryDays(day(*tapes)), Options(Playback.STEP, mode, endpoints))


def steps(session: Session, tape: MemoryTape, count: int, place: Hashable = None) -> list[int | None]:
    return [session.step(tape, place or tape.feed) for _ in range(count)]


def answers(session: Session, tape: MemoryTape, count: int, endpoint: str = "record") -> list[int | None]:
    """What REST gets; None stands for 404."""
    found: list[int | None] = []
    for _ in range(count):
        try:
            found.append(session.snapshot(tape, endpoint, NOW))
        except ExhaustedError:
            found.append(None)
    return found


@pytest.mark.parametrize(
    ("records", "mode", "given"),
    [
        (3, CacheMode.EXHAUST, [0, 1, 2, None, None]),
        (3, CacheMode.HOLD, [0, 1, 2, None, None]),
        (3, CacheMode.NEXT, [0, 1, 2, None, None]),
        (3, CacheMode.ROTATION, [0, 1, 2, 0, 1]),
        (1, CacheMode.ROTATION, [0, 0, 0]),
        (0, CacheMode.EXHAUST, [None, None]),
        (0, CacheMode.ROTATION, [None, None]),
    ],
)
def test_steps(records: int, mode: CacheMode, given: list[int | None]) -> None:
    tape = numbered(records)
    assert steps(stepped(tape, mode=mode), tape, len(given)) == given


@pytest.mark.parametrize(
    ("records", "mode", "given"),
    [
        (3, CacheMode.EXHAUST, [0, 1, 2, None, None]),
        (3, CacheMode.HOLD, [0, 1, 2, 2, 2]),
        (3, CacheMode.NEXT, [0, 1, 2, None, None]),
        (3, CacheMode.ROTATION, [0, 1, 2, 0, 1]),
        (0, CacheMode.EXHAUST, [None, None]),
        (0, CacheMode.HOLD, [None, None]),
        (0, CacheMode.ROTATION, [None, None]),
    ],
)
def test_what_rest_gets(records: int, mode: CacheMode, given: list[int | None]) -> None:
    tape = numbered(records)
    assert answers(stepped(tape, mode=mode), tape, len(given)) == given


def test_a_ticker_s_package_has_one_position_or_each_endpoint_its_own() -> None:
    full, zero, es = numbered(9, FULL), numbered(9, ZERO), numbered(9, ES_SPX)
    shared = stepped(full, zero, es)
    assert answers(shared, full, 2) + answers(shared, zero, 1) + answers(shared, full, 1, "majors") == [0, 1, 2, 3]
    assert answers(shared, es, 2) == [0, 1], "another ticker is another position"
    own = stepped(full, zero, endpoints="independent")
    assert answers(own, full, 2) + answers(own, zero, 1) + answers(own, full, 2, "majors") == [0, 1, 0, 0, 1]
    assert answers(own, full, 1) == [2]


def test_rest_and_the_feed_have_positions_of_their_own() -> None:
    tape = numbered(9)
    session = stepped(tape)
    assert answers(session, tape, 3) == [0, 1, 2]
    assert steps(session, tape, 2) == [0, 1]
    assert answers(session, tape, 1) == [3]


def test_feeds_and_sessions_do_not_influence_each_other() -> None:
    spx, es = numbered(9), numbered(9, ES_SPX)
    one, two = stepped(spx, es), stepped(spx, es, session_id="2")
    assert steps(one, spx, 3) == [0, 1, 2]
    assert steps(one, es, 1) == [0]
    assert steps(two, spx, 1) == [0]
    assert (one.place(SPX), one.place(ES_SPX), two.place(SPX), two.place(ES_SPX)) == (3, 1, 1, 0)


def test_an_exhausted_feed_stays_where_it_is() -> None:
    tape = numbered(1)
    session = stepped(tape)
    assert steps(session, tape, 3) == [0, None, None]
    assert session.place(SPX) == 1
    tape.records.append(b"")
    assert session.step(tape, SPX) == 1


def test_after_a_jump_every_position_begins_at_that_time() -> None:
    spx, es = at_times([OPEN + number for number in (0, 1, 3, 3, 7)]), numbered(9, ES_SPX)
    session = stepped(spx, es)
    steps(session, spx, 4)
    session.jump(OPEN + 3, NOW)
    assert steps(session, spx, 3) == [2, 3, 4]
    assert answers(session, es, 2) == [3, 4]
    session.jump(OPEN + 4, NOW)
    assert steps(session, spx, 2) == [4, None]
    session.restart()
    assert steps(session, spx, 1) == [0]


@pytest.mark.parametrize("endpoints", ["shared", "independent"])
def test_the_next_day_comes_when_rest_has_had_the_whole_day(endpoints: str) -> None:
    one, two = numbered(2), numbered(2, date="2026-08-17")
    days = MemoryDays(day(one), day(two, date="2026-08-17"))
    session = Session("s", days, Options(Playback.STEP, CacheMode.NEXT, EndpointCacheMode(endpoints)))
    seen = []
    for _ in range(5):
        session.roll()
        tape = session.library.tape(SPX)
        assert isinstance(tape, MemoryTape)
        seen += [(session.day, *answers(session, tape, 1))]
    first, second = "2026-08-14", "2026-08-17"
    assert seen == [(first, 0), (first, 1), (second, 0), (second, 1), (second, None)]


def test_what_was_used() -> None:
    full, zero, es = numbered(9, FULL), numbered(9, ZERO), numbered(9, ES_SPX)
    session = stepped(full, zero, es)
    assert session.used() == {}
    answers(session, zero, 3)
    assert session.used() == {FULL: 2}, "of a package, the first feed"
    steps(session, es, 2)
    assert session.used() == {FULL: 2, ES_SPX: 1}
    own = stepped(full, zero, endpoints="independent")
    answers(own, zero, 3, "majors")
    assert own.used() == {ZERO: 2}


# --- the sessions of all keys --------------------------------------------------------------------


def sessions(limit: int = 100) -> Sessions:
    return Sessions(MemoryDays(day(numbered(5))), Options(Playback.STEP), limit)


def test_a_session_is_kept_by_its_id() -> None:
    kept = sessions()
    assert kept.peek("1") is None
    one = kept.get("1")
    assert kept.get("1") is kept.peek("1") is one
    assert kept.get("2") is not one
    assert one.id == "1"
    assert one.options is kept.options
    assert len(kept) == 2
    assert kept.all() == [one, kept.get("2")]


def test_the_session_unused_for_longest_is_forgotten() -> None:
    found, tape = sessions(limit=3), numbered(5)
    kept = found.get("kept")
    for number in range(100):
        found.get(str(number))
        assert found.get("kept") is kept
        assert len(found) <= 3
    assert found.get("99").step(tape, SPX) == 0
    found.get("99")
    found.get("new")
    assert found.get("99").place(SPX) == 1
    found.get("98")
    assert found.get("kept") is not kept

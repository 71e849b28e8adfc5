"""Positions, sessions and ticks."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.playback.session import CacheMode, Session, Sessions, next_tick
from support.tapes import ES_SPX, SPX, MemoryTape


def steps(session: Session, tape: MemoryTape, mode: CacheMode, count: int) -> list[int | None]:
    return [session.step(tape, mode) for _ in range(count)]


@pytest.mark.parametrize(
    ("records", "mode", "given"),
    [
        (3, CacheMode.EXHAUST, [0, 1, 2, None, None]),
        (3, CacheMode.ROTATION, [0, 1, 2, 0, 1]),
        (1, CacheMode.ROTATION, [0, 0, 0]),
        (0, CacheMode.EXHAUST, [None, None]),
        (0, CacheMode.ROTATION, [None, None]),
    ],
)
def test_steps(records: int, mode: CacheMode, given: list[int | None]) -> None:
    assert steps(Session("s"), MemoryTape([b""] * records), mode, len(given)) == given


def test_feeds_and_sessions_do_not_influence_each_other() -> None:
    one, two = Session("1"), Session("2")
    spx, es = MemoryTape([b""] * 9), MemoryTape([b""] * 9, ES_SPX)
    assert steps(one, spx, CacheMode.EXHAUST, 3) == [0, 1, 2]
    assert steps(one, es, CacheMode.EXHAUST, 1) == [0]
    assert steps(two, spx, CacheMode.EXHAUST, 1) == [0]
    assert (one.position(SPX), one.position(ES_SPX), two.position(SPX), two.position(ES_SPX)) == (3, 1, 1, 0)


def test_an_exhausted_feed_stays_where_it_is() -> None:
    session, tape = Session("s"), MemoryTape([b""])
    assert steps(session, tape, CacheMode.EXHAUST, 3) == [0, None, None]
    assert session.position(SPX) == 1
    tape.records.append(b"")
    assert session.step(tape, CacheMode.EXHAUST) == 1


def test_a_session_is_kept_by_its_id() -> None:
    sessions = Sessions()
    one = sessions.get("1")
    assert sessions.get("1") is one
    assert sessions.get("2") is not one
    assert one.id == "1"
    assert len(sessions) == 2


def test_the_session_unused_for_longest_is_forgotten() -> None:
    sessions = Sessions(limit=3)
    kept = sessions.get("kept")
    for number in range(100):
        sessions.get(str(number))
        assert sessions.get("kept") is kept
        assert len(sessions) <= 3
    assert sessions.get("99").step(MemoryTape([b""] * 5), CacheMode.EXHAUST) == 0
    sessions.get("99")
    sessions.get("new")
    assert sessions.get("99").position(SPX) == 1
    sessions.get("98")
    assert sessions.get("kept") is not kept


@pytest.mark.parametrize(
    ("now", "interval", "tick"),
    [
        (0.0, 1.0, 1.0),
        (0.999, 1.0, 1.0),
        (1.0, 1.0, 2.0),
        (1_786_730_400.0, 1.0, 1_786_730_401.0),
        (1_786_730_400.25, 1.0, 1_786_730_401.0),
        (1_786_730_400.999999, 1.0, 1_786_730_401.0),
        (1_786_730_400.0, 0.5, 1_786_730_400.5),
        (1_786_730_400.25, 0.5, 1_786_730_400.5),
        (1_786_730_400.5, 0.5, 1_786_730_401.0),
        (1_786_730_400.75, 0.5, 1_786_730_401.0),
        (1_786_730_403.0, 5.0, 1_786_730_405.0),
        (1_786_730_400.0, 5.0, 1_786_730_405.0),
        (1_786_730_400.0, 0.25, 1_786_730_400.25),
        (1_786_730_459.0, 60.0, 1_786_730_460.0),
    ],
)
def test_next_tick(now: float, interval: float, tick: float) -> None:
    assert next_tick(now, interval) == tick


@given(st.floats(0, 4e9), st.sampled_from([0.05, 0.1, 0.2, 0.25, 0.3, 1 / 3, 0.5, 0.7, 1.0, 1.1, 2.0, 5.0, 60.0]))
def test_a_tick_is_ahead_by_at_most_an_interval_and_a_multiple(now: float, interval: float) -> None:
    tick = next_tick(now, interval)
    slack = 4 * math.ulp(max(tick, 1.0))
    assert now < tick <= now + interval + slack
    steps = round(Fraction(tick) / Fraction(interval))
    assert abs(Fraction(tick) - steps * Fraction(interval)) <= slack


@pytest.mark.parametrize("interval", [0.05, 0.1, 0.3, 1 / 3, 0.5, 0.7, 1.0, 1.1, 2.5])
def test_ticks_go_on_and_on_without_a_gap_or_a_repetition(interval: float) -> None:
    """From tick to tick, and from a moment just after one, as timers wake up."""
    rng = random.Random(1)
    now = start = next_tick(1_786_730_400.0, interval)
    for _ in range(5_000):
        tick = next_tick(now, interval)
        assert 0.5 * interval < tick - now < 1.5 * interval
        late = tick + rng.choice((0.0, math.ulp(tick), interval * 0.01))
        assert 0.5 * interval < next_tick(late, interval) - tick < 1.5 * interval
        now = tick
    assert abs(now - start - 5_000 * interval) < interval

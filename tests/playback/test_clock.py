"""Market time: how it runs, stands and jumps; exact, with real time in our hands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.playback.clock import AS_FAST_AS_POSSIBLE, MarketClock

REAL, MARKET = 1_795_600_000.0, 1_786_714_202.0
SPEEDS = st.sampled_from([0.125, 0.25, 0.5, 1.0, 2.0, 8.0, 64.0, 512.0])
"""Exact in binary, so that market time is exact too."""
SIXTEENTHS = st.integers(0, 16 * 86_400).map(lambda number: number / 16)


@given(SPEEDS, SIXTEENTHS)
def test_it_runs_at_its_speed_and_knows_when_it_gets_somewhere(speed: float, after: float) -> None:
    clock = MarketClock(MARKET, REAL, speed)
    assert clock.at(REAL) == MARKET
    assert clock.at(REAL + after) == MARKET + after * speed
    assert clock.real(MARKET + after * speed) == REAL + after


@given(st.floats(0.1, 1000), st.floats(0, 86_400))
def test_the_two_directions_agree_at_any_speed(speed: float, after: float) -> None:
    clock = MarketClock(MARKET, REAL, speed)
    there = clock.real(clock.at(REAL + after))
    assert there == pytest.approx(REAL + after, abs=1e-5)


@given(SPEEDS, SIXTEENTHS, SIXTEENTHS)
def test_nothing_passes_while_it_is_paused(speed: float, before: float, pause: float) -> None:
    clock = MarketClock(MARKET, REAL, speed)
    clock.pause(REAL + before)
    stood = clock.at(REAL + before)
    assert stood == MARKET + before * speed
    assert clock.at(REAL + before + pause) == stood
    assert clock.real(stood + 1) is None
    clock.resume(REAL + before + pause)
    assert clock.at(REAL + before + pause) == stood
    assert clock.at(REAL + before + pause + 3) == stood + 3 * speed
    assert clock.real(stood + speed) == REAL + before + pause + 1


@given(SPEEDS, SPEEDS, SIXTEENTHS)
def test_another_speed_is_taken_up_where_it_is(one: float, two: float, after: float) -> None:
    clock = MarketClock(MARKET, REAL, one)
    clock.set_speed(two, REAL + after)
    assert clock.at(REAL + after) == MARKET + after * one
    assert clock.at(REAL + after + 2) == MARKET + after * one + 2 * two


def test_pausing_twice_and_resuming_twice_change_nothing() -> None:
    clock = MarketClock(MARKET, REAL)
    clock.pause(REAL + 5)
    clock.pause(REAL + 9)
    assert clock.at(REAL + 20) == MARKET + 5
    clock.resume(REAL + 20)
    clock.resume(REAL + 22)
    assert clock.at(REAL + 23) == MARKET + 8


def test_a_seek_is_to_the_moment_running_or_not() -> None:
    clock = MarketClock(MARKET, REAL, 2.0)
    clock.seek(MARKET - 100, REAL + 7)
    assert (clock.at(REAL + 7), clock.at(REAL + 8)) == (MARKET - 100, MARKET - 98)
    clock.pause(REAL + 8)
    clock.seek(MARKET + 50, REAL + 9)
    assert (clock.at(REAL + 9), clock.at(REAL + 99)) == (MARKET + 50, MARKET + 50)
    clock.resume(REAL + 100)
    assert clock.at(REAL + 101) == MARKET + 52


def test_as_fast_as_possible_stands_until_it_is_moved() -> None:
    clock = MarketClock(MARKET, REAL, AS_FAST_AS_POSSIBLE)
    assert clock.at(REAL + 1000) == MARKET
    assert clock.real(MARKET) is None
    clock.seek(MARKET + 1, REAL + 1000)
    assert clock.at(REAL + 2000) == MARKET + 1
    clock.set_speed(1.0, REAL + 2000)
    assert clock.at(REAL + 2010) == MARKET + 11
    clock.set_speed(AS_FAST_AS_POSSIBLE, REAL + 2010)
    assert clock.at(REAL + 2020) == MARKET + 11

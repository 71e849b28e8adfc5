"""Times of a market day, and when the next tick is."""

from __future__ import annotations

import datetime
import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.exchange.times import (
    NEW_YORK,
    closing,
    is_market_open,
    moment,
    next_tick,
    opening,
    same_time_of_day,
    shown,
)

FRIDAY = datetime.date(2026, 8, 14)
WINTER = datetime.date(2026, 1, 15)
UTC = datetime.UTC


def epoch(*parts: int) -> float:
    return datetime.datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]


def test_the_day_is_new_york_s_in_summer_and_in_winter() -> None:
    assert (opening(FRIDAY), closing(FRIDAY)) == (epoch(2026, 8, 14, 13, 30), epoch(2026, 8, 14, 20))
    assert (opening(WINTER), closing(WINTER)) == (epoch(2026, 1, 15, 14, 30), epoch(2026, 1, 15, 21))


@pytest.mark.parametrize(
    ("text", "hour", "minute", "second"),
    [
        ("09:30", 13, 30, 0),
        ("9:30", 13, 30, 0),
        ("09:30:02", 13, 30, 2),
        ("12:00:59", 16, 0, 59),
        ("00:00", 4, 0, 0),
        ("19:59:59", 23, 59, 59),
    ],
)
def test_a_time_of_day(text: str, hour: int, minute: int, second: int) -> None:
    assert moment(FRIDAY, text) == epoch(2026, 8, 14, hour, minute, second)


@pytest.mark.parametrize(
    "text", ["", "open", "24:00", "9", "9:3", "09:60", "09:30:60", "09:30:00.5", " 9:30", "9:30\n"]
)
def test_what_is_no_time_of_day_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="HH:MM"):
        moment(FRIDAY, text)


@given(st.integers(0, 4_000_000_000))
def test_the_same_time_of_day_on_another_day(now: int) -> None:
    there = datetime.datetime.fromtimestamp(now, NEW_YORK)
    here = datetime.datetime.fromtimestamp(same_time_of_day(FRIDAY, now + 0.75), NEW_YORK)
    assert here.date() == FRIDAY
    assert here.time() == there.time()


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        (epoch(2026, 8, 14, 13, 29, 59), False),
        (epoch(2026, 8, 14, 13, 30), True),
        (epoch(2026, 8, 14, 20, 0), True),
        (epoch(2026, 8, 14, 20, 0, 1), False),
        (epoch(2026, 8, 15, 15), False),
        (epoch(2026, 11, 26, 16), False),
        (epoch(2026, 11, 27, 16), True),
        (epoch(2026, 1, 15, 14, 29), False),
        (epoch(2026, 1, 15, 14, 30), True),
    ],
)
def test_when_the_market_is_open(now: float, is_open: bool) -> None:
    assert is_market_open(now) is is_open


def test_a_market_time_for_people() -> None:
    assert shown(opening(FRIDAY) + 2.9) == "2026-08-14 09:30:02"
    assert shown(moment(FRIDAY, "15:59:59")) == "2026-08-14 15:59:59"


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

"""When the next tick of an interval is."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.playback.turns import next_tick


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

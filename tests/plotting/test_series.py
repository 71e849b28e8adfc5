"""What is drawn: hours, levels, bars, gaps and the ends of axes, by value."""

from __future__ import annotations

import datetime as dt

import msgspec
import numpy as np
import pytest

from gexfaker.plotting.pictures import figure_of
from gexfaker.plotting.records import Flow, Ladder, Levels
from gexfaker.plotting.series import (
    GAP_STEPS,
    Profile,
    SpotDay,
    broken,
    extremes,
    flow_day,
    limits,
    profile,
    reach,
    seen,
    spot_day,
    window,
)

OPEN = 1_784_295_000
"""2026-07-17, 09:30:00 New York."""


def levels(second: int, spot: float = 7450.0, zero: float = 7440.0) -> Levels:
    return Levels(OPEN + second, spot, zero, 7500.0, 7400.0)


def array(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values, dtype=np.float64)


def shown(strikes: list[float], volume: list[float], interest: list[float], spot: float = 100.0) -> Profile:
    return Profile(dt.datetime(2026, 7, 17, 12, tzinfo=dt.UTC), spot, 0.0, *map(np.array, (strikes, volume, interest)))


def test_hours_are_new_yorks_and_no_level_is_no_number() -> None:
    day = spot_day([levels(0), levels(1800, spot=7451.5, zero=0.0), levels(23_400)])
    assert day.hours.tolist() == [9.5, 10.0, 16.0]
    assert day.spot.tolist() == [7450.0, 7451.5, 7450.0]
    assert np.isnan(day.zero_gamma).tolist() == [False, True, False]
    assert (day.positive.tolist(), day.negative.tolist()) == ([7500.0] * 3, [7400.0] * 3)


def test_hours_are_right_in_winter_too() -> None:
    winter = int(dt.datetime(2026, 1, 15, 14, 30, tzinfo=dt.UTC).timestamp())
    assert spot_day([Levels(winter, 1.0, 1.0, 1.0, 1.0)]).hours.tolist() == [9.5]


def test_flows_are_columns_by_name() -> None:
    day = flow_day([Flow(OPEN, 1, 2, 3, 4, 5, 6, 7, 8), Flow(OPEN + 3600, -1, -2, -3, -4, -5, -6, -7, -8)])
    assert day.hours.tolist() == [9.5, 10.5]
    assert {name: values.tolist() for name, values in day.changes.items()} == {
        "dexoflow": [1, -1],
        "gexoflow": [2, -2],
        "cvroflow": [3, -3],
    }
    assert [values[0] for values in day.levels.values()] == [4, 5, 6, 7, 8]
    assert list(day.levels) == ["agg_dex", "zgr", "zcvr", "zvanna", "zcharm"]


def test_a_profile_is_sorted_by_strike() -> None:
    raw = msgspec.Raw(b"[0,0,0,0,0]")
    made = profile(Ladder(OPEN + 60, 101.0, 99.5, [(105.0, 3.0, 4.0, raw), (100.0, -1.0, 2.0, raw)]))
    assert (made.strikes.tolist(), made.volume.tolist(), made.interest.tolist()) == ([100, 105], [-1, 3], [2, 4])
    assert (made.spot, made.zero_gamma, f"{made.time:%H:%M:%S}") == (101.0, 99.5, "09:31:00")


def test_a_ladder_without_strikes_is_empty() -> None:
    made = profile(Ladder(OPEN, 101.0, 0.0, []))
    assert made.strikes.shape == made.volume.shape == (0,)
    assert extremes(made.strikes, made.volume) == []
    assert seen(made) == (101.0, 101.0)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((-5.0, 2.0, 7.0), [(300.0, 7.0), (100.0, -5.0)]),
        ((1.0, 2.0, 0.0), [(200.0, 2.0)]),
        ((-1.0, 0.0, 0.0), [(100.0, -1.0)]),
        ((0.0, 0.0, 0.0), []),
    ],
)
def test_extremes_are_the_largest_of_each_sign(values: tuple[float, ...], found: list[tuple[float, float]]) -> None:
    assert extremes(array(100, 200, 300), array(*values)) == found


def test_strikes_that_cannot_be_seen_are_left_out() -> None:
    made = shown([90, 95, 100, 105, 110, 115], [0.01, -5, 9, 1000, 1, 0], [0, 0, 0, 0, 7, 0.01])
    assert seen(made) == (95.0, 110.0)
    assert seen(shown([90, 95], [0, 5], [0, 0], spot=120.0)) == (95.0, 120.0)


def test_a_line_is_broken_where_the_feed_was_silent() -> None:
    hours = array(10, 11, 12, 12.1 + GAP_STEPS, 13.1 + GAP_STEPS)
    times, values = broken(hours, array(1, 2, 3, 4, 5))
    assert np.isnan(times).tolist() == [False, False, False, True, False, False]
    assert values[[0, 2, 4]].tolist() == [1, 3, 4]
    assert np.isnan(values[3])


def test_an_even_or_short_series_stays_whole() -> None:
    for hours in (array(), array(10), array(10, 11, 12)):
        assert broken(hours, hours)[1].tolist() == hours.tolist()


def test_reach_leaves_out_what_would_flatten_the_rest() -> None:
    values = array(*([1.0, -1.0] * 99), 500.0, -700.0)
    most, beyond = reach(values)
    assert 1.0 <= most < 500.0
    assert beyond == 2
    assert reach(array(0, 0)) == (1.0, 0)
    assert reach(array(3.0)) == (3.0, 0)
    assert reach(array(*[0.0] * 999, 4.0)) == (4.0, 0)


def test_limits_hold_zero_and_leave_a_margin() -> None:
    low, high = limits(array(10, 20))
    assert low < 0 < 19.9 < high < 21
    assert limits(array(0, 0)) == (-1.0, 1.0)
    low, high = limits(array(*[-1.0] * 1000, -1e6))
    assert low > -10


def test_the_window_is_spots_with_levels_near_it() -> None:
    hours, spot = array(10, 11, 12), array(100, 104, 102)
    near = SpotDay(hours, spot, array(99, 99, 99), array(106, 106, 106), array(98, 98, 98))
    assert window(near) == pytest.approx((97.8, 106.2))
    far = near._replace(zero_gamma=array(10, 10, 10), positive=array(*[float("nan")] * 3))
    assert window(far) == pytest.approx((95.8, 104.2))  # no further than spot's own range beyond it


def test_a_spot_that_stands_still_has_a_window() -> None:
    low, high = window(SpotDay(*(array(5, 5),) * 5))
    assert low < 5 < high


@pytest.mark.parametrize(
    ("value", "text"), [(0.126, "+0.13"), (-99.5, "-99.50"), (18_682.6, "+18,683"), (-1_373_522.0, "-1,373,522")]
)
def test_an_amount_has_cents_where_it_is_small(value: float, text: str) -> None:
    assert figure_of(value) == text

"""Times of a market day: the open, the close, a time of day, and whether the market is open."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.exchange.hours import (
    NEW_YORK,
    closing,
    is_market_open,
    moment,
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

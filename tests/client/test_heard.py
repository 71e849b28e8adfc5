"""What a listener notes of the records it gets."""

from __future__ import annotations

from typing import Any

import pytest

from gexfaker.client.heard import (
    GAP_SECONDS,
    LAG_SECONDS,
    MAX_NOTICES,
    Heard,
    MarketClock,
    Numbers,
    clock_of,
    longest_lag,
)
from gexfaker.exchange.hours import clock_time

OPEN = 1_784_295_000  # 2026-07-17 09:30 in New York


def record(second: int) -> dict[str, Any]:
    return {"timestamp": OPEN + second, "spot": 1.0}


@pytest.mark.parametrize(
    ("seconds", "said", "gaps", "repeats"),
    [
        ([0, 1, 2, 2 + GAP_SECONDS], [], 0, 0),
        ([0, 9], ["g: no record for 9 s of the market, from 09:30:00 to 09:30:09"], 1, 0),
        ([0, 1, 1, 2], ["g: the record of 09:30:01 came again"], 0, 1),
        ([60, 0, 1], ["g: the market went back from 09:31:00 to 09:30:00"], 0, 1),
    ],
)
def test_gaps_and_repeats_are_told(seconds: list[int], said: list[str], gaps: int, repeats: int) -> None:
    heard = Heard("g")
    assert [text for second in seconds for text in heard.hear(record(second), 0.0)] == said
    assert (heard.count, heard.gaps, heard.repeats) == (len(seconds), gaps, repeats)
    assert heard.record == record(seconds[-1])


def test_a_group_of_one_expiry_has_every_fifth_record() -> None:
    heard = Heard("SPX_classic_gex_20261127")
    assert [text for second in (0, 8, 20) for text in heard.hear(record(second), 0.0)] == []
    assert len(list(heard.hear(record(41), 0.0))) == 1


def test_what_several_hubs_carry_is_no_repeat() -> None:
    heard = Heard("SPX_spot", is_shared=True)
    assert [text for second in (0, 2, 0, 2, 3) for text in heard.hear(record(second), 0.0)] == []
    assert (heard.count, heard.repeats, heard.timestamp) == (5, 0, OPEN + 3)
    assert list(heard.hear(record(60), 0.0)) == [
        "SPX_spot: no record for 57 s of the market, from 09:30:03 to 09:31:00"
    ]


def test_what_comes_often_is_only_counted() -> None:
    heard = Heard("g")
    said = [text for number in range(100) for text in heard.hear(record(number * 60), 0.0)]
    assert len(said) == MAX_NOTICES
    assert said[-1].endswith("; what comes after is only counted")
    assert heard.gaps == 99


def test_a_lag_is_in_real_seconds_whatever_the_speed() -> None:
    clock = MarketClock(OPEN + 600.0, at=100.0, speed=60.0)
    assert clock.lag(OPEN + 600, 100.0) == 0
    assert clock.lag(OPEN + 600, 103.0) == 3
    assert MarketClock(OPEN, 100.0, 0.0).lag(OPEN - 999, 200.0) == 0  # it stands, so nothing is due


def status(**playback: Any) -> dict[str, Any]:
    return {
        "playback": {"market_time": float(OPEN), "speed": 2.0, "paused": False, "timestamps": "recorded"} | playback
    }


@pytest.mark.parametrize(
    ("shown", "clock"),
    [
        (status(), MarketClock(OPEN, 50.0, 2.0)),
        (status(paused=True), MarketClock(OPEN, 50.0, 0.0)),
        (status(timestamps="live"), MarketClock(50.0, 50.0, 1.0)),
        (status(over=True), None),
        (status(market_time=None), None),
        ({}, None),
        (None, None),
    ],
)
def test_the_clock_is_what_the_server_shows(shown: dict[str, Any] | None, clock: MarketClock | None) -> None:
    assert clock_of(shown, 50.0) == clock


def test_a_listener_is_late_by_its_latest_group_and_fresh_records_only() -> None:
    clock = MarketClock(OPEN + 100.0, at=100.0, speed=1.0)
    groups = {name: Heard(name) for name in ("on time", "late", "old", "of another day", "silent")}
    for name, second, at in (("on time", 100, 100.0), ("late", 93, 100.0), ("old", 0, 50.0)):
        list(groups[name].hear(record(second), at))
    list(groups["of another day"].hear(record(-86_400), 100.0))
    assert longest_lag(groups.values(), clock, 100.5) == 7
    assert longest_lag(groups.values(), None, 100.5) == 0
    groups.pop("late")
    assert longest_lag(groups.values(), clock, 100.5) == 0
    assert LAG_SECONDS < 7


def test_numbers_say_what_is_new_and_what_is_missing() -> None:
    numbers = Numbers()
    assert [numbers.take(number) for number in (1, 2, 5)] == [0, 0, 2]
    assert [numbers.is_new(number) for number in (4, 5, 6)] == [False, False, True]


def test_a_time_that_is_none_is_shown_as_it_is() -> None:
    assert (clock_time(OPEN), clock_time(10**15).strip()) == ("09:30:00", str(10**15))

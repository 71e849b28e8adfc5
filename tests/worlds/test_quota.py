"""How often a key may ask, against the calendar of New York."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.allowances import Allowance, Period, parse_allowance, parse_allowances
from gexfaker.worlds.quota import Quota

ZONE = ZoneInfo("America/New_York")


def new_york(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> float:
    return dt.datetime(year, month, day, hour, minute, second, tzinfo=ZONE).timestamp()


NOON = new_york(2026, 7, 17, 12)


def quota(text: str) -> Quota:
    return Quota(parse_allowances(text))


def taken(of: Quota, pool: str, *moments: float) -> list[bool]:
    return [of.refuses(pool, moment) is None for moment in moments]


def test_a_minute_begins_with_the_first_request() -> None:
    of = quota("2")
    assert taken(of, "classic", 0.0, 1.0, 2.0, 59.9) == [True, True, False, False]
    assert taken(of, "history", 60.0, 61.0, 62.0) == [True, True, False]


def test_a_clock_that_went_back_begins_a_new_minute() -> None:
    of = quota("1")
    assert taken(of, "classic", 1000.0, 10.0, 10.0) == [True, True, False]


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("classic:1/day", new_york(2026, 7, 17, 23, 59, 59), new_york(2026, 7, 18)),
        ("classic:1/day", new_york(2026, 11, 1, 23, 59, 59), new_york(2026, 11, 2)),  # a day of 25 hours
        ("classic:1/month", new_york(2026, 7, 31, 23, 59, 59), new_york(2026, 8, 1)),
        ("classic:1/month", new_york(2026, 12, 31, 23, 59, 59), new_york(2027, 1, 1)),
    ],
)
def test_days_and_months_begin_at_midnight_in_new_york(text: str, before: float, after: float) -> None:
    of = quota(text)
    assert taken(of, "classic", before - 3600, before, after, after) == [True, False, True, False]


def test_pools_do_not_take_from_each_other() -> None:
    of = quota("classic:1/day, history:2/day")
    assert taken(of, "classic", NOON, NOON) == [True, False]
    assert taken(of, "history", NOON, NOON, NOON) == [True, True, False]
    assert taken(of, "state", *[NOON] * 20) == [True] * 20


def test_what_one_allowance_refuses_counts_in_no_other() -> None:
    of = quota("2/minute, classic:3/day")
    assert taken(of, "classic", NOON, NOON, NOON, NOON) == [True, True, False, False]
    assert taken(of, "classic", NOON + 60, NOON + 61) == [True, False]
    assert of.refuses("classic", NOON + 61) == Allowance("classic", 3, Period.DAY)
    assert taken(of, "state", NOON + 61) == [True], "the minute has room for one of another pool"


@pytest.mark.parametrize(("text", "seconds"), [("1", 60), ("1/day", 12 * 3600), ("1/month", 14 * 86_400 + 12 * 3600)])
def test_the_wait_ends_with_the_period(text: str, seconds: int) -> None:
    of = quota(text)
    assert taken(of, "state", NOON) == [True]
    over = of.refuses("state", NOON + 0.5)
    assert over is not None
    assert of.wait(over, NOON + 0.5) == seconds
    assert of.wait(over, NOON + seconds - 0.001) == 1
    assert taken(of, "state", NOON + seconds - 0.001, NOON + seconds) == [False, True]


@given(
    st.lists(st.sampled_from(["classic:2/day", "3/minute", "history:1/month", "state:2/minute"]), unique=True),
    st.lists(st.tuples(st.sampled_from(["classic", "state", "history"]), st.integers(0, 200_000)), max_size=60),
)
def test_no_period_ever_has_more_than_its_allowance(texts: list[str], asked: list[tuple[str, int]]) -> None:
    of = quota(",".join(texts))
    served: list[tuple[str, float]] = []
    now = NOON
    for pool, later in asked:
        now += later / 100
        if of.refuses(pool, now) is None:
            served.append((pool, now))
    for pool, most in (("classic", 2), ("history", 1)):
        named = {"classic": "classic:2/day", "history": "history:1/month"}[pool]
        form = "%Y-%m-%d" if pool == "classic" else "%Y-%m"
        days = [dt.datetime.fromtimestamp(at, ZONE).strftime(form) for name, at in served if name == pool]
        assert named not in texts or all(days.count(day) <= most for day in days)


@pytest.mark.parametrize(
    ("text", "allowance"),
    [
        ("60", Allowance("all", 60, Period.MINUTE)),
        (" Classic:100/Day ", Allowance("classic", 100, Period.DAY)),
        ("20000/month", Allowance("all", 20_000, Period.MONTH)),
        ("negotiation:5/minute", Allowance("negotiation", 5, Period.MINUTE)),
    ],
)
def test_an_allowance_is_read_and_written(text: str, allowance: Allowance) -> None:
    assert parse_allowance(text) == allowance
    assert parse_allowance(str(allowance)) == allowance


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clasic:1/day", "there is no pool 'clasic'"),
        ("1/week", "there is no period 'week'"),
        ("0/day", "the count is from 1"),
        ("9999999999999", "the count is from 1"),
        ("many", "write COUNT/PERIOD"),
        ("1/day/2", "write COUNT/PERIOD"),
        ("-1", "write COUNT/PERIOD"),
        ("", "write COUNT/PERIOD"),
        ("٣/day", "write COUNT/PERIOD"),
    ],
)
def test_what_is_no_allowance_is_told_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_allowance(text)


def test_a_key_has_a_bounded_number_of_allowances() -> None:
    assert len(parse_allowances(",".join(["1/day"] * 64))) == 64
    with pytest.raises(ValueError, match="64 at most"):
        parse_allowances(",".join(["1/day"] * 65))
    assert parse_allowances("none") == parse_allowances(" ") == ()

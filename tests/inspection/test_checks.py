"""The checks that count rather than find, and reading lines: against definitions, with any input."""

from __future__ import annotations

import datetime as dt
import json
import math
import statistics
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.exchange.hours import epoch
from gexfaker.inspection.findings import EXAMPLES, MAX_DETAIL_CHARS, Finding, Tally
from gexfaker.inspection.joins import Columns, Pearson
from gexfaker.inspection.layout import LAYOUTS, Reader, Row
from gexfaker.inspection.orderflow import HourlyFlow
from gexfaker.inspection.priors import LOOK_BACKS, MAX_KEPT, Priors
from gexfaker.inspection.times import Day, Times
from inspection.builder import DATE, FIRST, feed_of, line, record

FEEDS = ("orderflow/orderflow", "classic/gex_full", "state/charm_one")
DAY = Day(DATE)


def row_of(feed: str, text: str, number: int = 0) -> Row:
    row, findings = Reader(feed_of(feed)).read(number, text.encode())
    assert row is not None
    assert findings == []
    return row


@pytest.mark.parametrize("feed", FEEDS)
def test_a_line_of_the_service_is_read_without_a_finding(feed: str) -> None:
    package, category = feed.split("/")
    row = row_of(feed, line(record(package, category, 3)))
    assert row.timestamp == FIRST + 3


@pytest.mark.parametrize("feed", FEEDS)
@given(data=st.data())
def test_any_other_order_of_the_keys_is_found(feed: str, data: st.DataObject) -> None:
    package, category = feed.split("/")
    whole = record(package, category, 3)
    order = data.draw(st.permutations(list(whole)))
    _, findings = Reader(feed_of(feed)).read(0, line({key: whole[key] for key in order}).encode())
    assert [finding.kind for finding in findings] == ["key-order"] * (order != list(whole))


@pytest.mark.parametrize("feed", FEEDS)
@given(data=st.data())
def test_damaged_bytes_are_found_or_harmless_and_never_raise(feed: str, data: st.DataObject) -> None:
    package, category = feed.split("/")
    text = bytearray(line(record(package, category, 3)).encode())
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    row, findings = Reader(feed_of(feed)).read(0, bytes(text))
    assert row is not None or findings


@pytest.mark.parametrize("feed", FEEDS)
@given(data=st.data())
def test_a_line_cut_off_anywhere_is_unreadable(feed: str, data: st.DataObject) -> None:
    package, category = feed.split("/")
    text = line(record(package, category, 3))
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    row, findings = Reader(feed_of(feed)).read(0, cut.encode())
    assert row is None
    assert [finding.kind for finding in findings] == ["unreadable"]


def test_brackets_without_end_are_found() -> None:
    row, findings = Reader(feed_of(FEEDS[1])).read(0, b'{"more":' + b"[" * 100_000)
    assert row is None
    assert len(findings) == 1


def test_every_category_has_a_layout_of_the_service() -> None:
    assert {category: len(layout.keys) for category, layout in LAYOUTS.items()} == {
        "orderflow": 37,
        **dict.fromkeys(("gex_full", "gex_zero", "gex_one"), 15),
        **{f"{greek}_{expiry}": 10 for greek in ("delta", "gamma", "vanna", "charm") for expiry in ("zero", "one")},
    }


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(-1e6, 1e6)), max_size=30))
def test_columns_find_all_records_of_a_second_in_any_order(pairs: list[tuple[int, float]]) -> None:
    columns = Columns(1)
    for timestamp, value in pairs:
        columns.add(timestamp, (value,))
    for timestamp in range(11):
        assert [value for (value,) in columns.at(timestamp)] == [value for at, value in pairs if at == timestamp]


@given(st.lists(st.tuples(st.integers(-9999, 9999), st.integers(-9999, 9999)), min_size=2, max_size=50))
def test_the_correlation_is_the_textbook_one(pairs: list[tuple[int, int]]) -> None:
    pearson = Pearson()
    for x, y in pairs:
        pearson.add(x, y)
    try:
        wanted = statistics.correlation(*zip(*pairs, strict=True))
    except statistics.StatisticsError:
        assert pearson.value() is None
    else:
        assert pearson.value() == pytest.approx(wanted, abs=1e-9)


@given(st.lists(st.integers(-5000, 5000), min_size=1, max_size=60))
def test_the_percentile_leaves_a_twentieth_above(cents: list[int]) -> None:
    check = HourlyFlow(DAY)
    base = record("orderflow", "orderflow", 1)
    reader = Reader(feed_of(FEEDS[0]))
    for number, value in enumerate(cents):
        row, _ = reader.read(number, line(base | {"gexoflow": value / 100}).encode())
        assert row is not None
        list(check.feed(row))
    level = check.facts()["gexoflow_p95"]["09"]
    sizes = [abs(value) / 100 for value in cents]
    assert sum(size <= level for size in sizes) >= 0.95 * len(sizes)
    assert sum(size < level for size in sizes) < math.ceil(0.95 * len(sizes))


@pytest.mark.parametrize(("seconds", "hour"), [(0, 9), (1797, 9), (1798, 10), (23_397, 15), (23_398, 16)])
def test_hours_are_those_of_new_york(seconds: int, hour: int) -> None:
    assert DAY.hour(FIRST + seconds) == hour


@pytest.mark.parametrize(
    ("date", "at", "is_outside"),
    [
        ("2026-11-25", "09:29:59", True),
        ("2026-11-25", "09:30:00", False),
        ("2026-11-25", "16:00:00", False),
        ("2026-11-25", "16:00:01", True),
        ("2026-11-27", "13:00:00", False),
        ("2026-11-27", "13:00:01", True),
    ],
)
def test_the_hours_of_the_market_are_those_of_the_day(date: str, at: str, is_outside: bool) -> None:
    moment = epoch(dt.date.fromisoformat(date), dt.time.fromisoformat(at))
    findings = [found.kind for found in Times(Day(date)).feed(Row(0, moment, None))]
    assert findings == ["outside-hours"] * is_outside


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40))
def test_times_are_counted_as_defined(offsets: list[int]) -> None:
    check = Times(DAY)
    findings = [found for n, at in enumerate(offsets) for found in check.feed(Row(n, FIRST + at, None))]
    steps = [new - old for old, new in pairwise(offsets)]
    facts = check.facts()
    assert (facts["first"], facts["last"]) == (FIRST + offsets[0], FIRST + offsets[-1])
    assert facts["mean_step"] == (round(sum(steps) / len(steps), 3) if steps else None)
    assert facts["gaps"] == sum(step > 3 for step in steps)
    assert facts["largest_gap"] == max((step for step in steps if step > 3), default=0)
    assert facts["repeated"] == steps.count(0)
    assert facts["backward"] == sum(step < 0 for step in steps)
    assert len(findings) == facts["gaps"] + facts["repeated"] + facts["backward"]


def gex_rows(count: int, step: int, exact: bool) -> Iterator[Row]:
    """Records whose priors are the values of their times, or all 1."""

    def value(at: int, strike: int) -> float:
        return round(strike + at / 100, 2)

    for number in range(count):
        at = number * step
        strikes = [
            [k, value(at, k), 0, [value(at - ago, k) if exact else 1 for ago in LOOK_BACKS]] for k in (6795, 6800)
        ]
        text = line(record("classic", "gex_full", 0) | {"timestamp": FIRST + at, "strikes": strikes})
        row, _ = Reader(feed_of("classic/gex_full")).read(number, text.encode())
        assert row is not None
        yield row


@pytest.mark.parametrize(("exact", "share"), [(True, 1.0), (False, 0.0)])
def test_priors_are_the_values_of_their_times(exact: bool, share: float) -> None:
    check = Priors(DAY)
    for row in gex_rows(80, 30, exact):
        assert list(check.feed(row)) == []
    priors = check.facts()["priors"]
    # Every other record is compared, with both strikes, once the day is old enough.
    assert {int(ago): found["compared"] for ago, found in priors.items()} == {
        ago: 2 * (40 - ago // 60) for ago in LOOK_BACKS
    }
    assert {found["equal_share"] for found in priors.values()} == {share}


def test_priors_keep_half_an_hour_and_no_more() -> None:
    check = Priors(DAY)
    for row in gex_rows(300, 20, exact=True):
        list(check.feed(row))
    assert len(check._kept) == 1800 // 20 + 1
    assert check._kept.maxlen == MAX_KEPT


def test_a_tally_keeps_little_however_much_is_found() -> None:
    tally = Tally(lambda number: f"file:{number + 1}")
    for number in range(10_000):
        tally.add(Finding("gap", number, "x" * 10_000))
    ((kind, count, examples),) = tally.items()
    assert (kind.name, count, len(examples)) == ("gap", 10_000, EXAMPLES)
    assert all(len(example.detail) == MAX_DETAIL_CHARS for example in examples)
    assert json.dumps(examples[0].place) == '"file:1"'


def test_a_file_cannot_speak_to_the_terminal() -> None:
    tally = Tally(str)
    tally.add(Finding("keys", 0, "unknown field `\x1b[2Jé`\r\n"))
    ((_, _, (example,)),) = tally.items()
    assert example.detail == "unknown field `\ufffd[2Jé`\ufffd\ufffd"

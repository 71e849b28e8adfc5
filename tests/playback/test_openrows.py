"""The rows of a real open before a simulated day: the stale row, the reset row, then the day itself."""

from __future__ import annotations

import datetime
import json

import pytest

from gexfaker.catalog import Feed
from gexfaker.playback.openrows import KEPT, LEVELS
from gexfaker.playback.simulated import simulated_day
from gexfaker.wire.orderflow import ORDERFLOW

DATE, BEFORE = "2026-07-20", "2026-07-17"  # a Monday, and the Friday before
SPX = Feed("SPX", "orderflow", "orderflow")


def rows(open_rows: bool, date: str = DATE) -> list[dict[str, float]]:
    tape = simulated_day(date, 3, ["SPX"], open_rows=open_rows).tape(SPX)
    assert tape is not None
    return [json.loads(tape.json(index)) for index in range(4)]


def test_the_first_row_is_the_close_of_the_trading_day_before() -> None:
    before = simulated_day(BEFORE, 3, ["SPX"]).tape(SPX)
    assert before is not None
    assert rows(True)[0] == json.loads(before.json(len(before) - 1))


def test_the_second_row_has_no_flows_yet_and_levels_far_under_spot() -> None:
    plain, reset = rows(False)[0], rows(True)[1]
    assert list(reset) == list(plain)
    for name in KEPT:
        assert reset[name] == plain[name]
    for name in LEVELS:
        assert reset[name] == int(reset[name])
        assert 0.03 < 1 - reset[name] / plain["spot"] < 0.04
    flows = {field.json for field in ORDERFLOW.fields} - {*KEPT, *LEVELS}
    assert len(flows) == 26
    assert all(reset[name] == 0 for name in flows)
    assert ORDERFLOW.encode(json.dumps(reset).encode()).saturated == ()


def test_then_the_day_goes_on_as_without() -> None:
    assert rows(True)[2:] == rows(False)[1:3]


def test_times_are_found_as_in_any_tape() -> None:
    tape = simulated_day(DATE, 3, ["SPX"], open_rows=True).tape(SPX)
    assert tape is not None
    times = [tape.timestamp(index) for index in range(5)]
    assert times == sorted(times)
    assert datetime.timedelta(seconds=times[1] - times[0]) > datetime.timedelta(hours=17)
    assert [tape.index_at(time) for time in times] == [0, 1, 2, 3, 4]
    assert (tape.index_at(times[0] - 1), tape.index_at(times[1] - 1)) == (-1, 0)
    assert tape.has(len(tape) - 1)
    assert not tape.has(len(tape))
    assert "rows of the open" in tape.place(1)
    with pytest.raises(IndexError):
        tape.json(len(tape))


def test_other_feeds_are_as_they_are() -> None:
    feed = Feed("SPX", "classic", "gex_zero")
    one, two = (simulated_day(DATE, 3, ["SPX"], open_rows=flag).tape(feed) for flag in (True, False))
    assert one is not None
    assert two is not None
    assert one.json(0) == two.json(0)

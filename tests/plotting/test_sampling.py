"""Which records are read, and of which day they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from gexfaker.catalog import Feed
from gexfaker.errors import DataError
from gexfaker.market.scenarios.scenariofile import named_scenario
from gexfaker.plotting.records import Levels, read
from gexfaker.plotting.sampling import holds, index_at, indexes, sample
from gexfaker.plotting.source import Source, simulated, stored
from gexfaker.tapes.tape import Tape
from inspection.builder import DATE, FIRST, Built

Opener = Callable[[Source, str], Tape]


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens a feed, such as classic/gex_zero, until the end of the test."""
    with ExitStack() as stack:
        yield lambda source, name: stack.enter_context(closing(source.open(*name.split("/"))))


def at(hour: int, minute: int) -> dt.time:
    return dt.time(hour, minute)


@pytest.mark.parametrize(
    ("length", "every", "chosen"), [(0, 5, []), (1, 5, [0]), (7, 3, [0, 3, 6]), (8, 3, [0, 3, 6, 7]), (3, 1, [0, 1, 2])]
)
def test_the_last_record_is_always_read(length: int, every: int, chosen: list[int]) -> None:
    assert indexes(length, every) == chosen


def test_a_day_is_new_yorks() -> None:
    assert holds(DATE, FIRST)
    assert holds(DATE, 1_784_260_800)
    assert not holds(DATE, 1_784_260_799)
    assert not holds(DATE, 1_784_347_200)
    assert not holds(DATE, 10**17)


def test_both_feeds_are_sampled_and_progress_is_told(tmp_path: Path, opened: Opener) -> None:
    source = stored("SPX", DATE, Built(20).write(tmp_path))
    told: list[tuple[int, int]] = []
    report = lambda done, total: told.append((done, total))  # noqa: E731
    levels, flows = sample(opened(source, "classic/gex_zero"), opened(source, "orderflow/orderflow"), 8, report)
    seconds = [0, 8, 16, 19]
    assert [record.timestamp - FIRST for record in levels] == [record.timestamp - FIRST for record in flows] == seconds
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert levels[0] == Levels(FIRST, 6801.25, 6799.5, 6800.0, 6790.5)


def test_feeds_may_differ_in_length_or_be_missing(tmp_path: Path, opened: Opener) -> None:
    day = Built(10)
    del day.feeds["classic/gex_zero"][6:]
    source = stored("SPX", DATE, day.write(tmp_path))
    levels, flows = sample(
        opened(source, "classic/gex_zero"), opened(source, "orderflow/orderflow"), 4, lambda *_: None
    )
    assert [record.timestamp - FIRST for record in levels] == [0, 4, 5]
    assert [record.timestamp - FIRST for record in flows] == [0, 4, 5, 8, 9]
    assert sample(None, None, 4, lambda *_: None) == ([], [])


def test_bad_records_and_those_of_another_day_are_left_out(tmp_path: Path, opened: Opener) -> None:
    day = Built(6)
    day.row("classic/gex_zero", 0)["timestamp"] -= 63_000  # the close of the day before
    day.row("classic/gex_zero", 1)["timestamp"] = 10**15
    day.feeds["classic/gex_zero"][2] = "half a line"
    day.row("classic/gex_zero", 3)["spot"] = "much"
    del day.row("classic/gex_zero", 4)["zero_gamma"]
    source = stored("SPX", DATE, day.write(tmp_path))
    levels, _ = sample(opened(source, "classic/gex_zero"), None, 1, lambda *_: None)
    assert [record.timestamp - FIRST for record in levels] == [5]


def test_a_time_is_the_newest_record_not_after_it() -> None:
    tape = simulated("SPX", DATE, 1).open("classic", "gex_full")
    index, noon = index_at(tape, at(12, 0)), FIRST + 2 * 3600 + 1800 - 2
    assert tape.timestamp(index) <= noon < tape.timestamp(index + 1)
    assert index_at(tape, at(23, 59)) == len(tape) - 1


@pytest.mark.parametrize("time", [at(9, 30), at(0, 0)], ids=str)
def test_a_time_before_the_day_is_refused(time: dt.time) -> None:
    tape = simulated("SPX", DATE, 1).open("classic", "gex_full")
    with pytest.raises(DataError, match="begins later"):
        index_at(tape, time)


def test_the_close_of_the_day_before_is_not_of_the_day(tmp_path: Path, opened: Opener) -> None:
    day = Built(3)
    day.row("classic/gex_full", 0)["timestamp"] -= 63_000
    tape = opened(stored("SPX", DATE, day.write(tmp_path)), "classic/gex_full")
    with pytest.raises(DataError, match="begins later"):
        index_at(tape, at(9, 0))


def test_what_is_read_is_what_the_market_says() -> None:
    tape = simulated("NDX", DATE, 5).open("classic", "gex_zero")
    record = read(tape, 100, Levels)
    assert f'"spot":{record.spot:.10g},"zero_gamma":{record.zero_gamma:.10g}'.encode() in tape.json(100)


def test_a_source_says_what_it_is(tmp_path: Path, opened: Opener) -> None:
    assert simulated("SPY", DATE, 4).title == f"SPY   {DATE}   simulated, seed 4"
    crash = simulated("ES_SPX", DATE, 4, named_scenario("flash-crash"))
    assert crash.title == f"ES_SPX   {DATE}   simulated, seed 4, scenario flash-crash"
    assert (crash.unit, simulated("SPY", DATE, 4).unit) == ("index points", "dollars")
    root = tmp_path / "mine"
    root.mkdir()
    found = stored("SPX", "latest", Built(1).write(root))
    assert (found.date, found.title) == (DATE, f"SPX   {DATE}   stored in mine")
    assert opened(found, "orderflow/orderflow").feed == Feed("SPX", "orderflow", "orderflow")

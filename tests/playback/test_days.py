"""The days there are: stored or simulated, one after the other, a bounded number open."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from gexfaker.errors import DataError
from gexfaker.exchange.calendar import next_trading_day
from gexfaker.limits import MAX_OPEN_DAYS
from gexfaker.market.feeds.tape import SimulatedTape
from gexfaker.playback.days import Days
from gexfaker.playback.simulated import SimulatedDay
from gexfaker.tapes.folder import DataFolder
from support.tapes import SPX

WEDNESDAY = datetime.date(2026, 11, 25)
STORED = ("2026-07-14", "2026-07-15", "2026-07-17", "2026-07-20")


def made(root: Path, date: str = "latest", today: datetime.date = WEDNESDAY) -> Days:
    return Days(DataFolder(root), date, 1, ("SPX",), today)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, date in enumerate(STORED):
        file = tmp_path / date / "SPX" / "orderflow" / "orderflow.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text(f'{{"timestamp":{number}}}\n')
    return tmp_path


def test_stored_days(folder: Path) -> None:
    days = made(folder)
    assert days.stored
    assert (days.first, days.last) == ("2026-07-20", None)
    assert days.dates() == list(STORED)
    assert days.resolve("latest") == "2026-07-20"
    assert days.resolve("2026-07-15") == days.resolve("20260715") == "2026-07-15"


@pytest.mark.parametrize("wanted", ["2026-07-16", "next", "", "20260716", "2026-13-01", "../etc", "x" * 1000])
def test_a_day_that_is_not_stored_is_refused(folder: Path, wanted: str) -> None:
    with pytest.raises(DataError) as caught:
        made(folder).resolve(wanted)
    assert "2026-07-20" in str(caught.value)
    assert len(str(caught.value)) < 300
    with pytest.raises(DataError):
        made(folder, wanted)


def test_one_stored_day_follows_the_other(folder: Path) -> None:
    days, date = made(folder, "2026-07-14"), "2026-07-14"
    seen = [date]
    while (following := days.after(date)) is not None:
        date = following
        seen.append(date)
    assert seen == list(STORED)
    assert days.after("2026-07-16") == "2026-07-17"


def test_a_folder_without_records_is_passed_over(folder: Path) -> None:
    (folder / "2026-07-16").mkdir()
    assert made(folder, "2026-07-15").after("2026-07-15") == "2026-07-17"


def test_a_range_ends_with_its_last_day(folder: Path) -> None:
    days = made(folder, "2026-07-14..2026-07-17")
    assert (days.first, days.last) == ("2026-07-14", "2026-07-17")
    assert [days.after(date) for date in STORED] == ["2026-07-15", "2026-07-17", None, None]


@pytest.mark.parametrize("wanted", ["2026-07-14..2026-07-16", "2026-07-13..2026-07-17"])
def test_a_range_of_days_that_are_not_stored_is_refused(folder: Path, wanted: str) -> None:
    with pytest.raises(DataError, match="no data for"):
        made(folder, wanted)


def test_days_added_meanwhile_are_there(folder: Path) -> None:
    days = made(folder)
    assert days.after("2026-07-20") is None
    file = folder / "2026-07-21" / "SPX" / "orderflow" / "orderflow.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text('{"timestamp":9}\n')
    assert days.after("2026-07-20") == days.resolve("latest") == "2026-07-21"


def test_simulated_days_are_trading_days_without_end(tmp_path: Path) -> None:
    days = made(tmp_path)
    assert not days.stored
    assert (days.first, days.dates()) == ("2026-11-25", [])
    assert days.after("2026-11-25") == "2026-11-27", "Thanksgiving"
    assert days.after("2026-11-27") == "2026-11-30"
    assert made(tmp_path, "2026-11-25..2026-11-27").after("2026-11-27") is None
    assert made(tmp_path, today=datetime.date(2026, 11, 29)).first == "2026-11-27"
    for wanted in ("next", "", "2026-02-30", "x" * 1000):
        with pytest.raises(DataError) as caught:
            days.resolve(wanted)
        assert len(str(caught.value)) < 100
    days.day("2026-11-25")
    assert days.dates() == ["2026-11-25"]


def test_a_library_is_kept_open(folder: Path) -> None:
    days = made(folder)
    library = days.day("2026-07-14")
    assert library.date == "2026-07-14"
    assert days.day("2026-07-14") is library
    days.close()
    assert days.day("2026-07-14") is not library
    with pytest.raises(DataError):
        days.day("2026-07-16")
    with pytest.raises(DataError):
        days.day("2026-07-16")


def trading_days(after: datetime.date, count: int) -> list[str]:
    """So many days on which the market is open."""
    found = []
    for _ in range(count):
        after = next_trading_day(after)
        found.append(after.isoformat())
    return found


def test_the_days_used_last_stay_open(tmp_path: Path) -> None:
    days = made(tmp_path)
    kept = days.day("2020-01-02")
    first = days.day("2020-02-03")
    for date in trading_days(datetime.date(2024, 1, 1), MAX_OPEN_DAYS * 2):
        days.day(date)
        assert days.day("2020-01-02") is kept
        assert len(days.dates()) <= MAX_OPEN_DAYS
    assert days.day("2020-02-03") is not first
    assert days.day("2020-02-03").tape(SPX) is not None


def test_a_closed_day_is_not_simulated_and_a_range_leaves_it_out(tmp_path: Path) -> None:
    days = made(tmp_path, "2026-07-18..2026-07-26")
    assert (days.first, days.last) == ("2026-07-20", "2026-07-26")
    assert (days.after("2026-07-23"), days.after("2026-07-24")) == ("2026-07-24", None)
    with pytest.raises(DataError, match="closed on 2026-07-18; the next trading day is 2026-07-20"):
        days.resolve("2026-07-18")
    with pytest.raises(DataError, match="closed on 2026-07-18"):
        made(tmp_path, "2026-07-18..2026-07-19")


def test_a_closed_day_that_is_stored_is_played(tmp_path: Path) -> None:
    file = tmp_path / "2026-07-18" / "SPX" / "orderflow" / "orderflow.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text('{"timestamp":1}\n')
    assert made(tmp_path, "2026-07-18").first == "2026-07-18"


@pytest.mark.parametrize("date", ["1999-12-31", "2100-01-01", "9999-12-31", "0001-01-01"])
def test_days_beyond_the_calendar_are_not_simulated(tmp_path: Path, date: str) -> None:
    days = Days(DataFolder(tmp_path), "2026-07-17", 1, ["SPX"], datetime.date(2026, 11, 25))
    with pytest.raises(DataError, match="2000 to 2099"):
        days.resolve(date)
    assert days.after("2099-12-31") is None


def test_all_simulated_days_keep_their_blocks_within_one_bound(tmp_path: Path) -> None:
    days = Days(DataFolder(tmp_path), "2026-07-17", 1, ["SPX"], datetime.date(2026, 11, 25))
    tapes = [days.day(date).tape(SPX) for date in ("2026-07-16", "2026-07-17")]
    for number, tape in enumerate(tapes, 1):
        assert tape is not None
        assert tape.json(0)
        assert len(days.simulation.blocks) == number


def test_a_day_that_has_to_make_room_can_be_read_until_it_is_swept(tmp_path: Path) -> None:
    days = Days(DataFolder(tmp_path), "2026-07-17", 1, ["SPX"], datetime.date(2026, 11, 25))
    first = days.day("2026-07-17")
    tape = first.tape(SPX)
    assert tape is not None
    for date in trading_days(datetime.date(2024, 1, 1), MAX_OPEN_DAYS):
        days.day(date)
    assert days.day("2026-07-17") is not first
    assert tape.json(0)
    days.close()


def test_a_stored_day_that_has_to_make_room_can_be_read_until_the_sweep_after_the_next(tmp_path: Path) -> None:
    dates = [
        (datetime.date(2026, 3, 2) + datetime.timedelta(number)).isoformat() for number in range(MAX_OPEN_DAYS + 1)
    ]
    for date in dates:
        file = tmp_path / date / "SPX" / "orderflow" / "orderflow.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text('{"timestamp":1}\n')
    days = Days(DataFolder(tmp_path), dates[0], 1, (), datetime.date(2026, 11, 25))
    tape = days.day(dates[0]).tape(SPX)
    assert tape is not None
    for date in dates:
        days.day(date)
    days.sweep()
    assert tape.json(0), "a turn under way may have begun a moment before"
    days.sweep()
    with pytest.raises(ValueError, match="closed"):
        tape.json(0)
    days.close()


def test_a_simulated_day_that_had_to_make_room_leaves_nothing_in_memory(tmp_path: Path) -> None:
    days = Days(DataFolder(tmp_path), "2026-07-17", 1, ["SPX"], datetime.date(2026, 11, 25))
    first = days.day("2026-07-17")
    tape = first.tape(SPX)
    assert isinstance(tape, SimulatedTape)
    assert isinstance(first, SimulatedDay)
    assert tape.json(0)
    market = first._market._market
    assert market is not None
    assert market._chains
    for date in trading_days(datetime.date(2024, 1, 1), MAX_OPEN_DAYS):
        days.day(date)
    for _ in range(2):
        days.sweep()
    assert not market._chains
    assert len(days.simulation.blocks) == 0

"""Which day is the newest that is completed."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from gexfaker.archive.shelf import Shelf
from gexfaker.catalog import Feed
from gexfaker.errors import DataError
from gexfaker.exchange.hours import NEW_YORK
from gexfaker.playback.days import Days
from gexfaker.playback.simulated import MAX_SHARED_DAYS, SimulatedDays
from gexfaker.tapes.folder import DataFolder

FEED = Feed("SPX", "classic", "gex_zero")


def shelf_at(folder: Path, text: str) -> Shelf:
    """The shelf at a time in New York, of a server that has been running since January."""
    now = datetime.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()
    simulated = SimulatedDays(7, ("SPX",), None)
    return Shelf(Days(DataFolder(folder), "latest", 7, ("SPX",), datetime.date(2026, 1, 5)), simulated, now)


@pytest.mark.parametrize(
    ("now", "date"),
    [
        ("2026-07-17T15:59:59", "2026-07-16"),
        ("2026-07-17T16:00", "2026-07-17"),
        ("2026-07-17T00:00", "2026-07-16"),
        ("2026-07-18T12:00", "2026-07-17"),
        ("2026-07-20T12:00", "2026-07-17"),
        ("2026-07-20T17:00", "2026-07-20"),
        ("2026-07-06T09:00", "2026-07-02"),
    ],
)
def test_a_simulated_day_is_completed_at_its_close(tmp_path: Path, now: str, date: str) -> None:
    shelf = shelf_at(tmp_path, now)
    assert shelf.latest() == date
    assert shelf.holds(date, FEED)
    assert not shelf.holds("2026-07-21", FEED)


def test_a_stored_day_too(tmp_path: Path) -> None:
    for date in ("2026-07-15", "2026-07-16", "2026-07-17"):
        file = tmp_path / date / "SPX" / "classic" / "gex_zero.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text('{"timestamp":1784295002}\n', encoding="utf-8")
    (tmp_path / "2026-07-18").mkdir()
    assert shelf_at(tmp_path, "2026-07-17T12:00").latest() == "2026-07-16"
    assert shelf_at(tmp_path, "2026-07-17T16:00").latest() == "2026-07-17"
    assert shelf_at(tmp_path, "2026-07-16T10:00").latest() == "2026-07-17", "recorded is recorded"


def test_a_day_that_is_being_recorded_is_none(tmp_path: Path) -> None:
    file = tmp_path / "2026-07-17" / "SPX" / "classic" / "gex_zero.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text('{"timestamp":1784295002}\n', encoding="utf-8")
    with pytest.raises(DataError, match="no day that is over"):
        shelf_at(tmp_path, "2026-07-17T12:00").latest()


def test_days_that_are_downloaded_are_shared_while_they_are_read_and_only_so_many_are_kept() -> None:
    days = SimulatedDays(7, ("SPX",), None)
    dates = [f"2026-03-{number:02}" for number in range(1, 29)]
    read = days.borrow(dates[0])
    tape = read.tape(FEED)
    assert tape is not None
    record = tape.json(5)
    for date in dates[1:]:
        days.borrow(date)
        days.give_back(date)
    assert len(days._days) == MAX_SHARED_DAYS
    assert days.borrow(dates[0]) is read
    assert tape.json(5) == record
    for _ in range(2):
        days.give_back(dates[0])
    days.borrow(dates[5])
    for date in dates[6:24]:
        days.borrow(date)
        days.give_back(date)
    with pytest.raises(ValueError, match="closed tape"):
        tape.json(5)

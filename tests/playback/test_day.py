"""The day being played: stored where there is one, simulated where there is none."""

from __future__ import annotations

import datetime
import json
from contextlib import closing
from pathlib import Path

import pytest

from gexfaker.catalog import DEFAULT_TICKERS, STORED_CATEGORIES, Feed
from gexfaker.errors import DataError
from gexfaker.playback.day import SHOWN_FILES, Day
from gexfaker.playback.days import Days
from gexfaker.tapes.folder import DataFolder
from support.tapes import ES_SPX, SPX, MemoryTape, day

WEDNESDAY = datetime.date(2026, 11, 25)
SUNDAY = datetime.date(2026, 11, 29)


def stored(root: Path, date: str) -> None:
    file = root / date / "SPX" / "orderflow" / "orderflow.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text('{"timestamp":1}\n')


def first_day(root: Path, date: str, seed: int, today: datetime.date) -> Day:
    days = Days(None if root is None else DataFolder(root), date, seed, DEFAULT_TICKERS, today)
    return days.day(days.first)


def test_without_a_folder_a_day_is_simulated(tmp_path: Path) -> None:
    library = first_day(tmp_path / "none", "latest", 1, WEDNESDAY)
    assert library.date == "2026-11-25"
    assert library.origin == "simulated, seed 1"
    assert {feed.ticker for feed in library.feeds} == library.tickers == set(DEFAULT_TICKERS)
    tape = library.tape(SPX)
    assert tape is not None
    assert tape.date == "2026-11-25"
    library.close()


def test_latest_is_a_trading_day_and_a_date_is_kept(tmp_path: Path) -> None:
    assert first_day(tmp_path, "latest", 1, SUNDAY).date == "2026-11-27"
    assert first_day(tmp_path, "2026-07-17", 1, SUNDAY).date == "2026-07-17"


def test_the_seed_makes_the_day(tmp_path: Path) -> None:
    def record(seed: int) -> bytes:
        tape = first_day(tmp_path, "2026-07-17", seed, SUNDAY).tape(SPX)
        assert tape is not None
        return tape.json(100)

    assert record(1) == record(1)
    assert record(1) != record(2)


def test_a_stored_day_is_played_and_its_tape_opened_once(tmp_path: Path) -> None:
    stored(tmp_path, "2026-07-16")
    stored(tmp_path, "2026-07-17")
    library = first_day(tmp_path, "latest", 1, WEDNESDAY)
    assert (library.date, library.origin, library.feeds) == ("2026-07-17", str(tmp_path), frozenset({SPX}))
    tape = library.tape(SPX)
    assert tape is not None
    assert library.tape(SPX) is tape
    assert tape.json(0) == b'{"timestamp":1}'
    assert library.tape(Feed("NDX", "orderflow", "orderflow")) is None
    library.close()
    assert first_day(tmp_path, "2026-07-16", 1, WEDNESDAY).date == "2026-07-16"


def test_a_day_that_is_not_stored_is_an_error_that_names_what_is(tmp_path: Path) -> None:
    stored(tmp_path, "2026-07-17")
    with pytest.raises(DataError, match="2026-07-17"):
        first_day(tmp_path, "2026-01-05", 1, WEDNESDAY)


def test_a_closed_library_opens_its_tapes_again() -> None:
    tape = MemoryTape([b"{}"])
    library = day(tape, MemoryTape([], ES_SPX))
    assert library.tape(SPX) is tape
    library.close()
    assert tape.closed
    assert library.tape(SPX) is tape
    assert library.calendar_date == datetime.date(2026, 8, 14)


# --- what its files do not hold ------------------------------------------------------------------

OPEN = 1784295000
"""09:30 of 2026-07-17 in New York, epoch seconds."""

DAY_BEFORE, DAY_AFTER = OPEN - 86_400, OPEN + 86_400


def times(root: Path, *stamps: object, category: str = "orderflow", package: str = "orderflow") -> None:
    file = root / "2026-07-17" / "SPX" / package / f"{category}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps({"timestamp": stamp, "ticker": "SPX"}) + "\n" for stamp in stamps))


def oddities(root: Path) -> list[str]:
    with closing(first_day(root, "2026-07-17", 1, SUNDAY)) as played:
        return played.oddities()


@pytest.mark.parametrize(
    ("stamps", "said"),
    [
        ([OPEN, OPEN + 1, DAY_BEFORE], "ends with records of 2026-07-16, another day: gexfaker inspect shows where"),
        ([OPEN, OPEN + 1, 0], "ends with records of 1969-12-31, another day"),
        ([OPEN, OPEN + 1, DAY_AFTER], "ends with records of 2026-07-18, another day"),
        (["2026-07-17T13:30:00"] * 3, "orderflow.jsonl:1 is not played, nor are those behind it: no timestamp"),
    ],
)
def test_a_file_that_holds_something_else_is_told(tmp_path: Path, stamps: list[object], said: str) -> None:
    times(tmp_path, *stamps)
    (told,) = oddities(tmp_path)
    assert str(tmp_path / "2026-07-17" / "SPX" / "orderflow" / "orderflow.jsonl") in told
    assert said in told


@pytest.mark.parametrize(
    "stamps",
    [
        [DAY_BEFORE + 23_400, OPEN, OPEN + 1],
        [DAY_BEFORE, DAY_BEFORE + 1],
        ["2026-07-17T13:30:00Z", "2026-07-17T13:30:01Z"],
        ["?", OPEN],
        [],
    ],
    ids=["the close before", "a day in the folder of another", "ISO times", "one without a time", "no records"],
)
def test_of_a_usual_file_nothing_is_told(tmp_path: Path, stamps: list[object]) -> None:
    times(tmp_path, *stamps)
    assert not oddities(tmp_path)


def test_of_many_odd_files_some_are_told(tmp_path: Path) -> None:
    for category in STORED_CATEGORIES["classic"]:
        times(tmp_path, OPEN, 0, package="classic", category=category)
    times(tmp_path, OPEN, 0)
    told = oddities(tmp_path)
    assert len(told) == SHOWN_FILES + 1
    assert told[-1] == f"{len(STORED_CATEGORIES['classic']) + 1 - SHOWN_FILES} more files are like these"


@pytest.mark.parametrize(("count", "is_told"), [(2, True), (1, False)])
def test_a_longer_file_beside_the_layout_is_told(tmp_path: Path, count: int, is_told: bool) -> None:
    times(tmp_path, OPEN)
    other = tmp_path / "2026-07-17_SPX_orderflow_orderflow.json"
    other.write_text(json.dumps([{"timestamp": OPEN + second, "ticker": "SPX"} for second in range(count)]))
    played = tmp_path / "2026-07-17" / "SPX" / "orderflow" / "orderflow.jsonl"
    said = f"{other} has more records of SPX_orderflow_orderflow than {played}, which is played"
    assert oddities(tmp_path) == ([f"{said}: move that away to have the other"] if is_told else [])

"""A recorded day in order of time, whatever the order of its file."""

from __future__ import annotations

import datetime
import gzip
import json
import logging
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from gexfaker.catalog import Feed
from gexfaker.errors import DataError, RecordError, UnavailableError
from gexfaker.exchange.hours import opening
from gexfaker.playback.inorder import LATE_SECONDS, SortedTape, goes_back
from gexfaker.tapes.jsonl import JsonlTape

FEED, DATE = Feed("SPX", "orderflow", "orderflow"), "2026-07-17"
OPEN = opening(datetime.date.fromisoformat(DATE))
DAY = range(OPEN + 2, OPEN + 2 + 4000)
"""Times of records, one a second; an hour and more."""

NOON = OPEN + 2000


def record(stamp: int) -> str:
    return json.dumps({"timestamp": stamp, "ticker": "SPX", "spot": stamp % 97})


def written(folder: Path, stamps: Iterable[int], form: str = ".jsonl") -> JsonlTape:
    folder.mkdir(exist_ok=True)
    lines = [record(stamp) for stamp in stamps]
    text = ("[" + ",\n".join(lines) + "]" if form == ".json" else "\n".join(lines) + "\n").encode()
    path = folder / f"orderflow{form}"
    path.write_bytes(gzip.compress(text) if form == ".jsonl.gz" else text)
    return JsonlTape(path, FEED, DATE)


def searched(tape: SortedTape, stamp: int) -> int:
    """The index at a time, as a play looks for it: in steps, and then at once."""
    if not tape.knows(stamp):
        for _ in tape.steps_to_time(stamp):
            pass
    assert tape.knows(stamp)
    return tape.index_at(stamp)


LATE = range(DAY[-1] + 3600, DAY[-1] + 5600)
OUT_OF_ORDER = [
    pytest.param([*reversed(DAY)], id="newest first"),
    pytest.param([*LATE, *DAY], id="afternoon, then morning"),
    pytest.param([stamp for stamp in reversed(DAY) for _ in range(2)], id="newest first, two of each second"),
    pytest.param([*range(OPEN + 300, OPEN + 400), *range(OPEN, OPEN + 100)], id="short, the later part first"),
    pytest.param([OPEN + 60, OPEN], id="two records"),
]


@pytest.mark.parametrize("form", [".jsonl", ".jsonl.gz", ".json"])
@pytest.mark.parametrize("stamps", OUT_OF_ORDER)
def test_a_file_that_is_out_of_order_is_played_in_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, stamps: list[int], form: str
) -> None:
    ordered = sorted(stamps)
    with closing(SortedTape(written(tmp_path, stamps, form))) as tape, caplog.at_level(logging.WARNING):
        for stamp in range(OPEN, ordered[-1] + 400, 100):
            found = searched(tape, stamp)
            assert (tape.timestamp(found) if found >= 0 else None) == max(
                (one for one in ordered if one <= stamp), default=None
            )
        assert len(tape) == len(ordered)
        assert [tape.timestamp(index) for index in range(len(ordered))] == ordered
        assert [json.loads(tape.json(index))["timestamp"] for index in range(len(ordered))] == ordered
        assert int(tape.place(0).rpartition(":")[2]) - 1 == stamps.index(ordered[0])
    [line] = caplog.messages
    assert "gexfaker import --convert jsonl --replace" in line
    assert ("newest first" in line) == goes_back(stamps[:10])


def test_who_goes_by_the_number_of_a_record_gets_them_in_order_too(tmp_path: Path) -> None:
    with closing(SortedTape(written(tmp_path, reversed(DAY)))) as tape:
        for _ in tape.steps_to_index(0):
            pass
        assert [tape.timestamp(index) for index in range(5)] == [*DAY[:5]]


def test_caches_know_a_tape_that_was_sorted_as_another_one(tmp_path: Path) -> None:
    with closing(SortedTape(written(tmp_path, reversed(DAY)))) as tape:
        before = tape.number
        searched(tape, NOON)
        assert tape.number != before


def test_a_file_that_is_in_order_is_read_no_further_than_asked(tmp_path: Path) -> None:
    inner = written(tmp_path, DAY)
    with closing(SortedTape(inner)) as tape:
        assert tape.timestamp(searched(tape, OPEN + 20)) == OPEN + 20
        assert inner.knows(OPEN + 20)
        assert not inner.knows(DAY[-1000])


@pytest.mark.parametrize("first", [OPEN + LATE_SECONDS + 1, OPEN + 7200])
def test_a_file_that_begins_late_and_is_in_order_stays_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, first: int
) -> None:
    stamps = [*range(first, first + 2000), *range(first + 9000, first + 11_000)]
    with closing(SortedTape(written(tmp_path, stamps))) as tape, caplog.at_level(logging.WARNING):
        number = tape.number
        for stamp in range(OPEN, stamps[-1] + 100, 500):
            assert searched(tape, stamp) == sum(1 for one in stamps if one <= stamp) - 1
        assert tape.number == number
    assert not caplog.messages


def test_a_file_that_was_sorted_is_another_one_when_something_is_added(tmp_path: Path) -> None:
    """Its records keep their places; the day is opened again, and who plays by time finds its own."""
    with closing(SortedTape(written(tmp_path, reversed(DAY)))) as tape:
        assert tape.is_current()
        assert tape.timestamp(searched(tape, DAY[-1] + 10)) == DAY[-1]
        assert tape.is_current()
        with (tmp_path / "orderflow.jsonl").open("a") as file:
            file.write(record(DAY[5]) + "\n")
        assert not tape.is_current()
        assert len(tape) == len(DAY)
        assert [tape.timestamp(index) for index in range(10)] == [*DAY[:10]]


def test_a_record_without_a_time_stays_behind_the_one_before_it(tmp_path: Path) -> None:
    tape = written(tmp_path, reversed(DAY[:600]))
    path = tmp_path / "orderflow.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:100], "{}", *lines[100:]]) + "\n")
    tape.close()
    with closing(SortedTape(JsonlTape(path, FEED, DATE))) as again:
        assert [again.timestamp(searched(again, stamp)) for stamp in DAY[:600]] == [*DAY[:600]]
        assert len(again) == 601


def test_a_tape_that_is_closed_while_it_is_sorted_says_so(tmp_path: Path) -> None:
    tape = SortedTape(written(tmp_path, reversed(DAY)))
    steps = tape.steps_to_time(NOON)
    next(steps)
    tape.close()
    with pytest.raises(DataError, match="was closed while it was searched"):
        list(steps)


def test_many_keys_that_come_at_once_read_the_times_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = list[int]()
    timestamp = JsonlTape.timestamp

    def counted(tape: JsonlTape, index: int) -> int:
        read.append(index)
        return timestamp(tape, index)

    monkeypatch.setattr(JsonlTape, "timestamp", counted)
    with closing(SortedTape(written(tmp_path, [*LATE, *DAY]))) as tape:
        under_way = [iter(tape.steps_to_time(NOON)) for _ in range(50)]
        while under_way:
            under_way = [one for one in under_way if next(one, "over") != "over"]
        assert tape.timestamp(0) == DAY[0]
    assert len(read) < 1.1 * len([*LATE, *DAY]) + 50 * 40


def test_a_beginning_that_failed_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tape = SortedTape(written(tmp_path, [*LATE, *DAY]))
    with closing(tape):
        with monkeypatch.context() as broken:
            broken.setattr(JsonlTape, "has", lambda _tape, _index: (_ for _ in ()).throw(UnavailableError("not now")))
            with pytest.raises(UnavailableError):
                searched(tape, NOON)
        searched(tape, NOON)
        assert tape.timestamp(0) == DAY[0]


# --- records of an earlier day behind those of the day ---------------------------------------------

EARLIER = [opening(datetime.date(2026, 7, 16)) + second for second in range(400)]


@pytest.mark.parametrize("form", [".jsonl", ".json", ".jsonl.gz"])
@pytest.mark.parametrize("own", [1, 44, 256, 300, 700], ids="{} of the day".format)
@pytest.mark.parametrize("behind", [[0], [0] * 300, EARLIER[:1], EARLIER], ids=["a 0", "300 zeros", "one", "a day"])
def test_what_is_of_an_earlier_day_is_left_out(tmp_path: Path, form: str, own: int, behind: list[int]) -> None:
    before = EARLIER[-1] + 20_000  # the row of the close before, with which real days begin
    with closing(SortedTape(written(tmp_path, [before, *DAY[:own], *behind], form))) as tape:
        assert searched(tape, DAY[own - 1] + 9999) == own
        assert searched(tape, DAY[0] - 1) == 0
        assert searched(tape, before - 1) == -1
        assert [tape.timestamp(index) for index in (0, 1, own)] == [before, DAY[0], DAY[own - 1]]
        for index in (own + 1, own + len(behind)):
            with pytest.raises(RecordError, match="stands behind records of that day"):
                tape.timestamp(index)
            with pytest.raises(RecordError, match="is before 2026-07-17"):
                tape.json(index)


def test_what_is_left_out_is_not_sent_from_a_prepared_file_either(tmp_path: Path) -> None:
    with closing(written(tmp_path, [DAY[0], EARLIER[0]])) as tape:
        made = {0: b"of the day", 1: b"of the day before"}
        tape.prepared.payload = made.get  # type: ignore[method-assign, assignment]
        assert [tape.payload(0), tape.payload(1)] == [*made.values()]
        tape.leave_out_before(DAY[0] - 60)
        assert [tape.payload(0), tape.payload(1)] == [b"of the day", None]


def test_a_file_of_another_day_is_played_as_it_is(tmp_path: Path) -> None:
    with closing(SortedTape(written(tmp_path, EARLIER))) as tape:
        assert searched(tape, EARLIER[-1]) == len(EARLIER) - 1
        assert json.loads(tape.json(399))["timestamp"] == EARLIER[-1]

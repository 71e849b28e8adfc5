"""The journal: what is kept, in which order, how much of it, and what falls out."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.errors import ControlError
from gexfaker.journal import journal as module
from gexfaker.journal.journal import MAX_ENTRIES, MAX_JOURNAL_BYTES, TYPES, Journal, Shelf, check_type, short


class Clock:
    """Real time in the hand of a test."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Message:
    """A message, as far as a journal looks."""

    def __init__(self, group: str, index: int, size: int) -> None:
        self.message = self
        self.data = self
        self.group, self.index, self.value = group, index, bytes(size)


def sent(group: str, index: int, size: int) -> Message:
    return Message(group, index, size)


def make(most: int = module.MAX_JOURNALS_BYTES) -> tuple[Journal, Clock, Shelf]:
    clock, shelf = Clock(), Shelf(most)
    return Journal(shelf, clock), clock, shelf


def flat(journal: Journal, since: int = 0) -> list[dict[str, Any]]:
    return [entry.flat() for entry in journal.entries(since)]


def test_entries_have_numbers_times_and_fields() -> None:
    journal, clock, _ = make()
    journal.add("connect", hub="classic", connection="c1")
    clock.now = 1001.5
    journal.add("close", hub="classic", code=1000)
    assert flat(journal) == [
        {"number": 1, "at": 1000.0, "type": "connect", "hub": "classic", "connection": "c1"},
        {"number": 2, "at": 1001.5, "type": "close", "hub": "classic", "code": 1000},
    ]
    assert flat(journal, 1)[0]["number"] == 2
    assert flat(journal, 2) == []
    assert flat(journal, 99) == []


def test_deliveries_are_summed_up_for_a_second_and_come_before_what_follows_them() -> None:
    journal, clock, _ = make()
    for index in range(5):
        journal.deliver("classic", "c1", [sent("g", 10 + index, 100)], index + 1)
        clock.now += 0.1
    journal.deliver("classic", "c1", [sent("other", -1, 50)], 0)
    journal.add("close", hub="classic")
    assert [entry["type"] for entry in flat(journal)] == ["deliver", "deliver", "close"]
    assert flat(journal)[0] == {
        "number": 1,
        "at": 1000.0,
        "type": "deliver",
        "hub": "classic",
        "connection": "c1",
        "group": "g",
        "first": 10,
        "last": 14,
        "count": 5,
        "records": 5,
        "bytes": 500,
        "sequence_id": 5,
    }
    assert flat(journal)[1].items() >= {"group": "other", "count": 1, "bytes": 50}.items()
    assert "first" not in flat(journal)[1], "it was no record"


def test_an_acknowledgement_stands_behind_what_it_confirms_and_ends_no_other_sum() -> None:
    journal, _, _ = make()
    for number in range(1, 3):
        journal.deliver("classic", "c1", [sent("g", number, 1)], number)
    journal.deliver("classic", "c1", [sent("h", 1, 1)], 3)
    journal.deliver("classic", "c2", [sent("g", 1, 1)], 1)
    journal.deliver("classic", "plain", [sent("g", 1, 1)], 0)
    journal.add("sequenceAck", connection="c1", sequence_id=1)
    journal.deliver("classic", "c1", [sent("h", 2, 1)], 4)
    journal.add("sequenceAck", connection="c3", sequence_id=9)
    told = [(entry["type"], entry["connection"], entry.get("count")) for entry in flat(journal)]
    assert told[:3] == [("deliver", "c1", 2), ("sequenceAck", "c1", None), ("sequenceAck", "c3", None)]
    assert sorted(told[3:]) == [("deliver", "c1", 2), ("deliver", "c2", 1), ("deliver", "plain", 1)]


@pytest.mark.parametrize(
    ("indexes", "records"),
    [
        ([0, 1, 2], 3),
        ([7, 8, 8, 8, 9], 3),
        ([0, 0, 1], 2),
        ([0, 2, 1, 1, 3], 4),
        ([0, 5, 10, 5], 3),
        ([509, 101, 102, 509, 103], 4),
        ([3, 1], 2),
        ([51, 50, 52], 3),
        ([-1, -1], 2),
    ],
    ids=str,
)
def test_records_are_counted_once_however_often_and_in_which_order_they_come(indexes: list[int], records: int) -> None:
    journal, _, _ = make()
    for index in indexes:
        journal.deliver("classic", "c1", [sent("g", index, 1)], 0)
    [entry] = flat(journal)
    assert (entry["count"], entry["records"]) == (len(indexes), records)


def test_what_was_sent_before_a_jump_is_new_again() -> None:
    journal, _, _ = make()
    for timeline in (0, 0, 1):
        journal.deliver("classic", "c1", [sent("g", 5, 1)], 0, "2026-07-17", timeline)
        journal.add("control", action="step", resolved=1)
    assert [entry["records"] for entry in flat(journal) if entry["type"] == "deliver"] == [1, 0, 1]


@given(st.lists(st.integers(0, 40) | st.just(-1), max_size=120))
def test_a_record_is_new_once(indexes: list[int]) -> None:
    had, known = module.Had(), set[int]()
    for index in indexes:
        assert had.takes(index) == (index < 0 or index not in known)
        if index >= 0:
            known.add(index)
    assert len(had) == sum(index - 1 not in known for index in known), "as few ranges as there can be"


def test_ranges_and_groups_are_bounded() -> None:
    had = module.Had()
    for index in range(0, 10 * module.MAX_RANGES, 5):
        assert had.takes(index)
        assert len(had) <= module.MAX_RANGES
    assert not had.takes(1), "what lies between the oldest is taken for known"
    assert had.takes(10 * module.MAX_RANGES - 7)
    journal, _, _ = make()
    for number in range(2 * module.MAX_SUMMARIES):
        journal.deliver("classic", "c", [sent(f"g{number}", 5, 1)], 0)
        assert len(journal._had) <= module.MAX_SUMMARIES


def test_what_another_connection_was_sent_is_no_new_record() -> None:
    journal, _, _ = make()
    for connection in ("c1", "c2"):
        journal.deliver("classic", connection, [sent("g", 5, 1)], 0)
        journal.add("close", hub="classic", connection=connection)
    assert [entry["records"] for entry in flat(journal) if entry["type"] == "deliver"] == [1, 0]


def test_a_sum_ends_after_its_second() -> None:
    journal, clock, _ = make()
    journal.deliver("classic", "c1", [sent("g", 0, 1)], 0)
    clock.now += module.SUMMARY_SECONDS
    journal.deliver("classic", "c1", [sent("g", 1, 1)], 0)
    assert len(journal) == 1, "the second message ended it"
    journal.deliver("classic", "c1", [sent("g", 2, 1)], 0)
    assert [entry["count"] for entry in flat(journal)] == [2, 1]


def test_too_many_sums_are_written_early() -> None:
    journal, _, _ = make()
    with patch.object(module, "MAX_SUMMARIES", 3):
        for number in range(4):
            journal.deliver("classic", "c1", [sent(f"g{number}", 0, 1)], 0)
        assert len(journal) == 4
        for number in range(4):
            journal.deliver("classic", f"c{number}", [sent("g", 0, 1)], 0)
    assert len(journal) == 8


def test_beyond_its_bound_of_entries_the_oldest_fall_out_and_are_counted() -> None:
    journal, _, shelf = make()
    for number in range(MAX_ENTRIES + 7):
        journal.add("ping", n=number)
    assert len(journal) == MAX_ENTRIES
    assert journal.lost == 7
    assert flat(journal)[0]["number"] == 8
    assert shelf.size == journal.size


def test_beyond_its_bound_of_bytes_the_oldest_fall_out() -> None:
    journal, _, _ = make()
    for _ in range(40):
        journal.add("report", body="x" * (MAX_JOURNAL_BYTES // 32))
    assert journal.size <= MAX_JOURNAL_BYTES
    assert journal.lost >= 8
    assert len(journal) + journal.lost == 40


def test_of_all_journals_the_largest_forgets_first() -> None:
    shelf, clock = Shelf(100_000), Clock()
    small, large = Journal(shelf, clock), Journal(shelf, clock)
    for _ in range(3):
        small.add("ping")
    for _ in range(1000):
        large.add("ping", why="x" * 100)
    assert shelf.size <= 100_000
    assert small.lost == 0
    assert large.lost > 0
    assert small.size + large.size == shelf.size


def test_clearing_keeps_the_numbers_and_closing_gives_everything_back() -> None:
    journal, _, shelf = make()
    journal.add("ping")
    journal.deliver("classic", "c1", [sent("g", 0, 1)], 0)
    assert journal.clear() == 2
    assert flat(journal) == []
    journal.add("ping")
    assert flat(journal)[0]["number"] == 3
    journal.close()
    assert shelf.size == 0
    assert not shelf.journals


def test_listeners_hear_each_entry() -> None:
    journal, _, _ = make()
    heard: list[int] = []
    journal.listeners[lambda: heard.append(journal.number)] = None
    journal.add("ping")
    journal.deliver("classic", "c1", [sent("g", 0, 1)], 0)
    journal.settle()
    assert heard == [1, 2]


def test_a_type_that_there_is_not_is_answered_with_those_there_are() -> None:
    for name in TYPES:
        check_type(name)
    with pytest.raises(ControlError, match="joinGroup"):
        check_type("join")


def test_long_texts_of_clients_are_cut() -> None:
    assert short("x" * 300) == "x" * 300
    assert short("x" * 301) == "x" * 300 + "..."


@given(
    st.lists(
        st.one_of(st.integers(0, 3), st.just("add"), st.just("wait"), st.just("read"), st.just("clear")), max_size=80
    )
)
def test_nothing_is_lost_or_told_twice(steps: list[Any]) -> None:
    journal, clock, _ = make()
    counts = dict.fromkeys(range(4), 0)
    told = dict.fromkeys(range(4), 0)
    added = seen = since = 0
    for step in [*steps, "read"]:
        if step == "add":
            journal.add("ping")
            added += 1
        elif step == "wait":
            clock.now += 0.4
        elif step == "clear":
            step = "read"
        if step == "read":
            entries = journal.entries(since)
            numbers = [entry.number for entry in entries]
            assert numbers == list(range(since + 1, journal.number + 1))
            since = journal.number
            seen += sum(1 for entry in entries if entry.type == "ping")
            for entry in entries:
                if entry.type == "deliver":
                    told[int(entry.fields["group"])] += entry.fields["count"]
        elif isinstance(step, int):
            journal.deliver("classic", "c1", [sent(str(step), counts[step], 1)], 0)
            counts[step] += 1
    assert seen == added
    assert told == counts


def test_deliveries_of_two_days_are_two_entries() -> None:
    journal = Journal(Shelf(), lambda: 10.0)
    journal.deliver("classic", "c1", [sent("g", 5, 1)], 0, "2026-07-16")
    journal.deliver("classic", "c1", [sent("g", 0, 1), sent("g", 1, 1)], 0, "2026-07-17")
    told = [(entry.fields["day"], entry.fields["first"], entry.fields["last"]) for entry in journal.entries()]
    assert told == [("2026-07-16", 5, 5), ("2026-07-17", 0, 1)]

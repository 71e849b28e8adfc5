"""What becomes a line: new things at once, the same again counted, of very much a summary a second for each key."""

from __future__ import annotations

import logging
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.server.access.log import (
    FLUSH_SECONDS,
    LINES_OF_ALL,
    LINES_OF_ONE,
    MAX_KEYS,
    MAX_LETTERS,
    MAX_THINGS,
    NOTED,
    NOTED_IN_A_SUMMARY,
    OTHER_THINGS,
    OTHERS,
    REPEAT_SECONDS,
    SUMMARIES_AT_ONCE,
    AccessLog,
    Line,
)

NAMES = {"key-1": "bot"}


class Desk:
    """An access log, what it wrote, and its clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lines: list[Line] = []
        self.log = AccessLog(self.lines.append, NAMES.get, lambda: self.now)

    def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1
            self.log.flush()

    def take(self) -> list[str]:
        texts = [line.text for line in self.lines]
        self.lines.clear()
        return texts


def test_what_is_new_is_a_line_at_once_with_its_detail() -> None:
    desk = Desk()
    desk.log.tell("key-1", "request", "GET /x 200", ", 12 bytes")
    desk.log.tell("key-2", "request", "GET /x 200", lambda: ", 13 bytes")
    desk.log.tell("", "cut", "was cut", level=logging.WARNING)
    assert desk.lines == [
        Line("key-1 (bot): GET /x 200, 12 bytes", {"session": "key-1", "name": "bot", "event": "request"}),
        Line("key-2: GET /x 200, 13 bytes", {"session": "key-2", "name": None, "event": "request"}),
        Line("(no key): was cut", {"session": None, "name": None, "event": "cut"}, logging.WARNING),
    ]


def test_the_same_again_is_counted_and_told_after_a_while() -> None:
    desk = Desk()
    for _ in range(4):
        desk.log.tell("key-1", "request", "GET /x 200", lambda: " once")
        desk.pass_seconds(2)
    assert desk.take() == ["key-1 (bot): GET /x 200 once"]
    desk.pass_seconds(2)
    assert desk.take() == ["key-1 (bot): in the last 10 s: 3 x GET /x 200"]
    assert desk.lines == []
    desk.log.tell("key-1", "request", "GET /x 200")
    desk.pass_seconds(10)
    assert desk.take() == ["key-1 (bot): in the last 10 s: 1 x GET /x 200"], "it may be long ago"
    desk.pass_seconds(11)
    desk.log.tell("key-1", "request", "GET /x 200", " again")
    assert desk.take() == ["key-1 (bot): GET /x 200 again"], "after a while it is new"


def test_much_of_one_key_is_a_summary_a_second() -> None:
    desk = Desk()
    for number in range(30):
        for _ in range(number + 1):
            desk.log.tell("key-1", "request", f"GET /{number} 200")
    assert len(desk.take()) == LINES_OF_ONE
    desk.log.tell("key-2", "request", "GET /x 200")
    assert desk.take() == ["key-2: GET /x 200"], "another key is not held up"
    desk.pass_seconds(1)
    [line] = desk.lines
    assert line.text == (
        "key-1 (bot): in the last 1 s: 30 x GET /29 200, 29 x GET /28 200, 28 x GET /27 200, 368 x something else"
    )
    assert sum(line.fields["counts"].values()) == 30 * 31 // 2 - LINES_OF_ONE


def test_what_matters_more_has_room_of_its_own_and_comes_first_in_a_summary() -> None:
    desk = Desk()
    for number in range(LINES_OF_ONE + 5):
        for _ in range(9):
            desk.log.tell("key-1", "request", f"GET /{number} 200")
    assert len(desk.take()) == LINES_OF_ONE
    for number in range(LINES_OF_ONE + 1):
        desk.log.tell("key-1", "cut", f"cut {number}", ": why", logging.WARNING)
    assert [line.level for line in desk.lines] == [logging.WARNING] * LINES_OF_ONE
    assert desk.take()[0] == "key-1 (bot): cut 0: why"
    desk.pass_seconds(1)
    [line] = desk.lines
    assert line.text.startswith(f"key-1 (bot): in the last 1 s: 1 x cut {LINES_OF_ONE}, 9 x GET")
    assert line.level == logging.WARNING


@pytest.mark.parametrize(("level", "shown"), [(NOTED, logging.INFO), (logging.WARNING, logging.WARNING)])
def test_what_was_done_in_vain_is_named_whatever_went_well_beside_it(level: int, shown: int) -> None:
    desk = Desk()
    for number in range(5 * MAX_THINGS):
        desk.log.tell("key-1", "join", f"joined {number}")
    for number in range(LINES_OF_ONE + 5):
        desk.log.tell("key-1", "join", f"joined odd {number}", ": why", level)
    lines = desk.lines[LINES_OF_ONE:]
    assert [line.text for line in lines] == [f"key-1 (bot): joined odd {number}: why" for number in range(LINES_OF_ONE)]
    assert {line.level for line in lines} == {shown}
    desk.pass_seconds(1)
    line = desk.lines[-1]
    assert line.level == shown
    for number in range(LINES_OF_ONE, LINES_OF_ONE + 5):
        assert f"1 x joined odd {number}, " in line.text
    assert line.text.endswith(" x something else")


def test_ordinary_things_have_room_beside_many_that_were_in_vain() -> None:
    desk = Desk()
    for number in range(2 * MAX_THINGS):
        desk.log.tell("key-1", "join", f"joined odd {number}", level=NOTED)
    desk.take()
    desk.log.tell("key-1", "request", "GET /x 200")
    assert desk.take() == ["key-1 (bot): GET /x 200"]


def test_a_very_long_list_of_warnings_is_counted_as_such() -> None:
    desk = Desk()
    for number in range(5 * MAX_THINGS):
        desk.log.tell("key-1", "cut", f"cut {number}", level=logging.WARNING)
        desk.log.tell("key-1", "request", f"GET /{number} 200")
    assert len(desk.log._keepers["key-1"].tallies) <= 3 * MAX_THINGS + len(OTHER_THINGS)
    desk.pass_seconds(1)
    assert desk.lines[-1].fields["counts"][OTHER_THINGS[logging.WARNING]] > MAX_THINGS
    assert desk.lines[-1].text.count(" x cut ") + desk.lines[-1].text.count("other warnings") == NOTED_IN_A_SUMMARY


def test_below_its_least_level_nothing_is_told_or_counted() -> None:
    lines: list[Line] = []
    log = AccessLog(lines.append, NAMES.get, lambda: 0.0, logging.WARNING)
    log.tell("key-1", "request", "GET /x 200")
    log.tell("key-1", "cut", "was cut", level=logging.WARNING)
    assert [line.text for line in lines] == ["key-1 (bot): was cut"]
    assert (log.tells(logging.INFO), log.tells(logging.WARNING)) == (False, True)


def test_words_are_of_a_bounded_length() -> None:
    desk = Desk()
    for end in ("a", "b"):
        desk.log.tell("key-1", "request", "x" * MAX_LETTERS + end)
    assert desk.take() == [f"key-1 (bot): {'x' * MAX_LETTERS}..."]
    assert [len(what) for what in desk.log._keepers["key-1"].tallies] == [MAX_LETTERS + 3]


def test_many_keys_have_a_bound_of_lines_together_and_each_its_turn() -> None:
    desk, keys = Desk(), LINES_OF_ALL + 3 * SUMMARIES_AT_ONCE
    for number in range(keys):
        desk.log.tell(f"key-{number}", "request", "GET /x 200")
    assert len(desk.take()) == LINES_OF_ALL
    told: set[str] = set()
    for _ in range(3):
        desk.pass_seconds(1)
        lines = desk.take()
        assert len(lines) == SUMMARIES_AT_ONCE
        told.update(lines)
    assert len(told) == 3 * SUMMARIES_AT_ONCE
    desk.pass_seconds(1)
    assert desk.take() == []


def test_different_things_and_keys_are_of_a_bounded_number_and_forgotten() -> None:
    desk = Desk()
    for number in range(3 * MAX_THINGS):
        desk.log.tell("key-1", "request", f"GET /{number} 200")
    assert len(desk.log._keepers["key-1"].tallies) == MAX_THINGS + 1
    desk.pass_seconds(1)
    assert desk.lines[-1].fields["counts"][OTHER_THINGS[logging.INFO]] == 2 * MAX_THINGS
    for number in range(3 * MAX_KEYS):
        desk.log.tell(f"other-{number}", "request", "GET /x 200")
    assert len(desk.log.owners) == MAX_KEYS + 1
    assert OTHERS in desk.log.owners
    desk.pass_seconds(int(REPEAT_SECONDS) * 4)
    assert desk.log.owners == ()


def test_nothing_happens_more_often_than_once_a_second() -> None:
    desk = Desk()
    for number in range(LINES_OF_ONE + 1):
        desk.log.tell("key-1", "request", f"GET /{number} 200")
    desk.take()
    desk.now += FLUSH_SECONDS / 2
    desk.log.flush()
    assert desk.lines == []
    desk.now += FLUSH_SECONDS
    desk.log.flush()
    assert len(desk.lines) == 1


def test_at_the_end_all_that_was_counted_is_told() -> None:
    desk = Desk()
    for _ in range(7):
        desk.log.tell("key-1", "request", "GET /x 200")
    desk.take()
    desk.log.end()
    assert desk.take() == ["key-1 (bot): in the last 1 s: 6 x GET /x 200"]


@pytest.mark.parametrize("seconds", [1, 3])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["", "key-1", "key-2"]), st.integers(0, 40), st.integers(1, 30)), max_size=60
    )
)
def test_nothing_is_lost_whatever_happens(seconds: int, steps: list[tuple[str, int, int]]) -> None:
    """The lines and the counts of the summaries together are what happened."""
    desk, happened = Desk(), Counter[str]()
    for owner, thing, times in steps:
        for _ in range(times):
            desk.log.tell(owner, "request", f"thing {thing}")
        happened[owner] += times
        desk.pass_seconds(seconds)
    desk.log.end()
    told = Counter[str]()
    for line in desk.lines:
        told[line.fields["session"] or ""] += sum(line.fields.get("counts", {"": 1}).values())
    assert told == happened

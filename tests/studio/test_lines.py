"""Values of records as columns: evenly chosen, and never what is no number."""

from __future__ import annotations

import json
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.errors import ControlError
from gexfaker.studio.lines import MAX_COLUMNS, Lines, chosen


@given(last=st.integers(0, 30_000), points=st.integers(2, 400))
def test_indexes_are_chosen_evenly_from_the_first_to_the_last(last: int, points: int) -> None:
    found = chosen(last, points)
    assert (found[0], found[-1]) == (0, last) or last == 0
    assert len(found) == len(set(found)) == min(points, last + 1)
    steps = [later - earlier for earlier, later in pairwise(found)]
    assert max(steps, default=0) - min(steps, default=0) <= 1


def test_before_the_first_record_there_is_none() -> None:
    assert chosen(-1, 10) == []


def test_columns_hold_numbers_and_nothing_else() -> None:
    lines = Lines(["spot", "zero_gamma", "odd"])
    lines.add(json.dumps({"timestamp": 1, "spot": 2.5, "zero_gamma": 3, "strikes": [[1, 2]], "odd": True}).encode())
    lines.add(json.dumps({"timestamp": 2, "spot": None, "odd": "text"}).encode())
    assert lines.times == [1, 2]
    assert lines.columns == {"spot": [2.5, None], "zero_gamma": [3, None], "odd": [None, None]}


@pytest.mark.parametrize("record", [b"", b"[]", b'{"spot":1}', b'{"timestamp":"x"}', b"\xff"])
def test_what_is_no_record_is_refused_and_leaves_nothing(record: bytes) -> None:
    lines = Lines(["spot"])
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        lines.add(record)
    assert (lines.times, lines.columns) == ([], {"spot": []})


@pytest.mark.parametrize("names", [[], ["a b"], ["a-b"], [f"c{number}" for number in range(MAX_COLUMNS + 1)]])
def test_names_that_cannot_be_columns_are_refused(names: list[str]) -> None:
    with pytest.raises(ControlError, match=f"1 to {MAX_COLUMNS} values"):
        Lines(names)

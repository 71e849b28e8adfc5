"""Values of records as columns: never what is no number."""

from __future__ import annotations

import json

import msgspec
import pytest

from gexfaker.errors import ControlError
from gexfaker.studio.lines import MAX_COLUMNS, Lines


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

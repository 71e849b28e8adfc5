"""Arrays of records in every form in which they are written, read in any order and in pieces of any size."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.errors import RecordError
from gexfaker.limits import MAX_SCANNED_RECORDS
from gexfaker.tapes.objects import MAX_BRACES, ObjectIndex
from tapes.test_index import MemorySource

TEXTS = st.text(alphabet='ab"\\{}[],:\n é', max_size=8)
VALUES = st.recursive(
    st.one_of(st.integers(-9, 9), st.none(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(TEXTS, VALUES, max_size=4), max_size=8)
FORMS = {
    "in one line": lambda records: json.dumps(records),
    "compact": lambda records: json.dumps(records, separators=(",", ":"), ensure_ascii=False),
    "indented": lambda records: json.dumps(records, indent=2),
    "a record a line": lambda records: "[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n",
    "with a byte order mark": lambda records: "\ufeff" + json.dumps(records),
}


def index(content: bytes, chunk: int = 64, **bounds: int) -> ObjectIndex:
    return ObjectIndex(MemorySource(content), "days/gex.json", chunk=chunk, **bounds)


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
@given(records=RECORDS, chunk=st.integers(8, 200), data=st.data())
@settings(deadline=None, max_examples=40)
def test_records_are_those_of_the_array(form: Any, records: list[Any], chunk: int, data: st.DataObject) -> None:
    content = form(records).encode()
    longest = max((len(json.dumps(record)) for record in records), default=0)
    found = index(content, max(chunk, longest + 2))
    for wanted in data.draw(st.permutations(range(len(records)))):
        assert json.loads(found.read(wanted)) == records[wanted]
        line = content[: found.offset(wanted)].count(b"\n") + 1
        assert found.line_number(wanted) == line
    assert found.count() == len(records)
    assert not found.has(len(records))


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"[]", []),
        (b"", []),
        (b"[1, 2, null]", []),
        (b'[{"a":1}', [b'{"a":1}']),
        (b'[{"a":1},{"b":2', [b'{"a":1}', b'{"b":2']),
        (b'[{"a":1}}, {"b":2}]', [b'{"a":1}', b'{"b":2}']),
        (b'[{"a":{"b":[{}]}},{"c":"}{"}]', [b'{"a":{"b":[{}]}}', b'{"c":"}{"}']),
        (b'[{"a":"\\\\\\""},{"b":2}]', [b'{"a":"\\\\\\""}', b'{"b":2}']),
    ],
)
def test_what_is_cut_or_odd(content: bytes, texts: list[bytes]) -> None:
    for chunk in (24, 1000):
        found = index(content, chunk)
        assert [found.read(number) for number in range(found.count())] == texts


def test_a_record_that_is_too_long_keeps_its_place() -> None:
    found = index(b'[{"a":1},{"b":"' + b"x" * 100 + b'"},{"c":3}]', 400, max_line=50)
    assert (found.read(0), found.read(2)) == (b'{"a":1}', b'{"c":3}')
    with pytest.raises(RecordError, match="longer than 50 bytes"):
        found.read(1)


def test_a_string_without_an_end_ends_the_search_in_time() -> None:
    content = b'[{"a":1},{"b":"' + b'\\"{}[' * 400_000
    began = time.process_time()
    found = index(content, 100_000)
    assert found.count() == 2
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize("size", [10, 63, 64, 65, 128, 1000])
@pytest.mark.parametrize("text", ["x", "x\\", 'x"', "{", "\n"])
def test_a_string_may_be_longer_than_what_is_looked_at_at_a_time(size: int, text: str) -> None:
    records = [{"a": 1}, {"b": text * size, "c": {}}, {"d": "}"}, {"e": 2}]
    found = index(json.dumps(records).encode(), 64)
    assert [json.loads(found.read(number)) for number in range(found.count())] == records


def test_so_many_braces_are_looked_at_in_a_step_and_no_more() -> None:
    found = index(b"[" + b"{" * 5000, 10**6)
    next(found.steps_to(10**9))
    assert found._depth == MAX_BRACES
    assert found.count() == 1


def test_damaged_text_is_no_work_without_end() -> None:
    """Patterns that try again and again would take years for this."""
    for damage in (b'"' + b"a" * 50_000, b'["' * 50_000, b'\\"' * 50_000, b'{"' * 50_000):
        began = time.process_time()
        index(b"[" + damage, 30_000).count()
        assert time.process_time() - began < 2.0


def test_so_many_records_are_found_in_a_step_and_no_more() -> None:
    found = index(b"[" + b"{}," * (MAX_SCANNED_RECORDS + 10) + b"{}]", 10**6)
    while found.known < MAX_SCANNED_RECORDS:
        before = found.known
        next(found.steps_to(10**9))
        assert 0 < found.known - before <= MAX_BRACES // 2
    assert found.count() == MAX_SCANNED_RECORDS + 11


def test_records_beyond_the_bound_are_not_served() -> None:
    assert index(b"[{},{},{},{}]", max_records=3).count() == 3


def test_reading_one_reads_no_further_than_it_must() -> None:
    source = MemorySource(json.dumps([{"n": number} for number in range(1000)]).encode())
    found = ObjectIndex(source, "x", chunk=128)
    assert json.loads(found.read(3)) == {"n": 3}
    assert source.furthest <= 256

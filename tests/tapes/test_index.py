from __future__ import annotations

import io
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.errors import RecordError, UnavailableError
from gexfaker.limits import MAX_LINE_BYTES, MAX_RECORDS, MAX_SCANNED_RECORDS, MIB
from gexfaker.tapes import index as module
from gexfaker.tapes.index import LineIndex
from gexfaker.tapes.source import FileSource

BOM = b"\xef\xbb\xbf"
MAX_LINE = 12


class MemorySource:
    """Bytes in memory; remembers how far it was read."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.furthest = 0

    def read_at(self, offset: int, size: int) -> bytes:
        piece = self.content[offset : offset + size]
        self.furthest = max(self.furthest, offset + len(piece))
        return piece

    def close(self) -> None:
        pass


class FailingSource(MemorySource):
    """A disk with a bad sector."""

    def __init__(self, content: bytes, bad: int) -> None:
        super().__init__(content)
        self.bad = bad

    def read_at(self, offset: int, size: int) -> bytes:
        if offset + size > self.bad:
            raise OSError(5, "Input/output error")
        return super().read_at(offset, size)


def naive(content: bytes, max_line: int = MAX_LINE) -> list[tuple[int, bytes | None]]:
    """Line number and record of every non-blank line; None for one too long. The whole file at once."""
    records: list[tuple[int, bytes | None]] = []
    for number, line in enumerate(content.removeprefix(BOM).split(b"\n"), 1):
        if line.strip():
            records.append((number, line.strip() if len(line.lstrip()) <= max_line else None))
    return records


def read_or_none(index: LineIndex, record: int) -> bytes | None:
    try:
        return index.read(record)
    except RecordError:
        return None


def everything(index: LineIndex) -> list[tuple[int, bytes | None]]:
    return [(index.line_number(i), read_or_none(index, i)) for i in range(index.count())]


CASES = {
    "empty": (b"", []),
    "bom only": (BOM, []),
    "bom": (BOM + b"{}\n", [(1, b"{}")]),
    "bom on a blank line": (BOM + b"\r\n{}", [(2, b"{}")]),
    "no bom elsewhere": (b"a\n" + BOM + b"b", [(1, b"a"), (2, BOM + b"b")]),
    "crlf": (b"a\r\nb\r\n", [(1, b"a"), (2, b"b")]),
    "no end on the last line": (b"a\nb", [(1, b"a"), (2, b"b")]),
    "blank lines": (b"\n\na\n\n \t \n\r\nb\n\n", [(3, b"a"), (7, b"b")]),
    "white space only": (b" \n\t\n  ", []),
    "white space around": (b"  a \t\n\vb\f", [(1, b"a"), (2, b"b")]),
    "carriage returns alone end no line": (b"a\rb\n", [(1, b"a\rb")]),
    "too long first": (b"x" * 13 + b"\na", [(1, None), (2, b"a")]),
    "too long in the middle": (b"a\n" + b"x" * 99 + b"\nb\n", [(1, b"a"), (2, None), (3, b"b")]),
    "too long last": (b"a\n" + b"x" * 13, [(1, b"a"), (2, None)]),
    "just not too long": (b"x" * 12 + b"\n" + b"y" * 12, [(1, b"x" * 12), (2, b"y" * 12)]),
    "long blank": (b" " * 99 + b"\na", [(2, b"a")]),
    "nul": (b"\0\n", [(1, b"\0")]),
}


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(("content", "expected"), CASES.values(), ids=CASES)
def test_cases(content: bytes, expected: list[tuple[int, bytes | None]], chunk: int) -> None:
    assert naive(content) == expected
    assert everything(LineIndex(MemorySource(content), "x", chunk=chunk, max_line=MAX_LINE)) == expected


LINES = st.one_of(
    st.sampled_from([b"", b" ", b"\t \r", b"{}", b" {} ", b"x" * 12, b"x" * 13, b"y" * 40, BOM]),
    st.binary(max_size=16),
)
FILES = st.builds(
    lambda bom, lines, end: (BOM if bom else b"") + end.join(lines),
    st.booleans(),
    st.lists(LINES, max_size=12),
    st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
)


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(FILES, st.integers(1, 50), st.sampled_from([1, 2, MAX_SCANNED_RECORDS]))
def test_any_file_is_split_as_a_naive_reader_would(content: bytes, chunk: int, at_once: int) -> None:
    index = LineIndex(MemorySource(content), "x", chunk=chunk, max_line=MAX_LINE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_SCANNED_RECORDS", at_once)
        assert everything(index) == naive(content)


def test_a_step_finds_a_bounded_number_of_records_however_short_they_are() -> None:
    index, found = LineIndex(MemorySource(b"1\n" * (3 * MAX_SCANNED_RECORDS + 1)), "x"), [0]
    for _ in index.steps_to(MAX_RECORDS):
        found.append(index.known)
    assert max(after - before for before, after in pairwise(found)) == MAX_SCANNED_RECORDS
    assert index.known == 3 * MAX_SCANNED_RECORDS + 1


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(FILES, st.integers(1, 50), st.lists(st.integers(0, 15), max_size=8))
def test_records_are_the_same_in_whatever_order_they_are_asked_for(
    content: bytes, chunk: int, order: list[int]
) -> None:
    expected = naive(content)
    index = LineIndex(MemorySource(content), "x", chunk=chunk, max_line=MAX_LINE)
    for record in order:
        assert index.has(record) == (record < len(expected))
        if record < len(expected):
            assert (index.line_number(record), read_or_none(index, record)) == expected[record]
            assert content[index.offset(record) :].lstrip() == content[index.offset(record) :]


def test_nothing_is_read_before_it_is_asked_for() -> None:
    source = MemorySource(b"0123456789\n" * 1000)
    index = LineIndex(source, "x", chunk=100)
    assert (source.furthest, index.known) == (0, 0)
    assert index.has(0)
    assert source.furthest == 100
    assert index.has(50)
    assert source.furthest <= 700
    assert index.known < 70


@pytest.mark.parametrize("record", [-1, 3, 10**20])
def test_what_does_not_exist_is_an_index_error(record: int) -> None:
    index = LineIndex(MemorySource(b"a\nb\nc\n"), "x")
    assert not index.has(record)
    for method in (index.offset, index.line_number, index.read):
        with pytest.raises(IndexError):
            method(record)


def test_a_long_line_is_named_with_its_bound() -> None:
    index = LineIndex(MemorySource(b"x" * 2000), "x", max_line=1000)
    with pytest.raises(RecordError, match=r"longer than 1,000 bytes"):
        index.read(0)


@pytest.mark.parametrize(("limit", "warnings"), [(3, 1), (5, 0), (6, 0)])
def test_records_over_the_bound_are_not_served(limit: int, warnings: int, caplog: pytest.LogCaptureFixture) -> None:
    index = LineIndex(MemorySource(b"a\nb\nc\nd\ne\n\n"), "some/file", chunk=2, max_records=limit)
    assert [line for _, line in everything(index)] == [b"a", b"b", b"c", b"d", b"e"][:limit]
    assert not index.has(limit)
    assert ["some/file" in record.getMessage() for record in caplog.records] == [True] * warnings


def test_memory_is_bounded_on_a_line_of_any_length(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    with path.open("wb") as file:
        file.write(b'{"a":1}\n{"b":"')
        file.seek(40 * MAX_LINE_BYTES)  # a hole: NULs, without the disk space
        file.write(b'"}\n{"c":1}\n')
    source = FileSource(path)
    index = LineIndex(source, str(path))
    tracemalloc.start()
    try:
        with pytest.raises(RecordError):
            index.read(1)
        assert (index.read(0), index.read(2), index.count()) == (b'{"a":1}', b'{"c":1}', 3)
        with pytest.raises(RecordError):
            index.read(1)
        assert tracemalloc.get_traced_memory()[1] < 3 * MIB
    finally:
        tracemalloc.stop()
        source.close()


def test_asking_for_a_long_line_scans_no_further_than_its_bound() -> None:
    source = MemorySource(b"x" * 10_000)
    with pytest.raises(RecordError):
        LineIndex(source, "x", chunk=10, max_line=100).read(0)
    assert source.furthest <= 120


def test_a_file_cut_short_or_changed_in_use_gives_record_errors() -> None:
    source = MemorySource(b"aa\nbb\ncc\n")
    index = LineIndex(source, "x", max_line=MAX_LINE)
    assert index.count() == 3
    source.content = b"aa\nb"
    assert [read_or_none(index, i) for i in range(3)] == [b"aa", b"b", None]
    source.content = b""
    assert [read_or_none(index, i) for i in range(3)] == [None] * 3
    source.content = b"z" * 10**6
    assert [read_or_none(index, i) for i in range(3)] == [None] * 3


def test_a_disk_error_is_no_end_and_reading_goes_on_once_it_is_over() -> None:
    source = FailingSource(b"a\nb\nc\nd\n", bad=5)
    index = LineIndex(source, "bad/disk", chunk=4)
    for ask in (index.count, lambda: index.has(3), lambda: index.read(1), lambda: list(index.steps_to(3))):
        with pytest.raises(UnavailableError, match="bad/disk cannot be read at the moment: Input/output error"):
            ask()
    source.bad = 10**9
    assert index.count() == 4
    assert [index.read(at) for at in range(4)] == [b"a", b"b", b"c", b"d"]


def test_scanning_is_fast() -> None:
    # Counts calls, not seconds: a chunk is split without a Python step per byte.
    class Counting(io.BytesIO):
        calls = 0

        def read_at(self, offset: int, size: int) -> bytes:
            self.calls += 1
            self.seek(offset)
            return self.read(size)

    source = Counting((b"x" * 14_000 + b"\n") * 2000)
    assert LineIndex(source, "x").count() == 2000
    assert source.calls <= 30

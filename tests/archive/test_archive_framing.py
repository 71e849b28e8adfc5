"""Arrays, lines, gzip and zip made of tapes."""

from __future__ import annotations

import datetime
import gzip
import io
import json
import zipfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.archive.framing import MARK_STRIDE, LeftOut, Measured, lines, pieces
from gexfaker.archive.packing import gzipped, zipped
from gexfaker.archive.shelf import content
from support.tapes import MemoryTape, record

GOOD = [record(1_784_295_000 + index) for index in range(5)]
BAD: list[bytes | None] = [
    None,
    b"{",
    b"{}}",
    b'{"a":NaN}',
    b'{"a":1,}',
    b'{"a":"\xff"}',
    b'{"a":"\x01"}',
    b'{"a":01}',
    b'{"a":"\\ud800"}',
    b'{"a":' + b"[" * 100_000 + b"}",
]
RECORDS = st.lists(st.sampled_from([*GOOD, *BAD[:5]]), max_size=20)


def good(records: list[bytes | None]) -> list[bytes]:
    return [line for line in records if line in GOOD]


@given(RECORDS)
def test_an_array_holds_the_readable_records_as_they_are(records: list[bytes | None]) -> None:
    whole = b"".join(pieces(MemoryTape(records)))
    assert whole == b"[" + b",".join(good(records)) + b"]"
    assert b"".join(lines(MemoryTape(records))) == b"".join(line + b"\n" for line in good(records))


@pytest.mark.parametrize("bad", BAD)
def test_an_unreadable_record_is_left_out(bad: bytes | None) -> None:
    for records in ([bad], [bad, GOOD[0]], [GOOD[0], bad], [GOOD[0], bad, GOOD[1]]):
        assert json.loads(b"".join(pieces(MemoryTape(records)))) == [json.loads(line) for line in good(records)]


@given(RECORDS)
def test_what_is_left_out_is_told_once_with_the_first_place(records: list[bytes | None]) -> None:
    for framing in (pieces, lines):
        told: list[LeftOut] = []
        tape = MemoryTape(records)
        assert b"".join(framing(tape, told=told.append)) == b"".join(framing(MemoryTape(records)))
        bad = [index for index, line in enumerate(records) if line not in GOOD]
        assert [(one.records, one.place) for one in told] == ([(len(bad), tape.place(bad[0]))] if bad else [])


@given(RECORDS, st.integers(0, 3000), st.integers(1, 3000))
def test_a_part_is_a_slice_of_the_whole(records: list[bytes | None], first: int, size: int) -> None:
    measured, tape = Measured(), MemoryTape(records)
    assert list(measured.steps(tape))
    whole = b"".join(pieces(MemoryTape(records)))
    assert measured.total == len(whole)
    first = min(first, len(whole) - 1)
    stop = min(first + size, len(whole))
    assert b"".join(measured.part(tape, range(first, stop))) == whole[first:stop]


def test_a_part_far_into_a_tape_does_not_read_what_is_before() -> None:
    records: list[bytes | None] = [record(index) if index % 7 else None for index in range(MARK_STRIDE * 5)]
    tape = MemoryTape(records)
    measured = Measured()
    list(measured.steps(tape))
    whole = b"".join(pieces(tape))
    for first in (0, 1, measured.total // 2, measured.total - 1, *measured._marks):
        tape.reads = 0
        assert b"".join(measured.part(tape, range(first, first + 1))) == whole[first : first + 1]
        assert tape.reads <= MARK_STRIDE + 1


def test_nothing_is_read_before_it_is_asked_for() -> None:
    tape = MemoryTape([None, *GOOD])
    made = pieces(tape)
    assert [next(made), tape.reads] == [b"", 1]
    assert [next(made), tape.reads] == [b"[" + GOOD[0], 2]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_gzip(parts: list[bytes]) -> None:
    packed = list(gzipped(parts))
    assert gzip.decompress(b"".join(packed)) == b"".join(parts)
    assert b"".join(packed) == b"".join(gzipped(parts)), "no time is in it"


def test_zip_streams_its_members_and_can_be_read() -> None:
    closed = []

    def members() -> Iterator[tuple[str, Iterator[bytes]]]:
        try:
            for number in range(3):
                yield f"a/{number}.gz", gzipped([b"%d" % number * 50_000] * 20)
        finally:
            closed.append(True)

    made = zipped(members(), datetime.date(2026, 7, 17))  # type: ignore[arg-type]
    parts = list(made)
    assert closed == [True]
    assert len(parts) > 30
    assert parts[0].startswith(b"PK\x03\x04")
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.testzip() is None
        for number, info in enumerate(archive.infolist()):
            assert info.filename == f"a/{number}.gz"
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time[:3] == (2026, 7, 17)
            assert gzip.decompress(archive.read(info)) == b"%d" % number * 1_000_000


def test_a_zip_that_is_given_up_closes_what_it_reads() -> None:
    tape = MemoryTape([GOOD[0]] * 5000)

    def members() -> Iterator[tuple[str, Iterator[bytes]]]:
        packed = content(tape, pieces, packed=True)
        try:
            yield "a", packed
        finally:
            packed.close()

    made = zipped(members(), datetime.date(2026, 7, 17))  # type: ignore[arg-type]
    next(made)
    made.close()
    assert tape.closed


@pytest.mark.parametrize("taken", [0, 1, 100])
def test_content_closes_its_tape_whatever_was_taken(taken: int) -> None:
    tape = MemoryTape(list(GOOD))
    made = content(tape, pieces, packed=True)
    for _ in range(taken):
        next(made, None)
    made.close()
    assert tape.closed

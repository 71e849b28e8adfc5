from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.catalog import Feed
from gexfaker.errors import DataError, RecordError
from gexfaker.limits import MAX_LINE_BYTES, SCAN_CHUNK_BYTES, UNPACK_CHUNK_BYTES
from gexfaker.tapes.jsonl import MARK_STRIDE, JsonlTape
from gexfaker.tapes.tape import Tape

FEED = Feed("SPX", "orderflow", "orderflow")
DATE = "2026-07-01"
GOOD = b'{"timestamp":%d,"spot":6300.5}'


def tape_of(folder: Path, content: bytes, ending: str = "") -> JsonlTape:
    compress: dict[str, Callable[[bytes], bytes]] = {
        "": bytes,
        ".gz": gzip.compress,
        ".zst": zstandard.ZstdCompressor().compress,
    }
    path = folder / f"orderflow.jsonl{ending}"
    path.write_bytes(compress[ending](content))
    return JsonlTape(path, FEED, DATE)


def attempt(read: Callable[[int], object], index: int) -> object:
    try:
        return read(index)
    except RecordError:
        return None


def naive_index_at(stamps: list[int | None], timestamp: int) -> int:
    found = [i for i, stamp in enumerate(stamps) if stamp is not None and stamp <= timestamp]
    return found[-1] if found else -1


def lines_of(stamps: list[int | None]) -> bytes:
    return b"".join((b'{"broken' if stamp is None else GOOD % stamp) + b"\n" for stamp in stamps)


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_a_day_is_the_same_in_every_format(tmp_path: Path, ending: str) -> None:
    stamps = list(range(1000, 1600))
    with closing(tape_of(tmp_path, lines_of([*stamps]), ending)) as opened:
        tape: Tape = opened
        assert (tape.feed, tape.date, len(tape)) == (FEED, DATE, 600)
        assert [tape.timestamp(i) for i in range(600)] == stamps
        assert [tape.json(i) for i in range(600)] == [GOOD % stamp for stamp in stamps]
        assert tape.place(16) == f"{tmp_path}/orderflow.jsonl{ending}:17"
        assert [tape.index_at(t) for t in (0, 1000, 1300, 9999)] == [-1, 0, 300, 599]


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("by", ["time", "index"])
def test_reading_on_is_done_in_small_steps(tmp_path: Path, ending: str, by: str) -> None:
    padding = random.Random(7).randbytes(1500).hex().encode()
    lines = b"".join(b'{"timestamp":%d,"spot":"%s"}\n' % (1000 + number, padding) for number in range(2000))
    most = (UNPACK_CHUNK_BYTES if ending else SCAN_CHUNK_BYTES) // len(padding) + 2
    with closing(tape_of(tmp_path, lines, ending)) as tape:
        known = 0
        for _ in tape.steps_to_time(2900) if by == "time" else tape.steps_to_index(1900):
            assert tape._index.known - known <= most
            known = tape._index.known
        assert (tape.has(1900), by == "index" or tape.index_at(2900) == 1900) == (True, True)
        assert tape._index.known == known, "what was asked for was known, and nothing more was read"


def test_large_records_without_a_time_are_looked_at_in_small_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stride has to be read for is the time of its last record; here none has any."""
    line, read = b'{"spot":"%s"}\n' % (b"x" * (SCAN_CHUNK_BYTES // 4)), [0]
    with closing(tape_of(tmp_path, line * (MARK_STRIDE + 40))) as tape:
        really = tape._index.read

        def counted(index: int) -> bytes:
            read[-1] += 1
            return really(index)

        monkeypatch.setattr(tape._index, "read", counted)
        for _ in tape.steps_to_time(2000):
            read.append(0)
        assert sum(read) == MARK_STRIDE
        assert max(read) <= 5


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_a_day_that_is_closed_while_it_is_searched_is_an_error_of_the_data(tmp_path: Path, ending: str) -> None:
    padding = random.Random(7).randbytes(1500).hex().encode()
    lines = b"".join(b'{"timestamp":%d,"spot":"%s"}\n' % (1000 + number, padding) for number in range(2000))
    tape = tape_of(tmp_path, lines, ending)
    for steps in (tape.steps_to_time(2900), tape.steps_to_index(1900)):
        next(iter(steps))
    tape.close()
    with pytest.raises(DataError, match="closed while it was searched"):
        list(tape.steps_to_time(2900))


A, B = GOOD % 1, GOOD % 2
BROKEN_FILES: dict[str, tuple[bytes, list[bytes | None], list[int | None]]] = {
    "last line cut": (A + b"\n" + B[:-4], [A, None], [1, None]),
    "last line cut after a brace": (A + b'\n{"timestamp":2,"a":{}', [A, b'{"timestamp":2,"a":{}'], [1, None]),
    "blank lines": (b"\n" + A + b"\n\n  \n" + B, [A, B], [1, 2]),
    "crlf": (A + b"\r\n" + B + b"\r\n", [A, B], [1, 2]),
    "bom": (b"\xef\xbb\xbf" + A + b"\n", [A], [1]),
    "invalid json in the middle": (A + b"\n{nonsense}\n" + B, [A, b"{nonsense}", B], [1, None, 2]),
    "not json at all": (A + b"\nhello\n" + B, [A, None, B], [1, None, 2]),
    "an array": (A + b"\n[1,2]\n" + B, [A, None, B], [1, None, 2]),
    "two objects on a line": (A + B, [A + B], [None]),
    "empty": (b"", [], []),
    "over-long": (A + b"\n{" + b" " * MAX_LINE_BYTES + b"}\n" + B, [A, None, B], [1, None, 2]),
    "utf-16": ((A + b"\n" + B).decode().encode("utf-16"), [A, B], [1, 2]),
    "utf-16 of which a byte is missing": (A.decode().encode("utf-16")[:-1], [None], [None]),
    "a comma behind each": (A + b",\n" + B + b" ,\n", [A, B], [1, 2]),
}


@pytest.mark.parametrize(("content", "texts", "stamps"), BROKEN_FILES.values(), ids=BROKEN_FILES)
@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_a_broken_file_serves_what_is_good(
    tmp_path: Path, content: bytes, texts: list[bytes | None], stamps: list[int | None], ending: str
) -> None:
    with closing(tape_of(tmp_path, content, ending)) as tape:
        assert bool(tape) == bool(texts)
        assert [attempt(tape.json, i) for i in range(len(tape))] == texts
        assert [attempt(tape.timestamp, i) for i in range(len(tape))] == stamps
        for timestamp in range(4):
            assert tape.index_at(timestamp) == naive_index_at(stamps, timestamp)


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b'{"timestamp":null}',
        b'{"timestamp":"noon"}',
        b'{"timestamp":"2026-07-17T12:00:00"}',
        b'{"timestamp":-1.5}',
        b'{"timestamp":true}',
        b'{"timestamp":-1}',
        b'{"timestamp":1e300}',
        b'{"timestamp":' + b"9" * 5000 + b"}",
        b'{"timestamp":1,"a":NaN}',
        b'{"timestamp":1,"a":' + b"[" * 200_000 + b"}",
        b'{"other":{"timestamp":1}}',
    ],
    ids=lambda line: line[:30].decode(),
)
def test_no_usable_timestamp_is_a_record_error(tmp_path: Path, line: bytes) -> None:
    with closing(tape_of(tmp_path, line)) as tape:
        with pytest.raises(RecordError, match="timestamp"):
            tape.timestamp(0)
        assert tape.index_at(2**40) == -1


@settings(deadline=None)
@given(st.binary(max_size=60).filter(lambda line: b"\n" not in line and bool(line.strip())))
def test_any_bytes_are_a_record_or_a_record_error(tmp_path_factory: pytest.TempPathFactory, line: bytes) -> None:
    with closing(tape_of(tmp_path_factory.getbasetemp(), b"{" + line + b"}")) as tape:
        attempt(tape.timestamp, 0)
        assert attempt(tape.json, 0) == b"{" + line + b"}"


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)), st.integers(0, 2**33))
def test_the_timestamp_is_found_wherever_it_stands(
    tmp_path_factory: pytest.TempPathFactory, other: dict[str, int | str], stamp: int
) -> None:
    line = json.dumps({**other, "timestamp": stamp, "z": other}).encode()
    with closing(tape_of(tmp_path_factory.getbasetemp(), line)) as tape:
        assert (tape.timestamp(0), tape.json(0)) == (stamp, line)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_index_at_finds_the_newest_not_after(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    # Repeated, with gaps, unreadable ones anywhere, and a first row hours older.
    steps = st.sampled_from([0, 1, 1, 1, 3])
    size = data.draw(st.sampled_from([0, 1, 2, 5, MARK_STRIDE - 1, MARK_STRIDE, 2 * MARK_STRIDE + 7]))
    step = data.draw(st.lists(steps, min_size=4, max_size=4))
    broken = data.draw(st.sets(st.integers(0, max(size - 1, 0)), max_size=6))
    run = data.draw(st.integers(0, size))
    stamps: list[int | None] = []
    clock = 1000
    for i in range(size):
        clock += step[i % 4]
        stamps.append(None if i in broken or run <= i < run + 300 else clock if i else 10)
    asked = data.draw(st.lists(st.integers(0, clock + 5) | st.just(-1), min_size=1, max_size=6))
    with closing(tape_of(tmp_path_factory.getbasetemp(), lines_of(stamps))) as tape:
        assert [tape.index_at(t) for t in asked] == [naive_index_at(stamps, t) for t in asked]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.none() | st.integers(0, 50), max_size=40),
    st.integers(1, 20),
    st.lists(st.integers(-1, 51), min_size=2, max_size=5),
)
def test_index_at_survives_any_disorder_and_answers_alike(
    tmp_path_factory: pytest.TempPathFactory, pattern: list[int | None], repeat: int, asked: list[int]
) -> None:
    content = lines_of(pattern * repeat)
    folder = tmp_path_factory.getbasetemp()
    with closing(tape_of(folder, content)) as tape, closing(tape_of(folder, content)) as other:
        answers = [tape.index_at(t) for t in asked]
        assert answers == [other.index_at(t) for t in reversed(asked)][::-1]
        for timestamp, found in zip(asked, answers, strict=True):
            assert found == -1 or tape.timestamp(found) <= timestamp


def test_index_at_reads_little_further_than_it_must(tmp_path: Path) -> None:
    line = b'{"timestamp":%d,"x":"' + b"x" * 4000 + b'"}\n'
    with closing(tape_of(tmp_path, b"".join(line % i for i in range(5000)))) as tape:
        assert tape.index_at(100) == 100
        assert tape._index.known < 1000
        assert tape.index_at(10**9) == 4999


@pytest.mark.parametrize("index", [-1, 1])
def test_past_the_end_is_an_index_error(tmp_path: Path, index: int) -> None:
    with closing(tape_of(tmp_path, A)) as tape:
        assert not tape.has(index)
        for method in (tape.timestamp, tape.json, tape.place):
            with pytest.raises(IndexError):
                method(index)


def test_a_file_cut_short_in_use_gives_record_errors(tmp_path: Path) -> None:
    with closing(tape_of(tmp_path, lines_of([1, 2, 3]))) as tape:
        assert len(tape) == 3
        os.truncate(tmp_path / "orderflow.jsonl", len(A) + 5)
        assert [attempt(tape.json, i) for i in range(3)] == [A, None, None]
        assert [attempt(tape.timestamp, i) for i in range(3)] == [1, None, None]
        assert tape.index_at(3) == 0
        os.truncate(tmp_path / "orderflow.jsonl", 0)
        assert tape.index_at(3) == 0, "its time was read before; whoever reads the rest is told"
        assert attempt(tape.json, 0) is None


def test_a_time_is_read_once(tmp_path: Path) -> None:
    with closing(tape_of(tmp_path, lines_of([1, 2, 3]))) as tape:
        assert [tape.timestamp(index) for index in (2, 0)] == [3, 1]
        os.truncate(tmp_path / "orderflow.jsonl", 0)
        assert [attempt(tape.timestamp, index) for index in range(3)] == [1, None, 3]
        with pytest.raises(IndexError):
            tape.timestamp(-1)


def test_a_file_overwritten_in_use_does_not_crash(tmp_path: Path) -> None:
    with closing(tape_of(tmp_path, lines_of([*range(100)]))) as tape:
        assert len(tape) == 100
        (tmp_path / "orderflow.jsonl").write_bytes(b'{"timestamp":7}\n' * 30)
        read = [(attempt(tape.timestamp, i), attempt(tape.json, i)) for i in range(100)]
        assert {stamp for stamp, _ in read} <= {None, 7}
        assert tape.index_at(50) >= 0


@pytest.mark.skipif(os.name == "nt", reason="Windows does not replace an open file")
def test_a_file_replaced_in_use_is_still_the_old_one(tmp_path: Path) -> None:
    with closing(tape_of(tmp_path, lines_of([1, 2, 3]))) as tape:
        (tmp_path / "new").write_bytes(b"")
        (tmp_path / "new").replace(tmp_path / "orderflow.jsonl")
        assert [tape.timestamp(i) for i in range(len(tape))] == [1, 2, 3]


def test_index_at_between_any_two_records(tmp_path: Path) -> None:
    stamps: list[int | None] = [*range(1000, 1000 + 2 * (2 * MARK_STRIDE + 3), 2)]
    with closing(tape_of(tmp_path, lines_of(stamps))) as tape:
        for timestamp in range(998, 2 * len(stamps) + 1003):
            assert tape.index_at(timestamp) == naive_index_at(stamps, timestamp)


def test_index_at_answers_alike_after_a_jump_back_in_time(tmp_path: Path) -> None:
    content = lines_of([*([100] * MARK_STRIDE), *([10] * MARK_STRIDE), *([200] * MARK_STRIDE)])
    with closing(tape_of(tmp_path, content)) as fresh, closing(tape_of(tmp_path, content)) as used:
        assert used.index_at(300) == 3 * MARK_STRIDE - 1
        assert used.index_at(50) == fresh.index_at(50)

"""A file that is still being written while it is played."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.catalog import Feed
from gexfaker.errors import RecordError
from gexfaker.tapes.jsonl import MARK_STRIDE, JsonlTape

FEED = Feed("SPX", "orderflow", "orderflow")
DATE = "2026-07-01"


def line(timestamp: int) -> bytes:
    return b'{"timestamp":%d,"spot":6300.5}\n' % timestamp


def lines(times: range) -> bytes:
    return b"".join(map(line, times))


def add(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "orderflow.jsonl"
    made.write_bytes(lines(range(10)))
    return made


def test_what_was_added_is_there(path: Path) -> None:
    with closing(JsonlTape(path, FEED, DATE)) as tape:
        assert (len(tape), tape.has(10), tape.index_at(99)) == (10, False, 9)
        add(path, lines(range(10, 15)))
        assert tape.has(14)
        assert not tape.has(15)
        assert (len(tape), tape.index_at(99), tape.timestamp(12)) == (15, 14, 12)
        assert tape.json(14) == line(14).strip()
        assert tape.place(14).endswith(":15")


def test_many_are_found_by_their_time_as_if_they_had_always_been_there(path: Path) -> None:
    with closing(JsonlTape(path, FEED, DATE)) as tape:
        assert tape.index_at(10**6) == 9
        add(path, lines(range(10, 5 * MARK_STRIDE)))
        for timestamp in (9, 10, MARK_STRIDE, 3 * MARK_STRIDE + 7, 10**6):
            assert tape.index_at(timestamp) == min(timestamp, 5 * MARK_STRIDE - 1)
        for _ in tape.steps_to_time(10**6):
            pass
        assert len(tape) == 5 * MARK_STRIDE


def test_a_line_that_was_half_written_is_read_again_when_it_is_whole(path: Path) -> None:
    whole = line(10)
    add(path, whole[:12])
    with closing(JsonlTape(path, FEED, DATE)) as tape:
        number = tape.number
        assert tape.has(10)
        with pytest.raises(RecordError):
            tape.timestamp(10)
        add(path, whole[12:] + line(11))
        assert tape.has(11)
        assert [tape.timestamp(index) for index in (9, 10, 11)] == [9, 10, 11]
        assert tape.json(10) == whole.strip()
        assert tape.number != number, "what was kept of the half line is not taken for it"


def test_a_whole_line_without_its_end_stays_as_it_is(path: Path) -> None:
    add(path, line(10).strip())
    with closing(JsonlTape(path, FEED, DATE)) as tape:
        assert tape.timestamp(10) == 10
        add(path, b"\n" + line(11))
        assert tape.has(11)
        assert [tape.timestamp(index) for index in range(12)] == list(range(12))


@pytest.mark.parametrize("name", ["orderflow.jsonl.gz", "orderflow.jsonl"])
def test_archives_and_arrays_have_an_end(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    array = b"[" + line(1).strip() + b"]"
    path.write_bytes(gzip.compress(lines(range(3))) if name.endswith(".gz") else array)
    with closing(JsonlTape(path, FEED, DATE)) as tape:
        count = len(tape)
        add(path, line(9))
        assert not tape.has(count)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 400), max_size=8), st.integers(0, 40))
def test_it_is_as_if_it_had_been_whole_from_the_start(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], step: int
) -> None:
    """However a file grows, and whatever was asked in between, it ends as one that nobody watched."""
    path = tmp_path_factory.mktemp("growing") / "orderflow.jsonl"
    content = lines(range(30))
    path.write_bytes(b"")
    with closing(JsonlTape(path, FEED, DATE)) as tape:
        done = 0
        for cut in cuts:
            add(path, content[done : done + cut])
            done = min(done + cut, len(content))
            tape.has(step)
            tape.index_at(step)
        add(path, content[done:])
        assert len(tape) == 30
        assert [tape.timestamp(index) for index in range(30)] == list(range(30))
        assert [tape.index_at(timestamp) for timestamp in range(32)] == [*range(30), 29, 29]

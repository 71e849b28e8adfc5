"""Files of which only so many are open at once."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.tapes.files import OpenFiles, Origin, PooledFile


def files(folder: Path, count: int, pool: OpenFiles) -> list[PooledFile]:
    for number in range(count):
        (folder / str(number)).write_bytes(b"%d" % number)
    return [PooledFile(folder / str(number), pool) for number in range(count)]


def test_many_files_take_turns_with_few_descriptors(tmp_path: Path) -> None:
    pool = OpenFiles(4)
    opened = files(tmp_path, 50, pool)
    for _ in range(3):
        for number, file in enumerate(opened):
            assert file.read_at(0, 10) == b"%d" % number
            assert len(pool) <= 4
    for file in opened:
        file.close()
        file.close()
    assert len(pool) == 0


def test_a_file_that_is_used_stays_open_and_the_one_used_longest_ago_goes(tmp_path: Path) -> None:
    pool = OpenFiles(2)
    kept, other, more = files(tmp_path, 3, pool)
    kept.read_at(0, 1)
    other.read_at(0, 1)
    kept.read_at(0, 1)
    more.read_at(0, 1)
    (tmp_path / "0").unlink()
    (tmp_path / "1").unlink()
    assert kept.read_at(0, 1) == b"0", "it was never closed"
    with pytest.raises(FileNotFoundError):
        other.read_at(0, 1)
    kept.close()
    more.close()


def test_another_file_of_that_name_is_not_taken_for_it(tmp_path: Path) -> None:
    pool = OpenFiles(1)
    first, second = files(tmp_path, 2, pool)
    second.read_at(0, 1)
    (tmp_path / "new").write_bytes(b"x")
    (tmp_path / "new").replace(tmp_path / "0")
    with pytest.raises(OSError, match="another file") as raised:
        first.read_at(0, 1)
    assert raised.value.errno == errno.ESTALE
    second.close()


def test_a_file_that_is_read_at_the_moment_is_not_closed_under_the_reader(tmp_path: Path) -> None:
    """Its descriptor's number might be another file's by then."""
    pool = OpenFiles(1)
    entered, go_on = threading.Event(), threading.Event()

    def slow(descriptor: int, size: int, offset: int) -> bytes:
        entered.set()
        assert go_on.wait(10)
        return os.pread(descriptor, size, offset)

    (tmp_path / "slow").write_bytes(b"slow")
    [other] = files(tmp_path, 1, pool)
    file = PooledFile(tmp_path / "slow", pool, slow)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(file.read_at(0, 10)))
    reader.start()
    assert entered.wait(10)
    assert other.read_at(0, 1) == b"0"
    file.close()
    go_on.set()
    reader.join(10)
    assert read == [b"slow"]
    with pytest.raises(ValueError, match="closed"):
        file.read_at(0, 1)
    other.close()
    assert len(pool) == 0


@settings(deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["read", "close"])), max_size=40))
def test_whatever_is_read_and_closed_the_bound_holds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]]
) -> None:
    pool = OpenFiles(3)
    opened = files(tmp_path_factory.getbasetemp(), 6, pool)
    for number, what in steps:
        if what == "close":
            opened[number].close()
        elif not opened[number].is_closed:
            assert opened[number].read_at(0, 5) == b"%d" % number
        assert len(pool) <= 3
    for file in opened:
        file.close()
    assert len(pool) == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes")
@pytest.mark.parametrize("opened", [Origin, PooledFile])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, opened: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        opened(tmp_path / "pipe")

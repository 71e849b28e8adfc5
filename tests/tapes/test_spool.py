"""Temporary space for unpacked days: bounded for all together, given back, and a full disk is no end."""

from __future__ import annotations

import errno
import gzip
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.limits import SPOOL_BLOCK_BYTES
from gexfaker.tapes.files import PooledFile
from gexfaker.tapes.source import CODECS, SpooledSource
from gexfaker.tapes.spool import Spool, SpoolSpace

TEXT = bytes(range(256)) * 4096


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2 * SPOOL_BLOCK_BYTES)), max_size=8))
def test_spools_in_one_file_do_not_mix(pieces: list[tuple[int, int]]) -> None:
    space = SpoolSpace()
    spools, wanted = [Spool(space), Spool(space)], [b"", b""]
    for which, size in pieces:
        piece = bytes([which + 1]) * size
        spools[which].append(piece)
        wanted[which] += piece
    for spool, content in zip(spools, wanted, strict=True):
        assert spool.read_at(0, len(content) + 10) == content
        assert spool.read_at(len(content) // 2, 100) == content[len(content) // 2 :][:100]
        spool.close()


def test_the_bound_is_of_all_together_and_space_given_back_is_used_again() -> None:
    space = SpoolSpace(4 * SPOOL_BLOCK_BYTES)
    one, two = Spool(space), Spool(space)
    one.append(bytes(3 * SPOOL_BLOCK_BYTES))
    with pytest.raises(OSError, match="all compressed days together") as raised:
        two.append(bytes(2 * SPOOL_BLOCK_BYTES))
    assert raised.value.errno == errno.ENOSPC
    assert two.size == SPOOL_BLOCK_BYTES
    one.close()
    two.append(b"x" * SPOOL_BLOCK_BYTES)
    assert two.read_at(SPOOL_BLOCK_BYTES, 3) == b"xxx"
    two.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")
def test_the_space_is_given_back_when_nobody_uses_it() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    spool = Spool(SpoolSpace())
    spool.append(bytes(SPOOL_BLOCK_BYTES + 1))
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    spool.close()
    spool.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("room", [0, 1, 3])
def test_a_full_disk_ends_nothing_and_what_follows_is_right(tmp_path: Path, room: int) -> None:
    path = tmp_path / "day.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT))
    space = SpoolSpace(room * SPOOL_BLOCK_BYTES)
    with closing(SpooledSource(PooledFile(path), CODECS[".gz"](), "day", spool=Spool(space))) as source:
        for _ in range(3):
            with pytest.raises(OSError, match="all compressed days"):
                source.read_at(len(TEXT) - 1, 1)
        if room:
            assert source.read_at(0, 100) == TEXT[:100]
        space._most = 100  # type: ignore[misc]
        assert source.read_at(0, len(TEXT) + 10) == TEXT

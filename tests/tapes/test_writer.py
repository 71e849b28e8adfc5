"""Files are whole or not there; what is written is what is read."""

from __future__ import annotations

import errno
import gzip
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.catalog import CATEGORIES, Feed
from gexfaker.errors import DataError
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.lock import WriteLock
from gexfaker.tapes.writer import (
    ArrayFile,
    EodArchive,
    LinesFile,
    PartFile,
    explained,
    member_name,
    remove_leftovers,
)

DATE = "2026-07-17"
SPX = Feed("SPX", "orderflow", "orderflow")
RECORDS = st.lists(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9) | st.none(), max_size=4), max_size=20
)


def compact(record: Any) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def place(root: Path, ending: str) -> Path:
    return root / DATE / "SPX" / "orderflow" / f"orderflow{ending}"


def everything(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.mark.long
@settings(max_examples=40)
@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.zst"])
@given(records=RECORDS)
def test_lines_are_read_back_as_they_were_written(ending: str, records: list[Any]) -> None:
    lines = [compact(record) for record in records]
    with tempfile.TemporaryDirectory() as folder:
        file = LinesFile(place(Path(folder), ending))
        for line in lines:
            file.add(line)
        file.commit()
        tape = DataFolder(Path(folder)).open(DATE, SPX)
        assert [tape.json(index) for index in range(len(tape))] == lines
        tape.close()


@pytest.mark.long
@settings(max_examples=30)
@given(records=RECORDS)
def test_an_archive_is_read_back_as_it_was_written(records: list[Any]) -> None:
    feeds = [Feed("SPX", package, category) for package, names in CATEGORIES.items() for category in names]
    with tempfile.TemporaryDirectory() as folder:
        archive = EodArchive(Path(folder) / "eod.zip", DATE, b"note")
        for feed in feeds:
            member = archive.member(feed)
            for record in records:
                member.add(compact({"feed": feed.category, "of": record}))
        archive.commit()
        assert everything(Path(folder)) == ["eod.zip"]
        with zipfile.ZipFile(Path(folder) / "eod.zip") as found:
            assert found.testzip() is None
            assert found.comment == b"note"
            assert found.namelist() == [member_name(feed, DATE) for feed in feeds]
            for feed in feeds:
                rows = json.loads(gzip.decompress(found.read(member_name(feed, DATE))))
                assert rows == [{"feed": feed.category, "of": record} for record in records]


def test_members_are_named_as_the_service_names_them() -> None:
    feed = Feed("ES_SPX", "classic", "gex_full")
    assert member_name(feed, DATE) == "ES_SPX/classic/gex_full/2026-07-17_ES_SPX_classic_gex_full.json.gz"


def test_the_same_records_are_the_same_archive(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        archive = EodArchive(tmp_path / name, DATE)
        archive.member(SPX).add(b"{}")
        archive.commit()
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.zst"])
def test_nothing_is_seen_before_it_is_whole(ending: str, tmp_path: Path) -> None:
    file = LinesFile(place(tmp_path, ending))
    file.add(b"{}" * 2_000_000)
    folder = DataFolder(tmp_path)
    assert folder.feeds(DATE) == []
    file.commit()
    assert folder.feeds(DATE) == [SPX]
    file.discard()
    assert folder.feeds(DATE) == [SPX]


def test_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    old = place(tmp_path, ".jsonl")
    old.parent.mkdir(parents=True)
    old.write_bytes(b"{}\n")
    file = LinesFile(old)
    file.add(b'{"new":1}')
    file.discard()
    file.discard()
    archive = EodArchive(tmp_path / "eod.zip", DATE)
    archive.member(SPX).add(b"{}")
    archive.discard()
    assert everything(tmp_path) == [str(old.relative_to(tmp_path))]
    assert old.read_bytes() == b"{}\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EACCES, "may write to"),
        (errno.EROFS, "may write to"),
        (errno.EFBIG, "limit"),
        (errno.EIO, "check the disk"),
    ],
)
def test_errors_name_the_file_and_the_remedy(code: int, said: str) -> None:
    with pytest.raises(DataError) as caught, explained(Path("here/gex_full.jsonl")):
        raise OSError(code, os.strerror(code))
    text = str(caught.value)
    assert str(Path("here/gex_full.jsonl")) in text
    assert said in text
    assert os.strerror(code) in text


def fill(add: Callable[[bytes], None], end: Callable[[], object]) -> None:
    for _ in range(20_000):
        add(os.urandom(64).hex().encode())
    end()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
@pytest.mark.parametrize("kind", [LinesFile, ArrayFile])
@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.zst"])
def test_a_full_disk_is_an_error_and_leaves_no_file(kind: Any, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"orderflow{ending}"
    (tmp_path / f".orderflow{ending}.part").symlink_to("/dev/full")
    file = kind(path)
    end = file.commit if isinstance(file, LinesFile) else file.finish
    with pytest.raises(DataError, match="free some space"):
        fill(file.add, end)
    file.discard()
    assert everything(tmp_path) == []


def test_a_file_where_a_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / DATE).write_text("")
    with pytest.raises(DataError, match="there is a file where a folder should be"):
        LinesFile(place(tmp_path, ".jsonl"))


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    left = PartFile(place(tmp_path, ".jsonl"))
    left.file.close()
    kept = [tmp_path / DATE / "notes.part", tmp_path / DATE / "SPX" / ".hidden"]
    for path in kept:
        path.write_text("mine")
    remove_leftovers(tmp_path / DATE)
    assert everything(tmp_path) == sorted(str(path.relative_to(tmp_path)) for path in kept)


def test_only_one_holds_a_lock_and_nothing_stays_of_it(tmp_path: Path) -> None:
    first, second = WriteLock(tmp_path / "x" / ".lock"), WriteLock(tmp_path / "x" / ".lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    first.release()
    assert second.acquire()
    second.release()
    assert everything(tmp_path) == []


HOLDER = """
import sys, pathlib
from gexfaker.tapes.lock import WriteLock
lock = WriteLock(pathlib.Path(sys.argv[1]))
assert lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    lock = WriteLock(tmp_path / ".lock")
    command = [sys.executable, "-c", HOLDER, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert not lock.acquire()
        holder.kill()
    assert lock.acquire()
    lock.release()


def test_a_lock_removed_by_its_holder_meanwhile_is_not_taken_for_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking, the holder may have removed the file: locking the orphan means nothing."""
    import gexfaker.tapes.lock as module

    real = module._lock

    def lock_late(file: Any) -> bool:
        path.unlink()
        return real(file)

    path = tmp_path / ".lock"
    monkeypatch.setattr(module, "_lock", lock_late)
    assert not WriteLock(path).acquire()
    monkeypatch.undo()
    lock = WriteLock(path)
    assert lock.acquire()
    lock.release()

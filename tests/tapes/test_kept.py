"""Indexes that are kept on disk: the same records as without, and never those of another version of a file."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.catalog import Feed
from gexfaker.errors import RecordError
from gexfaker.limits import MAX_KEPT_INDEX_BYTES
from gexfaker.playback.day import StoredDay
from gexfaker.tapes import kept as module
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.index import LineIndex
from gexfaker.tapes.jsonl import JsonlTape
from gexfaker.tapes.kept import IndexFolder, cache_folder
from gexfaker.tapes.objects import ObjectIndex
from tapes.test_index import MemorySource

FEED, DATE, FIRST = Feed("SPX", "orderflow", "orderflow"), "2026-07-17", 1_784_295_000
COUNT = 2000
FORMS = {"lines": "orderflow.jsonl", "array": "orderflow.json"}


@pytest.fixture(autouse=True)
def _small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_FROM_BYTES", 1000)


def texts(index: LineIndex) -> list[bytes | str]:
    """All that an index reads, and where it says that it is."""
    found: list[bytes | str] = []
    for record in range(index.count()):
        try:
            found += [index.read(record), str(index.line_number(record))]
        except RecordError as error:
            found.append(str(error))
    return found


CONTENT = st.lists(
    st.sampled_from([b"\n", b'{"a":1}', b'{"b":"}\\""},\n', b"[", b"]", b" ", b'"', b"{" * 3, b"x" * 40]), max_size=60
).map(b"".join)


@pytest.mark.parametrize("kind", [LineIndex, ObjectIndex])
@given(content=CONTENT, chunk=st.integers(8, 64), steps=st.integers(0, 20))
def test_an_index_goes_on_from_anywhere(kind: type[LineIndex], content: bytes, chunk: int, steps: int) -> None:
    def made() -> LineIndex:
        return kind(MemorySource(content), "x", chunk=chunk, max_line=30)

    begun, later = made(), made()
    for _, _ in zip(range(steps), begun.steps_to(10**9), strict=False):
        pass
    saved = begun.saved()
    assert saved is not None
    assert later.restore(saved)
    assert later.known == begun.known
    assert texts(later) == texts(begun) == texts(made())


def test_an_index_of_another_kind_or_bound_is_none() -> None:
    saved = LineIndex(MemorySource(b"{}\n" * 9), "x").saved()
    assert saved is not None
    for other in (
        ObjectIndex(MemorySource(b"{}\n" * 9), "x"),
        LineIndex(MemorySource(b"{}\n" * 9), "x", max_line=7),
    ):
        assert not other.restore(saved)
        assert other.known == 0
    assert not LineIndex(MemorySource(b""), "x").restore(b"no such thing")


def test_an_index_that_is_full_is_found_anew_so_that_it_is_told() -> None:
    full = LineIndex(MemorySource(b"{}\n" * 9), "x", max_records=9)
    assert full.saved() is not None
    assert full.count() == 9
    assert full.saved() is None


def write(path: Path, count: int = COUNT, spot: int = 1) -> Path:
    """A day that nobody has touched for a minute."""
    records = [json.dumps({"timestamp": FIRST + number, "spot": spot}) for number in range(count)]
    path.write_text("[" + ",".join(records) + "]" if path.suffix == ".json" else "\n".join(records) + "\n")
    return settle(path)


def settle(path: Path, ago: float = 60) -> Path:
    os.utime(path, (time.time() - ago,) * 2)
    return path


def opened(path: Path, folder: IndexFolder) -> JsonlTape:
    return JsonlTape(path, FEED, DATE, indexes=folder)


def search_steps(path: Path, folder: IndexFolder) -> int:
    """In how many steps the last record is looked for; what is found then is kept."""
    with closing(opened(path, folder)) as tape:
        steps = sum(1 for _ in tape.steps_to_index(COUNT))
        assert tape.timestamp(COUNT - 1) == FIRST + COUNT - 1
        keep = tape.keeping()
        if keep is not None:
            keep()
        return steps


@pytest.fixture(params=list(FORMS.values()), ids=list(FORMS))
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name: str = request.param
    return write(tmp_path / name)


@pytest.fixture
def folder(tmp_path: Path) -> IndexFolder:
    return IndexFolder(tmp_path / "kept" / "indexes")


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "kept" / "indexes").iterdir())


def test_a_file_is_looked_through_once(path: Path, folder: IndexFolder, tmp_path: Path) -> None:
    assert search_steps(path, folder) > 0
    assert len(files(tmp_path)) == 1
    assert search_steps(path, folder) == 0
    with closing(opened(path, folder)) as tape:
        assert len(tape) == COUNT
        assert tape.place(COUNT - 1) == f"{path}:{1 if path.suffix == '.json' else COUNT}"
        assert tape.keeping() is None  # nothing new is known


def test_what_was_found_of_a_file_is_used_for_the_rest(path: Path, folder: IndexFolder, tmp_path: Path) -> None:
    folder_of_another_machine = tmp_path / "other"
    with closing(opened(path, folder)) as tape:
        next(iter(tape.steps_to_index(COUNT)))
        keep = tape.keeping()
        assert keep is not None
        keep()
    assert 0 < search_steps(path, folder) < search_steps(path, IndexFolder(folder_of_another_machine))


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"timestamp": 1, "spot": 7}\n')
    settle(path, 50)


def overwrite(path: Path) -> None:
    settle(write(path, spot=2), 50)


def overwrite_as_before(path: Path) -> None:
    """As old and as long as it was."""
    status = path.stat()
    write(path, spot=2)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace(path: Path) -> None:
    status = path.stat()
    other = write(path.with_name(f"other{path.suffix}"), spot=2)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


def cut(path: Path) -> None:
    settle(write(path, COUNT - 500), 50)


@pytest.mark.parametrize("change", [append, overwrite, overwrite_as_before, replace, cut])
def test_an_index_of_another_version_is_not_used(
    path: Path, folder: IndexFolder, change: Callable[[Path], None]
) -> None:
    search_steps(path, folder)
    change(path)
    with closing(opened(path, folder)) as tape, closing(JsonlTape(path, FEED, DATE)) as fresh:
        assert sum(1 for _ in tape.steps_to_index(COUNT + 9)) == sum(1 for _ in fresh.steps_to_index(COUNT + 9)) > 0
        assert [tape.json(index) for index in range(len(tape))] == [fresh.json(index) for index in range(len(fresh))]


def empty(file: Path) -> None:
    file.write_bytes(b"")


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def of_another_release(file: Path) -> None:
    kept = msgspec.msgpack.decode(file.read_bytes())
    file.write_bytes(msgspec.msgpack.encode(["gexfaker index 0 little", *kept[1:]]))


def too_large(file: Path) -> None:
    file.write_bytes(file.read_bytes() + bytes(MAX_KEPT_INDEX_BYTES))


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def a_pipe(file: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("there are no named pipes in folders")
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize("damage", [empty, truncate, flip, of_another_release, too_large, a_folder, a_pipe])
def test_a_damaged_index_is_none(tmp_path: Path, folder: IndexFolder, damage: Callable[[Path], None]) -> None:
    path = write(tmp_path / "orderflow.jsonl")
    search_steps(path, folder)
    damage(*files(tmp_path))
    assert search_steps(path, folder) > 0


def test_a_file_that_was_just_written_is_not_kept(path: Path, folder: IndexFolder, tmp_path: Path) -> None:
    settle(path, 0)
    search_steps(path, folder)
    assert files(tmp_path) == []
    settle(path, 3)
    search_steps(path, folder)
    assert len(files(tmp_path)) == 1


def test_a_file_that_changed_meanwhile_is_not_kept(path: Path, folder: IndexFolder, tmp_path: Path) -> None:
    with closing(opened(path, folder)) as tape:
        assert len(tape) == COUNT
        keep = tape.keeping()
        assert keep is not None
        overwrite(path)
        keep()
    assert not (tmp_path / "kept").exists()


def test_small_and_compressed_files_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    folder = IndexFolder(tmp_path / "kept")
    packed = tmp_path / "orderflow.jsonl.gz"
    packed.write_bytes(gzip.compress(write(tmp_path / "orderflow.jsonl").read_bytes()))
    search_steps(settle(packed), folder)
    monkeypatch.setattr(module, "KEPT_FROM_BYTES", 10**6)
    search_steps(tmp_path / "orderflow.jsonl", folder)
    assert not (tmp_path / "kept").exists()


def test_all_together_have_a_bound_and_files_of_others_stay(tmp_path: Path) -> None:
    root = tmp_path / "kept" / "indexes"
    root.mkdir(parents=True)
    foreign = [root / "notes.txt", root / "other.index", root / "gexfaker-notes"]
    for file in foreign:
        file.write_bytes(b"x" * 100_000)
    left_behind = root / f"{module.PREFIX}left{module.SUFFIX}"
    left_behind.write_bytes(b"x" * 10)
    settle(left_behind)
    if sys.platform != "win32":
        (root / f"{module.PREFIX}dangling{module.SUFFIX}").symlink_to(tmp_path / "nowhere")
    folder, one = IndexFolder(root, most=60_000), COUNT * 12
    for number in range(3):
        search_steps(write(tmp_path / f"{number}.jsonl"), folder)
        settle(
            max(
                (file for file in {*files(tmp_path)} - {*foreign, left_behind} if file.exists()),
                key=lambda file: file.stat().st_mtime,
            ),
            50 - number,
        )
    for link in [file for file in files(tmp_path) if file.is_symlink()]:
        link.unlink()
    assert set(foreign) < set(files(tmp_path))
    assert not left_behind.exists()
    assert one * 2 < sum(file.stat().st_size for file in set(files(tmp_path)) - set(foreign)) <= 60_000
    assert search_steps(tmp_path / "2.jsonl", folder) == search_steps(tmp_path / "1.jsonl", folder) == 0
    assert search_steps(tmp_path / "0.jsonl", folder) > 0  # the one used longest ago went


def test_an_index_that_is_too_large_is_not_kept(
    tmp_path: Path, folder: IndexFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_KEPT_INDEX_BYTES", COUNT * 12)
    search_steps(write(tmp_path / "orderflow.jsonl"), folder)
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_cannot_be_used_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    folder = IndexFolder(tmp_path / "file" / "indexes")
    path = write(tmp_path / "orderflow.jsonl")
    with caplog.at_level(logging.WARNING):
        assert search_steps(path, folder) == search_steps(path, folder) > 0
    (said,) = caplog.messages
    assert "CACHE_DIR" in said
    assert str(tmp_path / "file" / "indexes") in said


def test_a_day_keeps_the_indexes_of_its_feeds_when_its_files_are_looked_at(tmp_path: Path, folder: IndexFolder) -> None:
    day = tmp_path / "data" / DATE / "SPX" / "orderflow"
    day.mkdir(parents=True)
    path = write(day / "orderflow.jsonl")
    with closing(StoredDay(DataFolder(tmp_path / "data", indexes=folder), DATE)) as played:
        tape = played.tape(FEED)
        assert tape is not None
        assert len(tape) == COUNT
        assert not played.look()()
    assert search_steps(path, folder) == 0


@pytest.mark.parametrize(
    ("platform", "environ", "found"),
    [
        ("linux", {"HOME": "/home/me"}, "/home/me/.cache/gexfaker"),
        ("linux", {"HOME": "/home/me", "XDG_CACHE_HOME": "/cache"}, "/cache/gexfaker"),
        ("linux", {"HOME": "/home/me", "XDG_CACHE_HOME": "relative"}, None),
        ("linux", {}, None),
        ("darwin", {"HOME": "/Users/me"}, "/Users/me/Library/Caches/gexfaker"),
        ("darwin", {}, None),
        ("win32", {"USERPROFILE": "/Users/me", "LOCALAPPDATA": "/Users/me/Local"}, "/Users/me/Local/gexfaker"),
        ("win32", {}, None),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the paths are those of others")
def test_the_cache_is_where_the_system_has_it(platform: str, environ: dict[str, str], found: str | None) -> None:
    assert cache_folder(environ, platform) == (None if found is None else Path(found))

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.tapes.files import PooledFile
from gexfaker.tapes.source import ARCHIVE_READ_BYTES, CODECS, FileSource, SpooledSource, open_source

Compress = Callable[[bytes], bytes]


def zst(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(content)


def gz(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=1)


ARCHIVES = [pytest.param(".gz", gz, id="gz"), pytest.param(".zst", zst, id="zst")]
ENDINGS = ["", ".gz", ".zst"]


def noise(size: int, seed: int = 1) -> bytes:
    """Text that hardly compresses, so that an archive has many pieces."""
    return random.Random(seed).randbytes(size // 2).hex().encode()


def write(folder: Path, ending: str, content: bytes) -> Path:
    path = folder / f"day.jsonl{ending}"
    compress: dict[str, Compress] = {"": bytes, ".gz": gz, ".zst": zst}
    path.write_bytes(compress[ending](content))
    return path


def read_all(path: Path, size: int = 1 << 20) -> bytes:
    content = b""
    with closing(open_source(path)) as source:
        while piece := source.read_at(len(content), size):
            content += piece
    return content


@pytest.mark.parametrize("ending", ENDINGS)
def test_content_is_the_same_in_every_format(tmp_path: Path, ending: str) -> None:
    content = noise(300_000)
    assert read_all(write(tmp_path, ending, content)) == content


@pytest.mark.parametrize("ending", ENDINGS)
def test_reads_in_any_order(tmp_path: Path, ending: str) -> None:
    content = noise(200_000)
    order = [150_000, 0, 199_990, 70_000, 200_000, 5, 10**9]
    with closing(open_source(write(tmp_path, ending, content))) as source:
        assert [source.read_at(at, 100) for at in order] == [content[at : at + 100] for at in order]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_empty_file_is_empty_content(tmp_path: Path, ending: str, caplog: pytest.LogCaptureFixture) -> None:
    assert read_all(write(tmp_path, ending, b"")) == b""
    (tmp_path / f"day.jsonl{ending}").write_bytes(b"")
    assert read_all(tmp_path / f"day.jsonl{ending}") == b""
    assert not caplog.records


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40)), st.integers(0, 200), st.integers(1, 50), st.booleans())
def test_members_follow_each_other(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], offset: int, size: int, padded: bool
) -> None:
    content = b"".join(parts)
    for ending, compress in ((".gz", gz), (".zst", zst)):
        path = tmp_path_factory.getbasetemp() / f"members.jsonl{ending}"
        path.write_bytes((b"\0\0" if padded else b"").join(map(compress, parts)))
        with closing(open_source(path)) as source:
            assert source.read_at(offset, size) == content[offset : offset + size]


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 80), st.integers(0, 80))
def test_seeking_reads_what_positional_reading_does(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, offset: int, size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "positional.bin"
    path.write_bytes(content)
    with closing(FileSource(path, pread=None)) as source:
        assert source.read_at(offset, size) == content[offset : offset + size]


@pytest.mark.parametrize(("ending", "compress"), ARCHIVES)
def test_unpacks_only_as_far_as_asked(tmp_path: Path, ending: str, compress: Compress) -> None:
    path = write(tmp_path, ending, noise(8_000_000))
    with closing(open_source(path)) as source:
        assert isinstance(source, SpooledSource)
        assert source.ensure(0) == 0
        source.read_at(0, 1000)
        assert 1000 <= source.ensure(0) < 1_000_000
        assert source.ensure(10**12) == 8_000_000


@pytest.mark.parametrize(("ending", "compress"), ARCHIVES)
def test_a_cut_archive_serves_what_came_before(
    tmp_path: Path, ending: str, compress: Compress, caplog: pytest.LogCaptureFixture
) -> None:
    content = noise(600_000)
    path = tmp_path / f"day.jsonl{ending}"
    archive = compress(content)
    path.write_bytes(archive[: len(archive) * 2 // 3])
    served = read_all(path)
    assert len(served) > 200_000
    assert content.startswith(served)
    assert [str(path) in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(("ending", "compress"), ARCHIVES)
@pytest.mark.parametrize("damage", [b"\xff" * 64, b"not an archive at all"])
def test_damage_is_one_warning_and_the_members_before_are_served(
    tmp_path: Path, ending: str, compress: Compress, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"day.jsonl{ending}"
    # As far as a piece of the archive away: what shares a piece with the damage may be lost.
    path.write_bytes(compress(b"first") + b"\0" * ARCHIVE_READ_BYTES + damage)
    with closing(open_source(path)) as source:
        assert [source.read_at(0, 9), source.read_at(0, 9), source.read_at(5, 9)] == [b"first", b"first", b""]
    assert [str(path) in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(("ending", "compress"), ARCHIVES)
def test_any_flipped_byte_is_survived(tmp_path: Path, ending: str, compress: Compress) -> None:
    archive = compress(noise(3000))
    path = tmp_path / f"day.jsonl{ending}"
    for at in range(0, len(archive), 37):
        path.write_bytes(archive[:at] + bytes([archive[at] ^ 0x5A]) + archive[at + 1 :])
        read_all(path)


@pytest.mark.parametrize(("ending", "compress"), ARCHIVES)
def test_a_bomb_stops_at_the_bound(
    tmp_path: Path, ending: str, compress: Compress, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(compress(b"\n" * 50_000_000))
    archive = PooledFile(path)
    with closing(SpooledSource(archive, CODECS[ending](), "bomb", limit=1000)) as source:
        assert source.ensure(10**9) == 1000
        assert source.read_at(990, 100) == b"\n" * 10
    assert ["more than 1,000 bytes" in record.getMessage() for record in caplog.records] == [True]


def test_content_that_just_fits_the_bound_is_not_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    archive = PooledFile(write(tmp_path, ".gz", b"x" * 1000))
    with closing(SpooledSource(archive, CODECS[".gz"](), "day", limit=1000)) as source:
        assert source.ensure(10**9) == 1000
    assert not caplog.records


@pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("ending", ENDINGS)
def test_files_are_opened_read_only_and_spools_have_no_name(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path, ending, b"{}\n")
    with closing(open_source(path)):
        links = [fd for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
        number = next(fd.name for fd in links if fd.readlink() == path)
        flags = next(line for line in Path(f"/proc/self/fdinfo/{number}").read_text().splitlines() if "flags" in line)
        assert int(flags.split()[1], 8) & os.O_ACCMODE == os.O_RDONLY
        assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_may_not_be_written_can_be_read(tmp_path: Path) -> None:
    path = write(tmp_path, "", b"{}")
    path.chmod(0o444)
    assert read_all(path) == b"{}"
    assert path.read_bytes() == b"{}"


@pytest.mark.parametrize("ending", ENDINGS)
def test_closing_twice_is_fine_and_reading_after_it_is_an_error(tmp_path: Path, ending: str) -> None:
    source = open_source(write(tmp_path, ending, b"{}"))
    source.read_at(0, 1)
    source.close()
    source.close()
    with pytest.raises(ValueError, match="closed"):
        source.read_at(0, 1)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_source(tmp_path / "none.jsonl.gz")


def test_zstandard_is_loaded_for_zst_only(tmp_path: Path) -> None:
    paths = [str(write(tmp_path, ending, b"{}")) for ending in ("", ".gz", ".zst")]
    code = (
        "import sys; from pathlib import Path; from gexfaker.tapes.source import open_source\n"
        "import gexfaker.tapes.folder\n"
        "for path in sys.argv[1:]:\n"
        "    source = open_source(Path(path)); source.read_at(0, 9); source.close()\n"
        "    print('zstandard' in sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, *paths]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False", "True"]

"""How days are written: each file whole or not at all, however the program ends.

A file grows under a hidden name (``.gex_full.jsonl.part``) beside its place, is forced to the disk, and then takes its
name in one step. Readers look for exact names only, so they never see half a file. What a killed run has left is
removed by the next one, which a lock keeps from touching files still being written.
"""

from __future__ import annotations

import errno
import gzip
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, Protocol

from gexfaker.catalog import Feed
from gexfaker.errors import DataError
from gexfaker.limits import KIB

PART: Final = ".part"
"""How the name of an unfinished file ends."""

WRITE_BYTES: Final = 64 * KIB
"""Written at a time, and copied at a time into an archive; bounds the memory of a day's 15 files to 1 MiB."""

ZSTD_LEVEL: Final = 1
"""A third to a seventh of the size at 150 MB/s and more; on numbers, the usual level 3 is slower and no smaller."""

GZIP_LEVEL: Final = 4
"""The same at 35 to 100 MB/s; the usual level 6 takes two to three times as long for a tenth less."""

_REMEDIES: Final = {
    errno.ENOSPC: "the disk is full: free some space and run it again, it goes on where it was",
    errno.EDQUOT: "your share of the disk is used up: free some space and run it again, it goes on where it was",
    errno.EFBIG: "the file would be larger than this system allows: raise the limit, or choose a smaller format",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
    errno.ENOTDIR: "there is a file where a folder should be: choose another folder",
    errno.EEXIST: "there is a file where a folder should be: choose another folder",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """OSErrors of this block become DataErrors that name ``path`` and say what to do."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the disk and run it again")
        raise DataError(f"{path} cannot be written ({error.strerror or error}): {remedy}") from error


class RecordFile(Protocol):
    """A file that records are added to; it has its name only after ``commit``."""

    path: Path

    def add(self, record: bytes) -> None:
        """Add a record: compact JSON without line end. Raises DataError."""

    def commit(self) -> None:
        """Force it to the disk and give it its name. Raises DataError."""

    def discard(self) -> None:
        """Remove it, unless it was committed. May be called again."""


class PartFile:
    """The bytes of a file to be.

    Args:
        path: the file's place; folders are made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f".{path.name}{PART}")
        self._like: Path | None = None
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file: IO[bytes] = self.part.open("w+b", buffering=WRITE_BYTES)

    def be_as_old_as(self, source: Path) -> None:
        """Have the time of another file from the moment on at which it has its name: by it the file is known again."""
        self._like = source

    def finish(self) -> None:
        """Force the bytes to the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def commit(self) -> None:
        """Force the bytes, then the name, to the disk. Raises DataError."""
        with explained(self.path):
            self.finish()
            self.file.close()
            if self._like is not None:
                told = self._like.stat()
                with suppress(OSError):  # not every disk takes it
                    os.utime(self.part, ns=(told.st_atime_ns, told.st_mtime_ns))
            self.part.replace(self.path)
            sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove the bytes, unless they have got their name. Never raises OSError: it is for after a failure."""
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            self.part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, where the system has a way to (Windows has none, and needs none)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class LinesFile:
    """A ``.jsonl``, ``.jsonl.gz`` or ``.jsonl.zst`` file: one record a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = PartFile(path)
        self._stream: Any = self._part.file
        if path.suffix == ".zst":
            import zstandard

            compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
            self._stream = compressor.stream_writer(self._part.file, closefd=False)
        elif path.suffix == ".gz":
            self._stream = gzip.GzipFile("", "wb", GZIP_LEVEL, self._part.file, mtime=0)

    def be_as_old_as(self, source: Path) -> None:
        """See ``PartFile``."""
        self._part.be_as_old_as(source)

    def add(self, record: bytes) -> None:
        """Add a line. Raises DataError."""
        with explained(self.path):
            self._stream.write(record + b"\n")

    def commit(self) -> None:
        """Force it to the disk and give it its name. Raises DataError."""
        with explained(self.path):
            if self._stream is not self._part.file:
                self._stream.close()
        self._part.commit()

    def discard(self) -> None:
        """Remove it, unless it was committed."""
        self._part.discard()


class ArrayFile:
    """A gzipped JSON array, to be a member of an archive: it never gets a name of its own.

    Args:
        path: whose hidden neighbour it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = PartFile(path)
        # Neither a time nor a name in the header: the same records are the same bytes.
        self._gzip = gzip.GzipFile("", "wb", GZIP_LEVEL, self._part.file, mtime=0)
        self._before = b"["

    def add(self, record: bytes) -> None:
        """Add an element. Raises DataError."""
        with explained(self.path):
            self._gzip.write(self._before + record)
        self._before = b","

    def finish(self) -> IO[bytes]:
        """End the array; its file, at the start. Raises DataError."""
        with explained(self.path):
            self._gzip.write(b"[]" if self._before == b"[" else b"]")
            self._gzip.close()
            self._part.finish()
            self._part.file.seek(0)
        return self._part.file

    def discard(self) -> None:
        """Remove it."""
        with suppress(OSError, ValueError):  # else it would try to end itself when it is collected
            self._gzip.close()
        self._part.discard()


class EodArchive:
    """A day's archive: a zip whose members are gzipped JSON arrays, named as the service names them.

    The members are written side by side, then put together, so that the disk holds them twice for a moment.

    Args:
        path: the archive.
        date: YYYY-MM-DD.
        note: kept as the archive's comment, at most 65,535 bytes.
    """

    def __init__(self, path: Path, date: str, note: bytes = b"") -> None:
        self.path = path
        self._date = date
        self._note = note
        self._members: dict[Feed, ArrayFile] = {}

    def member(self, feed: Feed) -> ArrayFile:
        """A new member for a feed; the archive commits and discards it. Raises DataError."""
        hidden = self.path.with_name(f"{self.path.name}.{feed.package}_{feed.category}")
        added = self._members[feed] = ArrayFile(hidden)
        return added

    def commit(self) -> None:
        """Put the members together, in the order they were made, and give the archive its name. Raises DataError."""
        part = PartFile(self.path)
        try:
            with explained(self.path), zipfile.ZipFile(part.file, "w", zipfile.ZIP_STORED) as archive:
                archive.comment = self._note
                for feed, member in self._members.items():
                    self._copy(archive, feed, member)
            part.commit()
        finally:
            part.discard()
            self.discard()

    def _copy(self, archive: zipfile.ZipFile, feed: Feed, member: ArrayFile) -> None:
        source = member.finish()
        year, month, day = map(int, self._date.split("-"))
        info = zipfile.ZipInfo(member_name(feed, self._date), (max(year, 1980), month, day, 0, 0, 0))
        info.external_attr = 0o644 << 16
        info.file_size = os.fstat(source.fileno()).st_size  # so that it knows which kind of header it needs
        with archive.open(info, "w") as target:
            while piece := source.read(WRITE_BYTES):
                target.write(piece)

    def discard(self) -> None:
        """Remove what is unfinished."""
        for member in self._members.values():
            member.discard()


def member_name(feed: Feed, date: str) -> str:
    """``SPY/classic/gex_full/2026-07-17_SPY_classic_gex_full.json.gz``"""
    name = f"{date}_{feed.ticker}_{feed.package}_{feed.category}.json.gz"
    return f"{feed.ticker}/{feed.package}/{feed.category}/{name}"


def remove_leftovers(folder: Path, pattern: str = f"**/.*{PART}") -> None:
    """Remove the unfinished files in a folder and below, or those that match; hold the lock meanwhile."""
    for path in sorted(folder.glob(pattern)):
        with explained(path):
            path.unlink(missing_ok=True)

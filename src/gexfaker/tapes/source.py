"""Where a tape's bytes come from: a file read in place, or an archive unpacked only as far as asked.

A plain file is read where it is, read-only, at any offset. An archive (``.gz``, ``.zst``) is
unpacked into an unlinked temporary file, a little further each time somebody reads past its end, so
that opening is instant and a tape whose first minutes are played costs its first minutes.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final, Protocol

from gexfaker.limits import KIB, MAX_SPOOL_BYTES, SCAN_CHUNK_BYTES, UNPACK_CHUNK_BYTES

log = logging.getLogger(__name__)

ARCHIVE_READ_BYTES: Final = 1 * KIB
"""Archive bytes unpacked at a time. Output is lost from the piece that is damaged only, and a piece
cannot unpack to more than about 1 MiB (gz) or 32 MiB (zst), however hostile the archive."""

Pread = Callable[[int, int, int], bytes]
"""``os.pread``: file descriptor, size, offset."""

_PREAD: Final[Pread | None] = getattr(os, "pread", None)


class Reader(Protocol):
    """Bytes at rest, read at any offset."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``; empty only at the end. Raises OSError."""


class Source(Reader, Protocol):
    """An open file.

    Attributes:
        chunk: how many bytes to read at a time when the whole file is looked through: a millisecond of work.
    """

    @property
    def chunk(self) -> int: ...

    def close(self) -> None:
        """Give the file and any temporary space back."""


class FileSource:
    """A file read in place. Reads do not move a shared position, so they may come from any thread.

    Args:
        file: an unbuffered binary file; closed with the source.
        pread: the system's positional read; None where there is none (Windows): then seek and read.
    """

    chunk: Final = SCAN_CHUNK_BYTES

    def __init__(self, file: IO[bytes], pread: Pread | None = _PREAD) -> None:
        self._file = file
        self._pread = pread
        self._lock = threading.Lock()

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``; empty only at the end. Raises OSError."""
        if self._pread is not None:
            # fileno() of a closed file raises, so a stale number never reads somebody else's file.
            return self._pread(self._file.fileno(), size, offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)

    def append(self, piece: bytes) -> None:
        """Write ``piece`` at the end, all of it. Raises OSError (a full disk)."""
        with self._lock:
            self._file.seek(0, os.SEEK_END)
            rest = memoryview(piece)
            while rest:  # an unbuffered file may take less than it is given
                rest = rest[self._file.write(rest) :]

    def close(self) -> None:
        """Close the file. May be called again."""
        self._file.close()


class Decoder(Protocol):
    """What zlib and zstandard decompression objects have in common: one gz member, one zst frame."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


class Codec(Protocol):
    """One archive format."""

    error: type[Exception]

    def decoder(self) -> Decoder:
        """A decoder for the next member."""


class _Gzip:
    error: type[Exception] = zlib.error

    def decoder(self) -> Decoder:
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)  # 16: a gz header, not a zlib one


class _Zstd:
    def __init__(self) -> None:
        import zstandard  # here, because most tapes are plain and it costs milliseconds to load

        self.error: type[Exception] = zstandard.ZstdError
        self._decompressor = zstandard.ZstdDecompressor()

    def decoder(self) -> Decoder:
        return self._decompressor.decompressobj()


CODECS: Final[dict[str, Callable[[], Codec]]] = {".zst": _Zstd, ".gz": _Gzip}
"""Archive formats by file name ending."""


def unpack(archive: IO[bytes], codec: Codec) -> Iterator[bytes]:
    """The archive's content in pieces, members one after the other.

    Raises EOFError when the last member is cut off, and the codec's error when one is damaged; what
    was decoded before has been yielded by then.
    """
    decoder: Decoder | None = None
    while data := archive.read(ARCHIVE_READ_BYTES):
        while data:
            if decoder is None:
                data = data.lstrip(b"\0")  # padding between members is legal, and no member starts with NUL
                if not data:
                    break
                decoder = codec.decoder()
            yield decoder.decompress(data)
            data = decoder.unused_data if decoder.eof else b""
            decoder = None if decoder.eof else decoder
    if decoder is not None:
        raise EOFError("it ends in the middle of a member")


class SpooledSource:
    """An archive, unpacked into an unlinked temporary file only as far as it has been read.

    Damage, a full disk and ``limit`` end the content where they occur, with one warning that names
    the file.

    Args:
        archive: the open archive; closed with the source, or at its end.
        codec: its format.
        name: the file's name for warnings.
        limit: most bytes to unpack.
    """

    chunk: Final = UNPACK_CHUNK_BYTES

    def __init__(self, archive: IO[bytes], codec: Codec, name: str, limit: int = MAX_SPOOL_BYTES) -> None:
        self._archive = archive
        self._name = name
        self._limit = limit
        self._errors = (codec.error, EOFError, OSError)
        self._pieces = unpack(archive, codec)
        self._spool = FileSource(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - closed in close()
        self._size = 0
        self._complete = self._closed = False

    def ensure(self, upto: int) -> int:
        """Unpack until ``upto`` bytes are there, or the end; how many there are."""
        try:
            while self._size < upto and not self._complete:
                self._grow()
        except self._errors as error:
            self._end(f"is damaged or cannot be unpacked after {self._size:,} bytes ({error})")
        return self._size

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes of the content from ``offset``; empty only at the end. Raises OSError.

        Raises ValueError when it was closed, as a file does: what was not unpacked is not the end.
        """
        if self._closed:
            raise ValueError("read of a closed archive")
        available = self.ensure(offset + size) - offset
        return self._spool.read_at(offset, min(size, available)) if available > 0 else b""

    def close(self) -> None:
        """Give the archive and the temporary space back. May be called again."""
        self._complete = self._closed = True
        self._archive.close()
        self._spool.close()

    def _grow(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            self._end()
            return
        kept = piece[: self._limit - self._size]
        self._spool.append(kept)
        self._size += len(kept)
        if len(kept) < len(piece):
            self._end(f"unpacks to more than {self._limit:,} bytes")

    def _end(self, problem: str = "") -> None:
        self._complete = True
        self._archive.close()
        if problem:
            log.warning("%s %s; what was unpacked before is served", self._name, problem)


def open_source(path: Path, name: str | None = None) -> Source:
    """Open a tape's file read-only; nothing is read yet.

    Args:
        path: the file.
        name: the name the user knows it by, for warnings and for its ending, which tells the format;
            ``path`` by default.

    Raises OSError when it cannot be opened.
    """
    name = name or str(path)
    file = path.open("rb", buffering=0)
    make_codec = CODECS.get(Path(name).suffix)
    if make_codec is None:
        return FileSource(file)
    try:
        return SpooledSource(file, make_codec(), name)
    except BaseException:  # no temporary space: do not leak the archive's file
        file.close()
        raise

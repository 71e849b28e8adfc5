"""Where a tape's bytes come from: a file read in place, or an archive unpacked only as far as asked.

A plain file is read where it is, read-only, at any offset. An archive (gzip, zstd, whatever its name is; UTF-16) is
unpacked into temporary space, a little further each time somebody reads past its end, so
that opening is instant and a tape whose first minutes are played costs its first minutes.
"""

from __future__ import annotations

import codecs
import errno
import io
import logging
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from gexfaker.limits import KIB, MAX_SPOOL_BYTES, SCAN_CHUNK_BYTES, UNPACK_CHUNK_BYTES
from gexfaker.tapes.files import PooledFile
from gexfaker.tapes.spool import Spool

log = logging.getLogger(__name__)

ARCHIVE_READ_BYTES: Final = 1 * KIB
"""Archive bytes unpacked at a time. Output is lost from the piece that is damaged only."""

CAREFUL_READ_BYTES: Final = 64
"""The same after a piece that was far larger unpacked, and at the start: so many bytes of zst become 2 MiB at the most,
a few milliseconds of work. 1 KiB of it may become 32 MiB."""

LARGE_PIECE_BYTES: Final = 64 * KIB
"""What 1 KiB of a real day does not unpack to."""


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

    @property
    def is_closed(self) -> bool:
        """Whether it was given back."""

    def close(self) -> None:
        """Give the file and any temporary space back."""


class FileSource(PooledFile):
    """A plain file, read in place."""

    __slots__ = ()

    @property
    def chunk(self) -> int:
        """How far the index reads ahead at a time."""
        return SCAN_CHUNK_BYTES


class Decoder(Protocol):
    """What zlib and zstandard decompression objects have in common: one gz member, one zst frame."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


class Codec(Protocol):
    """One way in which text is stored.

    Attributes:
        error: what its decoders raise.
        has_end: whether a member tells where it ends; else it ends with the file.
        is_padded: whether NULs between two members are no part of either.
    """

    error: type[Exception]
    has_end: bool
    is_padded: bool

    def decoder(self) -> Decoder:
        """A decoder for the next member."""


class _Gzip:
    error: type[Exception] = zlib.error
    has_end = is_padded = True

    def decoder(self) -> Decoder:
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)  # 16: a gz header, not a zlib one


class _Zstd:
    has_end = is_padded = True

    def __init__(self) -> None:
        import zstandard  # here, because most tapes are plain and it costs milliseconds to load

        self.error: type[Exception] = zstandard.ZstdError
        self._decompressor = zstandard.ZstdDecompressor()

    def decoder(self) -> Decoder:
        return self._decompressor.decompressobj()


class Deflate:
    """A member of a zip file, without its header."""

    error: type[Exception] = zlib.error
    has_end = True
    is_padded = False

    def decoder(self) -> Decoder:
        """A decoder for it."""
        return zlib.decompressobj(wbits=-zlib.MAX_WBITS)


class _Utf16Text:
    """Text in UTF-16, of which the first two bytes say the order of the others, as UTF-8."""

    eof = False
    unused_data = b""

    def __init__(self) -> None:
        self._decoder: Final = codecs.getincrementaldecoder("utf-16")()

    def decompress(self, data: bytes, /) -> bytes:
        return self._decoder.decode(data).encode()


class _Utf16:
    """What PowerShell writes with ``>``."""

    error: type[Exception] = UnicodeError
    has_end = is_padded = False

    def decoder(self) -> Decoder:
        return _Utf16Text()


UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
"""What text in UTF-16 begins with."""

_BY_START: Final[dict[bytes, Callable[[], Codec]]] = {
    b"\x1f\x8b": _Gzip,
    b"\x28\xb5\x2f\xfd": _Zstd,
    **dict.fromkeys(UTF16_MARKS, _Utf16),
}
"""By the first bytes of a file, whatever it is called."""

CODECS: Final[dict[str, Callable[[], Codec]]] = {".zst": _Zstd, ".gz": _Gzip}
"""What a file is that is damaged from its first byte on."""

_MAGIC_BYTES: Final = 4
_LOCAL_HEADER: Final = struct.Struct("<26xHH")
"""Of a member, up to its name: the lengths of the name and of what is extra. Source: APPNOTE.TXT, 4.3.7."""

_BOM: Final = b"\xef\xbb\xbf"


class Unpacker:
    """An archive's content in pieces, members one after the other.

    Args:
        archive: where its bytes are read.
        codec: its format.
    """

    def __init__(self, archive: Reader, codec: Codec) -> None:
        self._archive: Final = archive
        self._codec: Final = codec
        self._decoder: Decoder | None = None
        self._position = 0
        self._data = b""
        self._step = CAREFUL_READ_BYTES

    def next(self) -> bytes | None:
        """The next piece, perhaps an empty one; None at the end.

        Raises EOFError when the last member is cut off, the codec's error when one is damaged, and OSError when the
        archive cannot be read at the moment: then the next call tries the same again.
        """
        if not self._data:
            self._data = self._archive.read_at(self._position, self._step)
            self._position += len(self._data)
            if not self._data and self._decoder is not None and self._codec.has_end:
                raise EOFError("it ends in the middle of a member")
            if not self._data:
                return None
        return self._decoded()

    def _decoded(self) -> bytes:
        if self._decoder is None:
            # Padding between members is legal, and no member of these formats starts with NUL.
            self._data = self._data.lstrip(b"\0") if self._codec.is_padded else self._data
            if not self._data:
                return b""
            self._decoder = self._codec.decoder()
        decoder, data, self._data = self._decoder, self._data, b""
        piece = decoder.decompress(data)
        large = len(piece) > LARGE_PIECE_BYTES
        self._step = CAREFUL_READ_BYTES if large else min(2 * self._step, ARCHIVE_READ_BYTES)
        if decoder.eof:
            self._data, self._decoder = decoder.unused_data, None
        return piece


class Stored(Reader, Protocol):
    """What an archive is read from."""

    def close(self) -> None:
        """It is not read any more."""


class Region:
    """A part of a file, such as a member of a zip file that is stored as it is.

    Args:
        file: closed with the region.
        start, size: in bytes.
    """

    chunk: Final = SCAN_CHUNK_BYTES

    def __init__(self, file: PooledFile, start: int, size: int) -> None:
        self._file: Final = file
        self._start: Final = start
        self._size: Final = size

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes of the part from ``offset``; empty only at its end. Raises OSError."""
        room = min(size, self._size - offset)
        return self._file.read_at(self._start + offset, room) if room > 0 else b""

    @property
    def is_closed(self) -> bool:
        """Whether the file was given back."""
        return self._file.is_closed

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


class SpooledSource:
    """An archive, unpacked into temporary space only as far as it has been read.

    Damage and ``limit`` end the content where they occur, with one warning that names the file. Trouble of the
    system, such as a full disk, ends nothing: it is raised, and the next read tries again.

    Args:
        archive: what is stored; closed with the source, or at its end.
        codec: its format.
        name: the file's name for warnings.
        limit: most bytes to unpack.
        spool: the temporary space.
    """

    chunk: Final = UNPACK_CHUNK_BYTES

    def __init__(
        self,
        archive: Stored,
        codec: Codec,
        name: str,
        limit: int = MAX_SPOOL_BYTES,
        spool: Spool | None = None,
    ) -> None:
        self._archive: Final = archive
        self._name: Final = name
        self._limit: Final = limit
        self._damage: Final = (codec.error, EOFError)
        self._unpacker: Final = Unpacker(archive, codec)
        self._spool: Final = spool or Spool()
        self._piece = b""
        self._complete = self.is_closed = False

    def ensure(self, upto: int) -> int:
        """Unpack until ``upto`` bytes are there, or the end; how many there are. Raises OSError."""
        while self._spool.size < upto and not self._complete:
            self._grow()
        return self._spool.size

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes of the content from ``offset``; empty only at the end. Raises OSError.

        Raises ValueError when it was closed, as a file does: what was not unpacked is not the end.
        """
        if self.is_closed:
            raise ValueError("read of a closed archive")
        available = self.ensure(offset + size) - offset
        return self._spool.read_at(offset, min(size, available)) if available > 0 else b""

    def close(self) -> None:
        """Give the archive and the temporary space back. May be called again."""
        self._complete = self.is_closed = True
        self._archive.close()
        self._spool.close()

    def _grow(self) -> None:
        """Unpack a little more; what could not be written is kept for the next time."""
        if not self._piece:
            piece = self._next_piece()
            room = self._limit - self._spool.size
            if piece is None or len(piece) > room:
                self._piece = (piece or b"")[:room]
                self._write()
                self._end("" if piece is None else f"unpacks to more than {self._limit:,} bytes")
                return
            self._piece = piece
        self._write()

    def _next_piece(self) -> bytes | None:
        try:
            return self._unpacker.next()
        except self._damage as error:
            kind = "" if self._spool.size else "; if it is no archive, its name has to end with .jsonl"
            self._end(f"is damaged or cannot be unpacked after {self._spool.size:,} bytes ({error}){kind}")
            return b""

    def _write(self) -> None:
        before = self._spool.size
        try:
            self._spool.append(self._piece)
        finally:
            self._piece = self._piece[self._spool.size - before :]

    def _end(self, problem: str = "") -> None:
        self._complete = True
        self._archive.close()
        if problem:
            log.warning("%s %s; what was unpacked before is served", self._name, problem)


def open_source(path: Path, name: str | None = None) -> Source:
    """Open a tape's file read-only; no more than its first bytes are read yet, which say what it is.

    Args:
        path: the file.
        name: the name the user knows it by, for warnings; ``path`` by default.

    Raises OSError when it cannot be opened.
    """
    name, file = name or str(path), FileSource(path)
    return decoded(file, file.read_at(0, _MAGIC_BYTES), name)


def open_member(path: Path, member: str, name: str) -> Source:
    """Open a member of a zip file in place, its own compression undone as well. Raises OSError."""
    file = PooledFile(path)
    try:
        with zipfile.ZipFile(_Window(file)) as archive:
            info = archive.getinfo(member)
        header = file.read_at(info.header_offset, _LOCAL_HEADER.size)
        *_, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
    except (zipfile.BadZipFile, KeyError, struct.error, NotImplementedError, ValueError) as error:
        file.close()
        raise OSError(errno.EIO, f"the zip file is damaged or was changed: {error}", str(path)) from error
    start = info.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
    stored: Source = Region(file, start, info.compress_size)
    if info.compress_type == zipfile.ZIP_DEFLATED:
        stored = SpooledSource(stored, Deflate(), name)
    return decoded(stored, stored.read_at(0, _MAGIC_BYTES), member)


class _Window(io.RawIOBase):
    """A file as `zipfile` reads one.

    Args:
        file: stays open.
    """

    def __init__(self, file: PooledFile) -> None:
        self._file: Final = file
        self._size: Final = file.status().st_size
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        found = self._file.read_at(self._at, self._size - self._at if size < 0 else size)
        self._at += len(found)
        return found


def decoded(stored: Source, start: bytes, name: str) -> Source:
    """What is stored, decoded if its first bytes say so, or its name where they are no text."""
    made = next((codec for magic, codec in _BY_START.items() if start.startswith(magic)), None)
    if made is None and not _is_text(start):
        made = CODECS.get(Path(name).suffix)
    return stored if made is None else SpooledSource(stored, made(), name)


def _is_text(start: bytes) -> bool:
    """Whether a file may begin so that holds JSON as it is."""
    return start.startswith(_BOM) or all(byte >= ord(" ") or byte in b"\t\r\n" for byte in start)

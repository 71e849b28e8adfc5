"""Files that are read at any offset, of which only so many are open at once.

A day of 24 tickers has hundreds of files, and a process may have 256 descriptors. So the file used longest ago is
closed when one more is opened, and opened again when it is read again. The pool belongs to the process, as
descriptors do.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final, NamedTuple

from gexfaker.limits import MAX_OPEN_FILES

Pread = Callable[[int, int, int], bytes]
"""``os.pread``: file descriptor, size, offset."""

_PREAD: Final[Pread | None] = getattr(os, "pread", None)


class OpenFiles:
    """The files that are open.

    Args:
        most: how many at once; files that are being read at the moment may be more.

    Attributes:
        most: may be changed at any time.
    """

    def __init__(self, most: int = MAX_OPEN_FILES) -> None:
        self.most = most
        self._open: Final[OrderedDict[PooledFile, IO[bytes]]] = OrderedDict()
        self._lock: Final = threading.Lock()

    def __len__(self) -> int:
        return len(self._open)

    def borrow(self, file: PooledFile) -> IO[bytes]:
        """The open file, which is not closed until it is given back. Raises OSError."""
        with self._lock:
            handle = self._open.get(file)
            if handle is None:
                self._make_room()
                handle = self._open[file] = file.reopen()
            else:
                self._open.move_to_end(file)
            file.readers += 1
            return handle

    def give_back(self, file: PooledFile) -> None:
        """The end of ``borrow``."""
        with self._lock:
            file.readers -= 1
            if file.is_closed and not file.readers:
                self._close(file)

    def forget(self, file: PooledFile) -> None:
        """A file is not needed any more."""
        with self._lock:
            if not file.readers:
                self._close(file)

    def _make_room(self) -> None:
        idle = (file for file in list(self._open) if not file.readers)
        while len(self._open) >= self.most and (file := next(idle, None)) is not None:
            self._close(file)

    def _close(self, file: PooledFile) -> None:
        handle = self._open.pop(file, None)
        if handle is not None:
            handle.close()


def version_of(path: Path) -> tuple[int, ...]:
    """What is another one when a file was changed or replaced, or a name in a folder; empty where there is nothing."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def regular_status(path: Path) -> os.stat_result:
    """What the system says of a file; to open a pipe would wait. Raises OSError: it is none, or no regular one."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.ESTALE, "it is no regular file", str(path))
    return status


SAMPLE_BYTES: Final = 256
"""What is compared at the start and at the end of a file to see whether it was only added to."""


class Identity(NamedTuple):
    """What is another one when a file was changed or replaced.

    Attributes:
        device, inode: which file it is.
        size: in bytes.
        changed_ns: when it was last written to, epoch nanoseconds.
        first, last: its first and last bytes.
    """

    device: int
    inode: int
    size: int
    changed_ns: int
    first: bytes
    last: bytes


class Origin:
    """Which file was opened under a name, and what was known of it then.

    Attributes:
        identity: the file, in that version.

    Raises OSError: there is none, or it is no regular file.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        status = regular_status(path)
        version = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
        self.identity: Final = Identity(*version, *self._read_samples(status.st_size))

    def _read_samples(self, size: int) -> tuple[bytes, bytes]:
        """The first bytes, and the last ones of what was there when it had that size. Raises OSError."""
        with self._path.open("rb", buffering=0) as file:
            first = file.read(SAMPLE_BYTES)
            file.seek(max(0, size - SAMPLE_BYTES))
            return first[:size], file.read(min(SAMPLE_BYTES, size))

    def is_there(self, *, grows: bool) -> bool:
        """Whether the same file has the name, unchanged; one that grows may be larger. For any thread."""
        now, opened = version_of(self._path), self.identity
        if now == opened[:4]:
            return True
        is_larger = now[:2] == opened[:2] and now[2] >= opened.size
        return grows and is_larger and self._has_its_samples()

    def _has_its_samples(self) -> bool:
        """Whether it was only added to, as far as two places of it say; somebody may have written it anew in place."""
        try:
            return self._read_samples(self.identity.size) == (self.identity.first, self.identity.last)
        except OSError:
            return False


OPEN_FILES: Final = OpenFiles()
"""Those of this process."""


class PooledFile:
    """A file read in place, from any thread.

    Args:
        path: of the file.
        pool: where it is open, or not.
        pread: the system's positional read; None where there is none (Windows): then seek and read.

    Attributes:
        readers: how many reads are under way; the pool's.
        is_closed: whether it may be read no more.

    Raises OSError when it cannot be opened.
    """

    __slots__ = ("_identity", "_lock", "_path", "_pool", "_pread", "is_closed", "readers")

    def __init__(self, path: Path, pool: OpenFiles = OPEN_FILES, pread: Pread | None = _PREAD) -> None:
        self._path: Final = path
        self._pool: Final = pool
        self._pread: Final = pread
        self._lock: Final = threading.Lock()
        self._identity: tuple[int, int] | None = None
        self.readers = 0
        self.is_closed = False
        pool.borrow(self)
        pool.give_back(self)

    def reopen(self) -> IO[bytes]:
        """Open it, for the pool. Raises OSError, also when another file has its name by now."""
        regular_status(self._path)
        handle = self._path.open("rb", buffering=0)
        status = os.fstat(handle.fileno())
        identity = status.st_dev, status.st_ino
        if self._identity is None:
            self._identity = identity
        elif identity != self._identity:
            handle.close()
            raise OSError(errno.ESTALE, "another file has this name now", str(self._path))
        return handle

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset``; empty only at the end. Raises OSError, ValueError once it is closed."""
        if self.is_closed:
            raise ValueError("read of a closed file")
        handle = self._pool.borrow(self)
        try:
            if self._pread is not None:
                return self._pread(handle.fileno(), size, offset)
            with self._lock:
                handle.seek(offset)
                return handle.read(size)
        finally:
            self._pool.give_back(self)

    def status(self) -> os.stat_result:
        """What the system says of it. Raises OSError."""
        handle = self._pool.borrow(self)
        try:
            return os.fstat(handle.fileno())
        finally:
            self._pool.give_back(self)

    def close(self) -> None:
        """It is not read any more. May be called again."""
        self.is_closed = True
        self._pool.forget(self)

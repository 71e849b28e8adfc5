"""Temporary space for what compressed days are unpacked to: one file for all of them, bounded, without a name.

It is given out in blocks. A block that is given back is used again, and when none is used the file goes.
"""

from __future__ import annotations

import errno
import tempfile
import threading
from typing import IO, Final

from gexfaker.limits import MAX_SPOOLS_BYTES, SPOOL_BLOCK_BYTES


class SpoolSpace:
    """The file, made when it is needed.

    Args:
        most: bytes of all spools together.
    """

    def __init__(self, most: int = MAX_SPOOLS_BYTES) -> None:
        self._most: Final = most // SPOOL_BLOCK_BYTES
        self._free: Final[list[int]] = []
        self._count = 0
        self._lock: Final = threading.Lock()
        self._file: IO[bytes] | None = None

    def take(self) -> int:
        """A block. Raises OSError when there is none, or no file can be made."""
        with self._lock:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - until no block is used
            if self._free:
                return self._free.pop()
            if self._count >= self._most:
                mib = self._most * SPOOL_BLOCK_BYTES >> 20
                raise OSError(errno.ENOSPC, f"all compressed days together may be unpacked to {mib} MiB")
            self._count += 1
            return self._count - 1

    def give_back(self, blocks: list[int]) -> None:
        """These blocks are not needed any more."""
        with self._lock:
            self._free.extend(blocks)
            if self._file is not None and len(self._free) == self._count:
                self._file.close()
                self._file = None
                self._free.clear()
                self._count = 0

    def write(self, block: int, at: int, data: bytes) -> None:
        """Write into a block, all of it. Raises OSError (a full disk)."""
        with self._lock:
            file = self._opened()
            file.seek(block * SPOOL_BLOCK_BYTES + at)
            rest = memoryview(data)
            while rest:  # an unbuffered file may take less than it is given
                rest = rest[file.write(rest) :]

    def read(self, block: int, at: int, size: int) -> bytes:
        """Read from a block. Raises OSError."""
        with self._lock:
            file = self._opened()
            file.seek(block * SPOOL_BLOCK_BYTES + at)
            return file.read(size)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            raise ValueError("no block was taken")
        return self._file


SPOOLS: Final = SpoolSpace()
"""That of this process."""


class Spool:
    """What one compressed file is unpacked to.

    Args:
        space: where its blocks come from.

    Attributes:
        size: bytes so far.
    """

    def __init__(self, space: SpoolSpace = SPOOLS) -> None:
        self._space: Final = space
        self._blocks: list[int] = []
        self.size = 0

    def append(self, data: bytes) -> None:
        """Write at the end. Raises OSError; what was written before stays."""
        done = 0
        while done < len(data):
            block, at = divmod(self.size, SPOOL_BLOCK_BYTES)
            if block == len(self._blocks):
                self._blocks.append(self._space.take())
            part = data[done : done + SPOOL_BLOCK_BYTES - at]
            self._space.write(self._blocks[block], at, part)
            self.size += len(part)
            done += len(part)

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes; empty only at the end. Raises OSError."""
        block, at = divmod(offset, SPOOL_BLOCK_BYTES)
        if offset >= self.size:
            return b""
        size = min(size, self.size - offset)
        first = self._space.read(self._blocks[block], at, min(size, SPOOL_BLOCK_BYTES - at))
        return first if len(first) == size else first + self.read_at(offset + len(first), size - len(first))

    def close(self) -> None:
        """Give the space back. May be called again."""
        blocks, self._blocks = self._blocks, []
        self.size = 0
        self._space.give_back(blocks)

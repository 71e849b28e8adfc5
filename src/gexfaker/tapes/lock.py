"""One writer at a time: a lock that the system lets go of when its holder dies, however it dies."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from gexfaker.tapes.writer import explained


class WriteLock:
    """Held by whoever writes in a folder; the system takes it from a program that dies.

    Args:
        path: the lock's file, which is there only while somebody holds it, or died holding it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Take it if nobody has it; whether it was taken. Raises DataError when the file cannot be made."""
        with explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open("ab")
        if _lock(file) and _is_still(file, self.path):
            self._file = file
            return True
        file.close()
        return False

    def release(self) -> None:
        """Let go of it. May be called again."""
        file, self._file = self._file, None
        if file is None:
            return
        if sys.platform != "win32":  # there, an open file cannot be removed
            self.path.unlink(missing_ok=True)
        file.close()
        with suppress(OSError):  # Windows: somebody else may have it already
            if sys.platform == "win32":
                self.path.unlink()


def _lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_still(file: IO[bytes], path: Path) -> bool:
    """Whether the open file is the one at ``path``: its holder may have removed it since it was opened."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False

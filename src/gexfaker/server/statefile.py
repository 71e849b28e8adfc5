"""The state file: where worlds are in their days, written whole or not at all, read back at the next start."""

from __future__ import annotations

import contextlib
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from gexfaker.errors import DataError
from gexfaker.server.slices import in_slices
from gexfaker.shell import expanded
from gexfaker.tapes.lock import WriteLock
from gexfaker.worlds.snapshot import VERSION, encode, restore, snapshot
from gexfaker.worlds.worlds import Worlds

log: Final = logging.getLogger(__name__)


class _File(msgspec.Struct):
    """As ``Snapshots``, of worlds that are encoded already."""

    version: int
    sessions: list[msgspec.Raw]


class StateFile:
    """Where the worlds are kept, if anywhere.

    Args:
        path: of the file; None keeps nothing.
    """

    def __init__(self, path: str | None) -> None:
        self._path: Final = None if path is None else expanded(Path(path))
        self._writer: Final = ThreadPoolExecutor(1, "state-file")
        self._seen = 0
        self._newest = b""
        self._written = b""
        self._failure = ""
        self._alive = 0.0
        self._guard: WriteLock | None = None

    def check(self) -> None:
        """Raises DataError: the file has no place."""
        if self._path is not None and not self._path.parent.is_dir():
            raise DataError(f"there is no folder {self._path.parent} for the STATE_FILE: create it, or set another")

    def load(self, worlds: Worlds, now: float) -> None:
        """Put back what the file has, if it exists, and have it for this server alone.

        Raises:
            DataError: it is no state file, or cannot be read; nothing is overwritten then.
        """
        if self._path is None:
            return
        self.check()
        if not self._lock():
            raise DataError(f"{self._path} is used by another server: set another STATE_FILE")
        try:
            self._read(self._path, worlds, now)
        except DataError:
            self._release()
            raise

    def _read(self, path: Path, worlds: Worlds, now: float) -> None:
        if not path.exists():
            return
        if not path.is_file():
            raise DataError(f"{path} is not a regular file: set another STATE_FILE")
        try:
            alive = min(now, path.stat().st_mtime)
            count = restore(worlds, path.read_bytes(), now, alive)
        except (OSError, DataError) as error:
            raise DataError(f"{path} cannot be used ({error}): remove it, or set another STATE_FILE") from None
        log.info("%s: positions of %d sessions restored", path, count)

    def _lock(self) -> bool:
        """Have the file for this server alone; whether it is."""
        if self._path is None:
            return True
        lock = WriteLock(self._path.with_name(self._path.name + ".lock"))
        try:
            taken = lock.acquire()
        except DataError as error:
            raise DataError(f"the STATE_FILE {self._path} cannot be written ({error}): set another") from None
        if taken:
            self._guard = lock
        return taken

    def close(self) -> None:
        """Another server may have the file once everything is written."""
        self._writer.shutdown()
        self._release()

    def _release(self) -> None:
        if self._guard is not None:
            self._guard.release()

    def save(self, worlds: Worlds, now: float) -> None:
        """Have the worlds written as they stand at the end of the server, by a thread.

        The process does not end before the file is written.
        """
        self._alive = now
        if self._path is not None:
            self._submit(self._path, encode(worlds, now))

    async def keep(self, worlds: Worlds, now: float) -> None:
        """Have the worlds written if they have changed, by a thread: a slow disk must not hold up the feed.

        Otherwise the file's time alone is renewed. It says until when market clocks have run, should the process be
        killed: they do not run while nobody is there.

        Of many worlds the text is put together in slices, each world as it is then. A failure is logged, and tried
        again the next time.
        """
        self._alive = now
        if self._path is None:
            return
        if self._seen == worlds.changes and self._newest == self._written:
            self._writer.submit(self._renew, self._path)
            return
        if self._seen != worlds.changes:
            seen = worlds.changes
            parts = [msgspec.Raw(msgspec.json.encode(snapshot(world))) async for world in in_slices(worlds.in_use())]
            self._newest = msgspec.json.encode(_File(VERSION, parts))
            self._seen = seen
        self._submit(self._path, self._newest)

    def _submit(self, path: Path, text: bytes) -> None:
        self._newest = text
        if text != self._written:
            self._writer.submit(self._write, path)

    def _write(self, path: Path) -> None:
        text, new = self._newest, path.with_name(path.name + ".new")
        if text == self._written:
            return
        try:
            with new.open("wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
            self._renew(path)
        except OSError as error:
            if str(error) != self._failure:  # once, not every second
                log.warning("%s cannot be written: %s", path, error)
            self._failure = str(error)
            return
        self._written, self._failure = text, ""

    def _renew(self, path: Path) -> None:
        """Set the file's time; a file that somebody removed stays away."""
        with contextlib.suppress(OSError):
            os.utime(path, (self._alive, self._alive))

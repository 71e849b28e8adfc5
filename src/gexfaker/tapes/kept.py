"""Indexes of large files, kept in a folder of this machine, so that a later start does not look for the records again.

Only of files that are read in place: what is unpacked is unpacked anew anyway. An index is of one version of a file. It
is used only while the file has the same size, time and ends, and is written over when the file is another one. Nothing
depends on it: what is missing, damaged or of another release is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from gexfaker.limits import MAX_KEPT_INDEX_BYTES, MAX_KEPT_INDEXES_BYTES, MIB
from gexfaker.tapes.files import Identity, Origin, regular_status
from gexfaker.tapes.index import LineIndex

log = logging.getLogger(__name__)

VERSION: Final = f"gexfaker index 1 {sys.byteorder}"
"""What an index says of its form. Another one is not read."""

KEPT_FROM_BYTES: Final = 8 * MIB
"""An index is worth keeping once so much more of the file was looked through: 60 ms of an array, 6 of lines."""

SETTLED_NS: Final = 2_000_000_000
"""A file that was changed so shortly before may change again without its time becoming another one (FAT: 2 s)."""

PREFIX, SUFFIX = "gexfaker-", ".index"


def cache_folder(environ: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """Where programs keep on this system what they can make again; None when it does not say.

    XDG Base Directory Specification on Linux, the vendors' conventions on macOS and Windows.
    """
    home = environ.get("USERPROFILE" if platform == "win32" else "HOME", "")
    usual = {"win32": environ.get("LOCALAPPDATA", ""), "darwin": home and f"{home}/Library/Caches"}
    base = environ.get("XDG_CACHE_HOME") or usual.get(platform, home and f"{home}/.cache")
    return Path(base) / "gexfaker" if base and Path(base).is_absolute() else None


class _Kept(msgspec.Struct, array_like=True):
    version: str
    identity: Identity
    check: int
    scan: bytes


class IndexFolder:
    """The folder. What the system refuses is told once: it costs time, nothing else.

    Args:
        root: made when something is kept.
        most: bytes of all indexes together; the ones used longest ago go.
    """

    def __init__(self, root: Path, most: int = MAX_KEPT_INDEXES_BYTES) -> None:
        self._root: Final = root
        self._most: Final = most
        self._has_failed = False

    def read(self, path: Path, identity: Identity) -> bytes | None:
        """What was kept of this version of a file; None when there is nothing."""
        file = self._file(path)
        try:
            if regular_status(file).st_size > MAX_KEPT_INDEX_BYTES:
                return None
            kept = msgspec.msgpack.decode(file.read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError):
            return None
        if (kept.version, kept.identity, kept.check) != (VERSION, identity, zlib.crc32(kept.scan)):
            return None
        with contextlib.suppress(OSError):
            os.utime(file)
        return kept.scan

    def write(self, path: Path, identity: Identity, scan: bytes) -> None:
        """Keep what is known of this version of a file, unless it is too much."""
        content = msgspec.msgpack.encode(_Kept(VERSION, identity, zlib.crc32(scan), scan))
        if len(content) > MAX_KEPT_INDEX_BYTES or self._has_failed:
            return
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._replace(self._file(path), content, identity)
        except OSError as error:
            self._has_failed = True
            reason = error.strerror or error
            log.warning("no index can be kept in %s: %s; set CACHE_DIR to another folder, or none", self._root, reason)
            return
        with contextlib.suppress(OSError):  # another server may be evicting as well
            self._evict()

    def _replace(self, file: Path, content: bytes, identity: Identity) -> None:
        """Write it whole or not at all, and not of a file that may still be changing."""
        handle, name = tempfile.mkstemp(SUFFIX, PREFIX, self._root)
        written = Path(name)
        try:
            with os.fdopen(handle, "wb") as opened:
                opened.write(content)
            if written.stat().st_mtime_ns - identity.changed_ns > SETTLED_NS:
                written.replace(file)
        finally:
            written.unlink(missing_ok=True)

    def _evict(self) -> None:
        with os.scandir(self._root) as entries:
            ours = [entry for entry in entries if _is_index(entry.name)]
        found = [(entry.stat(follow_symlinks=False), Path(entry.path)) for entry in ours]
        room = self._most
        for status, file in sorted(found, key=lambda one: one[0].st_mtime_ns, reverse=True):
            room -= status.st_size
            if room < 0:
                file.unlink(missing_ok=True)

    def _file(self, path: Path) -> Path:
        name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
        return self._root / (PREFIX + name + SUFFIX)


def _is_index(name: str) -> bool:
    """Whether it is a file of this module, also one that was not written to its end: no other one is removed."""
    return name.startswith(PREFIX) and name.endswith(SUFFIX)


class KeptIndex:
    """The index of one file, in such a folder.

    Args:
        folder: where it is kept.
        path: of the file.
        origin: which version of the file was opened.
    """

    def __init__(self, folder: IndexFolder, path: Path, origin: Origin) -> None:
        self._folder: Final = folder
        self._path: Final = path
        self._origin: Final = origin
        self._reached = 0

    def restore(self, index: LineIndex) -> None:
        """Have a new index know what was kept."""
        scan = self._folder.read(self._path, self._origin.identity)
        if scan is not None and index.restore(scan):
            self._reached = index.scanned

    def keeping(self, index: LineIndex) -> Callable[[], None] | None:
        """What is to be done in another thread to keep the index; None when it is not worth it."""
        if index.scanned < self._reached + KEPT_FROM_BYTES or (scan := index.saved()) is None:
            return None
        self._reached = index.scanned
        return lambda: self._keep(scan)

    def _keep(self, scan: bytes) -> None:
        if self._origin.is_there(grows=False):
            self._folder.write(self._path, self._origin.identity, scan)

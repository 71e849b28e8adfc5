"""Days from the service: which files are wanted, what is whole already, and how each is brought in.

A file has its name only when it is whole and has been looked through. Until then it is ``.NAME.part``, which the next
try goes on with where the host can send the rest. What was brought in is written down in ``downloads.json`` with its
size and SHA-256; what stands there and is there is not asked for again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Final, NamedTuple

from gexfaker.client.history import (
    PAUSES,
    History,
    MissingError,
    RangeError,
    StopError,
    TryError,
    copy,
    named,
    size_of,
)
from gexfaker.errors import DataError
from gexfaker.limits import MIB
from gexfaker.tapes.lock import WriteLock
from gexfaker.tapes.writer import PART, explained

MANIFEST: Final = "downloads.json"
LOCK: Final = ".gexfaker-download.lock"
LEAST_FREE_BYTES: Final = 3 * 1024 * MIB
"""Room that a download leaves on the disk."""

HASHED_BYTES: Final = 4 * MIB
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK"


class Wanted(NamedTuple):
    """One file to be had: a feed's day, or with an empty package a ticker's newest end-of-day report.

    Attributes:
        ticker, package, category, date: as in the service's paths.
    """

    ticker: str
    package: str = ""
    category: str = ""
    date: str = ""

    def __str__(self) -> str:
        if not self.package:
            return f"the end-of-day report of {self.ticker}"
        name = self.category if self.package == self.category else f"{self.package} {self.category}"
        return f"{self.date} {self.ticker} {name}"

    @property
    def stem(self) -> str:
        """The name of the file without its ending; of a report the service says the day."""
        return f"{self.date}_{self.ticker}_{self.package}_{self.category}"


class Outcome(NamedTuple):
    """What became of a file.

    Attributes:
        wanted: it.
        path: where it is; None when it is not.
        size: in bytes.
        was_there: nothing had to be done.
        trouble: why it is not there.
        is_missing: the service has none.
        is_refused: the service lets this key have nothing more.
    """

    wanted: Wanted
    path: Path | None = None
    size: int = 0
    was_there: bool = False
    trouble: str = ""
    is_missing: bool = False
    is_refused: bool = False

    def __str__(self) -> str:
        if self.path is None:
            return f"{self.wanted}: {self.trouble}"
        done = "is there already" if self.was_there else f"{self.size / 1e6:,.1f} MB"
        return f"{self.wanted}: {self.path.name}, {done}"


class Manifest:
    """What was brought into a folder, by file name.

    Args:
        folder: the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path: Final = folder / MANIFEST
        self._folder: Final = folder
        self._lock: Final = threading.Lock()
        self.files: dict[str, dict[str, Any]] = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            found = json.loads(self._path.read_bytes())
            return {str(name): dict(entry) for name, entry in found["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def whole(self, stem: str) -> Path | None:
        """The file of that name, with any ending, if it is there as it was brought in."""
        for ending in (".json", ".json.gz", ".zip"):
            path = self._folder / f"{stem}{ending}"
            entry = self.files.get(path.name)
            if entry is not None and path.is_file() and path.stat().st_size == entry.get("size"):
                return path
        return None

    def has_day(self, date: str, ticker: str) -> bool:
        """Whether the report of a day is there, or arrays of it."""
        arrays = (name for name in self.files if name.startswith(f"{date}_{ticker}_"))
        is_there = self.whole(f"eod_report_{ticker}_{date}") is not None
        return is_there or any((self._folder / name).is_file() for name in arrays)

    def add(self, path: Path, digest: str) -> None:
        """Write down that a file is whole. Raises DataError."""
        with self._lock, explained(self._path):
            self.files[path.name] = {"size": path.stat().st_size, "sha256": digest}
            part = self._path.with_name(f".{MANIFEST}{PART}")
            part.write_text(json.dumps({"files": dict(sorted(self.files.items()))}, indent=1) + "\n")
            part.replace(self._path)


class Downloader:
    """Brings files into a folder.

    Args:
        history: where from.
        folder: where to.
        told: is called with each file and the bytes of it that have come, and how many it has if that is known.
        sleep: waits.

    Raises DataError when the folder cannot be written.
    """

    def __init__(
        self,
        history: History,
        folder: Path,
        told: Callable[[Wanted, int, int | None], None] = lambda *_: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._history: Final = history
        self._folder: Final = folder
        self._told: Final = told
        self._sleep: Final = sleep
        self._manifest: Final = Manifest(folder)
        self._stopped = ""

    def bring(self, wanted: Sequence[Wanted], workers: int) -> Iterator[Outcome]:
        """Bring all in, several at a time; what became of each, as it does. One run at a time in a folder.

        Raises:
            DataError: another run is under way, or the folder cannot be written.
        """
        lock = WriteLock(self._folder / LOCK)
        if not lock.acquire():
            raise DataError(f"another download into {self._folder} is under way: wait for it, or take another folder")
        pool = ThreadPoolExecutor(workers, thread_name_prefix="download")
        try:
            tasks: Iterable[Future[Outcome]] = [pool.submit(self._bring, one) for one in wanted]
            for task in as_completed(tasks):
                yield task.result()
        finally:
            self._stopped = self._stopped or "it was stopped"
            pool.shutdown(cancel_futures=True)
            lock.release()

    def _bring(self, wanted: Wanted) -> Outcome:
        for pause in (*PAUSES, None):
            if self._stopped:
                return Outcome(wanted, trouble=f"not asked for: {self._stopped}")
            try:
                return self._try(wanted)
            except MissingError as error:
                return Outcome(wanted, trouble=f"the service has none ({error})", is_missing=True)
            except StopError as error:
                self._stopped = str(error)
                return Outcome(wanted, trouble=str(error), is_refused=True)
            except TryError as error:
                if pause is None:
                    return Outcome(wanted, trouble=f"{error}; tried {len(PAUSES) + 1} times")
                self._sleep(pause if error.wait is None else max(error.wait, pause))
        raise AssertionError

    def _try(self, wanted: Wanted) -> Outcome:
        if wanted.package:
            if (there := self._manifest.whole(wanted.stem)) is not None:
                return Outcome(wanted, there, there.stat().st_size, was_there=True)
            return self._file(wanted)
        return self._report(wanted)

    def _report(self, wanted: Wanted) -> Outcome:
        with self._history.report(wanted.ticker) as answer:
            name = named(answer)
            if name is None or not name.endswith(".zip"):
                raise TryError("the answer is no report: it has no file name")
            if (there := self._manifest.whole(name.removesuffix(".zip"))) is not None:
                return Outcome(wanted, there, there.stat().st_size, was_there=True)
            part = self._part(name)
            size = size_of(answer, 0)
            self._room(size)
            with explained(part), part.open("wb") as file:
                copy(answer, file, self._counter(wanted, 0, size))
                _settle(file)
        return self._keep(wanted, part, size, lambda _start: name)

    def _file(self, wanted: Wanted) -> Outcome:
        part = self._part(wanted.stem)
        start = part.stat().st_size if part.exists() else 0
        link = self._history.link(wanted.ticker, wanted.package, wanted.category, wanted.date)
        try:
            with self._history.file(link, start) as answer:
                if answer.status != 206:
                    start = 0
                size = size_of(answer, start)
                self._room(size)
                with explained(part), part.open("ab" if start else "wb") as file:
                    copy(answer, file, self._counter(wanted, start, size))
                    _settle(file)
        except RangeError as error:  # there is nothing more to send: it is whole, or it is another file
            size = error.size
        return self._keep(
            wanted, part, size, lambda begins: wanted.stem + (".json.gz" if begins.startswith(_GZIP) else ".json")
        )

    def _keep(self, wanted: Wanted, part: Path, size: int | None, name: Callable[[bytes], str]) -> Outcome:
        """Give a file its name, if it is whole. Raises TryError: it is not, and what came is thrown away."""
        found = part.stat().st_size
        if size is not None and found < size:
            raise TryError(f"it broke off after {found:,} of {size:,} bytes")  # the next try goes on from there
        if (trouble := _damage(part)) or (size is not None and found != size):
            part.unlink(missing_ok=True)
            raise TryError(trouble or f"it has {found:,} bytes instead of {size:,}")
        with explained(part):
            with part.open("rb") as file:
                path = self._folder / name(file.read(2))
            digest = _sha256(part)
            part.replace(path)
        self._manifest.add(path, digest)
        return Outcome(wanted, path, found)

    def _part(self, name: str) -> Path:
        return self._folder / f".{name}{PART}"

    def _counter(self, wanted: Wanted, start: int, size: int | None) -> Callable[[int], None]:
        came = start

        def count(more: int) -> None:
            nonlocal came
            came += more
            self._told(wanted, came, size)
            if self._stopped:
                raise TryError("it was stopped")

        return count

    def _room(self, size: int | None) -> None:
        free = shutil.disk_usage(self._folder).free - (size or 0)
        if free < LEAST_FREE_BYTES:
            raise StopError(f"the disk of {self._folder} would have less than {LEAST_FREE_BYTES / 1e9:.0f} GB left")


class Check(NamedTuple):
    """What became of a file that was brought in.

    Attributes:
        name: of the file.
        trouble: what is wrong with it now; "" for nothing.
    """

    name: str
    trouble: str = ""


def verify(folder: Path) -> Iterator[Check]:
    """Each file that is written down, looked at again. Raises DataError: nothing is written down there."""
    files = Manifest(folder).files
    if not files:
        raise DataError(f"{folder} has no {MANIFEST} of a download, so there is nothing to compare with")
    for name, entry in files.items():
        yield Check(name, _change(folder / Path(name).name, entry))


def _change(path: Path, entry: dict[str, Any]) -> str:
    """What is another than it was when a file came."""
    try:
        size = path.stat().st_size
        if size != entry.get("size"):
            return f"it has {size:,} bytes, and had {entry.get('size'):,}"
        return "" if _sha256(path) == entry.get("sha256") else "its content is another: it was changed or is damaged"
    except FileNotFoundError:
        return "it is not there any more"
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"


def _settle(file: Any) -> None:
    """Force what was written to the disk."""
    file.flush()
    os.fsync(file.fileno())


def _damage(part: Path) -> str:
    """What is wrong with a file by its content; "" for nothing."""
    with part.open("rb") as file:
        start = file.read(2)
    try:
        if start == _ZIP:
            with zipfile.ZipFile(part) as archive:
                bad = archive.testzip()
            return f"the member {bad} is damaged" if bad else ""
        with gzip.open(part) if start == _GZIP else part.open("rb") as text:
            return _damage_of_array(text)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error) as error:
        return f"it is damaged: {error}"


def _damage_of_array(text: Any) -> str:
    first = text.read(1)
    if first != b"[":
        return "it is no JSON array"
    last = first
    while piece := text.read(HASHED_BYTES):
        last = piece[-64:]
    return "" if last.rstrip().endswith(b"]") else "the array has no end"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

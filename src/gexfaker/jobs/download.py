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
import queue
import re
import shutil
import threading
import time
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from http.client import HTTPResponse
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
from gexfaker.errors import DataError, GexfakerError
from gexfaker.limits import MIB
from gexfaker.tapes.lock import WriteLock
from gexfaker.tapes.strays import MANIFEST
from gexfaker.tapes.writer import PART, explained

LOCK: Final = ".gexfaker-download.lock"
LEAST_FREE_BYTES: Final = 3 * 1024 * MIB
"""Room that a download leaves on the disk."""

LITTLE_FREE_BYTES: Final = 10 * 1024 * MIB
"""Less room than this is told: some ten days of a dozen tickers."""

LOOKED_BYTES: Final = 64 * MIB
"""So many bytes further it is looked again whether there is room."""

WAKE_SECONDS: Final = 0.5
ENDINGS: Final = (".json", ".json.gz", ".zip")
HASHED_BYTES: Final = 4 * MIB
_GZIP: Final = b"\x1f\x8b"
_REPORT: Final = re.compile(r"eod_report_[A-Z0-9._-]{1,16}_[0-9]{4}-[0-9]{2}-[0-9]{2}\.zip")


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


class _TakenError(GexfakerError):
    """The name of a file is that of another one."""


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
        for ending in ENDINGS:
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
        left, done = deque(wanted), queue.SimpleQueue[Outcome | DataError]()

        def work() -> None:
            with suppress(IndexError):
                while True:
                    done.put(self._outcome(left.popleft()))

        try:
            for _ in range(workers):  # daemons: who presses Ctrl-C does not wait for a service that does not answer
                threading.Thread(target=work, name="download", daemon=True).start()
            for _ in wanted:
                yield _next(done)
        finally:
            self._stopped = self._stopped or "it was stopped"
            lock.release()

    def _outcome(self, wanted: Wanted) -> Outcome | DataError:
        """What became of a file; that the folder cannot be written is everybody's trouble."""
        try:
            return self._bring(wanted)
        except DataError as error:
            return error
        except Exception as error:  # whatever it is, the other files can be had
            return Outcome(wanted, trouble=f"{type(error).__name__}: {error}")

    def _bring(self, wanted: Wanted) -> Outcome:
        for pause in (*PAUSES, None):
            if self._stopped:
                return Outcome(wanted, trouble=f"not asked for: {self._stopped}")
            try:
                return self._try(wanted)
            except _TakenError as error:
                return Outcome(wanted, trouble=str(error))
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
            return self._known(wanted, wanted.stem) or self._file(wanted)
        return self._report(wanted)

    def _known(self, wanted: Wanted, stem: str) -> Outcome | None:
        """That a file of that name is there already; None when it is not. Raises _TakenError."""
        there = self._there(stem)
        return None if there is None else Outcome(wanted, there, there.stat().st_size, was_there=True)

    def _take(self, wanted: Wanted, answer: HTTPResponse, part: Path, start: int) -> int | None:
        """Write an answer to the disk, from a byte on; how large the whole file is. Raises TryError, StopError."""
        size = size_of(answer, start)
        self._room(size)
        with explained(part), part.open("ab" if start else "wb") as file:
            copy(answer, file, self._counter(wanted, start, size))
            file.flush()
            os.fsync(file.fileno())
        return size

    def _report(self, wanted: Wanted) -> Outcome:
        with self._history.report(wanted.ticker) as answer:
            name = named(answer) or ""
            if not _REPORT.fullmatch(name) or not name.startswith(f"eod_report_{wanted.ticker}_"):
                raise TryError("the answer is no report of the ticker, by its name")
            if (known := self._known(wanted, name.removesuffix(".zip"))) is not None:
                return known
            part = self._part(name)
            size = self._take(wanted, answer, part, 0)
        return self._keep(wanted, part, size)

    def _file(self, wanted: Wanted) -> Outcome:
        part, tag = self._part(wanted.stem), self._part(f"{wanted.stem}.tag")
        start = part.stat().st_size if part.exists() else 0
        link = self._history.link(wanted.ticker, wanted.package, wanted.category, wanted.date)
        try:
            with self._history.file(link, start, tag.read_text() if start and tag.exists() else "") as answer:
                if answer.status != 206:  # it begins anew; else the tag stays that of what is there
                    start = 0
                    with explained(tag):
                        tag.write_text(answer.headers.get("ETag", ""))
                size = self._take(wanted, answer, part, start)
        except RangeError as error:  # there is nothing more to send: it is whole, or it is another file
            size = error.size
            part.touch()
        outcome = self._keep(wanted, part, size)
        tag.unlink(missing_ok=True)
        return outcome

    def _keep(self, wanted: Wanted, part: Path, size: int | None) -> Outcome:
        """Give a file its name, if it is whole. Raises TryError: it is not, and what came is thrown away."""
        found = part.stat().st_size
        if size is not None and found < size:
            raise TryError(f"it broke off after {found:,} of {size:,} bytes")  # the next try goes on from there
        if (trouble := _damage(part, is_report=not wanted.package)) or (size is not None and found != size):
            part.unlink(missing_ok=True)
            raise TryError(trouble or f"it has {found:,} bytes instead of {size:,}")
        name = part.name[1:].removesuffix(PART) if not wanted.package else f"{wanted.stem}{_ending(part)}"
        digest = _sha256(part)
        with explained(part):
            part.replace(self._folder / name)
        self._manifest.add(self._folder / name, digest)
        return Outcome(wanted, self._folder / name, found)

    def _there(self, stem: str) -> Path | None:
        """The file of that name that is there: as it came, or one that somebody else has put there.

        Raises _TakenError: somebody else's is damaged, and is not to be lost.
        """
        if (there := self._manifest.whole(stem)) is not None:
            return there
        for path in (self._folder / f"{stem}{ending}" for ending in ENDINGS):
            if path.is_file() and path.name not in self._manifest.files:
                if trouble := _damage(path, is_report=path.suffix == ".zip"):
                    raise _TakenError(f"there is another file of this name, {path.name}: {trouble}; move it away")
                self._manifest.add(path, _sha256(path))
                return path
        return None

    def _part(self, name: str) -> Path:
        return self._folder / f".{name}{PART}"

    def _counter(self, wanted: Wanted, start: int, size: int | None) -> Callable[[int], None]:
        came = looked = start

        def count(more: int) -> None:
            nonlocal came, looked
            came += more
            self._told(wanted, came, size)
            if came - looked > LOOKED_BYTES:
                looked = came
                self._room(None if size is None else size - came)
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


def _next(done: queue.SimpleQueue[Outcome | DataError]) -> Outcome:
    """The next that is done. Raises DataError."""
    while True:
        with suppress(queue.Empty):
            found = done.get(timeout=WAKE_SECONDS)  # without a timeout Ctrl-C is not heard on Windows
            if isinstance(found, DataError):
                raise found
            return found


def _ending(part: Path) -> str:
    with part.open("rb") as file:
        return ".json.gz" if file.read(2) == _GZIP else ".json"


def _damage(part: Path, *, is_report: bool) -> str:
    """What is wrong with a file by its content; "" for nothing."""
    with part.open("rb") as file:
        start = file.read(2)
    try:
        if is_report:
            with zipfile.ZipFile(part) as archive:
                bad = archive.testzip()
            return f"the member {bad} is damaged" if bad else ""
        with gzip.open(part) if start == _GZIP else part.open("rb") as text:
            return _damage_of_array(text)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, RuntimeError, ValueError) as error:
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


def room_left(folder: Path) -> str | None:
    """A sentence when the disk of a folder has less than LITTLE_FREE_BYTES left; None when it has more."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return None
    if free >= LITTLE_FREE_BYTES:
        return None
    return (
        f"the disk of {folder} has {free / 1e9:.1f} GB left, and downloads stop below {LEAST_FREE_BYTES / 1e9:.0f} GB: "
        "make room"
    )

"""Where simulated days go: what is there already, what is missing, and what must not be touched."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

from gexfaker.catalog import CATEGORIES, STANDARD_KINDS, Feed
from gexfaker.errors import DataError
from gexfaker.tapes.folder import EXTENSIONS, DataFolder, shown_path
from gexfaker.tapes.tape import Tape
from gexfaker.tapes.writer import PART, EodArchive, LinesFile, explained, remove_leftovers

MARK: Final = "generated.json"
"""The file that tells a generated folder from a recorded one, in DATE/TICKER."""

CHUNK: Final = 128
"""Records of a feed written before the next feed's: near enough for the market to compute them together."""

Mark = dict[str, Any]
"""What a resumed run must agree with: generator, versions of it and of the simulation, seed, records of each feed, and
feedback and scenario if any."""


class Target(Protocol):
    """A place for one ticker's day."""

    path: Path
    lock: Path

    def refuse(self, mark: Mark) -> None:
        """Raises DataError when something is there that this mark's run did not write."""

    def clear(self) -> None:
        """Remove the feeds that are there, and leftovers of killed runs. Raises DataError."""

    def tidy(self) -> None:
        """Remove leftovers of killed runs. Raises DataError."""

    def write(self, tapes: list[Tape], mark: Mark, report: Callable[[int], None]) -> int:
        """Write the feeds that are missing; how many. Raises DataError."""


class Folder:
    """DATE/TICKER of a data folder: a file a feed, and the mark."""

    def __init__(self, out: Path, date: str, ticker: str, form: str) -> None:
        self.path = out / date / ticker
        self.lock = self.path / ".gexfaker.lock"
        self._mark = self.path / MARK
        self._ending = f".{form}"

    def refuse(self, mark: Mark) -> None:
        """Raises DataError: recorded feeds, or feeds generated in another way."""
        text = _read(self._mark)
        found = _parse(text)
        if text and found is None:
            raise DataError(f"{self._mark} is damaged: --force to write the folder anew, or choose another --out")
        if found is None and any(self._present()):
            raise DataError(f"{self.path} holds recorded data: choose another --out, or --force to replace it")
        _compare(self.path, found, mark)

    def clear(self) -> None:
        """Remove all files of feeds, then the mark."""
        self.tidy()
        for path in (*self._present(), self._mark):
            with explained(path):
                path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove leftovers of killed runs."""
        remove_leftovers(self.path)

    def write(self, tapes: list[Tape], mark: Mark, report: Callable[[int], None]) -> int:
        """Write the missing feeds side by side."""
        if not self._mark.exists():
            self._set(mark)
        paths = {tape: self._file(tape.feed, self._ending) for tape in tapes}
        missing = {tape: path for tape, path in paths.items() if not path.exists()}
        files: list[tuple[Tape, LinesFile]] = []
        try:
            files.extend((tape, LinesFile(path)) for tape, path in missing.items())
            _fill(files, mark["records"], report)
            for _, file in files:
                file.commit()
        finally:
            for _, file in files:
                file.discard()
        return len(files)

    def _set(self, mark: Mark) -> None:
        file = LinesFile(self._mark)
        try:
            file.add(json.dumps(mark).encode())
            file.commit()
        finally:
            file.discard()

    def _file(self, feed: Feed, ending: str) -> Path:
        return self.path / feed.package / f"{feed.category}{ending}"

    def _present(self) -> Iterator[Path]:
        for package, categories in CATEGORIES.items():
            for category in categories:
                for ending in EXTENSIONS:
                    path = self.path / package / f"{category}{ending}"
                    if path.exists():
                        yield path


class Archive:
    """eod_report_TICKER_DATE.zip, whose comment is the mark."""

    def __init__(self, out: Path, date: str, ticker: str) -> None:
        self.path = out / f"eod_report_{ticker}_{date}.zip"
        self.lock = out / f".{self.path.name}.lock"
        self._date = date

    def refuse(self, mark: Mark) -> None:
        """Raises DataError: an archive of the service, or one generated in another way."""
        if not self.path.exists():
            return
        found = _mark_of(self.path)
        if found is None:
            raise DataError(f"{self.path} was not generated: choose another --out, or --force to replace it")
        _compare(self.path, found, mark)

    def clear(self) -> None:
        """Remove the archive."""
        self.tidy()
        with explained(self.path):
            self.path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove leftovers of killed runs."""
        remove_leftovers(self.path.parent, f".{self.path.name}*{PART}")

    def write(self, tapes: list[Tape], mark: Mark, report: Callable[[int], None]) -> int:
        """Write the archive, unless it is there."""
        if self.path.exists():
            return 0
        archive = EodArchive(self.path, self._date, json.dumps(mark).encode())
        try:
            _fill([(tape, archive.member(tape.feed)) for tape in tapes], mark["records"], report)
            archive.commit()
        finally:
            archive.discard()
        return len(tapes)


def check_beside(target: Target, out: Path, date: str, ticker: str) -> None:
    """Raises DataError: the simulated day would be played in the place of records that lie elsewhere in the folder."""
    hidden = next(_hidden_by(target.path.absolute(), out.absolute(), date, ticker), None)
    if hidden is not None:
        what = f"recorded data of {date}, in whose place the simulated day would be played"
        remedy = "choose another --out, or --force to write it all the same"
        raise DataError(f"{_as_given(hidden, out)} holds {what}: {remedy}")


def _as_given(path: Path, out: Path) -> str:
    """A path in a folder, as somebody has named that."""
    return shown_path(out / path.relative_to(out.absolute()))


def _hidden_by(target: Path, out: Path, date: str, ticker: str) -> Iterator[Path]:
    folder, day = _data_folder(out), out / date
    feeds = folder.feeds(date) if date in folder.dates() else []
    places = {folder.place(date, feed).path: feed for feed in feeds}
    for path, feed in places.items():
        in_layout = path.parents[2] == day
        # Beside a day in the layout nothing is played that lies otherwise in its folder, or in one without dashes.
        goes_with_day = path.is_relative_to(day) or path.is_relative_to(out / date.replace("-", ""))
        is_written = feed.ticker == ticker and (feed.package, feed.category) in STANDARD_KINDS
        is_hidden = is_written or (goes_with_day and not in_layout and target.is_relative_to(day))
        if is_hidden and not path.is_relative_to(target) and not _is_generated(path):
            yield path


@lru_cache(maxsize=1)
def _data_folder(out: Path) -> DataFolder:
    """A folder that is looked through once for all days that are to be written."""
    return DataFolder(out)


def _is_generated(path: Path) -> bool:
    """Whether a file is an archive, or of a folder, that was generated."""
    if path.suffix == ".zip":
        return _mark_of(path) is not None
    return _parse(_read(path.parents[1] / MARK)) is not None


def _mark_of(path: Path) -> Mark | None:
    """The mark of an archive; None where it has none, or is none."""
    try:
        with explained(path), zipfile.ZipFile(path) as archive:
            return _parse(archive.comment)
    except zipfile.BadZipFile:
        return None


def _fill(files: list[tuple[Tape, Any]], records: int, report: Callable[[int], None]) -> None:
    for start in range(0, records if files else 0, CHUNK):
        stop = min(start + CHUNK, records)
        for tape, file in files:
            for index in range(start, min(stop, len(tape))):
                file.add(tape.json(index))
        report(stop)


def _read(path: Path) -> bytes:
    with explained(path), suppress(FileNotFoundError):
        return path.read_bytes()
    return b""


def _parse(text: bytes) -> Mark | None:
    """The mark, or None when it is none of ours."""
    try:
        mark = json.loads(text)
    except ValueError:
        return None
    return mark if isinstance(mark, dict) and mark.get("generator") == "gexfaker" else None


def _compare(path: Path, found: Mark | None, mark: Mark) -> None:
    if found is None or found == mark:
        return
    names = [name for name in {**mark, **found} if found.get(name) != mark.get(name)]
    differing = (f"{name} {found.get(name)!r}, not {mark.get(name)!r}" for name in names)
    raise DataError(
        f"{path} was generated with {', '.join(differing)}: "
        "give the same, choose another --out, or --force to write it anew"
    )

"""Days from anywhere into the data folder: copied or linked as they are, or written anew as JSON lines.

What a file is says its name or the folder it lies in, exactly as for a day that is played (``tapes``). A file gets its
name in the data folder only when it is whole; one that is whole there already is not brought in again.
"""

from __future__ import annotations

import filecmp
import gzip
import os
import shutil
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from gexfaker.catalog import Feed
from gexfaker.errors import DataError, RecordError
from gexfaker.limits import LEAST_FREE_BYTES, MIB
from gexfaker.tapes.dates import dashed, is_day_folder
from gexfaker.tapes.folder import EXTENSIONS, LAYOUT, DataFolder, feed_at
from gexfaker.tapes.jsonl import JsonlTape
from gexfaker.tapes.lock import WriteLock
from gexfaker.tapes.loose import day_of, feeds_of, how_to_call, is_loose
from gexfaker.tapes.place import Place, fuller_first, looks_whole
from gexfaker.tapes.strays import days_below, found_in
from gexfaker.tapes.tape import Tape
from gexfaker.tapes.writer import PART, LinesFile, PartFile, explained

LOCK: Final = ".gexfaker-import.lock"
COPIED_BYTES: Final = 4 * MIB
"""Copied at a time: what is told of the progress, and how soon Ctrl-C is heard."""

DAY_ABOVE: Final = 2
"""How many folders lie between a file and the folder of its day: its package's and its ticker's."""

MAX_TOLD: Final = 3
"""Records of a feed that cannot be read and are named; the others are counted."""

SHOWN_NAMES: Final = 5
REPORTS: Final = "eod_report_*.zip"
MAX_REPORTS: Final = 10_000
"""Reports below a folder that are looked at: two years of twenty tickers."""

Report = Callable[[int], None]
"""Is told how many bytes, or records, are done."""


class Found(NamedTuple):
    """A feed's day somewhere.

    Attributes:
        place: the file, and the member of it.
    """

    date: str
    feed: Feed
    place: Place

    def __str__(self) -> str:
        return f"{self.date} {self.feed.group}"

    def open(self) -> JsonlTape:
        """Its records; the caller closes it. Raises OSError."""
        return JsonlTape(self.place.path.resolve(), self.feed, self.date, str(self.place.name), self.place.member)


@dataclass(frozen=True)
class Brought:
    """What became of a file or of a feed.

    Attributes:
        path: where it is now.
        size: in bytes.
        was_there: nothing had to be done.
        notes: what is to be told.
        lost: how many records could not be read and are not there.
        failed: why it is not there; empty when it is.
    """

    path: Path
    size: int = 0
    was_there: bool = False
    notes: tuple[str, ...] = ()
    lost: int = 0
    failed: str = ""

    def __str__(self) -> str:
        if self.failed:
            return self.failed
        done = "is there already" if self.was_there else f"{self.size / 1e6:,.1f} MB"
        return f"{self.path}: {done}"


def found_below(path: Path) -> list[Found]:
    """The days of a file, or of a folder and all below, in whatever form. Raises DataError: there are none."""
    path = path.absolute()
    if not path.exists():
        raise DataError(f"{path} is not there: give a file or a folder with days")
    found = _in_folder(path) if path.is_dir() else _in_file(path)
    if not found:
        raise DataError(_no_days(path))
    return found


def _no_days(path: Path) -> str:
    """Why nothing is brought in of a path, and what to do."""
    if is_loose(path.name):
        return f"{path} cannot be read, or holds no arrays of the service: get it again"
    if path.suffix == ".zip":
        return f"{path} is not called as an end-of-day report is: {how_to_call(path)}"
    beside = found_in(path, SHOWN_NAMES) if path.is_dir() else "its name is none of these"
    return (
        f"{path} holds no days. A file is called as downloaded (2026-07-17_SPX_classic_gex_full.json, "
        f"eod_report_SPX_2026-07-17.zip) or lies as {LAYOUT}; {beside}"
    )


def unreadable(path: Path, found: Iterable[Found], dates: Collection[str], tickers: Collection[str]) -> list[Path]:
    """The reports of these days and tickers below a folder that cannot be read; without any, of all.

    Of a report that can be read all may be there as arrays, too, which come first.
    """
    known = {one.place.path.absolute() for one in found}
    reports = islice(path.absolute().rglob(REPORTS), MAX_REPORTS)
    unknown = (report for report in reports if report not in known and _is_of(report, dates, tickers))
    return sorted(report for report in unknown if not feeds_of(report))


def _is_of(report: Path, dates: Collection[str], tickers: Collection[str]) -> bool:
    """Whether a file is called as a report of one of these days and tickers; without any, of all."""
    day = day_of(report.name)
    return day is not None and (not dates or day[0] in dates) and (not tickers or day[1] in tickers)


def _in_file(path: Path) -> list[Found]:
    """What the name of a file says, or that of the folders that it lies in."""
    if is_loose(path.name):
        return [Found(*one) for one in feeds_of(path)]
    found = feed_at(path)
    return [] if found is None else [Found(*found, Place(path))]


def _in_folder(path: Path) -> list[Found]:
    """What lies in a folder with days, or in one of a day, a ticker or a package."""
    days = [above for above in (path, *path.parents[:DAY_ABOVE]) if is_day_folder(above.name)]
    if not days:
        found: dict[tuple[str, Feed], Found] = {}
        for root in (path, *days_below(path)):
            for one in _of_dates(DataFolder(root), None):
                known = found.setdefault((one.date, one.feed), one)
                if known is not one:
                    found[one.date, one.feed] = min(known, one, key=lambda each: fuller_first(each.place))
        return list(found.values())
    folder = DataFolder(days[0].parent)
    return [one for one in _of_dates(folder, dashed(days[0].name)) if _is_below(one.place.path, path)]


def _of_dates(folder: DataFolder, date: str | None) -> list[Found]:
    """The feeds of one day, or of all."""
    found = list[Found]()
    for day in folder.dates() if date is None else [date]:
        for feed in folder.feeds(day):
            with suppress(DataError):
                found.append(Found(day, feed, folder.place(day, feed)))
    return found


def _is_below(path: Path, wanted: Path) -> bool:
    return path.absolute() == wanted or wanted in path.absolute().parents


class Importer:
    """Brings days into a data folder.

    Args:
        out: the folder.
        linked: whether files are linked instead of copied, so that they take no room twice.
        moved: whether what was brought in is taken away where it was.
        replacing: whether another file of the same name in the folder is replaced.
    """

    def __init__(self, out: Path, *, linked: bool = False, moved: bool = False, replacing: bool = False) -> None:
        self._out: Final = out
        self._linked: Final = linked
        self._moved: Final = moved
        self._replacing: Final = replacing
        with explained(out):
            out.mkdir(parents=True, exist_ok=True)
        self._lock: Final = WriteLock(out / LOCK)
        if not self._lock.acquire():
            raise DataError(f"another import writes into {out}: wait for its end")
        there = _of_dates(DataFolder(out), None)
        self._there: Final = {(one.date, one.feed): one.place.path.absolute() for one in there}
        self._real: Final = {path.resolve() for path in self._there.values()}
        self._written: Final[set[tuple[str, Feed]]] = set()
        self._came: Final[set[tuple[str, Feed]]] = set()

    def close(self) -> None:
        """Let others write."""
        self._lock.release()

    # --- files as they are -------------------------------------------------------------------

    def target(self, found: Found) -> Path:
        """Where the file of a feed's day comes to lie: in the layout if its name is that of a category, else beside."""
        name = found.place.path.name
        day = self._out / found.date
        if found.place.member or not any(name == found.feed.category + ending for ending in EXTENSIONS):
            return day / name
        return day / found.feed.ticker / found.feed.package / name

    def bring(self, file: Sequence[Found], report: Report) -> Brought:
        """Copy or link a file with these feeds. Raises DataError when the disk does not take it."""
        found = file[0]
        source, target = found.place.path, self.target(found)
        if source.resolve() in self._real:  # by whichever name it was given: it must not be taken away
            return Brought(source, was_there=True)
        size = source.stat().st_size
        if target.exists() and filecmp.cmp(source, target, shallow=False):
            self._take_away_unless(source, target)
            return Brought(target, size, was_there=True)
        others = self._other_files(file, target)
        if len(others) == 1 and filecmp.cmp(source, others[0], shallow=False):  # downloaded twice: "... (1).zip"
            self._take_away_unless(source, others[0])
            return Brought(others[0], size, was_there=True)
        if why := self._why_twice(file, source) or self._why_not(file, source, target, others):
            return Brought(target, failed=why)
        if why := self._why_worse(file, source):
            return Brought(target, failed=why)
        if self._linked:
            self._link(source, target)
        elif not self._moved or not _is_renamed(source, target):
            self._copy(source, target, size, report)
            self.take_away(source)
        for other in others:
            with explained(other):
                other.unlink()
        self._came.update((one.date, one.feed) for one in file)
        self._there.update({(one.date, one.feed): target.absolute() for one in file})
        self._real.add(target.resolve())
        return Brought(target, size)

    def take_away(self, source: Path) -> None:
        """All of a file was brought in: with ``moved`` it goes. Raises DataError."""
        if self._moved:
            with explained(source):
                source.unlink(missing_ok=True)

    def _take_away_unless(self, source: Path, kept: Path) -> None:
        """The same for a file that is there already, if it is not itself what is kept, under another name."""
        if source.resolve() != kept.resolve():
            self.take_away(source)

    def _other_files(self, file: Sequence[Found], target: Path) -> list[Path]:
        """The files of the data folder that have these feeds already, in another form."""
        there = {self._there.get((one.date, one.feed), target.absolute()) for one in file}
        return sorted(there - {target.absolute()})

    def _why_twice(self, file: Sequence[Found], source: Path) -> str:
        """Why a file is left where it is that has a feed which came just now: one of the two would be lost."""
        twice = next((one for one in file if (one.date, one.feed) in self._came), None)
        return f"{twice} came from another file just now: import {source} by itself, with --replace" if twice else ""

    def _why_not(self, file: Sequence[Found], source: Path, target: Path, others: Sequence[Path]) -> str:
        """Why a file cannot come beside those that have its feeds: nobody would know which of two versions plays."""
        if target.exists() and not self._replacing:
            return f"{target} is there with other content: --replace takes {source} instead"
        if others and not self._replacing:
            there = sum(self._there.get((one.date, one.feed)) == others[0] for one in file)
            if there == len(file):
                return f"{others[0]} has the same feeds already: --replace takes {source} instead"
            text = f"{others[0]} has {there} of the {len(file)} feeds of {source} already, so none is brought in"
            return f"{text}: --convert jsonl brings in the others, --replace takes all of them instead"
        wanted = {(one.date, one.feed) for one in file}
        for other in others:
            if any((date, feed) not in wanted for date, feed, _ in feeds_of(other)):
                return f"{other} has other feeds, too: move it away, or import with --convert"
        return ""

    def _why_worse(self, file: Sequence[Found], source: Path) -> str:
        """Why a file does not replace what is there: it is broken, and what is there has more that can be read."""
        for one in file:
            old = self._there.get((one.date, one.feed))
            if old is None or not self._replacing or old.resolve() == source.resolve():
                continue
            there = next((known for known in _in_file(old) if (known.date, known.feed) == (one.date, one.feed)), None)
            has, is_whole = _readable(one)
            if is_whole or there is None:
                continue
            had, was_whole = _readable(there)
            if has < had or (has == had and was_whole):
                text = f"{source} is broken: it has {has:,} records of {one} that can be read, and {old} has {had:,}"
                return f"{text}, and stays; delete it first if you want the other"
        return ""

    def _link(self, source: Path, target: Path) -> None:
        part = target.with_name(f".{target.name}{PART}")
        with explained(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            try:
                os.link(source.resolve(), part)
            except OSError as problem:
                why = problem.strerror or problem
                raise DataError(f"{source} cannot be linked ({why}): leave --link out, then it is copied") from None
            part.replace(target)

    def _copy(self, source: Path, target: Path, size: int, report: Report) -> None:
        self._make_room(size)
        part, done = PartFile(target), 0
        part.be_as_old_as(source)
        try:
            with explained(target), source.open("rb") as file:
                while piece := file.read(COPIED_BYTES):
                    part.file.write(piece)
                    done += len(piece)
                    report(done)
            part.commit()
        finally:
            part.discard()

    def _make_room(self, size: int) -> None:
        free = shutil.disk_usage(self._out).free
        if free - size < LEAST_FREE_BYTES:
            text = (
                f"{size / 1e6:,.0f} MB more leave less than {LEAST_FREE_BYTES / 1e9:.0f} GB on the disk of {self._out}"
            )
            raise DataError(f"{text}: make room, or use --link")

    # --- written anew ------------------------------------------------------------------------

    def convert(self, found: Found, ending: str, report: Report) -> Brought:
        """Write a feed's day as JSON lines, with an ending of EXTENSIONS. Raises DataError when it cannot be read."""
        if why := self._why_twice([found], found.place.path):
            return Brought(found.place.path, failed=why)
        folder = self._out / found.date / found.feed.ticker / found.feed.package
        target = folder / f"{found.feed.category}{ending}"
        others = [folder / f"{found.feed.category}{other}" for other in EXTENSIONS if other != ending]
        there = next((path for path in (target, *others) if path.exists()), None)
        if there is not None and not self._replacing:
            is_same = there == target and _is_as_old(found.place.path, there)
            if is_same and (not self._moved or self._has_the_records_of(found, there)):
                return Brought(target, target.stat().st_size, was_there=True)
            return Brought(target, failed=f"{there} is there already: --replace writes {target.name} anew")
        old = self._there.get((found.date, found.feed))
        if old is not None and there is None and not self._replacing and old.resolve() != found.place.path.resolve():
            text = f"{old} has the same feeds already: --replace takes {found.place.path} instead"
            return Brought(target, failed=text)
        if why := self._why_worse([found], found.place.path):
            return Brought(target, failed=why)
        self._make_room(found.place.path.stat().st_size)
        notes, lost = _write_lines(found, target, report)
        self._came.add((found.date, found.feed))
        if not lost:
            self._written.add((found.date, found.feed))
        for other in others:
            with explained(other):
                other.unlink(missing_ok=True)
        return Brought(target, target.stat().st_size, notes=notes, lost=lost)

    def _has_the_records_of(self, found: Found, there: Path) -> bool:
        """Whether a file has the times that another one has, so that that one may go."""
        return _times_of(found) == _times_of(found._replace(place=Place(there)))

    def take_away_converted(self, found: Sequence[Found], brought: Sequence[Brought]) -> Iterator[str]:
        """With ``moved``, files of which every feed was written anew go; of the others it is told."""
        pairs = list(zip(found, brought, strict=True))
        kept = {one.place.path for one, outcome in pairs if outcome.failed or outcome.lost}
        written = {outcome.path.resolve() for outcome in brought}
        for file in files_of([one for one in found if one.place.path not in kept]) if self._moved else ():
            path, taken = file[0].place.path, {(one.date, one.feed) for one in file}
            left = [(one.date, one.feed) for one in _in_file(path) if (one.date, one.feed) not in taken]
            if left:
                yield f"{path} stays, as {left[0][1].group} of it was not brought in" + (
                    f", nor {len(left) - 1} more of its feeds" if len(left) > 1 else ""
                )
            elif path.resolve() not in written:
                self.take_away(path)

    def take_away_replaced(self) -> Iterator[str]:
        """With ``replacing``, files as downloaded of which every feed was written anew go; of the others it is told."""
        old = {path for one, path in self._there.items() if one in self._written and is_loose(path.name)}
        for path in sorted(old if self._replacing else ()):
            if all((date, feed) in self._written for date, feed, _ in feeds_of(path)):
                with explained(path):
                    path.unlink(missing_ok=True)
            else:
                yield f"{path} stays, as it has other feeds, too; what was written is played in place of it"


def _times_of(found: Found) -> list[int]:
    """The times of all records that can be read, in order."""
    times = list[int]()
    with closing(found.open()) as tape:
        for index in range(len(tape)):
            with suppress(RecordError):
                times.append(tape.timestamp(index))
    return sorted(times)


def _is_renamed(source: Path, target: Path) -> bool:
    """Give a file its place by another name; False where that takes copying, as on another disk."""
    if source.is_symlink():
        return False
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError:
        return False
    return True


def _write_lines(found: Found, target: Path, report: Report) -> tuple[tuple[str, ...], int]:
    """Write all records that can be read, in the order of their times; what is to be told, and how many cannot."""
    lines, lost = LinesFile(target), list[str]()
    lines.be_as_old_as(found.place.path)
    try:
        with closing(found.open()) as tape:
            order = _order_of(tape)
            for done, index in enumerate(order, 1):
                try:
                    lines.add(tape.json(index))
                except RecordError as problem:
                    lost.append(f"{tape.place(index)}: {problem}")
                report(done)
        lines.commit()
    finally:
        lines.discard()
    return tuple(_told(found, order, lost)), len(lost)


def _readable(found: Found) -> tuple[int, bool]:
    """How many records of a feed's day have a time that can be read, and whether all have, to the end of the file."""
    count = index = 0
    try:
        with closing(found.open()) as tape:
            while tape.has(index):
                with suppress(RecordError):
                    tape.timestamp(index)
                    count += 1
                index += 1
    except (DataError, OSError, ValueError):
        return count, False
    path = found.place.path
    return count, 0 < count == index and (bool(found.place.member) or (looks_whole(path) and _is_packed_whole(path)))


def _is_packed_whole(path: Path) -> bool:
    """Whether a gzip file ends as one does; of another kind nothing is said."""
    if path.suffix != ".gz":
        return True
    try:
        with gzip.open(path) as file:
            while file.read(COPIED_BYTES):
                continue
    except (OSError, EOFError, zlib.error):
        return False
    return True


def _order_of(tape: Tape) -> list[int]:
    """The indexes of all records in the order of their times; what has no time stays behind the one before it."""
    times, last, index = list[int](), 0, 0
    while tape.has(index):
        with suppress(RecordError):
            last = tape.timestamp(index)
        times.append(last)
        index += 1
    return sorted(range(index), key=times.__getitem__)


def _told(found: Found, order: Sequence[int], lost: Sequence[str]) -> Iterator[str]:
    """What is to be told of a feed's day that was written anew."""
    moved = sum(at != index for at, index in enumerate(order))
    if moved:
        yield f"{found}: its records were not in the order of their times; {moved:,} have another place now"
    if lost:
        more = f" and {len(lost) - MAX_TOLD:,} more" if len(lost) > MAX_TOLD else ""
        told = "; ".join(lost[:MAX_TOLD]) + more
        yield f"{found}: {len(lost):,} of {len(order):,} records cannot be read and are left out: {told}"


def _is_as_old(source: Path, target: Path) -> bool:
    return abs(source.stat().st_mtime - target.stat().st_mtime) < 2  # FAT counts two seconds


def files_of(found: Sequence[Found]) -> list[list[Found]]:
    """The feeds of each file: a report has many."""
    files: dict[Path, list[Found]] = {}
    for one in found:
        files.setdefault(one.place.path, []).append(one)
    return list(files.values())

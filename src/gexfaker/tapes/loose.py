"""Days as they are downloaded: arrays and end-of-day zips, found by their names, wherever they lie in a data folder.

The service calls an array ``2026-07-17_SPX_classic_gex_full.json`` and a report ``eod_report_SPX_2026-07-17.zip``; in a
zip lie arrays of the same names. So the name says what a file is, and it does not matter whether it lies at the top, in
a folder of its day, or in the tree that an unpacked zip makes. The arrays of a zip are read in place.
"""

from __future__ import annotations

import logging
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from gexfaker.bounded import Bounded
from gexfaker.catalog import STORED_CATEGORIES, Feed, is_ticker
from gexfaker.tapes.dates import dashed, is_playable
from gexfaker.tapes.files import version_of
from gexfaker.tapes.place import Place, fuller_first

log: Final = logging.getLogger(__name__)

MAX_DEPTH: Final = 5
"""Folders below the data folder that are looked into: a day, and the tree of a zip in it."""

MAX_NAMES: Final = 50_000
"""Names that are looked at: two years of downloaded arrays of two tickers. A look takes a microsecond for each."""

MAX_FOLDERS: Final = 500
"""Folders that are looked into, each of which is looked at again with each search: five milliseconds in all."""

MAX_MEMBERS: Final = 2000
"""Members of one zip file that is read: a report of all categories has fifteen."""

LISTED_BYTES: Final = 1024
"""More than the entry of a member in a zip file's list has: a name of ours is 80 letters long."""

ENCRYPTED: Final = 1
"""A flag of a member. Source: APPNOTE.TXT, 4.4.4."""

MAX_END_BYTES: Final = 22 + 2**16
"""The end of a zip file with the longest comment. Source: APPNOTE.TXT, 4.3.16."""

MAX_TOLD: Final = 1000
"""Files and folders of which it is known that their trouble was told."""

_TOLD: Final[Bounded[tuple[Path, tuple[int, ...], str], bool]] = Bounded(MAX_TOLD)
_END_MARK: Final = b"PK\x05\x06"
_DAY: Final = r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})"
COPY_MARK: Final = r" ?\([0-9]+\)| - [^\W\d_]+(?: \([0-9]+\))?"
"""What a browser adds to the name of what is downloaded once more, and Windows to that of a copy, in any language."""

_PACKAGES: Final = "|".join(STORED_CATEGORIES)
_ARRAY: Final = re.compile(
    rf"{_DAY}_(?P<ticker>[A-Za-z0-9_.-]{{1,16}}?)_(?P<package>{_PACKAGES})_(?P<category>[a-z_]+)"
    rf"(?P<copy>{COPY_MARK})?\.jsonl?(?:\.gz|\.zst)?"
)
_REPORT: Final = re.compile(rf"eod_report_(?P<ticker>[A-Za-z0-9_.-]{{1,16}})_{_DAY}(?P<copy>{COPY_MARK})?\.zip")


REPORT_NAME: Final = "eod_report_TICKER_DATE.zip"


def how_to_call(path: Path) -> str:
    """What to do with a zip file that has another name than a report: its members tell which one it is."""
    with suppress(zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        if _count_of(path) <= MAX_MEMBERS:
            with zipfile.ZipFile(path) as archive:
                names = [name.rpartition("/")[2] for name in archive.namelist()]
            arrays = filter(None, map(feed_of, names))
            known = sorted({f"eod_report_{feed.ticker}_{date}.zip" for date, feed in arrays})
            if len(known) == 1 and not any(name.lower().endswith(".zip") for name in names):
                return f"rename it to {known[0]}"
            return f"a report is called {REPORT_NAME}; unpack it, and import the folder"
    return f"a report is called {REPORT_NAME}, and this is no zip file that can be read"


Found = Mapping[str, Mapping[Feed, Place]]
"""By date the feeds there are."""

Passed = Mapping[str, Sequence[tuple[Feed, Place]]]
"""By date the places that are not taken."""


class LooseFiles:
    """What lies loose in a data folder; looked up again when a folder or a zip file of it has changed.

    Args:
        root: the folder.
        is_usable: whether a file or a folder may be read, such as a link.
        is_day: whether a folder holds a day in the layout of a data folder; only its own files are looked at then.
    """

    def __init__(
        self,
        root: Path,
        is_usable: Callable[[os.DirEntry[str]], bool],
        is_day: Callable[[str], bool] = lambda _name: False,
    ) -> None:
        self._root: Final = root
        self._is_usable: Final = is_usable
        self._is_day: Final = is_day
        self._stamps: Final[dict[Path, tuple[int, ...]]] = {}
        self._found: Found = {}
        self._passed: Passed = {}

    def found(self) -> Found:
        """All that there is now."""
        if not self._stamps or any(version_of(path) != stamp for path, stamp in self._stamps.items()):
            self._stamps.clear()
            self._choose(self._look())
        return self._found

    def passed_over(self) -> Passed:
        """The places of feeds that have a fuller one."""
        self.found()
        return self._passed

    def forget(self) -> None:
        """Look afresh the next time."""
        self._stamps.clear()

    def _choose(self, places: Mapping[tuple[str, Feed], Sequence[Place]]) -> None:
        """Of each feed the fullest place, and of equal ones the first that is no copy."""
        found, passed = dict[str, dict[Feed, Place]](), dict[str, list[tuple[Feed, Place]]]()
        for (date, feed), several in places.items():
            first, *others = several if len(several) == 1 else sorted(several, key=_fuller_first)
            found.setdefault(date, {})[feed] = first
            passed.setdefault(date, []).extend((feed, other) for other in others)
        self._found, self._passed = found, passed

    def _look(self) -> dict[tuple[str, Feed], list[Place]]:
        """All places of each feed, by their paths."""
        places: dict[tuple[str, Feed], list[Place]] = {}
        files = list(islice(self._files(self._root, MAX_DEPTH), MAX_NAMES))
        if len(files) == MAX_NAMES:
            self._tell(self._root, f"has more than {MAX_NAMES:,} files; the rest is not played")
        if len(self._stamps) >= MAX_FOLDERS:
            self._tell(self._root, f"has more than {MAX_FOLDERS:,} folders; the rest is not looked into")
        for path in sorted(files):
            for date, feed, place in self._feeds_of(path):
                places.setdefault((date, feed), []).append(place)
        return places

    def _feeds_of(self, path: Path) -> Iterator[tuple[str, Feed, Place]]:
        if array := feed_of(path.name):
            yield *array, Place(path)
        elif _REPORT.fullmatch(path.name):
            self._stamps[path] = version_of(path)
            for member in self._members(path):
                if found := feed_of(member.rpartition("/")[2]):
                    yield *found, Place(path, member)

    def _members(self, path: Path) -> list[str]:
        """The names in a zip file that can be read; none of a damaged one, which is told once."""
        try:
            if _count_of(path) > MAX_MEMBERS:
                self._tell(path, f"has more than {MAX_MEMBERS:,} members: it is no report, and is not read")
                return []
            with zipfile.ZipFile(path) as archive:
                return [info.filename for info in archive.infolist()[:MAX_MEMBERS] if _is_readable(info)]
        except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
            self._tell(path, f"cannot be read as a zip file ({error}): get it again")
            return []

    def _files(self, folder: Path, depth: int) -> Iterator[Path]:
        if len(self._stamps) >= MAX_FOLDERS:
            return
        self._stamps[folder] = version_of(folder)
        try:
            with os.scandir(folder) as entries:
                usable = [entry for entry in entries if entry.name[0] != "." and self._is_usable(entry)]
        except OSError:
            return
        yield from (folder / entry.name for entry in usable if entry.is_file())
        if depth:
            for entry in usable:
                if entry.is_dir(follow_symlinks=False):  # a link within the data folder leads where it is anyway
                    yield from self._files(folder / entry.name, 0 if self._is_day(entry.name) else depth - 1)

    def _tell(self, path: Path, trouble: str) -> None:
        """Told once of what does not change, whoever looks at it: a server looks every two seconds."""
        state = path.absolute(), version_of(path), trouble
        if state not in _TOLD:
            _TOLD[state] = True
            log.warning("%s %s", path, trouble)


def _count_of(path: Path) -> int:
    """How many members a zip file says that it has, or has room for in its list; 0 where its end says nothing.

    Raises OSError.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_END_BYTES))
        end = file.read(MAX_END_BYTES)
    at = end.rfind(_END_MARK)
    if at < 0:
        return 0
    count, size = int.from_bytes(end[at + 10 : at + 12], "little"), int.from_bytes(end[at + 12 : at + 16], "little")
    return max(count, size // LISTED_BYTES)


def _is_readable(info: zipfile.ZipInfo) -> bool:
    """Whether a member is a file that is neither encrypted nor packed in an unusual way."""
    return (
        not info.is_dir()
        and not info.flag_bits & ENCRYPTED
        and info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    )


def _fuller_first(place: Place) -> tuple[bool, int, bool, bool, bool]:
    """The order of places of one feed."""
    named = _REPORT.fullmatch(place.path.name) or _ARRAY.fullmatch(place.path.name)
    return *fuller_first(place), bool(named and named["copy"])


def feed_of(name: str) -> tuple[str, Feed] | None:
    """The date and the feed that an array's name says; None of another name."""
    match = _ARRAY.fullmatch(name)
    if match is None or match["category"] not in STORED_CATEGORIES[match["package"]]:
        return None
    ticker, date = match["ticker"].upper(), dashed(match["date"])
    is_one = is_ticker(ticker) and is_playable(date)
    return (date, Feed(ticker, match["package"], match["category"])) if is_one else None


def feeds_of(path: Path) -> list[tuple[str, Feed, Place]]:
    """The days of one file as downloaded, without a look at what lies beside it; none when its name is no such one."""
    return list(LooseFiles(path.parent, lambda _entry: False)._feeds_of(path))


def loose_below(root: Path, ending: str) -> Iterator[tuple[Path, str, Feed]]:
    """Files of ours that lie beside what is loose, such as payloads: each with the date and the feed of its source.

    They are called as the array, or as the report and the array in it, with an ending of their own. Links are not
    followed.
    """
    for folder, folders, names in islice(os.walk(root), MAX_NAMES):
        is_deep = len(Path(folder).relative_to(root).parts) >= MAX_DEPTH
        folders[:] = [] if is_deep else sorted(name for name in folders if name[0] != ".")
        for name in sorted(names):
            array = name.removesuffix(ending).rpartition(".zip.")[2]
            if name.endswith(ending) and (found := feed_of(array)):
                yield Path(folder, name), *found


def day_of(name: str) -> tuple[str, str] | None:
    """The date and the ticker that the name of an array or a report says; None of another name."""
    named = _REPORT.fullmatch(name) or _ARRAY.fullmatch(name)
    return (dashed(named["date"]), named["ticker"].upper()) if named else None


def is_loose(name: str) -> bool:
    """Whether a file of this name is played wherever it lies."""
    return bool(feed_of(name) or _REPORT.fullmatch(name))

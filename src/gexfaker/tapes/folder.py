"""Days on disk, ``{date}/{ticker}/{package}/{category}.jsonl``, and the only way to a file among them.

Names come from requests, so they are matched against patterns and tables before they touch a path,
and the path they make is resolved and must still be inside the root.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Final

from gexfaker.catalog import STORED_CATEGORIES, Feed, is_ticker
from gexfaker.errors import DataError, UnavailableError
from gexfaker.tapes.dates import dashed, is_date, is_day_folder, is_playable
from gexfaker.tapes.files import version_of
from gexfaker.tapes.jsonl import JsonlTape
from gexfaker.tapes.kept import IndexFolder
from gexfaker.tapes.loose import LooseFiles
from gexfaker.tapes.place import Place, fuller_first

log = logging.getLogger(__name__)

LATEST: Final = "latest"
TODAY: Final = "today"
"""The name of the newest day."""

EXTENSIONS: Final = (".jsonl", ".jsonl.zst", ".jsonl.gz")
"""File name endings, the one to take first when a category has several."""

ENDINGS: Final = tuple(sorted(extension[1:] for extension in EXTENSIONS))
"""The same as users name them."""

LAYOUT: Final = "YYYY-MM-DD/TICKER/package/category.jsonl (or .jsonl.gz, .jsonl.zst)"
LAYOUT_DEPTH: Final = 3
"""Folders above a file there: its package, its ticker, its day."""

SHOWN_NAME_CHARS: Final = 40
"""How much of a refused name an error repeats: requests choose it, and it may be very long."""

MAX_LEFT_OUT: Final = 1000
"""Files and folders named in the log because they cannot be read; there may be a million."""

SHOWN_DAYS: Final = 5
"""How many of the newest days an error lists."""

MAX_TICKERS: Final = 5000
"""Ticker folders of a day that are looked into; the service has some hundred. A day is listed while others wait."""


def shown_path(path: Path) -> str:
    """A path for people; what of a name is not UTF-8 is escaped, as no JSON can hold it."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def feed_at(path: Path) -> tuple[str, Feed] | None:
    """The day and the feed of a file by its place in the layout; None of one that lies or is called otherwise."""
    if len(path.parents) < LAYOUT_DEPTH:
        return None
    package, ticker, date = (folder.name for folder in path.parents[:LAYOUT_DEPTH])
    category = next((path.name.removesuffix(end) for end in EXTENSIONS if path.name.endswith(end)), "")
    if category not in STORED_CATEGORIES.get(package, ()) or not is_ticker(ticker.upper()) or not is_day_folder(date):
        return None
    return dashed(date), Feed(ticker.upper(), package, category)


class DataFolder:
    """Days of recorded snapshots. Read from disk at every call: days may be added meanwhile.

    What cannot be read is left out and named in the log, once. If it is the folder itself, each call raises
    UnavailableError.

    Args:
        root: the folder; it need not exist yet, and may be a symbolic link.
        leaves: whether links that its owner has made may leave it.
        indexes: where indexes of large files are kept.
    """

    def __init__(self, root: Path, *, leaves: bool = True, indexes: IndexFolder | None = None) -> None:
        self.root = root
        self._indexes: Final = indexes
        self._leaves: Final = leaves
        self._left_out: set[Path] = set()
        self._loose: Final = LooseFiles(root, self._is_readable, is_day_folder)

    def dates(self) -> list[str]:
        """The days there are folders for, oldest first."""
        folders = {dashed(day.name) for day in self._children(self.root, folders=True) if is_day_folder(day.name)}
        return sorted({*folders, *filter(is_playable, self._loose.found())})

    def latest(self) -> str:
        """The newest day with a record file. Raises DataError when there is none."""
        for date in reversed(self.dates()):
            if self.feeds(date):
                return date
        raise DataError(f"{shown_path(self.root)} holds no market data: put files there as {LAYOUT}")

    def resolve_date(self, value: str) -> str:
        """The day meant by ``latest`` or a date. Raises DataError, naming the days there are."""
        if value == LATEST:
            return self.latest()
        dates = self.dates()
        if (date := dashed(value)) in dates:
            return date
        problem = "no data for" if is_date(value) else "not a date (YYYY-MM-DD):"
        raise DataError(f"{problem} {_shown(value)}; {_days(dates, self.root)}")

    def feeds(self, date: str) -> list[Feed]:
        """The feeds a day has files for, sorted; other files are ignored. Raises DataError: no such day."""
        day = self._day(self._known_date(date))
        laid_out = {feed for ticker in self._tickers(day) for feed in self._feeds_in(ticker)}
        return sorted(laid_out.union(self._loose_feeds(date, day)))

    def look_again(self) -> None:
        """Forget what lay loose in it: something there may be another thing, without the folder's knowing."""
        self._loose.forget()

    def again(self) -> DataFolder:
        """The same folder for another thread; what was told of it is not told again."""
        made = DataFolder(self.root, leaves=self._leaves)
        made._left_out = self._left_out
        return made

    def stamp(self, date: str) -> Hashable:
        """What is another one when files of a day were added, taken away, renamed or replaced by others."""
        day = self._day(date)
        tickers = self._tickers(day)
        folders = [day, *tickers, *(ticker / package for ticker in tickers for package in STORED_CATEGORIES)]
        loose = self._loose_feeds(date, day)
        return (
            *map(version_of, folders),
            *sorted((feed, place, version_of(place.path)) for feed, place in loose.items()),
        )

    def open(self, date: str, feed: Feed) -> JsonlTape:
        """A feed's day; the caller closes it.

        Raises DataError when there is none, when it cannot be opened, or when a name is not acceptable.
        """
        return self._open(self.place(date, feed), feed, date)

    def path(self, date: str, feed: Feed) -> Path:
        """The file that holds a feed's day. Raises DataError as ``place``."""
        return self.place(date, feed).path

    def place(self, date: str, feed: Feed) -> Place:
        """Where a feed's day is. Raises DataError when there is none, or when a name is not acceptable."""
        _check(feed)
        day = self._day(self._known_date(date))
        for folder in self._folders_of(feed.ticker, day):
            if file := self._file(folder / feed.package, feed.category):
                return Place(file)
        if loose := self._loose_feeds(date, day).get(feed):
            return loose
        wanted = shown_path(day / feed.ticker / feed.package / f"{feed.category}.jsonl")
        raise DataError(f"no data at {wanted} (nor .gz, .zst): add the file, or choose {self._choice(date)}")

    def loose_files(self) -> set[Path]:
        """The files that are played wherever they lie, by their absolute paths."""
        return {place.path.absolute() for feeds in self._loose.found().values() for place in feeds.values()}

    def passed_over(self, date: str) -> Iterator[tuple[Feed, Place, Place]]:
        """Each feed that has another place than that which is taken: the one that is not, and the one that is."""
        day = self._day(date)
        for feed, place in (*self._loose_feeds(date, day).items(), *self._loose.passed_over().get(date, ())):
            if (taken := self.place(date, feed)) != place:
                yield feed, place, taken

    def _open(self, place: Place, feed: Feed, date: str) -> JsonlTape:
        try:
            # The resolved path is the one that was checked; the name is the one the user knows.
            return JsonlTape(place.path.resolve(strict=True), feed, date, str(place.name), place.member, self._indexes)
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnavailableError(f"{shown_path(place.name)} cannot be opened: {reason}") from error

    def _known_date(self, date: str) -> str:
        is_there = is_playable(date) and (self._may_be_read(self._day(date)) or date in self._loose.found())
        if not is_there:
            raise DataError(f"no data for {_shown(date)}; {_days(self.dates(), self.root)}")
        return date

    def _day(self, date: str) -> Path:
        """The folder of a day, whose name may have no dashes."""
        plain = self.root / date.replace("-", "")
        return plain if plain.is_dir() and not (self.root / date).is_dir() else self.root / date

    def _is_laid_out(self, day: Path) -> bool:
        return any(True for ticker in self._tickers(day) for _ in self._feeds_in(ticker))

    def _loose_feeds(self, date: str, day: Path) -> Mapping[Feed, Place]:
        """What lies loose of a day. A folder of its own is looked through when nothing is where it should be."""
        found = self._loose.found().get(date, {})
        if found or self._is_laid_out(day):
            return found
        return LooseFiles(day, self._is_readable).found().get(date, {})

    def _is_readable(self, entry: os.DirEntry[str]) -> bool:
        return not entry.is_symlink() or self._may_be_read(Path(entry.path))

    def _choice(self, date: str) -> str:
        tickers = sorted({feed.ticker for feed in self.feeds(date)})
        return f"another feed or ticker; {date} has {', '.join(tickers)}" if tickers else "another day"

    def _folders_of(self, ticker: str, day: Path) -> Iterator[Path]:
        """Where a ticker's files may be: its folder, then those whose names differ in case."""
        yield day / ticker  # first, and without listing the day: this is nearly always it
        yield from (folder for folder in self._tickers(day) if folder.name.upper() == ticker != folder.name)

    def _tickers(self, day: Path) -> list[Path]:
        tickers = sorted(child for child in self._children(day, folders=True) if is_ticker(child.name.upper()))
        if len(tickers) > MAX_TICKERS:
            self._leave_out(tickers[MAX_TICKERS], OSError(0, f"and all later ones: {day} has too many folders"))
        return tickers[:MAX_TICKERS]

    def _feeds_in(self, ticker: Path) -> Iterator[Feed]:
        for package, categories in STORED_CATEGORIES.items():
            names = {file.name for file in self._children(ticker / package, folders=False)}
            for category in categories:
                if not names.isdisjoint(category + extension for extension in EXTENSIONS):
                    yield Feed(ticker.name.upper(), package, category)

    def _file(self, folder: Path, category: str) -> Path | None:
        candidates = (folder / (category + extension) for extension in EXTENSIONS)
        there = [file for file in candidates if self._may_be_read(file) and file.is_file()]
        return min(there, key=lambda file: fuller_first(Place(file))) if len(there) > 1 else next(iter(there), None)

    def _children(self, parent: Path, *, folders: bool) -> list[Path]:
        """The folders, or the regular files, in ``parent``: none if it does not exist.

        Links that are not followed are left out, and so is what cannot be read, with a warning.
        """
        if parent != self.root and parent.is_symlink() and not self._may_be_read(parent):
            return []
        try:
            with os.scandir(parent) as entries:
                return [parent / entry.name for entry in entries if self._is_usable(entry, folders)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            if parent == self.root:  # nothing is known of it: that it is empty would be wrong
                text = f"{shown_path(parent)} cannot be read: {error.strerror or error}"
                raise UnavailableError(text) from error
            self._leave_out(parent, error)
            return []

    def _leave_out(self, path: Path, error: OSError) -> None:
        """Name what cannot be read, once."""
        if path not in self._left_out and len(self._left_out) < MAX_LEFT_OUT:
            self._left_out.add(path)
            log.warning("%s is left out: %s", path, error.strerror or error)

    def _is_usable(self, entry: os.DirEntry[str], folder: bool) -> bool:
        if entry.is_symlink() and not self._may_be_read(Path(entry.path)):
            return False  # first, because asking what kind a link without end is raises
        return entry.is_dir() if folder else entry.is_file()

    def _may_be_read(self, path: Path) -> bool:
        """Whether ``path`` exists, and lies in the root, all links followed, or where its owner has linked to."""
        try:
            if path.resolve(strict=True).is_relative_to(self.root.resolve(strict=True)):
                return True
            problem = self._foreign_link(path) if self._leaves else "a link that leaves the data folder"
            if problem:
                self._leave_out(path, OSError(0, f"it is reached by {problem}"))
            return not problem
        except PermissionError as error:
            self._leave_out(path, error)
            return False
        except (OSError, RuntimeError, ValueError):  # missing, a loop of links, NUL in a name
            return False

    def _foreign_link(self, path: Path) -> str:
        """Why a link on the way to ``path`` is not its owner's to make; empty when all are.

        A server that may read more than the owner of the folder does not read it for them: what they link to is theirs.
        """
        owner = self.root.stat().st_uid
        for link in _links_to(path, self.root):
            maker = link.lstat().st_uid
            if maker not in (owner, 0):
                return f"the link {shown_path(link)}, which is not of the owner of the data folder"
            if maker == owner and owner not in _trusted_owners() and link.stat().st_uid != owner:
                return f"the link {shown_path(link)}, which leads to what is not of the owner of the data folder"
        return ""


def _links_to(path: Path, root: Path) -> Iterator[Path]:
    """All symbolic links that are followed from ``root`` on the way to ``path``, also those in the middle of a target.

    The path is known to exist, so there are no more than the system follows.
    """
    at, ahead = root.resolve(), list(reversed(path.relative_to(root).parts))
    while ahead:
        part = ahead.pop()
        found = at.parent if part == ".." else at / part
        if found.is_symlink():
            yield found
            target = found.readlink()
            at = Path(target.anchor) if target.is_absolute() else at
            ahead += [one for one in reversed(target.parts) if one != target.anchor]
        else:
            at = found


def _trusted_owners() -> tuple[int, ...]:
    """The users who may read what this process may read: itself and root. On Windows everything is of user 0."""
    return (0, os.geteuid()) if sys.platform != "win32" else (0,)


def _check(feed: Feed) -> None:
    if not is_ticker(feed.ticker):
        raise DataError(f"{_shown(feed.ticker)} is not a ticker: upper case letters, digits and . _ - only")
    if feed.package not in STORED_CATEGORIES:
        raise DataError(f"{_shown(feed.package)} is not a package: one of {', '.join(STORED_CATEGORIES)}")
    if feed.category not in STORED_CATEGORIES[feed.package]:
        accepted = ", ".join(STORED_CATEGORIES[feed.package])
        raise DataError(f"{_shown(feed.category)} is not a category of {feed.package}: one of {accepted}")


def _shown(name: str) -> str:
    """A refused name as an error repeats it: escaped and cut."""
    return repr(name if len(name) <= SHOWN_NAME_CHARS else name[:SHOWN_NAME_CHARS] + "...")


def _days(dates: list[str], root: Path) -> str:
    if not dates:
        return f"{shown_path(root)} holds no days: put files there as {LAYOUT}"
    newest = ", ".join(dates[-SHOWN_DAYS:])
    more = f" and {len(dates) - SHOWN_DAYS} earlier days" if len(dates) > SHOWN_DAYS else ""
    return f"there is {newest}{more}"

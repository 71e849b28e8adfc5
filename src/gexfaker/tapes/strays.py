"""What lies in a data folder and is not played, with what it may have been meant to be.

A day that lies one folder too high, a date without dashes or a category with another name would be passed over
without a word. Only names are looked at, and of those MAX_LOOKED_AT at the most.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from gexfaker.catalog import STORED_CATEGORIES, Feed, is_ticker
from gexfaker.nearest import nearest
from gexfaker.tapes.folder import EXTENSIONS, LAYOUT, feed_at, is_day_folder, is_playable, shown_path
from gexfaker.tapes.loose import dashed, day_of, feed_of, feeds_of, how_to_call, is_loose

MAX_LOOKED_AT: Final = 5000
"""Names that are looked at: a folder of a year has more, and whoever starts a server does not want to wait."""

MAX_BELOW: Final = 50_000
"""The same where somebody asks for all that is in a folder: a second."""

MAX_DEPTH: Final = 4
"""How many folders below the data folder are looked into for days: ``deep/gexbot/recordings/2026-07-17``."""

RECORD_FILE: Final = re.compile(r"(?P<stem>[^.].*?)\.(?:jsonl?(?:\.gz|\.zst)?(?P<hidden>\.txt)?|zip)", re.IGNORECASE)
CALL_BY_DATE: Final = "rename it to its date, such as 2026-07-17: it has tickers in it, as a day has"
BELOW: Final = "days lie in "
NAME_FOLDER: Final = "name that folder, or bring it in with gexfaker import"
UNFINISHED: Final = ".part"
"""How the hidden files end that ``gexfaker generate`` writes until they are complete."""

MANIFEST: Final = "downloads.json"
"""What `gexfaker download` has brought, beside its files."""

OURS: Final = ("generated.json", MANIFEST)
"""What commands of ours leave beside their files."""

_DATES: Final = tuple(
    map(
        re.compile,
        (
            r"(?P<year>[0-9]{4})[-_./ ](?P<month>[0-9]{1,2})[-_./ ](?P<day>[0-9]{1,2})",
            r"(?P<month>[0-9]{1,2})[-_/ ](?P<day>[0-9]{1,2})[-_/ ](?P<year>[0-9]{4})",
            r"(?P<day>[0-9]{1,2})[-_/ .](?P<month>[0-9]{1,2})[-_/ .](?P<year>[0-9]{4})",
        ),
    )
)
"""Other ways to write a date than with dashes and the year first. Without points the month is first, if it can be."""

UNFINISHED_DOWNLOAD: Final = re.compile(
    r"(?:Unconfirmed [0-9]+|.+\.(?:jsonl?(?:\.gz|\.zst)?|zip))\.(?:part|partial|crdownload|download|tmp)", re.IGNORECASE
)
"""How browsers and others call a download until it is complete."""

_WINDOWS_COPY: Final = re.compile(r" - [A-Za-z]+(?: \([0-9]+\))?(?=\.)")
"""What Windows adds to the name of a copied file, in one's own language."""

_COPY: Final = re.compile(r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}).+")
"""A date with something behind it, such as `` - Copy``."""


class Stray(NamedTuple):
    """Something that is not played.

    Attributes:
        path: of a file or a folder.
        hint: what it may be, and what to do.
    """

    path: Path
    hint: str

    @property
    def is_known(self) -> bool:
        """Whether it is a day, or a report, by another name than it should have."""
        return self.hint.startswith("rename it to ")

    def __str__(self) -> str:
        return self.told("not played")

    def told(self, fate: str) -> str:
        """A sentence about it, and what becomes of it."""
        return f"{shown_path(self.path)} is {fate}: {self.hint}"


class _Listed(NamedTuple):
    """What lies in a folder.

    Attributes:
        folders: in order.
        files: that look like records, and are not called so that they are played wherever they lie.
        is_unfinished: whether one is still being written.
        loose: files that are played wherever they lie.
    """

    folders: Sequence[Path] = ()
    files: Sequence[Path] = ()
    is_unfinished: bool = False
    loose: Sequence[Path] = ()

    @property
    def names(self) -> list[str]:
        """Those of the folders."""
        return [folder.name for folder in self.folders]

    @property
    def has_packages(self) -> bool:
        """Whether it lists the folder of a ticker."""
        return any(name.lower() in STORED_CATEGORIES for name in self.names)


class _Look:
    """Lists folders until so many names were seen.

    Attributes:
        left: how many more may be.
    """

    def __init__(self, most: int) -> None:
        self.left = most

    def into(self, folder: Path) -> _Listed:
        """What lies in a folder, in order; nothing where it cannot be read."""
        try:
            with os.scandir(folder) as entries:
                found = sorted(islice(entries, self.left), key=lambda entry: entry.name)
                self.left -= len(found)
                folders = [folder / entry.name for entry in found if entry.is_dir() and entry.name[0] != "."]
        except OSError:
            return _Listed()
        names = [entry.name for entry in found]
        called = {entry.name for entry in found if not entry.is_dir()}
        files, loose = list[Path](), list[Path]()
        for name in names:
            if name in called and name not in OURS and (RECORD_FILE.fullmatch(name) or _is_unfinished(name)):
                (loose if is_loose(name) else files).append(folder / name)
        is_unfinished = any(name.startswith(".") and name.endswith(UNFINISHED) for name in names)
        return _Listed(folders, files, is_unfinished, loose)


def _is_unfinished(name: str) -> bool:
    return name[0] != "." and UNFINISHED_DOWNLOAD.fullmatch(name) is not None


def shown_strays(found: Sequence[Stray], most: int, fate: str = "not played") -> list[str]:
    """A sentence about each, of ``most`` at the most, and how many more there are.

    Files of one folder, or of one day, with the same hint are told together.
    """
    alike: dict[tuple[str, Path], list[Stray]] = {}
    for one in found:
        alike.setdefault((one.hint, one.path if one.is_known else _told_with(one.path)), []).append(one)
    several = list(alike.values())
    left = sum(map(len, several[most:]))
    more = [f"{left:,} more files or folders are {fate}"] if left else []
    return [*(_told_together(group, fate) for group in several[:most]), *more]


def _told_with(path: Path) -> Path:
    """The folder whose files are told together: that of the day in the layout, else its own."""
    return path.parents[2] if path.parent.name in STORED_CATEGORIES and len(path.parents) > 2 else path.parent


def _told_together(group: Sequence[Stray], fate: str) -> str:
    if len(group) == 1:
        return group[0].told(fate)
    return f"{len(group):,} files in {shown_path(_told_with(group[0].path))} are {fate}: {group[0].hint}"


def found_in(folder: Path, most: int, *dates: str) -> str:
    """What a folder without days holds instead, ``most`` of it, with what it may be; or why nobody can tell."""
    try:
        names = sorted(islice((path.name for path in folder.iterdir()), MAX_LOOKED_AT))
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    if found := shown_strays(strays(folder, *(dates or filter(is_playable, names))), most):
        return "; ".join(found)
    return f"it holds {', '.join(names[:most])}" if names else "it is empty"


def strays(root: Path, *dates: str) -> list[Stray]:
    """What is not played beside the days of a data folder, and in those of these dates."""
    look = _Look(MAX_LOOKED_AT)
    inside = look.into(root)
    found = [Stray(file, _how_to_lie(file)) for file in inside.files]
    for folder in inside.folders:
        if not is_day_folder(folder.name) and (hint := _meant_folder(folder, look)):
            found.append(Stray(folder, hint))
    for date in dates:
        found += _in_day(root / date, look)
    return found


def left_out(
    root: Path, taken: Collection[Path], dates: Collection[str] | None = None, *, reaches: bool = True
) -> list[Stray]:
    """What is not taken of a folder and all below: the folders that may be days, and every other record file.

    Args:
        root: the folder.
        taken: files that are, by their absolute paths.
        dates: the days whose folders are looked into; None for all.
        reaches: whether days are taken however deep they lie; else the folders with such days are told.
    """
    look = _Look(MAX_BELOW)
    days = [name for name in look.into(root).names if is_day_folder(name) and _is_among(dashed(name), dates)]
    above = {folder for file in taken for folder in file.parents}
    # A folder beside the days in which something lies that is taken is one of a day, a ticker or a package itself.
    itself = {folder for folder in above if folder.parent == root.absolute()}
    near = [one for one in strays(root, *days) if one.path.absolute() not in {*taken, *itself}]
    found = [one for one in near if not (reaches and one.hint.startswith(BELOW))]  # what lies below is looked at itself
    owners = _Owners(taken)
    told, folders = {one.path for one in found if one.path.absolute() not in above}, [root]
    for folder in folders:  # those inside come behind it
        if (folder != root and folder.is_symlink()) or (
            is_day_folder(folder.name) and not _is_among(dashed(folder.name), dates)
        ):
            continue
        inside = look.into(folder)
        loose = [file for file in inside.loose if _is_among((day_of(file.name) or ("",))[0], dates)]
        files = [file for file in (*inside.files, *loose) if file not in told and file.absolute() not in taken]
        found += [Stray(file, _what_of(file, owners)) for file in files]
        nameless = [] if folder == root else [one for one in inside.folders if _is_day_by_another_name(one, look)]
        found += [Stray(one, CALL_BY_DATE) for one in nameless if one.absolute() not in above]
        folders += [one for one in inside.folders if one not in told and one not in nameless]
    found.sort(key=lambda one: not one.is_known)
    if not look.left:
        found.append(Stray(root, f"it has more than {MAX_BELOW:,} files, and the rest was not looked through"))
    return found


def _is_among(date: str, dates: Collection[str] | None) -> bool:
    return dates is None or date in dates


class _Owners:
    """The files that are taken, by what they hold."""

    def __init__(self, taken: Collection[Path]) -> None:
        self._reports: Final = sorted(path for path in taken if path.suffix == ".zip")
        others = sorted(path for path in taken if path.suffix != ".zip")
        self._known: Final = {one: path for path in others for one in _feeds_in(path)}

    @cached_property
    def _packed(self) -> dict[tuple[str, Feed], Path]:
        """What reports hold, which have to be opened for that."""
        return {one: path for path in self._reports for one in _feeds_in(path)}

    def of(self, file: Path) -> Path | None:
        """The file that has what another one holds, all of it or the first."""
        held = next(iter(_feeds_in(file)), None)
        return None if held is None else self._known.get(held) or self._packed.get(held)


def _feeds_in(file: Path) -> list[tuple[str, Feed]]:
    """The days and feeds of a file, as its name says, or its place in the layout; of a report its members."""
    if is_loose(file.name):
        return [(date, feed) for date, feed, _ in feeds_of(file)]
    found = feed_at(file)
    return [] if found is None else [found]


def _is_file_of(name: str, category: str) -> bool:
    return any(name == category + ending for ending in EXTENSIONS)


def _what_of(file: Path, owners: _Owners) -> str:
    """What to do with a record file somewhere in a folder of days."""
    if (owner := owners.of(file)) is not None:
        place = owner if is_loose(owner.name) else _told_with(owner)  # one sentence for all files of a day
        several = "its feeds are there, the first" if file.suffix == ".zip" else "its feed is there"
        return f"{several} in {shown_path(place)}"
    if is_loose(file.name):
        is_read = file.suffix != ".zip" or feeds_of(file)
        return "its feeds are there in another file" if is_read else "it cannot be read as a zip file: get it again"
    categories = STORED_CATEGORIES.get(file.parent.name)
    if categories is None:
        return _how_to_lie(file)
    if feed_at(file):
        return _how_to_lie(file)
    if any(_is_file_of(file.name, category) for category in categories):
        return f"record files lie as {LAYOUT}"
    return _meant_file(file.name, categories)


def _how_to_lie(file: Path) -> str:
    """What to do with a record file beside the days."""
    if feed_at(file.absolute()):
        return f"its day lies in {shown_path(file.absolute().parents[3])}; {NAME_FOLDER}"
    if UNFINISHED_DOWNLOAD.fullmatch(file.name):
        return "it is a download that was not finished: get it again"
    if meant := _meant_array(file.name):
        return f"rename it to {meant}"
    if file.suffix.lower() == ".zip":
        return how_to_call(file)
    return (
        f"record files lie in folders, as {LAYOUT}, or are called as downloaded (2026-07-17_SPX_classic_gex_full.json)"
    )


def _meant_array(name: str) -> str | None:
    """The name of an array that Windows has changed: a copy of it, with ``.txt`` behind it, or in capitals."""
    clean = _WINDOWS_COPY.sub("", name).lower().removesuffix(".txt")
    array = feed_of(clean)
    if array is None or clean == name:
        return None
    date, feed = array
    ending = clean.partition(".json")[2]
    return f"{date}_{feed.ticker}_{feed.package}_{feed.category}.json{ending}"


def _meant_folder(folder: Path, look: _Look) -> str | None:
    """What a folder may be that is no day; None for one that has nothing to do with days."""
    if (date := _meant_date(folder.name)) is not None:
        return f"rename it to {date}"
    if folder.name.lower() in STORED_CATEGORIES:
        if above := _days_above(folder.parent.parent):
            return f"it is a package of a ticker, of a day that lies in {above}; {NAME_FOLDER}"
        return "it is a package of one ticker; days lie as DATE/TICKER/PACKAGE, in a folder three above the packages"
    inside = look.into(folder)
    if (match := _COPY.fullmatch(folder.name)) and any(look.into(ticker).has_packages for ticker in inside.folders):
        return f"a day is called by its date alone, such as {match['date']}"
    if _is_day_by_another_name(folder, look):
        return CALL_BY_DATE
    if inside.has_packages:
        if above := _days_above(folder.parent):
            return f"it is a ticker of a day that lies in {above}; {NAME_FOLDER}"
        return "it is a ticker of one day; days lie as DATE/TICKER, in a folder two above the tickers"
    days = [name for name in inside.names if is_day_folder(name)]
    if days and is_ticker(folder.name.upper()) and look.into(folder / days[0]).has_packages:
        return f"ticker and date are swapped; days lie there as {days[0]}/{folder.name.upper()}"
    below = folder if days else next(_days_below(inside, look, MAX_DEPTH - 1), None)
    return f"{BELOW}{shown_path(below)}; {NAME_FOLDER}" if below is not None else None


def _days_above(folder: Path) -> str:
    """The folder that a day lies in; empty for a folder that is none of a day."""
    day = folder.absolute()
    return shown_path(day.parent) if is_day_folder(day.name) else ""


def _is_day_by_another_name(folder: Path, look: _Look) -> bool:
    """Whether a folder that is not called by a date has tickers in it with their packages, as a day has."""
    if is_day_folder(folder.name):
        return False
    inside = look.into(folder)
    if any(map(is_day_folder, inside.names)):
        return False
    tickers = [look.into(one) for one in inside.folders if is_ticker(one.name.upper())]
    packages = [one for ticker in tickers for one in ticker.folders if one.name.lower() in STORED_CATEGORIES]
    return any(_is_laid_out(file) for package in packages for file in look.into(package).files)


def _is_laid_out(file: Path) -> bool:
    """Whether a file is called as in the layout; what lies in an unpacked report tells its day itself."""
    return any(_is_file_of(file.name, category) for category in STORED_CATEGORIES.get(file.parent.name.lower(), ()))


def _meant_date(name: str) -> str | None:
    """The date that a name writes in another way: 2026_7_17, 07-17-2026, 17.07.2026."""
    for form in _DATES:
        match = form.fullmatch(name)
        if match and is_playable(date := f"{match['year']}-{int(match['month']):02}-{int(match['day']):02}"):
            return date
    return None


def days_below(root: Path) -> list[Path]:
    """The folders below a folder that hold days in the layout; links to folders are not followed."""
    look, found, folders = _Look(MAX_BELOW), list[Path](), [root]
    for folder in folders:  # those inside come behind it
        below = [one for one in look.into(folder).folders if not is_day_folder(one.name) and not one.is_symlink()]
        found += [one for one in below if any(map(is_day_folder, look.into(one).names))]
        folders += below
    return found


def _days_below(listed: _Listed, look: _Look, depth: int) -> Iterator[Path]:
    """Folders that hold days, among those that are listed or ``depth`` levels deep in them."""
    for folder in listed.folders if depth else ():
        inside = look.into(folder)
        if any(map(is_day_folder, inside.names)):
            yield folder
        else:
            yield from _days_below(inside, look, depth - 1)


def _in_day(day: Path, look: _Look) -> Iterator[Stray]:
    inside = look.into(day)
    yield from (Stray(file, "record files lie in the folder of a ticker and a package") for file in inside.files)
    for ticker in inside.folders:
        of_ticker, packages = look.into(ticker), ", ".join(STORED_CATEGORIES)
        yield from (Stray(file, f"record files lie in the folder of a package: {packages}") for file in of_ticker.files)
        for package in of_ticker.folders:
            of_package = look.into(package)
            yield from _in_package(package, of_package.files)
            if of_package.is_unfinished:
                yield Stray(package, "gexfaker generate has not finished it: run it again to go on")


def _in_package(package: Path, files: Sequence[Path]) -> Iterator[Stray]:
    categories = STORED_CATEGORIES.get(package.name)
    if categories is None:
        if files:
            yield Stray(package, f"packages are {', '.join(STORED_CATEGORIES)}")
        return
    known = {category + extension for category in categories for extension in EXTENSIONS}
    for file in files:
        if file.name not in known:
            yield Stray(file, _meant_file(file.name, categories))


def _meant_file(name: str, categories: tuple[str, ...]) -> str:
    """What a record file may be whose name is none of a category's."""
    match = RECORD_FILE.fullmatch(name)
    stem = match["stem"] if match else name
    if match and match["hidden"]:
        return f"it ends in .txt, which Windows may not show: rename it to {name[: -len('.txt')]}"
    if stem in categories:
        return f"it must be called {stem}.jsonl (or .jsonl.gz, .jsonl.zst), and hold a snapshot a line"
    whole = next((category for category in categories if category.endswith(f"_{stem.lower()}")), None)
    close = whole or nearest(stem.lower(), categories)
    return f"did you mean {close}?" if close else f"categories here are {', '.join(categories)}"

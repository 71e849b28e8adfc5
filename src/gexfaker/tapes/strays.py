"""What lies in a data folder and is not played, with what it may have been meant to be.

A day that lies one folder too high, a date without dashes or a category with another name would be passed over
without a word. Only names are looked at, and of those MAX_LOOKED_AT at the most.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from gexfaker.catalog import STORED_CATEGORIES, Feed, is_ticker
from gexfaker.tapes.dates import dashed, is_day_folder, is_playable
from gexfaker.tapes.folder import EXTENSIONS, LAYOUT, feed_at, shown_path
from gexfaker.tapes.loose import day_of, feed_of, feeds_of, how_to_call, is_loose
from gexfaker.tapes.meant import (
    hint_by_kind,
    hint_by_words,
    hint_for_a_day,
    is_file_of,
    is_whole_name,
    meant_array,
    meant_date,
    meant_file,
)
from gexfaker.tapes.place import Place, compared

MAX_LOOKED_AT: Final = 5000
"""Names that are looked at: a folder of a year has more, and whoever starts a server does not want to wait."""

MAX_BELOW: Final = 50_000
"""The same where somebody asks for all that is in a folder: a second."""

MAX_DEPTH: Final = 4
"""How many folders below the data folder are looked into for days: ``deep/gexbot/recordings/2026-07-17``."""

RECORD_FILE: Final = re.compile(r"[^.].*?\.(?:jsonl?(?:\.gz|\.zst)?(?:\.txt)?|zip)", re.IGNORECASE)
BELOW: Final = "days lie in "
APART: Final = "a day lies in "
NAME_FOLDER: Final = "name that folder, or bring it in with gexfaker import"
TOO_FAR: Final = "it lies too deep, or behind a link that is not followed: move it up, or name its folder"
UNFINISHED: Final = ".part"
"""How the hidden files end that ``gexfaker generate`` writes until they are complete."""

MANIFEST: Final = "downloads.json"
"""What `gexfaker download` has brought, beside its files."""

OURS: Final = ("generated.json", MANIFEST)
"""What commands of ours leave beside their files."""

UNFINISHED_DOWNLOAD: Final = re.compile(
    r"(?:Unconfirmed [0-9]+|.+\.(?:jsonl?(?:\.gz|\.zst)?|zip))\.(?:part|partial|crdownload|download|tmp)", re.IGNORECASE
)
"""How browsers and others call a download until it is complete."""

_COPY: Final = re.compile(r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}).+")
"""A date with something behind it, such as `` - Copy``."""


Held = tuple[str, Feed]
"""A day and a feed of it."""


class Stray(NamedTuple):
    """Something that is not played.

    Attributes:
        path: of a file or a folder.
        hint: what it may be, and what to do.
        part: which feeds of a file, when it is not the whole of it.
    """

    path: Path
    hint: str
    part: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it is a day, or a report, by another name or in another place than it should have."""
        return self.hint.startswith(("rename it to ", "move it to "))

    def __str__(self) -> str:
        return self.told("not played")

    def told(self, fate: str) -> str:
        """A sentence about it, and what becomes of it."""
        if self.part:
            verb = "are" if self.part[0].isdigit() else "is"
            return f"{self.part} of {shown_path(self.path)} {verb} {fate}: {self.hint}"
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
            if name in called and name not in OURS and _may_be_records(folder / name):
                (loose if is_loose(name) else files).append(folder / name)
        is_unfinished = any(name.startswith(".") and name.endswith(UNFINISHED) for name in names)
        return _Listed(folders, files, is_unfinished, loose)


def _may_be_records(file: Path) -> bool:
    """Whether a file is called as one with records, as a download of it, or as one in a form that is not read."""
    if RECORD_FILE.fullmatch(file.name):
        return True
    return file.name[0] != "." and bool(UNFINISHED_DOWNLOAD.fullmatch(file.name) or hint_by_kind(file))


def shown_strays(found: Sequence[Stray], most: int, fate: str = "not played", *, together: bool = True) -> list[str]:
    """A sentence about each, of ``most`` at the most, and how many more there are.

    Files of one folder, or of one day, with the same hint are told together, unless each is to be named.
    """
    alike: dict[tuple[str, Path], list[Stray]] = {}
    for one in found:
        is_alone = one.is_known or one.part or not together
        alike.setdefault((one.hint, one.path if is_alone else _told_with(one.path)), []).append(one)
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


def strays(root: Path, *dates: str, used: Collection[Path] = ()) -> list[Stray]:
    """What is not played beside the days of a data folder, and in those of these dates.

    Args:
        root: the folder.
        dates: the days.
        used: files that are played wherever they lie, by their absolute paths; their folders are not told.
    """
    look = _Look(MAX_LOOKED_AT)
    inside = look.into(root)
    above = {folder for file in used for folder in file.parents}
    found = [Stray(file, _how_to_lie(file)) for file in inside.files]
    for folder in inside.folders:
        is_used = folder.absolute() in above
        if not is_used and not is_day_folder(folder.name) and (hint := _meant_folder(folder, look)):
            found.append(Stray(folder, hint))
    for date in dates:
        found += (one for one in _in_day(root / date, look) if one.path.absolute() not in above)
    return _without_collisions(found)


def _without_collisions(found: Sequence[Stray]) -> list[Stray]:
    """The same; of files that would all get one name, or that of another file, none is to be renamed."""
    meant = Counter((one.path.parent, one.hint) for one in found if one.is_known)
    return [one if meant[one.path.parent, one.hint] < 2 and not _is_there(one) else _one_of(one) for one in found]


def _is_there(stray: Stray) -> bool:
    """Whether a file or a folder has the name already that another one should have."""
    name = stray.hint.removeprefix("rename it to ")
    return name != stray.hint and " " not in name and (stray.path.parent / name).exists()


def _one_of(stray: Stray) -> Stray:
    name = stray.hint.removeprefix("rename it to ").removeprefix("move it to ").partition(":")[0]
    return stray._replace(hint=f"it would be {name}, as another one here is or would be: keep the one that you want")


def left_out(
    root: Path, taken: Collection[Place], dates: Collection[str] | None = None, *, reaches: bool = True
) -> list[Stray]:
    """What is not taken of a folder and all below: the folders that may be days, and every other record file.

    Args:
        root: the folder.
        taken: places that are, by their absolute paths.
        dates: the days whose folders are looked into; None for all.
        reaches: whether days are taken however deep they lie; else the folders with such days are told.
    """
    look, files_taken = _Look(MAX_BELOW), {place.path for place in taken}
    days = [name for name in look.into(root).names if is_day_folder(name) and _is_among(dashed(name), dates)]
    above = {folder for file in files_taken for folder in file.parents}
    # A folder beside the days in which something lies that is taken is one of a day, a ticker or a package itself.
    itself = {folder for folder in above if folder.parent == root.absolute()}
    near = [one for one in strays(root, *days) if one.path.absolute() not in {*files_taken, *itself}]
    itself_told = (BELOW, APART) if reaches else (APART,)  # what lies below is looked at itself
    found = [one for one in near if not one.hint.startswith(itself_told)]
    owners = _owners(taken)
    told, folders = {one.path for one in found if one.path.absolute() not in above}, [root]
    for folder in folders:  # those inside come behind it
        if (folder != root and folder.is_symlink()) or (
            is_day_folder(folder.name) and not _is_among(dashed(folder.name), dates)
        ):
            continue
        inside = look.into(folder)
        loose = [file for file in inside.loose if _is_among((day_of(file.name) or ("",))[0], dates)]
        files = [file for file in (*inside.files, *loose) if file not in told]
        for file in files:
            is_taken = file.absolute() in files_taken
            found += _in_part(file, owners) if is_taken else [Stray(file, _what_of(file, owners))]
        nameless = [] if folder == root else [one for one in inside.folders if _is_day_by_another_name(one, look)]
        found += [Stray(one, hint_for_a_day(one)) for one in nameless if one.absolute() not in above]
        folders += [one for one in inside.folders if one not in told and one not in nameless]
    found = _without_collisions(found)
    found.sort(key=lambda one: not one.is_known)
    if not look.left:
        found.append(Stray(root, f"it has more than {MAX_BELOW:,} files, and the rest was not looked through"))
    return found


def _is_among(date: str, dates: Collection[str] | None) -> bool:
    return dates is None or date in dates


def _owners(taken: Collection[Place]) -> dict[Held, Place]:
    """The places that are taken, by what they hold."""
    owners = dict[Held, Place]()
    for place in taken:
        name = place.member.rpartition("/")[2] or place.path.name
        if (held := feed_of(name) or feed_at(place.path)) is not None:
            owners[held] = place
    return owners


def _places_in(file: Path) -> list[tuple[Held, Place]]:
    """What a file holds, as its name says, or its place in the layout; a report in its members."""
    if is_loose(file.name):
        return [((date, feed), place) for date, feed, place in feeds_of(file.absolute())]
    found = feed_at(file.absolute())
    return [] if found is None else [(found, Place(file.absolute()))]


def _elsewhere(file: Path, owners: Mapping[Held, Place]) -> list[tuple[Held, Place, Place]]:
    """What a file holds and is taken from another place: where it is in the file, and where it is taken from."""
    there = ((held, place, owners.get(held)) for held, place in _places_in(file))
    return [(held, place, owner) for held, place, owner in there if owner is not None and owner != place]


def _where(place: Place, owner: Place) -> str:
    """Where a feed is taken from instead, and which of the two has more of it."""
    named = owner.path if is_loose(owner.path.name) else _told_with(owner.path)  # one sentence for the files of a day
    more = {1: ", which has fewer records: move that away to have this one", -1: ", which has more records", 0: ""}
    return f"in {shown_path(named)}{more[compared(place, owner)]}"


def _in_part(file: Path, owners: Mapping[Held, Place]) -> Iterator[Stray]:
    """The feeds of a report that is taken in part."""
    there = _elsewhere(file, owners)
    if len(there) == 1:
        [((_, feed), place, owner)] = there
        yield Stray(file, f"it is there {_where(place, owner)}", f"{feed.package} {feed.category}")
    elif there:
        _, place, owner = there[0]
        yield Stray(file, f"they are there in other files, the first {_where(place, owner)}", f"{len(there)} feeds")


def _what_of(file: Path, owners: Mapping[Held, Place]) -> str:
    """What to do with a record file somewhere in a folder of days."""
    if there := _elsewhere(file, owners):
        _, place, owner = there[0]
        several = "its feeds are there, the first" if file.suffix == ".zip" else "its feed is there"
        return f"{several} {_where(place, owner)}"
    if is_loose(file.name):
        is_read = file.suffix != ".zip" or feeds_of(file)
        return TOO_FAR if is_read else "it cannot be read as a zip file: get it again"
    categories = STORED_CATEGORIES.get(file.parent.name)
    if categories is None or feed_at(file.absolute()):
        return _how_to_lie(file)
    return hint_by_kind(file) or hint_by_words(file) or _wrong_name(file, categories)


def _wrong_name(file: Path, categories: tuple[str, ...]) -> str:
    """What to do with a file in the folder of a package that is not called by its category."""
    if any(is_file_of(file.name, category) for category in categories):
        return f"record files lie as {LAYOUT}"
    return meant_file(file.name, categories)


def _how_to_lie(file: Path) -> str:
    """What to do with a record file beside the days."""
    if feed_at(file.absolute()):
        return f"its day lies in {shown_path(file.absolute().parents[3])}; {NAME_FOLDER}"
    if UNFINISHED_DOWNLOAD.fullmatch(file.name):
        return "it is a download that was not finished: get it again"
    if hint := hint_by_kind(file):
        return hint
    if (meant := meant_array(file.name)) and meant.name != file.name:
        is_known = is_whole_name(file.name)
        return f"rename it to {meant.name}" if is_known else f"called {meant.name} it would be played"
    if hint := hint_by_words(file):
        return hint
    if file.suffix.lower() == ".zip":
        return how_to_call(file)
    return (
        f"record files lie in folders, as {LAYOUT}, or are called as downloaded (2026-07-17_SPX_classic_gex_full.json)"
    )


def _meant_folder(folder: Path, look: _Look) -> str | None:
    """What a folder may be that is no day; None for one that has nothing to do with days."""
    if (date := meant_date(folder.name)) is not None:
        return f"rename it to {date}"
    if folder.name.lower() in STORED_CATEGORIES:
        if above := _days_above(folder.parent.parent):
            return f"it is a package of a ticker, of a day that lies in {above}; {NAME_FOLDER}"
        return "it is a package of one ticker; days lie as DATE/TICKER/PACKAGE, in a folder three above the packages"
    inside = look.into(folder)
    if (match := _COPY.fullmatch(folder.name)) and any(look.into(ticker).has_packages for ticker in inside.folders):
        return f"a day is called by its date alone, such as {match['date']}"
    if _is_day_by_another_name(folder, look):
        return hint_for_a_day(folder)
    return _meant_ticker(folder, look) if inside.has_packages else _days_within(folder, inside, look)


def _meant_ticker(folder: Path, look: _Look) -> str:
    """What to do with a folder of packages."""
    if hint := _hint_of_first(folder, look):
        return hint
    if above := _days_above(folder.parent):
        return f"it is a ticker of a day that lies in {above}; {NAME_FOLDER}"
    return "it is a ticker of one day; days lie as DATE/TICKER, in a folder two above the tickers"


def _days_within(folder: Path, inside: _Listed, look: _Look) -> str | None:
    """What to do with a folder in which days lie, and in what; None where there are none."""
    days = [name for name in inside.names if is_day_folder(name)]
    if days and is_ticker(folder.name.upper()) and look.into(folder / days[0]).has_packages:
        return f"ticker and date are swapped; days lie there as {days[0]}/{folder.name.upper()}"
    below = folder if days else next(_days_below(inside, look, MAX_DEPTH - 1), None)
    if below is not None:
        return f"{BELOW}{shown_path(below)}; {NAME_FOLDER}"
    apart = _day_in_parts(folder, look) if folder.name[:1].isdigit() else None
    return None if apart is None else f"{APART}{shown_path(apart)}; {hint_for_a_day(apart)}"


def _day_in_parts(folder: Path, look: _Look) -> Path | None:
    """The first day in the folder of a year or a month, whose days are called by numbers alone."""
    inside = look.into(folder).folders
    near = [*inside, *(below for one in inside for below in look.into(one).folders)]
    return next((one for one in near if _is_day_by_another_name(one, look)), None)


def _hint_of_first(folder: Path, look: _Look) -> str | None:
    """What to do with the files of a folder of packages, as the first one says it; None where it says nothing."""
    folders = [one for one in look.into(folder).folders if one.name.lower() in STORED_CATEGORIES]
    for one in folders:
        inside = look.into(one)
        if hint := next((hint for file in inside.files if (hint := hint_by_words(file))), None):
            return f"its files are to be called as downloaded. Of the first: {hint}"
        folders += inside.folders if one.parent == folder else []
    return None


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
    return any(is_file_of(file.name, category) for category in STORED_CATEGORIES.get(file.parent.name.lower(), ()))


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
        if ticker.name.lower() in STORED_CATEGORIES:
            yield Stray(ticker, "its ticker is missing: packages lie in the folder of a ticker, in that of a day")
            continue
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
            yield Stray(file, hint_by_kind(file) or meant_file(file.name, categories))

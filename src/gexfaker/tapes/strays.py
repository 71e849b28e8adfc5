"""What lies in a data folder and is not played, with what it may have been meant to be.

A day that lies one folder too high, a date without dashes or a category with another name would be passed over
without a word. Only names are looked at, and of those MAX_LOOKED_AT at the most.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from gexfaker.catalog import STORED_CATEGORIES
from gexfaker.tapes.folder import EXTENSIONS, LAYOUT, is_playable, is_ticker, shown_path

MAX_LOOKED_AT: Final = 5000
"""Names that are looked at: a folder of a year has more, and whoever starts a server does not want to wait."""

MAX_DEPTH: Final = 4
"""How many folders below the data folder are looked into for days: ``deep/gexbot/recordings/2026-07-17``."""

RECORD_FILE: Final = re.compile(r"(?P<stem>[^.].*?)\.(?:jsonl?(?:\.gz|\.zst)?|zip)", re.IGNORECASE)
UNFINISHED: Final = ".*.part"
"""What ``gexfaker generate`` writes until a file is complete."""

OURS: Final = ("generated.json",)
"""What ``gexfaker generate`` leaves beside its files."""

_DIGITS: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")


class Stray(NamedTuple):
    """Something that is not played.

    Attributes:
        path: of a file or a folder.
        hint: what it may be, and what to do.
    """

    path: Path
    hint: str

    def __str__(self) -> str:
        return f"{shown_path(self.path)} is not played: {self.hint}"


class _Look:
    """Lists folders until MAX_LOOKED_AT names were seen."""

    def __init__(self) -> None:
        self._left = MAX_LOOKED_AT

    def into(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """The folders and the record files in a folder, in order; none where it cannot be read."""
        try:
            with os.scandir(folder) as entries:
                found = sorted(islice(entries, self._left), key=lambda entry: entry.name)
                self._left -= len(found)
                folders = [folder / entry.name for entry in found if entry.is_dir() and entry.name[0] != "."]
                named = [entry.name for entry in found if entry.name not in OURS]
                files = [folder / name for name in named if RECORD_FILE.fullmatch(name)]
        except OSError:
            return [], []
        return folders, [file for file in files if file not in folders]


def shown_strays(found: list[Stray], most: int) -> list[str]:
    """A sentence about each, of ``most`` at the most, and how many more there are."""
    more = [f"{len(found) - most:,} more files or folders are not played"] if len(found) > most else []
    return [*map(str, found[:most]), *more]


def found_in(folder: Path, most: int, *dates: str) -> str:
    """What a folder without days holds instead, ``most`` of it, with what it may be; or why nobody can tell."""
    if found := shown_strays(strays(folder, *dates), most):
        return "; ".join(found)
    try:
        names = sorted(islice((path.name for path in folder.iterdir()), MAX_LOOKED_AT))
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    return f"it holds {', '.join(names[:most])}" if names else "it is empty"


def strays(root: Path, *dates: str) -> list[Stray]:
    """What is not played beside the days of a data folder, and in those of these dates."""
    look = _Look()
    folders, files = look.into(root)
    found = [Stray(file, f"record files lie in folders, as {LAYOUT}") for file in files]
    for folder in folders:
        if not is_playable(folder.name) and (hint := _meant_folder(folder, look)):
            found.append(Stray(folder, hint))
    for date in dates:
        found += _in_day(root / date, look)
    return found


def _meant_folder(folder: Path, look: _Look) -> str | None:
    """What a folder may be that is no day; None for one that has nothing to do with days."""
    dashed = _DIGITS.sub(r"\1-\2-\3", folder.name)
    if is_playable(dashed):
        return f"rename it to {dashed}"
    inside = [child.name for child in look.into(folder)[0]]
    if folder.name.lower() in STORED_CATEGORIES:
        return "it is a package of one ticker; days lie as DATE/TICKER/PACKAGE, in a folder three above the packages"
    if _holds_packages(folder, look):
        return "it is a ticker of one day; days lie as DATE/TICKER, in a folder two above the tickers"
    days = [name for name in inside if is_playable(name)]
    if days and is_ticker(folder.name.upper()) and _holds_packages(folder / days[0], look):
        return f"ticker and date are swapped; days lie there as {days[0]}/{folder.name.upper()}"
    below = next(_days_below(folder, look, MAX_DEPTH), None)
    return f"days lie in {shown_path(below)}; name that folder" if below is not None else None


def _holds_packages(folder: Path, look: _Look) -> bool:
    return any(child.name.lower() in STORED_CATEGORIES for child in look.into(folder)[0])


def _days_below(folder: Path, look: _Look, depth: int) -> Iterator[Path]:
    """Folders that hold days."""
    folders, _ = look.into(folder)
    if any(is_playable(child.name) for child in folders):
        yield folder
    elif depth > 1:
        for child in folders:
            yield from _days_below(child, look, depth - 1)


def _in_day(day: Path, look: _Look) -> Iterator[Stray]:
    tickers, files = look.into(day)
    yield from (Stray(file, "record files lie in the folder of a ticker and a package") for file in files)
    for ticker in tickers:
        packages, files = look.into(ticker)
        packages_there = ", ".join(STORED_CATEGORIES)
        yield from (Stray(file, f"record files lie in the folder of a package: {packages_there}") for file in files)
        for package in packages:
            yield from _in_package(package, look.into(package)[1])
            if any(package.glob(UNFINISHED)):
                yield Stray(package, "gexfaker generate has not finished it: run it again to go on")


def _in_package(package: Path, files: list[Path]) -> Iterator[Stray]:
    categories = STORED_CATEGORIES.get(package.name)
    if categories is None:
        if files:
            yield Stray(package, f"packages are {', '.join(STORED_CATEGORIES)}")
        return
    for file in files:
        if file.name not in {category + extension for category in categories for extension in EXTENSIONS}:
            yield Stray(file, _meant_file(file.name, categories))


def _meant_file(name: str, categories: tuple[str, ...]) -> str:
    """What a record file may be whose name is none of a category's."""
    match = RECORD_FILE.fullmatch(name)
    stem = match["stem"] if match else name
    if stem in categories:
        return f"it must be called {stem}.jsonl (or .jsonl.gz, .jsonl.zst), and hold a snapshot a line"
    whole = [category for category in categories if category.endswith(f"_{stem.lower()}")]
    close = whole or difflib.get_close_matches(stem.lower(), categories, n=1)
    return f"did you mean {close[0]}?" if close else f"categories here are {', '.join(categories)}"

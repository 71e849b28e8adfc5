"""What a file may have been meant to be, by the words in its name and in those of its folders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from gexfaker.catalog import STORED_CATEGORIES, is_ticker
from gexfaker.nearest import nearest
from gexfaker.tapes.dates import is_playable
from gexfaker.tapes.folder import EXTENSIONS, feed_at
from gexfaker.tapes.loose import COPY_MARK, feed_of

NOT_UNPACKED: Final = re.compile(r".+\.(?:xz|bz2|lz4|br|7z|rar|tar|tgz|tbz2?|txz)", re.IGNORECASE)
"""Files that are packed in a way that is not read."""

OTHER_FORMS: Final = re.compile(r".+\.(?:csv|tsv|parquet|feather|xlsx?|db|sqlite)(?:\.gz|\.zst)?", re.IGNORECASE)
"""Tables and databases, which may have nothing to do with days: they are told if their names say a feed."""

NDJSON: Final = re.compile(r"(?P<stem>.+)\.ndjson(?P<packed>\.gz|\.zst)?", re.IGNORECASE)
"""JSON lines by their other name."""

MOST_FOLDERS: Final = 6
"""Folders above a file whose names are looked at: its category, package, ticker, and a year, a month and a day."""

_DATES: Final = tuple(
    map(
        re.compile,
        (
            r"(?P<year>[0-9]{4})[-_./ ](?P<month>[0-9]{1,2})[-_./ ](?P<day>[0-9]{1,2})",
            r"(?P<month>[0-9]{1,2})[-_/ ](?P<day>[0-9]{1,2})[-_/ ](?P<year>[0-9]{4})",
            r"(?P<day>[0-9]{1,2})[-_/ .](?P<month>[0-9]{1,2})[-_/ .](?P<year>[0-9]{4})",
            r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})",
            r"(?P<month>[0-9]{2})(?P<day>[0-9]{2})(?P<year>[0-9]{4})",
        ),
    )
)
"""Other ways to write a date than with dashes and the year first. Without points the month is first, if it can be."""

_CATEGORIES: Final = "|".join(
    sorted({category for categories in STORED_CATEGORIES.values() for category in categories}, key=len, reverse=True)
)
_NAMED: Final = re.compile(
    rf"(?P<rest>.+?)[-_ .](?P<package>{'|'.join(STORED_CATEGORIES)})[-_ .](?P<category>{_CATEGORIES})(?P<more>.*?)"
    r"(?P<ending>\.jsonl?(?:\.gz|\.zst)?)(?:\.txt)?",
    re.IGNORECASE,
)
"""A name with the words of an array's name, written in another way."""

_COPIED: Final = re.compile(COPY_MARK)


class Words(NamedTuple):
    """What the names of a file and of its folders say; empty what they do not."""

    date: str
    ticker: str
    package: str
    category: str
    ending: str

    @property
    def name(self) -> str:
        """How the file would be called as downloaded."""
        return f"{self.date}_{self.ticker}_{self.package}_{self.category}{self.ending}"


def meant_date(name: str) -> str | None:
    """The date that a name writes in another way: 2026_7_17, 07-17-2026, 17.07.2026, 07172026."""
    for form in _DATES:
        match = form.fullmatch(name)
        if match and is_playable(date := f"{match['year']}-{int(match['month']):02}-{int(match['day']):02}"):
            return date
    return None


def date_above(folders: Sequence[str]) -> str | None:
    """The date that the names of folders say, the last of them or several: ``2026/07/17``, ``2026-07/17``."""
    for count in (1, 2, 3):
        joined = "-".join(folders[-count:])
        if len(folders) >= count and (date := meant_date(joined)):
            return date
    return None


def meant_array(name: str) -> Words | None:
    """The words of an array's name that is written in another way, or was changed; None of other names."""
    match = _NAMED.fullmatch(name)
    if match is None:
        return None
    for date, ticker in _split(match["rest"]):
        package, category = match["package"].lower(), match["category"].lower()
        words = Words(date, ticker, package, category, match["ending"].lower())
        if feed_of(words.name) is not None:
            return words
    return None


def is_whole_name(name: str) -> bool:
    """Whether a name says nothing but an array's words; `` - Copy`` and ``.txt`` may be behind them."""
    match = _NAMED.fullmatch(name)
    return match is not None and not _COPIED.sub("", match["more"])


def _split(text: str) -> Iterator[tuple[str, str]]:
    """The dates and tickers that a text may be, whichever is first."""
    for at, sign in enumerate(text):
        if sign in "-_ .":
            head, tail = text[:at], text[at + 1 :]
            yield from ((date, tail.upper()) for date in [meant_date(head)] if date)
            yield from ((date, head.upper()) for date in [meant_date(tail)] if date)


def words_of(file: Path) -> Words | None:
    """What the names of a file and its folders say, if they name a package and one of its categories."""
    stem, dot, ending = file.name.partition(".json")
    folders = [folder.name for folder in reversed(file.absolute().parents[:MOST_FOLDERS])]
    at = max((at for at, name in enumerate(folders) if name.lower() in STORED_CATEGORIES), default=-1)
    if at < 0 or not dot:
        return None
    package, inner = folders[at].lower(), [*folders[at + 1 :], stem]
    category = next((name.lower() for name in inner if name.lower() in STORED_CATEGORIES[package]), "")
    if not category:
        return None
    above = folders[:at]
    ticker = above.pop().upper() if above and _may_be_ticker(above[-1]) else ""
    date = date_above(above) or next((found for name in inner if (found := meant_date(name))), "")
    return Words(date, ticker, package, category, dot + ending)


def _may_be_ticker(name: str) -> bool:
    """Whether a folder may be that of a ticker, and not of a day or a month."""
    return is_ticker(name.upper()) and any(sign.isalpha() for sign in name) and meant_date(name) is None


def hint_by_words(file: Path) -> str | None:
    """What to do with a file whose folders are not as the layout has them, by their words; None without these."""
    words = words_of(file)
    if words is None or not words.date or feed_at(file.absolute()):
        return None
    if not words.ticker:
        return f"its ticker is missing: rename it to {words._replace(ticker='TICKER').name}, with its ticker"
    return f"rename it to {words.name}" if feed_of(words.name) else None


def hint_by_kind(file: Path) -> str | None:
    """What to do with a file of a kind that is not read; None of others, and of those that need be no days."""
    if NOT_UNPACKED.fullmatch(file.name):
        return "it is packed in a way that is not read: unpack it (.gz, .zst and .zip are read)"
    if match := NDJSON.fullmatch(file.name):
        return f"rename it to {match['stem']}.jsonl{(match['packed'] or '').lower()}"
    if OTHER_FORMS.fullmatch(file.name) and (_says_feed(file) or feed_at(file.with_suffix(".jsonl").absolute())):
        return "it is no JSON: days are arrays of JSON, or JSON lines"
    return None


def _says_feed(file: Path) -> bool:
    return meant_array(f"{file.name.partition('.')[0]}.json") is not None


def meant_file(name: str, categories: tuple[str, ...]) -> str:
    """What a record file may be whose name is none of a category's."""
    stem, dot, ending = name.partition(".")
    if dot and f".{ending.lower()}".endswith(".txt"):
        return f"it ends in .txt, which Windows may not show: rename it to {name[: -len('.txt')]}"
    if stem in categories and f".{ending}".startswith(".json"):
        return f"rename it to {stem}.jsonl{ending.removeprefix('json')}"
    if stem in categories:
        return f"it must be called {stem}.jsonl (or .jsonl.gz, .jsonl.zst)"
    whole = next((category for category in categories if category.endswith(f"_{stem.lower()}")), None)
    close = whole or nearest(stem.lower(), categories)
    return f"did you mean {close}?" if close else f"categories here are {', '.join(categories)}"


def is_file_of(name: str, category: str) -> bool:
    """Whether a file is called as in the layout."""
    return any(name == category + ending for ending in EXTENSIONS)


def hint_for_a_day(folder: Path) -> str:
    """What to do with a folder that has tickers in it, and is not called by its date."""
    parts = [part for part in folder.absolute().parts if part]
    for count in (2, 3):
        above = folder.absolute().parents[count - 1] if len(folder.absolute().parents) >= count else None
        date = meant_date("-".join(parts[-count:]))
        if date and above is not None:
            return f"move it to {above / date}: it has tickers in it, as a day has"
    return "rename it to its date, such as 2026-07-17: it has tickers in it, as a day has"

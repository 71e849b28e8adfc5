"""Where the records of a feed's day are, and which of several places has the most of them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from gexfaker.tapes.files import version_of

ENDS_BYTES: Final = 64
"""At each end of a file that has a copy: more than mostly stands beside the brackets."""

AROUND: Final = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"
"""What may stand around records: white space, the zeros of UTF-16, and the marks with which UTF-8 and it begin."""

MAX_BLANK_BYTES: Final = 64 << 10
"""White space at the end of a file that is looked through."""

SLIGHTLY: Final = 0.01
"""By this part two files with the same records differ in length: white space, line ends, a date in another form."""

PACKED_MARKS: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""How gzip and zst files begin. Sources: RFC 1952, 2.3.1; RFC 8878, 3.1.1."""

PACKED_ENDINGS: Final = (".gz", ".zst")
"""Those of packed members of a zip file, whose first bytes would have to be unpacked."""

LEAST_PACKED: Final = 3
"""A packed day is so many times as long at least: 3.6 to 18 times. So a plain file with the same records is longer."""

WRAPPING_BYTES: Final = 64
"""What a packed file has around its data, its name among it; that counts in a file of a few records."""

BRACKETS: Final = 16
"""Bytes more that may stand around the records of a short file; a record has more."""

_ENDS: Final = (b"[]", b"{}")


MAX_LISTED: Final = 16
"""Zip files whose members are remembered: a report's feeds are looked at one after another."""


class Place(NamedTuple):
    """Where the records of a feed's day are.

    Attributes:
        path: the file.
        member: of a zip file, "" of another.
    """

    path: Path
    member: str = ""

    @property
    def name(self) -> Path:
        """The name by which messages call it; what is prepared of it lies beside it."""
        if not self.member:
            return self.path
        return self.path.with_name(f"{self.path.name}.{self.member.rpartition('/')[2]}")


def length_of(place: Place) -> int:
    """How many bytes the records have, unpacked; of a gzip or zst file the least that it may be. 0: it is not there.

    What such a file says of its length holds of one that is cut off, too, or is not at its end.
    """
    size, is_packed = _size_of(place)
    return max(0, size - WRAPPING_BYTES) * LEAST_PACKED if is_packed else size


def _size_of(place: Place) -> tuple[int, bool]:
    """The bytes of what lies there, and whether it is packed, beside being in a zip file."""
    if place.member:
        sizes = _sizes_in(place.path, version_of(place.path))
        return sizes.get(place.member, 0), place.member.endswith(PACKED_ENDINGS)
    size, begin = _head_of(place.path)
    return size, begin.startswith(PACKED_MARKS)


@lru_cache(MAX_LISTED)
def _sizes_in(path: Path, _version: tuple[int, ...]) -> Mapping[str, int]:
    """The bytes of each member of a zip file, in one version of it; none where it cannot be read."""
    with suppress(OSError, zipfile.BadZipFile, NotImplementedError, ValueError), zipfile.ZipFile(path) as archive:
        return {info.filename: info.file_size for info in archive.infolist()}
    return {}


def _head_of(path: Path) -> tuple[int, bytes]:
    """The size of a file, and how it begins; of one that cannot be read nothing."""
    with suppress(OSError), path.open("rb") as file:
        return os.fstat(file.fileno()).st_size, file.read(ENDS_BYTES)
    return 0, b""


def compared(place: Place, other: Place) -> int:
    """1 when a place has clearly more records than another one, -1 when it has fewer, 0 when one cannot tell."""
    (size, is_packed), (others, is_other_packed) = _size_of(place), _size_of(other)
    if is_packed != is_other_packed:
        return 0
    more = size - others
    return (more > SLIGHTLY * others + BRACKETS) - (-more > SLIGHTLY * size + BRACKETS)


def looks_whole(path: Path) -> bool:
    """Whether a plain array or file of lines begins and ends as one does; of other files those that are not empty."""
    try:
        with path.open("rb") as file:
            begin = file.read(ENDS_BYTES).strip(AROUND)[:1]
            end, size = b"", path.stat().st_size
            for back in range(ENDS_BYTES, MAX_BLANK_BYTES, ENDS_BYTES):
                file.seek(-min(back, size), os.SEEK_END)
                end = file.read(ENDS_BYTES).strip(AROUND)[-1:]
                if end or back >= size:
                    break
    except OSError:
        return False
    return (begin + end) in _ENDS if path.suffix in (".json", ".jsonl") else bool(begin)


def fuller_first(place: Place) -> tuple[bool, int, bool, bool]:
    """The order of places of one feed: the longest first, of equal ones that which looks whole, and then no report.

    Who downloads a file again mostly does so because it was cut, or ended in the middle of the day. What does not begin
    as records do comes last: a page that was saved instead may be longer than a few records.
    """
    is_report = bool(place.member)
    is_none, is_cut = (False, False) if is_report else (not _begins_well(place.path), not looks_whole(place.path))
    return is_none, -length_of(place), is_cut, is_report


def _begins_well(path: Path) -> bool:
    """Whether a file begins as one of records does, plain or packed."""
    _, begin = _head_of(path)
    return begin.startswith(PACKED_MARKS) or begin.strip(AROUND)[:1] in (b"[", b"{")

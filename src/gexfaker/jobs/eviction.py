"""What can be made again goes when nobody has used it for long: payloads of days that `gexfaker prepare` has made.

Records are never taken away: a report, an array or a recording cannot be made again.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gexfaker.catalog import STORED_CATEGORIES, is_ticker
from gexfaker.tapes.dates import is_day_folder
from gexfaker.tapes.folder import EXTENSIONS
from gexfaker.tapes.loose import loose_below
from gexfaker.tapes.prepared import ENDING, MAGIC

DAY_SECONDS: Final = 86_400.0


def evict(root: Path, days: float, now: float) -> Iterator[tuple[Path, int]]:
    """Take away payloads that were neither made nor read for so many days; each with its size in bytes.

    Args:
        root: the data folder.
        days: since the last use, as far as the system writes down when a file was read.
        now: epoch seconds.
    """
    for path in _payloads(root):
        with contextlib.suppress(OSError):
            status = path.stat()
            is_old = max(status.st_atime, status.st_mtime) < now - days * DAY_SECONDS
            if stat.S_ISREG(status.st_mode) and is_old and _is_ours(path):
                path.unlink()
                yield path, status.st_size


def _payloads(root: Path) -> Iterator[Path]:
    """Payload files of days that lie in the folder itself; what is linked to is not ours to clear up."""
    try:
        days = sorted(entry.name for entry in os.scandir(root) if is_day_folder(entry.name) and not entry.is_symlink())
    except OSError:
        return
    for day in days:
        for path in sorted((root / day).glob(f"*/*/*{ENDING}")):
            if _is_of_a_feed(path) and not any(part.is_symlink() for part in (path, path.parent, path.parent.parent)):
                yield path
    yield from (path for path, _, _ in loose_below(root, ENDING) if not path.is_symlink())


def _is_of_a_feed(path: Path) -> bool:
    """Whether it is called as the payloads of a ticker's category."""
    categories = STORED_CATEGORIES.get(path.parent.name, ())
    return path.name.removesuffix(ENDING) in categories and is_ticker(path.parent.parent.name.upper())


def _is_ours(path: Path) -> bool:
    """Whether it is what it is called, and the records that it was made of are beside it."""
    with path.open("rb") as file:
        is_payloads = file.read(len(MAGIC)) == MAGIC
    stem = path.name.removesuffix(ENDING)
    report, is_member, _ = stem.rpartition(".zip.")
    sources = [f"{report}.zip"] if is_member else [stem, *(stem + ending for ending in EXTENSIONS)]
    return is_payloads and any((path.parent / name).is_file() for name in sources)

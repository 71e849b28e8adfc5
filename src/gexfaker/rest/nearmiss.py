"""The path that is meant by one that there is not: for the log, as the service itself answers a bare Not Found."""

from __future__ import annotations

from typing import Final

from gexfaker.catalog import STORED_CATEGORIES, TICKERS
from gexfaker.nearest import nearest
from gexfaker.rest.paths import Found, resolve

SHAPE: Final = "records are at /TICKER/PACKAGE/CATEGORY, such as /SPX/classic/gex_full; see /docs"
MOST_PARTS: Final = 8
"""Of a path that are looked at: the longest of ours has six."""

_WORDS: Final = ("negotiate", "tickers", "whoami")


def meant_path(path: str) -> str:
    """A hint with the path that is meant, or with how paths are made."""
    parts = [part for part in path.split("/") if part][:MOST_PARTS]
    for start in range(1, len(parts)):
        if isinstance(resolve(tail := "/" + "/".join(parts[start:])), Found):
            return f"did you mean {tail}?"
    ticker = next((part.upper() for part in parts if part.upper() in TICKERS), None)
    if ticker is not None:
        base = f"/{parts[0]}" if parts[0] in ("v1", "v2") else ""
        return f"did you mean {base}/{ticker}/{_of_parts([part.lower() for part in parts])}?"
    close = nearest(parts[-1].lower(), _WORDS) if parts else None
    return f"did you mean /{close}?" if close else SHAPE


def _of_parts(parts: list[str]) -> str:
    """The package and the category of a path whose parts are incomplete, or in another order."""
    named = next((part for part in parts if part in STORED_CATEGORIES), None)
    packages = list(STORED_CATEGORIES) if named is None else [named]
    for package in packages:
        for part in parts:
            if part in STORED_CATEGORIES[package]:
                return f"{package}/{part}"
    return f"{packages[0]}/{STORED_CATEGORIES[packages[0]][0]}"

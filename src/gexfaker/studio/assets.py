"""The files of the page. They lie in the package, are read once, and are all that may be asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

PAGE: Final = "index.html"
LOGIN: Final = "login.html"

MEDIA_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
}
"""By the ending of a name."""


class Asset(NamedTuple):
    """A file of the page.

    Attributes:
        tag: another one when the content is another one, for ETag.
    """

    content: bytes
    media_type: str
    tag: str


@cache
def assets() -> Mapping[str, Asset]:
    """Every file by its name: some 30 files, 200 kB."""
    from importlib.resources import files

    folder = files("gexfaker.studio").joinpath("page")
    return {file.name: _asset(file.name, file.read_bytes()) for file in folder.iterdir()}


def _asset(name: str, content: bytes) -> Asset:
    return Asset(content, MEDIA_TYPES[name.rpartition(".")[2]], f'"{hashlib.sha256(content).hexdigest()[:16]}"')

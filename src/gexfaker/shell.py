"""What shells do with lines and paths: sh, and on Windows PowerShell or cmd."""

from __future__ import annotations

import codecs
import shlex
import sys
from pathlib import Path
from typing import Final

IS_WINDOWS: Final = sys.platform == "win32"

CURL: Final = "curl.exe" if IS_WINDOWS else "curl"
"""In Windows PowerShell 5.1 ``curl`` alone is Invoke-WebRequest, which takes other options."""

_PLAIN: Final = frozenset(r"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\/:._-~")
"""The letters that neither PowerShell nor cmd reads as anything else."""


def expanded(path: Path) -> Path:
    """A path with one's home for ``~``; one that begins with ``~`` and names no home is a path like any other."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def text_of(path: Path) -> str:
    """What a text file says: UTF-8 with or without a mark, or UTF-16 with one, as ``>`` of PowerShell 5.1 writes it.

    Raises:
        OSError: it cannot be read.
        UnicodeError: it is of another encoding.
    """
    content = path.read_bytes()
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise UnicodeError("it is not UTF-8: save it as UTF-8") from None


def argument(path: Path, *, windows: bool = IS_WINDOWS) -> str:
    """A path as one argument of a command. On Windows no path has a quote in it."""
    text = str(path)
    if not windows:
        return shlex.quote(text)
    return text if text and set(text) <= _PLAIN else f'"{text}"'

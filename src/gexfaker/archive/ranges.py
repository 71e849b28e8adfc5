"""The arithmetic of HTTP ranges: one range of bytes of something whose length is known (RFC 9110, section 14)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_RANGE: Final = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})", re.ASCII | re.IGNORECASE)
"""One range only; 18 digits are more bytes than there are."""


class Wanted(NamedTuple):
    """What a client asked for: from ``first`` to ``last`` (or the end), or the last ``suffix`` bytes."""

    first: int = 0
    last: int | None = None
    suffix: int | None = None


def parse_range(header: str | None) -> Wanted | None:
    """The range of a Range header; None when there is none, or none that has to be served: then all is sent."""
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return Wanted(suffix=int(match[2]))
    wanted = Wanted(int(match[1]), int(match[2]) if match[2] else None)
    return None if wanted.last is not None and wanted.last < wanted.first else wanted


def resolve(wanted: Wanted, total: int) -> range | None:
    """The bytes meant, of ``total``; None when there are none of them (416)."""
    if wanted.suffix is not None:
        first, stop = max(0, total - wanted.suffix), total
    else:
        first, stop = wanted.first, total if wanted.last is None else min(wanted.last + 1, total)
    return range(first, stop) if first < stop else None


def content_range(bytes_: range | None, total: int) -> str:
    """The Content-Range header of a part, or of a refusal."""
    return f"bytes */{total}" if bytes_ is None else f"bytes {bytes_.start}-{bytes_.stop - 1}/{total}"

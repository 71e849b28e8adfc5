"""Records as other programs write them, as the service writes them: its own envelope, comma and times taken away.

Only what stands around the numbers is changed, never a number but the timestamp. A record as the service writes it is
given back as it is, after one look at its timestamp.
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

_TIME: Final = re.compile(
    rb'"timestamp"\s*:\s*'
    rb'(?:(?P<seconds>[0-9]{1,11})|(?P<other>"[ !#-\[\]-~]{1,40}"|[-+0-9.eE]{1,40}))(?=\s*[,}])'
)
"""Epoch seconds up to the year 5138, or what else may mean a time, and nothing behind it."""

_KEY: Final = b'"timestamp"'
_ENVELOPE: Final = re.compile(rb'\{\s*"recorded_at"\s*:')
_ARRAY: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[")

_SECONDS: Final = 10**11
_MILLISECONDS: Final = 10**14
_MICROSECONDS: Final = 10**17
"""Below the first a number means seconds, below the second milliseconds, below the third microseconds: a time since
1973 is only one of them."""


class _Envelope(msgspec.Struct):
    """What public recorders put around a record."""

    data: msgspec.Raw


_envelopes: Final = msgspec.json.Decoder(_Envelope)


def is_array(start: bytes) -> bool:
    """Whether a file that starts so is one JSON array."""
    return _ARRAY.match(start) is not None


def as_the_service(record: bytes) -> bytes:
    """A record without what other programs put around it, its timestamp as whole epoch seconds.

    What is read as a time: whole or broken numbers of seconds, milliseconds or microseconds, and ISO 8601 with a zone.
    A record that is not understood is given back as it is; whoever decodes it tells what is wrong.
    """
    record = record.removesuffix(b",").rstrip() if record.endswith(b",") else record
    if _ENVELOPE.match(record):
        record = _unwrapped(record)
    for found in _TIME.finditer(record):
        if _is_outermost(record, found.start()):
            return record if found["seconds"] is not None else _with_seconds(record, found)
    return record


def first_time(text: bytes) -> int | None:
    """The epoch seconds of the first time in some bytes of records; None where there is none."""
    return _meant(next(_TIME.finditer(text), None))


def last_time(text: bytes) -> int | None:
    """Those of the last time, of the two that stand last: the record at the end may be cut off in it."""
    for at in (last := text.rfind(_KEY), text.rfind(_KEY, 0, max(last, 0))):
        if at >= 0 and (found := _TIME.match(text, at)):
            return _meant(found)
    return None


def _meant(found: re.Match[bytes] | None) -> int | None:
    if found is None:
        return None
    return int(found["seconds"]) if found["seconds"] is not None else _seconds(found["other"].decode("ascii"))


def _is_outermost(record: bytes, at: int) -> bool:
    """Whether a key is one of the record itself, and not of an object in it."""
    return record.count(b"{", 0, at) - record.count(b"}", 0, at) == 1


def _with_seconds(record: bytes, found: re.Match[bytes]) -> bytes:
    seconds = _seconds(found["other"].decode("ascii"))
    if seconds is None:
        return record
    return record[: found.start("other")] + str(seconds).encode() + record[found.end("other") :]


def _unwrapped(record: bytes) -> bytes:
    try:
        return bytes(_envelopes.decode(record).data)
    except (msgspec.MsgspecError, RecursionError):
        return record


def _seconds(text: str) -> int | None:
    """The epoch seconds that a JSON number or text means; None when it means no time."""
    plain = text.strip('"')
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return _of_text(plain) if plain != text else None
    if not number.is_finite() or not 0 <= number < _MICROSECONDS:
        return None
    factor = 1 if number < _SECONDS else 1000 if number < _MILLISECONDS else 1_000_000
    return int(number / factor)


def _of_text(text: str) -> int | None:
    try:
        moment = datetime.datetime.fromisoformat(text)
        return None if moment.tzinfo is None or moment.timestamp() < 0 else int(moment.timestamp())
    except (ValueError, OverflowError, OSError):
        return None

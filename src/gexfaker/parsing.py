"""How the text of a setting is read: one function for each kind, ValueError or KeyError when it is not usable."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from enum import StrEnum
from itertools import islice
from typing import Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

from gexfaker.allowances import MAX_ALLOWANCES, Allowance, parse_allowance
from gexfaker.catalog import TICKERS, TIERS
from gexfaker.nearest import nearest
from gexfaker.playback.options import is_speed

MOST_SECONDS: Final = 366 * 86_400.0
MOST_BYTES: Final = 2.0**40
"""More of a time or of bytes than anybody can mean."""

SHOWN_NAMES: Final = 5
SHOWN_LETTERS: Final = 40
"""What is shown of names that are not known."""


class PartError(ValueError):
    """A part of a setting is not usable; the text says which and why."""


_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
TIME_OF_DAY: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")


MOST_WORKERS: Final = 64
"""Processes of one server: each has its own memory, 60 MB, and more of them than cores are of no use."""


def duration(text: str) -> float:
    """Seconds of a time such as 500ms, 1s, 2m, 1h."""
    match = _DURATION.fullmatch(text.strip())
    if match is None and _NUMBER.fullmatch(text.strip()):
        raise PartError(f"a time has a unit: {text.strip()}s or {text.strip()}ms")
    if match is None:
        raise ValueError
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > MOST_SECONDS:
        raise PartError("that is more than a year")
    return seconds


def shown_duration(seconds: float) -> str:
    """A time as ``duration`` reads it: 15m, 90s, 500ms."""
    for unit, size in (("h", 3600.0), ("m", 60.0), ("s", 1.0)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds * 1000:g}ms"


def positive(text: str) -> float:
    """The same, at least 10 ms."""
    seconds = duration(text)
    if seconds < 0.01:
        raise ValueError
    return seconds


def between(least: float, most: float) -> Callable[[str], float]:
    """A reader of a time in these bounds, in seconds."""

    def parse(text: str) -> float:
        seconds = duration(text)
        if not least <= seconds <= most:
            raise ValueError
        return seconds

    return parse


_BOOLEANS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


def boolean(text: str) -> bool:
    """True or false, yes or no, on or off, 1 or 0, in any case."""
    return _BOOLEANS[text.strip().lower()]


def port(text: str) -> int:
    """A TCP port; 0 means any."""
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def number_from(least: int) -> Callable[[str], int]:
    """A reader of a whole number that is not smaller."""

    def parse(text: str) -> int:
        number = int(text)
        if number < least:
            raise ValueError
        return number

    return parse


count: Final = number_from(1)
"""Reads a whole number from 1."""


def workers(text: str) -> int:
    """A number of processes."""
    number = count(text)
    if number > MOST_WORKERS:
        raise ValueError
    return number


def size_from(least: int) -> Callable[[str], int]:
    """A reader of a number of bytes that is not smaller: 65536, 64KB, 16 MiB. K, M and G are powers of 1,024."""

    def parse(text: str) -> int:
        match = _SIZE.fullmatch(text.strip())
        if match is None:
            raise ValueError
        size = float(match[1]) * 1024 ** " KMG".index(match[2].upper() or " ")
        if not least <= size <= MOST_BYTES:
            raise ValueError
        return int(size)

    return parse


def day(text: str) -> str:
    """``latest``, or a date as YYYY-MM-DD."""
    return "latest" if text.strip().lower() == "latest" else date.fromisoformat(text.strip()).isoformat()


def days(text: str) -> str:
    """A day, ``today``, several days with commas between them, or a range of days ``A..B``."""
    if text.strip().lower() == "today":
        return "today"
    if "," in text:
        return ",".join(sorted({day(one) for one in text.split(",") if one.strip()}))
    first, dots, last = text.partition("..")
    if not dots:
        return day(first)
    if day(first) > day(last):
        raise PartError(f"the range goes backwards: write {last}..{first}")
    return f"{day(first)}..{day(last)}"


def speed(text: str) -> float:
    """A number that is one of the speeds there are."""
    number = float(text)
    if not is_speed(number):
        raise ValueError
    return number


def share(text: str) -> float:
    """A number from 0 to 1."""
    number = float(text)
    if not 0.0 <= number <= 1.0:
        raise ValueError
    return number


def start(text: str) -> str:
    """``open``, ``now``, ``live``, or a time of day HH:MM[:SS]."""
    text = text.strip().lower()
    if text not in ("open", "now", "live") and not TIME_OF_DAY.fullmatch(text):
        raise ValueError
    return text


def name(text: str) -> str:
    """Letters, digits and dashes, as they may stand before an underscore."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,32}", text):
        raise ValueError
    return text


def text(text: str) -> str:
    """Anything but blanks."""
    if not text.strip():
        raise ValueError
    return text


def secret(text: str) -> str:
    """32 bytes or more."""
    if len(text.encode()) < 32:
        raise ValueError
    return text


def url(text: str) -> str:
    """An http(s) URL without query, its trailing slash gone."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    if "@" in parts.netloc:
        raise PartError("it has a user or password, which clients would get")
    return urlunsplit(parts._replace(scheme=parts.scheme.lower())).rstrip("/")


def engine(text: str) -> str:
    """The address of a Redis or Valkey."""
    parts = urlsplit(text)
    if parts.scheme not in ("redis", "rediss", "unix") or not (parts.hostname or parts.scheme == "unix"):
        raise ValueError
    return text


REALISM: Final = {
    "market-hours": "the feed is silent outside 09:30-16:00 New York",
    "open-rows": "simulated orderflow begins with the stale row and the reset row of a real open",
    "eod-export": "the end-of-day report is that of the day before until 17:00 of the key's market day",
    "history-window": "history has the last 90 days only",
    "orderflow-error-200": "lower tiers are refused orderflow inside a 200, as was once seen",
}
"""What the service does, and a stand-in need not: each a switch."""


def realism(text: str) -> frozenset[str]:
    """Any of REALISM with commas between them, ``all`` of them, or ``none``."""
    names = {name.strip().lower() for name in text.split(",")}
    if names in ({"all"}, {"none"}):
        return frozenset(REALISM if names == {"all"} else ())
    unknown = sorted(names - REALISM.keys())
    if unknown:
        raise PartError(f"there is no {_quoted(unknown)}{_meant(unknown[0], REALISM)}")
    return frozenset(names)


def tiers(text: str) -> dict[str, str]:
    """By API key, or ``*`` for all others."""
    pairs = [part.strip().rpartition("=") for part in text.split(",") if part.strip()]
    tiers = {key.strip(): tier.strip().lower() for key, _, tier in pairs}
    if not all("=" in part for part in text.split(",") if part.strip()):
        raise PartError("a part has no '=' between its key and its tier")
    if not all(tiers):
        raise PartError("a part has no key before its '='")
    for number, (key, tier) in enumerate(tiers.items(), 1):
        if tier not in TIERS:
            raise PartError(_no_tier(number, key, tier))
    return tiers


def _no_tier(number: int, key: str, tier: str) -> str:
    """Why a part is wrong; what may be a key is not shown."""
    near = nearest(key.lower(), TIERS)
    if near:
        return f"part {number} is the wrong way round: write KEY={near}"
    shown = repr(tier) if tier.isalpha() else f"as in part {number}"
    return f"there is no tier {shown}{_meant(tier, TIERS)}"


def quota(text: str) -> dict[str, tuple[Allowance, ...]]:
    """By API key, or ``*`` for all others: what a key may ask, such as ``60, classic:1000/day, mine=history:5/day``."""
    if text.strip().lower() == "none":
        return {}
    found: dict[str, tuple[Allowance, ...]] = {}
    for number, part in enumerate((part for part in text.split(",") if part.strip()), 1):
        key, _, allowance = part.strip().rpartition("=")
        try:
            found[key.strip() or "*"] = (*found.get(key.strip() or "*", ()), parse_allowance(allowance))
        except ValueError as problem:
            raise PartError(f"part {number}: {problem}") from None
    if (most := max(map(len, found.values()), default=0)) > MAX_ALLOWANCES:
        raise PartError(f"a key has {most} of them, and {MAX_ALLOWANCES} at most")
    return found


def named(given: str | Iterable[str], fold: Callable[[str], str]) -> list[str]:
    """Names, as a list or with commas between them, each once and all in upper or in lower case."""
    names = given.split(",") if isinstance(given, str) else given
    return list(dict.fromkeys(fold(name.strip()) for name in names if name.strip()))


def tickers(text: str) -> tuple[str, ...]:
    """Tickers of the service with commas between them, or ``all``."""
    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    if names == ["ALL"]:
        return tuple(sorted(TICKERS))
    unknown = sorted(set(names) - TICKERS)
    if unknown or not names:
        raise PartError(f"there is no {_quoted(unknown)}{_meant(unknown[0], TICKERS)}" if unknown else "there is none")
    return tuple(dict.fromkeys(names))


def _quoted(names: Iterable[str]) -> str:
    """Names for a sentence; somebody may have put very much there."""
    return ", ".join(repr(name[:SHOWN_LETTERS]) for name in islice(names, SHOWN_NAMES))


def _meant(name: str, known: Iterable[str]) -> str:
    """The known name that is nearest."""
    close = nearest(name[:SHOWN_LETTERS], known)
    return f" (did you mean {close}?)" if close else ""


def choice(*accepted: str) -> Callable[[str], str]:
    """A reader of these words, in any case."""

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in accepted:
            raise ValueError
        return word

    return parse


Choice = TypeVar("Choice", bound=StrEnum)


def one_of(choices: type[Choice]) -> Callable[[str], Choice]:
    """A reader of one of these, in any case."""
    return lambda text: choices(text.strip().lower())


def level(text: str) -> str:
    """How much is logged, by any of the names that programs have for it."""
    word = text.strip().lower()
    return choice("debug", "info", "warning", "error")({"warn": "warning", "err": "error"}.get(word, word))

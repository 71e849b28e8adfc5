"""How the text of a setting is read: one function for each kind, ValueError or KeyError when it is not usable."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from gexfaker.catalog import TICKERS, TIERS

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
TIME_OF_DAY: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")


def duration(text: str) -> float:
    """Seconds of a time such as 500ms, 1s, 2m, 1h."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError
    return float(match[1]) * _UNITS[match[2]]


def positive(text: str) -> float:
    """The same, at least 10 ms."""
    seconds = duration(text)
    if seconds < 0.01:
        raise ValueError
    return seconds


def boolean(text: str) -> bool:
    """True or false, yes or no, 1 or 0."""
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.strip().lower()]


def port(text: str) -> int:
    """A TCP port; 0 means any."""
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def count(text: str) -> int:
    """A whole number from 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def day(text: str) -> str:
    """``latest``, or a date as YYYY-MM-DD."""
    return text if text == "latest" else date.fromisoformat(text).isoformat()


def days(text: str) -> str:
    """A day, or a range of days ``A..B``."""
    first, dots, last = text.partition("..")
    if not dots:
        return day(first)
    if day(first) > day(last):
        raise ValueError
    return f"{day(first)}..{day(last)}"


def speed(text: str) -> float:
    """0, or a number from 0.1 to 1000."""
    number = float(text)
    if number != 0 and not 0.1 <= number <= 1000:
        raise ValueError
    return number


def start(text: str) -> str:
    """``open``, ``now``, or a time of day HH:MM[:SS]."""
    if text not in ("open", "now") and not TIME_OF_DAY.fullmatch(text):
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
    return urlunsplit(parts._replace(scheme=parts.scheme.lower())).rstrip("/")


REALISM: Final = {
    "market-hours": "the feed is silent outside 09:30-16:00 New York",
    "open-rows": "simulated orderflow begins with the stale row and the reset row of a real open",
    "history-window": "history has the last 90 days only",
    "orderflow-error-200": "lower tiers are refused orderflow inside a 200, as was once seen",
}
"""What the service does, and a stand-in need not: each a switch."""


def realism(text: str) -> frozenset[str]:
    """Any of REALISM with commas between them, ``all`` of them, or ``none``."""
    names = {name.strip().lower() for name in text.split(",")}
    if names in ({"all"}, {"none"}):
        return frozenset(REALISM if names == {"all"} else ())
    if not names <= REALISM.keys():
        raise ValueError
    return frozenset(names)


def tiers(text: str) -> dict[str, str]:
    """By API key, or ``*`` for all others."""
    pairs = [part.strip().rpartition("=") for part in text.split(",") if part.strip()]
    tiers = {key.strip(): tier.strip() for key, _, tier in pairs}
    if not all(key and tier in TIERS for key, tier in tiers.items()):
        raise ValueError
    return tiers


def tickers(text: str) -> tuple[str, ...]:
    """Tickers of the service with commas between them, or ``all``."""
    names = sorted(TICKERS) if text == "all" else [name.strip().upper() for name in text.split(",")]
    if not set(names) <= TICKERS:
        raise ValueError
    return tuple(dict.fromkeys(names))


def choice(*accepted: str) -> Callable[[str], str]:
    """A reader of exactly these words."""

    def parse(text: str) -> str:
        if text not in accepted:
            raise ValueError
        return text

    return parse

"""Numbers and rows as the service writes them: shortest form, no point where a number is integral, never -0."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def amount(cents: int) -> str:
    """Hundredths as a JSON number."""
    whole, rest = divmod(cents, 100)
    # The quotient is the double nearest to the two decimals, and repr writes the shortest text of it.
    return repr(cents / 100) if rest else str(whole)


def thousandths(number: int) -> str:
    """Thousandths as a JSON number."""
    whole, rest = divmod(number, 1000)
    return repr(number / 1000) if rest else str(whole)


def rows(values: list[Any]) -> bytes:
    """Nested lists of floats as compact JSON; integral floats below 1e15 print as integers."""
    # Only an integral float is written with nothing but a 0 behind the point.
    return _encode(values).replace(b".0,", b",").replace(b".0]", b"]")

"""Numbers and rows as the service writes them: shortest form, no point where a number is integral, never -0."""

from __future__ import annotations

from typing import Any

import msgspec

from gexfaker.records.fields import Shape

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


def templates(shape: Shape) -> list[str]:
    """A record as text, cut where it has a list of rows: ``%d`` is the time, ``%s`` a number, {a name} is filled in."""
    texts = {"timestamp": "%d", "ticker": '"{ticker}"', "min_dte": "{min_dte}", "sec_min_dte": "{sec_min_dte}"}
    rows_of = {field.json for field in shape.fields if field.columns}
    parts = ["{"]
    for number, key in enumerate(shape.keys):
        parts[-1] += f'{"," if number else ""}"{key}":'
        if key in rows_of:
            parts.append("")
        else:
            parts[-1] += texts.get(key, "%s")
    parts[-1] += "}"
    return parts

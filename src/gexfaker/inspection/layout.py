"""The lines of each kind of feed: keys, their order, types and number formats; and reading one.

A line is decoded into a struct, which checks keys and types at C speed. Its order is checked by one regular expression
made from the keys: between them stand numbers only, so that no quote may come before the next key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from gexfaker.catalog import GEX_CATEGORIES, GREEK_CATEGORIES, Feed
from gexfaker.inspection.findings import Finding
from gexfaker.records import gex, greeks, orderflow
from gexfaker.records.fields import Shape
from gexfaker.tapes.jsonl import MAX_TIMESTAMP

Timestamp = Annotated[int, msgspec.Meta(ge=0, le=MAX_TIMESTAMP)]


class Strike(msgspec.Struct, array_like=True, gc=False, forbid_unknown_fields=True):
    """A row of ``strikes``: strike, gamma exposure by volume and by open interest, the volume's five priors."""

    strike: float
    volume: float
    open_interest: float
    priors: tuple[float, float, float, float, float] | None


class Contract(msgspec.Struct, array_like=True, gc=False, forbid_unknown_fields=True):
    """A row of ``mini_contracts``: strike, call and put volatility, the greek, its three priors, two spare columns."""

    strike: float
    call_iv: float
    put_iv: float
    greek: float
    priors: tuple[float, float, float] | None
    spare: float | None
    spare_priors: list[float | None] | None


_WORDS: Final[dict[str, Any]] = {
    "timestamp": Timestamp,
    "ticker": str,
    "strikes": list[Strike],
    "max_priors": list[tuple[float, float]] | None,
    "mini_contracts": list[Contract],
}
"""Keys that are no plain number; whole numbers are found by their scale."""


@dataclass(frozen=True)
class Layout:
    """How a kind of feed is written.

    Attributes:
        keys: in order.
        decoder: line to struct.
        order: matches a line whose keys are these, in this order, without spaces.
        decimals: finds a number with more decimals than the service writes, or with needless zeros.
    """

    keys: tuple[str, ...]
    decoder: msgspec.json.Decoder[Any]
    order: re.Pattern[bytes]
    decimals: re.Pattern[bytes]


def _layout(name: str, shape: Shape) -> Layout:
    names, decimals = shape.keys, shape.decimals
    words = _WORDS | {field.json: int for field in shape.fields if field.factor == 1}
    record = msgspec.defstruct(
        name, [(key, words.get(key, float)) for key in names], gc=False, forbid_unknown_fields=True
    )
    pattern = ",".join(f'"{key}":' + ('"[^"]*"' if key == "ticker" else r'[^"\s]+') for key in names)
    return Layout(
        names,
        msgspec.json.Decoder(record),
        re.compile(rb"\{" + pattern.encode() + rb"\}"),
        re.compile(rf"\.(?:\d{{{decimals + 1}}}|\d*0[\],}}])".encode()),
    )


ORDERFLOW: Final = _layout("OrderflowRow", orderflow.ORDERFLOW)
GEX: Final = _layout("GexRow", gex.GEX)
GREEK: Final = _layout("GreekRow", greeks.GREEKS)

LAYOUTS: Final = {
    "orderflow": ORDERFLOW,
    **dict.fromkeys(GEX_CATEGORIES, GEX),
    **dict.fromkeys(GREEK_CATEGORIES, GREEK),
}
"""By category."""


_ALL_ZEROS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_MINUS_ZERO: Final = re.compile(rb"-0[\],}]")


class Row(NamedTuple):
    """A record that could be read; ``record`` has its keys as attributes."""

    number: int
    timestamp: int
    record: Any


class Reader:
    """Reads the lines of one feed."""

    def __init__(self, feed: Feed) -> None:
        self._ticker = feed.ticker
        self._layout = LAYOUTS[feed.category]

    def read(self, index: int, line: bytes) -> tuple[Row | None, list[Finding]]:
        """The record, or None when its values cannot be told, and what is wrong with how it is written."""
        try:
            record = self._layout.decoder.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            return None, [self._refused(index, error)]
        findings = []
        if not self._layout.order.fullmatch(line):
            findings.append(self._disorder(index, line))
        if said := self._odd_number(line):
            findings.append(Finding("number-format", index, said))
        if record.ticker != self._ticker:
            findings.append(Finding("ticker", index, repr(record.ticker)))
        return Row(index, record.timestamp, record), findings

    def _refused(self, index: int, error: Exception) -> Finding:
        text = str(error)
        if not isinstance(error, msgspec.ValidationError):
            return Finding("unreadable", index, text)
        at_top = "at `$." not in text and "at `$[" not in text
        return Finding("keys" if at_top and "field" in text else "types", index, text)

    def _odd_number(self, line: bytes) -> str | None:
        """A number that the service would write in another way. Three quick looks are faster than one at everything."""
        found = self._layout.decimals.search(line) or _MINUS_ZERO.search(line)
        if found:
            return "..." + line[max(0, found.start() - 8) : found.end()].decode(errors="replace")
        digits = line.translate(_ALL_ZEROS)
        return "a number with an exponent" if b"0e" in digits or b"0E" in digits else None

    def _disorder(self, index: int, line: bytes) -> Finding:
        keys = tuple(msgspec.json.decode(line))
        for wanted, found in zip(self._layout.keys, keys, strict=True):
            if wanted != found:
                return Finding("key-order", index, f"{found} stands where {wanted} should")
        if self._layout.order.fullmatch(re.sub(rb"\s+", b"", line)):
            return Finding("spacing", index, repr(line[:40]))
        return Finding("keys", index, "a key stands twice, or is written with escapes")

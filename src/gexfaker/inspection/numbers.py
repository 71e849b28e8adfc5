"""Ranges of the plain numbers of any feed: prices are not negative, spot is positive, all fit the wire's integers."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from gexfaker.inspection.check import PlainCheck
from gexfaker.inspection.findings import Finding
from gexfaker.inspection.layout import LAYOUTS, Row
from gexfaker.records import gex, greeks, orderflow

WIRE_MAX: Final = 2_147_483_647
"""Signed fields of the wire have 32 bits."""

_PLAIN: Final = {
    field.json: field
    for shape in (gex.GEX, greeks.GREEKS, orderflow.ORDERFLOW)
    for field in shape.fields
    if not field.columns and field.factor > 1
}
"""The keys that are plain numbers with decimals."""


class Ranges(PlainCheck):
    """A check of the plain numbers of one category."""

    def __init__(self, category: str) -> None:
        fields = [_PLAIN[key] for key in LAYOUTS[category].keys if key in _PLAIN]
        self._prices = tuple(field.json for field in fields if field.is_price)
        self._others = tuple((field.json, field.factor) for field in fields if not field.is_price)
        self._get_prices = attrgetter(*self._prices)

    def feed(self, row: Row) -> Iterator[Finding]:
        """Prices that cannot be; amounts that do not fit."""
        record = row.record
        if record.spot <= 0:
            yield Finding("range", row.number, f"spot {record.spot}")
        if min(self._get_prices(record)) < 0:
            said = (f"{name} {getattr(record, name)}" for name in self._prices if getattr(record, name) < 0)
            yield Finding("range", row.number, ", ".join(said))
        for name, factor in self._others:
            if abs(getattr(record, name)) * factor > WIRE_MAX:
                yield Finding("saturates", row.number, f"{name} {getattr(record, name)}")

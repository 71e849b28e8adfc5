"""Ranges of the plain numbers of any feed: prices are not negative, spot is positive, all fit the wire's integers."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from gexfaker.inspection.check import PlainCheck
from gexfaker.inspection.findings import Finding
from gexfaker.inspection.layout import LAYOUTS, Row

WIRE_MAX: Final = 2_147_483_647
"""Signed fields of the wire have 32 bits."""

_PRICES: Final = frozenset(
    "spot zero_gamma major_pos_vol major_pos_oi major_neg_vol major_neg_oi major_positive major_negative "
    "major_long_gamma major_short_gamma z_mlgamma z_msgamma o_mlgamma o_msgamma "
    "zero_mcall zero_mput one_mcall one_mput".split()
)
_THOUSANDTHS: Final = frozenset(("sum_gex_vol", "sum_gex_oi", "delta_risk_reversal"))
_OTHERS: Final = frozenset("timestamp ticker min_dte sec_min_dte strikes max_priors mini_contracts".split())


class Ranges(PlainCheck):
    """A check of the plain numbers of one category."""

    def __init__(self, category: str) -> None:
        keys = LAYOUTS[category].keys
        self._prices = tuple(key for key in keys if key in _PRICES)
        self._amounts = tuple(key for key in keys if key not in _PRICES | _OTHERS | _THOUSANDTHS)
        self._sums = tuple(key for key in keys if key in _THOUSANDTHS)
        self._get_prices = attrgetter(*self._prices)

    def feed(self, row: Row) -> Iterator[Finding]:
        """Prices that cannot be; amounts that do not fit."""
        record = row.record
        if record.spot <= 0:
            yield Finding("range", row.number, f"spot {record.spot}")
        if min(self._get_prices(record)) < 0:
            said = (f"{name} {getattr(record, name)}" for name in self._prices if getattr(record, name) < 0)
            yield Finding("range", row.number, ", ".join(said))
        for names, factor in ((self._amounts, 100), (self._sums, 1000)):
            for name in names:
                if abs(getattr(record, name)) * factor > WIRE_MAX:
                    yield Finding("saturates", row.number, f"{name} {getattr(record, name)}")

"""The gex record, classic and state.

On the wire prices, exposures by strike and their priors are scaled by 100; sums, the risk reversal and the changes of
max_priors by 1000. A strike's priors, and max_priors, may be missing or null.
"""

from __future__ import annotations

from typing import Final

from gexfaker.records.fields import SINT32, UINT32, Field, Shape

PRICE: Final = 100
SUM: Final = 1000

STRIKE: Final = (
    Field("strike_price", "strike", PRICE, UINT32),
    Field("value_1", "gex by volume", PRICE, SINT32),
    Field("value_2", "gex by open interest", PRICE, SINT32),
    Field("priors", "priors", PRICE, SINT32, optional=True, many=True, inside="values"),
)
CHANGE: Final = (
    Field("first_value", "strike", PRICE, SINT32),
    Field("second_value", "change", SUM, SINT32),
)
GEX: Final = Shape(
    "a gex",
    (
        Field("min_dte", "min_dte", 1, SINT32, optional=True),
        Field("sec_min_dte", "sec_min_dte", 1, SINT32, optional=True),
        Field("spot", "spot", PRICE, UINT32),
        Field("zero_gamma", "zero_gamma", PRICE, UINT32),
        Field("major_pos_vol", "major_pos_vol", PRICE, UINT32),
        Field("major_pos_oi", "major_pos_oi", PRICE, UINT32),
        Field("major_neg_vol", "major_neg_vol", PRICE, UINT32),
        Field("major_neg_oi", "major_neg_oi", PRICE, UINT32),
        Field("strikes", "strikes", PRICE, SINT32, columns=STRIKE),
        Field("sum_gex_vol", "sum_gex_vol", SUM, SINT32),
        Field("sum_gex_oi", "sum_gex_oi", SUM, SINT32),
        Field("delta_risk_reversal", "delta_risk_reversal", SUM, SINT32),
        Field("max_priors", "max_priors", SUM, SINT32, optional=True, columns=CHANGE, inside="tuples"),
    ),
    decimals=5,
)

"""The record of one greek by strike.

On the wire prices, the greek and its priors are scaled by 100, volatilities by 1000; put volumes are whole numbers. In
a row [strike, call iv, put iv, greek, [priors], put volume, put priors] the last two may be null or missing.
"""

from __future__ import annotations

from typing import Final

from gexfaker.records.fields import SINT32, UINT32, Field, Shape

PRICE: Final = 100
VOLATILITY: Final = 1000

CONTRACT: Final = (
    Field("strike", "strike", PRICE, UINT32),
    Field("call_ivol", "call iv", VOLATILITY, UINT32),
    Field("put_ivol", "put iv", VOLATILITY, UINT32),
    Field("call_cvolume", "greek", PRICE, SINT32),
    Field("call_cvolume_priors", "priors", PRICE, SINT32, many=True),
    Field("put_cvolume", "put volume", 1, SINT32, optional=True, null=True),
    Field("put_cvolume_priors", "put priors", 1, SINT32, optional=True, null=True, many=True, inside="values"),
)
GREEKS: Final = Shape(
    "a greeks",
    (
        Field("spot", "spot", PRICE, UINT32),
        Field("min_dte", "min_dte", 1, SINT32, optional=True),
        Field("sec_min_dte", "sec_min_dte", 1, SINT32, optional=True),
        Field("major_call_gamma", "major_positive", PRICE, UINT32),
        Field("major_put_gamma", "major_negative", PRICE, UINT32),
        Field("major_long_gamma", "major_long_gamma", PRICE, UINT32),
        Field("major_short_gamma", "major_short_gamma", PRICE, UINT32),
        Field("mini_contracts", "mini_contracts", PRICE, SINT32, columns=CONTRACT),
    ),
    decimals=3,
)

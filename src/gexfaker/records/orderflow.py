"""The orderflow record. On the wire all values behind the ticker are scaled by 100."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gexfaker.records.fields import SINT32, UINT32, Bounds, Field, Shape

FACTOR: Final = 100


def _fields(bounds: Bounds, *rows: str) -> Iterator[Field]:
    for row in rows:
        wire, json = row.split()
        yield Field(wire, json, FACTOR, bounds)


_FIELDS: Final = (
    *_fields(
        UINT32,
        "spot spot",
        "zero_major_long_gamma z_mlgamma",
        "zero_major_short_gamma z_msgamma",
        "one_major_long_gamma o_mlgamma",
        "one_major_short_gamma o_msgamma",
        "zero_major_call_gamma zero_mcall",
        "zero_major_put_gamma zero_mput",
        "one_major_call_gamma one_mcall",
        "one_major_put_gamma one_mput",
    ),
    *_fields(
        SINT32,
        "zero_convexity_ratio zcvr",
        "one_convexity_ratio ocvr",
        "zero_gex_ratio zgr",
        "one_gex_ratio ogr",
        "zero_net_vanna zvanna",
        "one_net_vanna ovanna",
        "zero_net_charm zcharm",
        "one_net_charm ocharm",
        "zero_agg_total_dex agg_dex",
        "one_agg_total_dex one_agg_dex",
        "zero_agg_call_dex agg_call_dex",
        "one_agg_call_dex one_agg_call_dex",
        "zero_agg_put_dex agg_put_dex",
        "one_agg_put_dex one_agg_put_dex",
        "zero_net_total_dex net_dex",
        "one_net_total_dex one_net_dex",
        "zero_net_call_dex net_call_dex",
        "one_net_call_dex one_net_call_dex",
        "zero_net_put_dex net_put_dex",
        "one_net_put_dex one_net_put_dex",
        "dex_orderflow dexoflow",
        "gex_orderflow gexoflow",
        "convexity_orderflow cvroflow",
        "one_dex_orderflow one_dexoflow",
        "one_gex_orderflow one_gexoflow",
        "one_convexity_orderflow one_cvroflow",
    ),
)

ORDERFLOW: Final = Shape("an orderflow", _FIELDS)

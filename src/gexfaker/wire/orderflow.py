"""The orderflow snapshot: JSON record <-> ``proto.orderflow`` message.

One table, FIELDS, names every field once; the record type, the encoder and the decoder are made from it.
Values after the ticker are scaled by 100.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, Final

import msgspec

from gexfaker.wire.generated.orderflow_pb2 import Orderflow
from gexfaker.wire.scaling import INT64, SINT32, UINT32, Bounds, Encoded, Field, Fitter, read_record, saturate, unscale

TYPE_URL: Final = "proto.orderflow"
FACTOR: Final = 100


def _table(bounds: Bounds, *rows: str) -> Iterator[Field]:
    for row in rows:
        wire, json = row.split()
        yield Field(wire, json, FACTOR, bounds)


FIELDS: Final = (
    *_table(
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
    *_table(
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

_Record: Final = msgspec.defstruct(
    "OrderflowRecord",
    [("timestamp", int), ("ticker", str), *((field.json, float) for field in FIELDS)],
    gc=False,
)
_decoder: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(_Record)
_numbers: Final = attrgetter(*(field.json for field in FIELDS))


def encode(record: bytes) -> Encoded:
    """The serialised ``proto.orderflow`` message of one JSON record.

    Raises:
        RecordError: invalid JSON or UTF-8, a key missing or of the wrong type, a number that is not finite.
    """
    row = read_record(_decoder, record, "an orderflow")
    fitter = Fitter()
    values = fitter.fit_all(FIELDS, _numbers(row))
    timestamp = saturate(row.timestamp, INT64)
    return fitter.done(Orderflow(timestamp=timestamp, ticker=row.ticker, **values).SerializeToString())


def decode(message: bytes) -> dict[str, int | float | str]:
    """The JSON record of a serialised message, keys in the REST order, integral values as ints.

    Raises:
        google.protobuf.message.DecodeError: not a protobuf message.
    """
    parsed = Orderflow.FromString(message)
    record: dict[str, int | float | str] = {"timestamp": parsed.timestamp, "ticker": parsed.ticker}
    for field in FIELDS:
        record[field.json] = unscale(getattr(parsed, field.wire), FACTOR)
    return record

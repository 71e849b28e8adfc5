"""The spot price: any snapshot's JSON record -> ``proto.spot`` message, of the same ticker and timestamp."""

from __future__ import annotations

from typing import Final

from gexfaker.wire.generated.spot_pb2 import SpotPrice
from gexfaker.wire.scaling import INT64, UINT32
from gexfaker.wire.tables import Field, Table

SPOT: Final = Table(
    "a",
    "proto.spot",
    SpotPrice,
    (
        Field("spot", "spot", 100, UINT32),
        Field("source_timestamp_ms", "source_timestamp_ms", 1, INT64, optional=True),
    ),
)

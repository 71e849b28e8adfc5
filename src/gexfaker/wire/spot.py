"""The spot price: any snapshot's JSON record -> ``proto.spot`` message, of the same ticker and timestamp."""

from __future__ import annotations

from typing import Final

from gexfaker.records import spot
from gexfaker.wire.generated.spot_pb2 import SpotPrice
from gexfaker.wire.tables import Table

SPOT: Final = Table(spot.SPOT, "proto.spot", SpotPrice)

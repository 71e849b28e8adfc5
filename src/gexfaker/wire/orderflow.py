"""The orderflow snapshot: JSON record <-> ``proto.orderflow`` message."""

from __future__ import annotations

from typing import Final

from gexfaker.records import orderflow
from gexfaker.wire.generated.orderflow_pb2 import Orderflow
from gexfaker.wire.tables import Table

ORDERFLOW: Final = Table(orderflow.ORDERFLOW, "proto.orderflow", Orderflow)

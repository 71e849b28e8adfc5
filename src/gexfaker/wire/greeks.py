"""The snapshot of one greek by strike: JSON record <-> ``proto.greek`` message (OptionProfile)."""

from __future__ import annotations

from typing import Final

from gexfaker.records import greeks
from gexfaker.wire.generated.greeks_pb2 import OptionProfile
from gexfaker.wire.tables import Table

GREEKS: Final = Table(greeks.GREEKS, "proto.greek", OptionProfile)

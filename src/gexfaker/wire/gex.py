"""The gex snapshot: JSON record <-> ``proto.gex`` message."""

from __future__ import annotations

from typing import Final

from gexfaker.records import gex
from gexfaker.wire.generated.gex_pb2 import Gex
from gexfaker.wire.tables import Table

GEX: Final = Table(gex.GEX, "proto.gex", Gex)

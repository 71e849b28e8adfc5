"""The spot price of a ticker: what of any record is sent to a spot group."""

from __future__ import annotations

from typing import Final

from gexfaker.records.fields import INT64, UINT32, Field, Shape

SPOT: Final = Shape(
    "a",
    (
        Field("spot", "spot", 100, UINT32),
        Field("source_timestamp_ms", "source_timestamp_ms", 1, INT64, optional=True),
    ),
)

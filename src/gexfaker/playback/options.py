"""How a key plays: the choices it has, one by one."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta


class Playback(StrEnum):
    """What makes a record due: market time reaching its timestamp, or being asked for."""

    CLOCK = "clock"
    STEP = "step"


STEP: Final = Playback.STEP
"""For where it is asked for with every record: Python 3.11 looks members of an enum up by a call."""


class CacheMode(StrEnum):
    """What follows the last record: it stays, nothing more, the first again, or the next day's."""

    HOLD = "hold"
    EXHAUST = "exhaust"
    ROTATION = "rotation"
    NEXT = "next"


class EndpointCacheMode(StrEnum):
    """In step mode: one position for all REST endpoints of a ticker and package, or one for each endpoint."""

    SHARED = "shared"
    INDEPENDENT = "independent"


class Timestamps(StrEnum):
    """The timestamps that clients see: as recorded, or moved to the present."""

    RECORDED = "recorded"
    LIVE = "live"


LIVE: Final = Timestamps.LIVE
HOLD, EXHAUST, ROTATION, NEXT = CacheMode
"""The same, for where they are asked for with every turn."""


SPEEDS: Final = "0, or 0.1 to 1000"
"""Market seconds a second: beyond a thousand a day takes less than 24 s, which shows nothing that is of use."""


def is_speed(number: float) -> bool:
    """Whether it is one of SPEEDS."""
    return number == 0 or 0.1 <= number <= 1000


class Options(msgspec.Struct, frozen=True):
    """How a key plays.

    Attributes:
        interval: seconds between two records of a group in step mode.
        speed: market seconds a second; 0 is as fast as the client takes it.
        start: ``open``, ``now`` (the time of day it is in New York), or a time of day HH:MM[:SS].
    """

    playback: Playback = Playback.CLOCK
    cache_mode: CacheMode = CacheMode.HOLD
    endpoints: EndpointCacheMode = EndpointCacheMode.SHARED
    timestamps: Timestamps = Timestamps.RECORDED
    interval: Annotated[float, Meta(ge=0.01)] = 1.0
    speed: Annotated[float, Meta(ge=0, le=1000)] = 1.0
    start: Annotated[str, Meta(pattern=r"^(open|now|([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?)$")] = "open"

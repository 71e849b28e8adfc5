"""Turns: what is due to a key at once, and how often there is one."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from gexfaker.catalog import Feed

EXPIRY_STRIDE: Final = 5
"""Records from one snapshot of an explicit-expiry feed to the next: about five seconds, as on the service."""

IDLE_TURN: Final = 1.0
"""Seconds between two looks at a key whose groups are all silent, and whose clock has therefore not started."""

SHORTEST_TURN: Final = 0.005
"""Seconds between two turns of a key at high speed: a fourth of the lateness allowed at speed 1."""


def is_published(feed: Feed, index: int) -> bool:
    """Whether a feed sends record ``index``: all of a standard one, every EXPIRY_STRIDE-th of an explicit expiry."""
    return feed.expiry is None or index % EXPIRY_STRIDE == 0


def next_tick(now: float, interval: float) -> float:
    """The first multiple of ``interval`` after ``now`` (epoch seconds): whole seconds for 1 s, halves for 0.5."""
    tick = (math.floor(now / interval) + 1) * interval
    return tick if tick > now else tick + interval


class Turn(NamedTuple):
    """What is due now: records with ``after < timestamp <= upto`` (market time), or in step mode the next of each.

    A turn that greets somebody who has come to listen has the newest record where the day stands still.
    """

    timeline: int
    after: float
    upto: float
    greets: bool = False

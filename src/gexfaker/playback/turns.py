"""Turns: what is due to a session at once, and how often there is one."""

from __future__ import annotations

from typing import Final, NamedTuple

from gexfaker.catalog import Feed

EXPIRY_STRIDE: Final = 5
"""Records from one snapshot of an explicit-expiry feed to the next: about five seconds, as on the service."""

IDLE_TURN: Final = 1.0
"""Seconds between two looks at a session whose groups are all silent, and whose clock has therefore not started."""

SHORTEST_TURN: Final = 0.005
"""Seconds between two turns of a session at high speed: a fourth of the lateness allowed at speed 1."""


def is_published(feed: Feed, index: int) -> bool:
    """Whether a feed sends record ``index``: all of a standard one, every EXPIRY_STRIDE-th of an explicit expiry."""
    return feed.expiry is None or index % EXPIRY_STRIDE == 0


class Turn(NamedTuple):
    """What is due now: records with ``after < timestamp <= upto`` (market time), or in step mode the next of each."""

    timeline: int
    after: float
    upto: float

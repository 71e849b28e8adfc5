"""Random bytes that are a function of a name: no state, any order, the same on every machine and version."""

from __future__ import annotations

from hashlib import shake_128
from typing import Final

SIMULATION: Final = 4
"""Version of the simulation. Counted up when the simulation changes on purpose, so that no old day half survives."""


def noise_bytes(key: str, count: int) -> bytes:
    """``count`` uniformly distributed bytes of SHAKE-128 over a key such as ``7/2026-08-14/SPX/flow/12``."""
    # No secrets here: a hash is simply the one generator whose output no platform or version changes.
    return shake_128(f"gexfaker-market-{SIMULATION}/{key}".encode()).digest(count)

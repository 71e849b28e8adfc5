"""Random numbers that are a function of a name: no state, any order, the same on every machine.

SHAKE-128 turns a key such as ``7/2026-08-14/SPX/zgr/12`` into as many bytes as are wanted. Everything
made of them uses only ``+ - * /`` and ``math.sqrt``, which IEEE 754 rounds the same way everywhere.
Not used on purpose: ``random.gauss``, ``math.exp`` and the like (the C library decides their last bit)
and ``sum`` over floats (compensated since Python 3.12, so its last bit depends on the version).
"""

from __future__ import annotations

import math
import struct
from hashlib import shake_128
from typing import Final

_PREFIX: Final = "gexfaker-market-1"
"""Part of every key. Counted up when the simulation changes on purpose, so that no old day half survives."""

_MEAN: Final = 4 * 65_535 / 2
_SCALE: Final = 1 / math.sqrt(4 * (65_536 * 65_536 - 1) / 12)


def noise_bytes(key: str, count: int) -> bytes:
    """``count`` uniformly distributed bytes."""
    # No secrets here: a hash is simply the one generator whose output no platform or version changes.
    return shake_128(f"{_PREFIX}/{key}".encode()).digest(count)


def normals(key: str, count: int) -> list[float]:
    """``count`` nearly normal numbers, mean 0 and variance 1, none beyond 3.47: sums of four uniforms."""
    words = iter(struct.unpack(f"<{4 * count}H", noise_bytes(key, 8 * count)))
    return [(a + b + c + d - _MEAN) * _SCALE for a, b, c, d in zip(words, words, words, words, strict=True)]


def uniform(key: str, low: float, high: float) -> float:
    """One number evenly from ``low`` to ``high``."""
    (word,) = struct.unpack("<H", noise_bytes(key, 2))
    return low + (high - low) * (float(word) / 65_536)


def sign(key: str) -> int:
    """1 or -1, even odds."""
    return 1 if noise_bytes(key, 1)[0] & 1 else -1

"""Random numbers for whole arrays: a function of a name and a counter, in any order, the same everywhere.

splitmix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014) finishes a 64-bit counter into
64 random bits with shifts, products and xors of unsigned integers. The name's own key comes from SHAKE-128.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gexfaker.market.numeric.exact import Floats
from gexfaker.market.numeric.noise import noise_bytes

Words = NDArray[np.uint64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_PART: Final = np.uint64(0xFFFF)
_SHIFTS: Final = tuple(np.uint64(bits) for bits in (0, 16, 32, 48))

COLUMN_BITS: Final = 20
"""Bits of a counter that number the column: strikes of a chain stay below 2**20, records and blocks go above."""

_MEAN: Final = 4 * 65_535 / 2
_SCALE: Final = 1 / math.sqrt(4 * (65_536 * 65_536 - 1) / 12)


def words(key: str, rows: range, columns: range = range(1)) -> Words:
    """64 random bits for each row and column number of a name, as a matrix; 1 column: still a matrix."""
    row = np.arange(rows.start, rows.stop, dtype=np.uint64)[:, None] << np.uint64(COLUMN_BITS)
    column = np.arange(columns.start, columns.stop, dtype=np.uint64)[None, :]
    start = np.frombuffer(noise_bytes(key, 8), dtype="<u8").astype(np.uint64)
    mixed: Words = (row + column) * _GOLDEN + start
    mixed ^= mixed >> np.uint64(30)
    mixed *= _FIRST
    mixed ^= mixed >> np.uint64(27)
    mixed *= _SECOND
    mixed ^= mixed >> np.uint64(31)
    return mixed


def uniforms(bits: Words, part: int) -> Floats:
    """Numbers from 0 to 1 (excluded) made of a quarter of the bits; the four quarters are independent."""
    return ((bits >> _SHIFTS[part]) & _PART).astype(np.float64) / 65_536.0


def normals(bits: Words) -> Floats:
    """Nearly normal numbers, mean 0 and variance 1, none beyond 3.47: sums of the four quarters."""
    total = bits & _PART
    for shift in _SHIFTS[1:]:
        total = total + ((bits >> shift) & _PART)
    return (total.astype(np.float64) - _MEAN) * _SCALE


def walk(key: str, count: int) -> Floats:
    """``count`` nearly normal numbers of a name, in one row."""
    drawn: Floats = normals(words(key, range(count)))[:, 0]
    return drawn

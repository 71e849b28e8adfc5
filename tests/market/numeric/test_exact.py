"""exp, log and the normal distribution: as exact as the C library's, and the same bits everywhere."""

from __future__ import annotations

import hashlib
import math
from decimal import Decimal, getcontext

import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st

from gexfaker.market.numeric import exact
from gexfaker.market.numeric.hashing import normals, uniforms, walk, words
from gexfaker.market.numeric.noise import noise_bytes


@given(st.floats(-700, 700))
@settings(deadline=None)
def test_exp(x: float) -> None:
    getcontext().prec = 40
    result = exact.exp(np.array([x]))[0]
    assert abs(Decimal(float(result)) / Decimal(x).exp() - 1) < Decimal("5e-16")


@given(st.floats(1e-300, 1e300))
@settings(deadline=None)
def test_log(x: float) -> None:
    getcontext().prec = 40
    result, true = Decimal(float(exact.log(np.array([x]))[0])), Decimal(x).ln()
    assert abs(result - true) <= Decimal("4e-16") * max(Decimal(1), abs(true))


@given(st.floats(-1e-9, 1e-9))
@settings(deadline=None)
def test_log_keeps_small_moves(x: float) -> None:
    assert exact.log(np.array([1.0 + x]))[0] == pytest.approx(math.log(1.0 + x), rel=1e-15, abs=1e-24)


@given(st.floats(-37, 37))
@settings(deadline=None)
def test_normal_cdf(x: float) -> None:
    value = exact.normal_cdf(np.array([x]))[0]
    assert value == pytest.approx(math.erfc(-x / math.sqrt(2)) / 2, abs=1e-14)
    assert value == pytest.approx(QuantLib.CumulativeNormalDistribution()(x), abs=1e-14)


@given(st.floats(-30, 30))
@settings(deadline=None)
def test_normal_pdf(x: float) -> None:
    value = exact.normal_pdf(np.array([x]))[0]
    assert value == pytest.approx(math.exp(-x * x / 2) / math.sqrt(2 * math.pi), rel=1e-13)


def test_the_tail_keeps_its_digits() -> None:
    for x in (-5.0, -7.07, -7.08, -9.0):
        assert exact.normal_cdf(np.array([x]))[0] == pytest.approx(math.erfc(-x / math.sqrt(2)) / 2, rel=1e-7)


def test_out_of_range_arguments_count_as_the_nearest() -> None:
    low, high = exact.exp(np.array([-1e9, 1e9]))
    assert 0 < low < 1e-300
    assert 1e300 < high < math.inf


def test_a_value_does_not_depend_on_its_neighbours() -> None:
    grid = np.arange(-40.0, 40.0, 0.37)
    for function in (exact.exp, exact.normal_pdf, exact.normal_cdf):
        alone = [float(function(np.array([x]))[0]) for x in grid]
        assert function(grid).tolist() == alone
    assert exact.log(grid[grid > 0]).tolist() == [float(exact.log(np.array([x]))[0]) for x in grid[grid > 0]]


def test_bits_are_pinned() -> None:
    """Fails on a platform whose arithmetic differs, before any record does."""
    grid = np.arange(-6000, 6000) / 512.0
    digest = hashlib.sha256()
    for values in (exact.exp(grid), exact.log(np.abs(grid) + 0.001), exact.normal_cdf(grid)):
        digest.update(values.astype("<f8").tobytes())
    assert digest.hexdigest() == "bd8b5ba51a1484a035c79d3d03914be1000dc0341fc59a9239ff26c70ae9d98f"


def splitmix64(start: int, counter: int) -> int:
    mask = 2**64 - 1
    z = (start + counter * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def test_the_reference_is_splitmix64() -> None:
    # The first two numbers of the published generator seeded with 0.
    assert [splitmix64(0, n) for n in (1, 2)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


@given(st.integers(0, 23_400), st.integers(0, 2**20 - 5))
@settings(deadline=None)
def test_words_are_splitmix64_of_row_and_column(row: int, column: int) -> None:
    start = int.from_bytes(noise_bytes("key", 8), "little")
    drawn = words("key", range(row, row + 2), range(column, column + 3)).tolist()
    assert drawn == [[splitmix64(start, (r << 20) + column + c) for c in range(3)] for r in (row, row + 1)]


def test_numbers_are_distributed_as_they_should() -> None:
    bits = words("distribution", range(200), range(500))
    for part in range(4):
        draw = uniforms(bits, part)
        assert 0 <= draw.min() < 0.001 < 0.999 < draw.max() < 1
        assert draw.mean() == pytest.approx(0.5, abs=0.005)
    z = normals(bits)
    assert (z.mean(), z.std()) == (pytest.approx(0, abs=0.015), pytest.approx(1, abs=0.01))
    assert abs(np.corrcoef(uniforms(bits, 0).ravel(), uniforms(bits, 1).ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(z[:, :-1].ravel(), z[:, 1:].ravel())[0, 1]) < 0.01
    assert walk("walk", 3).shape == (3,)
    assert walk("walk", 3).tolist() == walk("walk", 9)[:3].tolist()

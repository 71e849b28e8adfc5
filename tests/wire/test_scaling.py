"""Scaling against decimal arithmetic on the number's digits."""

from __future__ import annotations

import math
import random
from decimal import ROUND_DOWN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.records.fields import SINT32, UINT32
from gexfaker.wire.scaling import saturate, scale


def decimally(value: float, factor: int) -> int:
    """``value * factor`` truncated toward zero on the shortest digits that denote the double."""
    return int((Decimal(repr(value)) * factor).to_integral_value(rounding=ROUND_DOWN))


@pytest.mark.parametrize(
    ("value", "factor", "scaled"),
    [
        (6822.95, 100, 682295),
        (1.239, 100, 123),
        (-1.239, 100, -123),
        (0.29, 100, 29),
        (-0.29, 100, -29),
        (1.005, 1000, 1005),
        (1.005, 100, 100),
        (-2.675, 100, -267),
        (-2.675, 1000, -2675),
        (0.57, 100, 57),
        (1.15, 100, 115),
        (4.35, 100, 435),
        (1.1, 1000, 1100),
        (0.999, 100, 99),
        (-0.999, 100, -99),
        (0.0, 100, 0),
        (-0.0, 100, 0),
        (5e-324, 100, 0),
        (-5e-324, 1000, 0),
        (42949672.95, 100, 2**32 - 1),
        (42949672.96, 100, 2**32),
        (21474836.47, 100, 2**31 - 1),
        (-21474836.48, 100, -(2**31)),
        (1e15, 100, 10**17),
        (9007199254740993.0, 100, 900719925474099200),
    ],
)
def test_table(value: float, factor: int, scaled: int) -> None:
    assert scale(value, factor) == scaled


@pytest.mark.parametrize("value", [1.7976931348623157e308, -1.7976931348623157e308, 1e307])
def test_a_product_beyond_the_doubles_saturates_rather_than_overflows(value: float) -> None:
    scaled = scale(value, 100)
    assert saturate(scaled, SINT32) == (SINT32[1] if value > 0 else SINT32[0])


@given(st.floats(min_value=-(10.0**12), max_value=10.0**12), st.sampled_from([100, 1000]))
def test_any_double(value: float, factor: int) -> None:
    assert scale(value, factor) == decimally(value, factor)


@given(st.integers(-(10**14), 10**14), st.integers(0, 8), st.sampled_from([100, 1000]))
def test_any_text_of_up_to_15_digits(digits: int, places: int, factor: int) -> None:
    text = f"{digits}e-{places}"
    expected = int((Decimal(text) * factor).to_integral_value(rounding=ROUND_DOWN))
    if abs(expected) < 2**53:  # beyond, doubles are not whole numbers apart; no field reaches as far
        assert scale(float(text), factor) == expected
    for bounds in (UINT32, SINT32):
        assert saturate(scale(float(text), factor), bounds) == min(max(expected, bounds[0]), bounds[1])


@pytest.mark.long
@pytest.mark.parametrize("factor", [100, 1000])
def test_a_hundred_thousand_numbers_and_their_neighbours(factor: int) -> None:
    """Exact multiples are kept; the very next double toward zero is below them, the next away is not."""
    rng = random.Random(factor)
    places = len(str(factor)) - 1
    wrong = []
    for _ in range(35_000):
        whole = rng.randrange(-(10 ** rng.randrange(1, 12)), 10 ** rng.randrange(1, 12))
        exact = float(f"{whole}e-{places}")
        if scale(exact, factor) != whole:
            wrong.append(exact)
        for value in (math.nextafter(exact, math.inf), math.nextafter(exact, -math.inf)):
            if scale(value, factor) != decimally(value, factor):
                wrong.append(value)
    assert wrong == []


@pytest.mark.parametrize(
    ("number", "bounds", "fitted"),
    [
        (-1, UINT32, 0),
        (0, UINT32, 0),
        (2**32 - 1, UINT32, 2**32 - 1),
        (2**32, UINT32, 2**32 - 1),
        (-(2**31), SINT32, -(2**31)),
        (-(2**31) - 1, SINT32, -(2**31)),
        (2**31 - 1, SINT32, 2**31 - 1),
        (2**31, SINT32, 2**31 - 1),
        (10**400, SINT32, 2**31 - 1),
    ],
)
def test_saturate(number: int, bounds: tuple[int, int], fitted: int) -> None:
    assert saturate(number, bounds) == fitted

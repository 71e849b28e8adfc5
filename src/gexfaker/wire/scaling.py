"""Numbers to scaled integers: times 10^k, truncated toward zero as a decimal, saturated at the field."""

from __future__ import annotations

import math
from typing import NamedTuple

from gexfaker.errors import RecordError
from gexfaker.records.fields import Bounds


class Encoded(NamedTuple):
    """A serialised message, and the JSON names of the fields that did not fit and were saturated."""

    message: bytes
    saturated: tuple[str, ...]


class Fitter:
    """Scales the numbers of one record into their fields and remembers which did not fit."""

    __slots__ = ("saturated",)

    def __init__(self) -> None:
        self.saturated: dict[str, None] = {}

    def fit(self, value: float, factor: int, bounds: Bounds, name: str) -> int:
        """The scaled, saturated integer. Raises RecordError naming ``name`` when the value is not finite."""
        if not math.isfinite(value):
            raise RecordError(f"{name} is not a finite number")
        scaled = scale(value, factor)
        low, high = bounds
        if low <= scaled <= high:
            return scaled
        self.saturated[name] = None
        return low if scaled < low else high


def unscale(number: int, factor: int) -> int | float:
    """The JSON number of a scaled integer; an integral one is an int, so that it prints without a point."""
    return number // factor if number % factor == 0 else number / factor


def scale(value: float, factor: int) -> int:
    """``value * factor`` truncated toward zero, as if computed on the number's decimal digits.

    6822.95 gives 682295 at factor 100 although the binary product is 682294.99999. The digits meant are the
    shortest ones that denote the double, which are the JSON text's for up to 15 of them. ``value`` must be
    finite and ``factor`` a power of ten. Exact below 2**53; every field saturates far earlier.

    The nearest integer n is right when n/factor is the very same double; otherwise it is one too large in
    magnitude exactly when n/factor lies beyond the value, since correctly rounded division keeps the order.
    """
    product = value * factor
    if not math.isfinite(product):
        return int(value) * factor
    nearest = round(product)
    back = nearest / factor
    if back == value or abs(back) < abs(value):
        return nearest
    return nearest - 1 if nearest > 0 else nearest + 1


def saturate(number: int, bounds: tuple[int, int]) -> int:
    """``number``, or the nearer bound when it lies outside the inclusive ``bounds``."""
    low, high = bounds
    return low if number < low else high if number > high else number

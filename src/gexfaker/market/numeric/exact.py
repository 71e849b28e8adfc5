"""exp, log and the normal distribution with the same bits on every machine.

Only operations that IEEE 754 rounds correctly (``+ - * /``, sqrt, comparison, rint) and exact ones (frexp, bit
patterns) touch the values; numpy's own ``exp`` and ``log`` take theirs from the C library or from SIMD kernels, whose
last bits differ. All functions work elementwise on float64 arrays of any shape.

Sources: range reduction as in Cody and Waite, Software Manual for the Elementary Functions (1980); the cumulative
normal is Hart's double precision algorithm as given by West, Better approximations to cumulative normal functions
(Wilmott, 2005).
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LOG2_E: Final = 1.4426950408889634
_LN2_HIGH: Final = 0.693145751953125
"""The first 16 bits of ln 2: its products with the exponents of doubles are exact."""

_LN2_LOW: Final = 1.4286068203094173e-06

_EXP_LOW: Final = -708.0
"""Below this a result would not be a normal double; such arguments count as this one (3e-308)."""

_EXP_HIGH: Final = 709.0
"""Above this exp overflows; such arguments count as this one."""

_EXP_TERMS: Final = tuple(1.0 / math.factorial(n) for n in range(13, -1, -1))
"""Taylor coefficients, highest first: beyond the 13th they are below 1e-17 for |x| <= ln 2 / 2."""

_LOG_TERMS: Final = tuple(2.0 / n for n in range(23, 0, -2))
"""Of 2 artanh(s) = log((1+s)/(1-s)), in powers of s squared; |s| <= 0.1716, so the rest is below 1e-18."""

_SQRT_HALF: Final = 0.7071067811865476
_DENSITY: Final = 0.3989422804014327
"""1 / sqrt(2 pi)."""

_TAIL: Final = 7.07106781186547
"""Where Hart's rational function ends and the continued fraction begins."""

_UPPER: Final = (
    0.0352624965998911,
    0.700383064443688,
    6.37396220353165,
    33.912866078383,
    112.079291497871,
    221.213596169931,
    220.206867912376,
)
_LOWER: Final = (
    0.0883883476483184,
    1.75566716318264,
    16.064177579207,
    86.7807322029461,
    296.564248779674,
    637.333633378831,
    793.826512519948,
    440.413735824752,
)
_ROOT_2_PI: Final = 2.506628274631


def exp(x: Floats) -> Floats:
    """The exponential, to 1e-15 relative; arguments outside of [-708, 709] count as the nearer of the two."""
    x = np.minimum(np.maximum(x, _EXP_LOW), _EXP_HIGH)
    power = np.rint(x * _LOG2_E)
    rest = (x - power * _LN2_HIGH) - power * _LN2_LOW
    # A power of two is its exponent's bits: faster than ldexp, and as exact.
    scale: Floats = ((power.astype(np.int64) + 1023) << 52).view(np.float64)
    return _horner(_EXP_TERMS, rest) * scale


def log(x: Floats) -> Floats:
    """The natural logarithm of positive, normal numbers, to 1e-15 (absolute near 1, else relative)."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < _SQRT_HALF
    mantissa = np.where(small, mantissa + mantissa, mantissa)
    power = (exponent - small).astype(np.float64)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    return power * _LN2_HIGH + (power * _LN2_LOW + s * _horner(_LOG_TERMS, s * s))


def normal_pdf(x: Floats) -> Floats:
    """The standard normal density."""
    return _DENSITY * exp(-0.5 * x * x)


def normal_cdf(x: Floats, density: Floats | None = None) -> Floats:
    """The standard normal distribution function, to 1e-14 absolute.

    Args:
        density: ``normal_pdf(x)``, where the caller has it already.
    """
    size = np.abs(x)
    bell = (normal_pdf(x) if density is None else density) * _ROOT_2_PI
    near = np.minimum(size, _TAIL)
    upper = bell * (_horner(_UPPER, near) / _horner(_LOWER, near))
    if bool((size > _TAIL).any()):
        upper = np.where(size > _TAIL, _far(np.maximum(size, _TAIL), bell), upper)
    return np.where(x > 0, 1.0 - upper, upper)


def _far(size: Floats, bell: Floats) -> Floats:
    fraction = size + 0.65
    for numerator in (4.0, 3.0, 2.0, 1.0):
        fraction = size + numerator / fraction
    return bell / (fraction * _ROOT_2_PI)


def _horner(terms: tuple[float, ...], x: Floats) -> Floats:
    first = np.full_like(x, terms[0])
    return reduce(lambda value, term: value * x + term, terms[1:], first)


def add_rows(values: Floats) -> Floats:
    """The sum of the rows in their order, unlike sum(), which adds in whatever order suits the processor."""
    if not len(values):
        return np.zeros(values.shape[1:])
    return np.asarray(np.cumsum(values, axis=0)[-1])

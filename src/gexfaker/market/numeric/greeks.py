"""Black-Scholes greeks in closed form, at zero rates and with the spot as forward.

Black and Scholes, The Pricing of Options and Corporate Liabilities (Journal of Political Economy, 1973); the cross
derivatives as in Haug, The Complete Guide to Option Pricing Formulas (2nd ed., 2007), sections 2.1 to 2.6.

``moneyness`` is log(strike / spot), ``deviation`` volatility times the root of time. All are per share, elementwise.
"""

from __future__ import annotations

import numpy as np

from gexfaker.market.numeric.exact import Floats, normal_cdf


def d1(moneyness: Floats, deviation: Floats) -> Floats:
    """The formula's d1; d2 is ``d1 - deviation``."""
    return np.asarray(0.5 * deviation - moneyness / deviation)


def call_delta(at: Floats, density: Floats) -> Floats:
    """Change of a call's price per change of spot; a put's is this less 1. ``at`` is d1, ``density`` its pdf."""
    return normal_cdf(at, density)


def gamma(density: Floats, spot: Floats, deviation: Floats) -> Floats:
    """Change of delta per point of spot, of calls and puts."""
    return np.asarray(density / (spot * deviation))


def vanna(density: Floats, at: Floats, deviation: Floats, years: Floats) -> Floats:
    """Change of delta per unit of volatility (1.0 is 100 points), of calls and puts: -pdf(d1) d2 / volatility."""
    return np.asarray(density * (deviation - at) * (np.sqrt(years) / deviation))


def charm(density: Floats, at: Floats, deviation: Floats, years: Floats) -> Floats:
    """Change of delta per year that passes, of calls and puts: pdf(d1) d2 / (2 years)."""
    return np.asarray(density * (at - deviation) / (years + years))


def call_price(spot: Floats, strike: Floats, at: Floats, deviation: Floats) -> Floats:
    """A call's price; a put's is this less spot plus strike."""
    return np.asarray(spot * normal_cdf(at) - strike * normal_cdf(at - deviation))

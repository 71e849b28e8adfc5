"""What is simulated, and how large: one table of tickers, one of indexes, one of flow fields.

The sizes of the flow fields are the typical median absolute values of SPX over twelve days in 2026;
another chain's are those times its ``size``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gexfaker.errors import DataError
from gexfaker.market.path import CLOSING_RUSH, U_SHAPE, PathSpec


@dataclass(frozen=True, slots=True)
class IndexProfile:
    """An index: where it opens (points), its daily volatility (share), how much of it is the market's."""

    level: float
    volatility: float
    beta: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A simulated ticker.

    Attributes:
        chain: whose options: tickers of one chain have the same flows and, but for the basis, levels.
        index: the index whose path the spot follows.
        ratio: spot / index.
        basis: cents added to spot and levels: a future's distance from its index.
        spacing: cents between strikes.
        size: flow sizes relative to SPX.
    """

    chain: str
    index: str
    ratio: float
    basis: int
    spacing: int
    size: float


INDEX_PROFILES: Final = {
    "SPX": IndexProfile(level=6800.0, volatility=0.008, beta=1.0),
    "NDX": IndexProfile(level=25_000.0, volatility=0.011, beta=0.9),
}

PROFILES: Final = {
    "SPX": Profile("SPX", "SPX", ratio=1.0, basis=0, spacing=500, size=1.0),
    "NDX": Profile("NDX", "NDX", ratio=1.0, basis=0, spacing=1000, size=0.25),
    "SPY": Profile("SPY", "SPX", ratio=0.0997, basis=0, spacing=100, size=0.12),
    "QQQ": Profile("QQQ", "NDX", ratio=0.02432, basis=0, spacing=100, size=0.09),
    # The futures tickers are the index's chain seen from the future: price + basis, nothing else differs.
    "ES_SPX": Profile("SPX", "SPX", ratio=1.0, basis=3965, spacing=500, size=1.0),
    "NQ_NDX": Profile("NDX", "NDX", ratio=1.0, basis=14_580, spacing=1000, size=0.25),
}

DEFAULT_TICKERS: Final = tuple(PROFILES)
"""All tickers that can be simulated."""


def profile_of(ticker: str) -> Profile:
    """The ticker's profile. Raises DataError, naming what is simulated, for any other ticker."""
    profile = PROFILES.get(ticker)
    if profile is None:
        raise DataError(f"{ticker!r} is not simulated; simulated are {', '.join(DEFAULT_TICKERS)}")
    return profile


# Steps and tails are set so that median and 95th percentile of the changes per record come out as
# observed, e.g. dexoflow 4-5.5 and 25, one_gexoflow 0.67 and 8.85.
FLOW_PATHS: Final = (
    PathSpec("zgr", typical=2100.0, step=18.0, tail=0.5, pace=CLOSING_RUSH, flicker=0.9, wander=0.5),
    PathSpec("zcvr", typical=150.0, step=1.9, tail=0.5, pace=CLOSING_RUSH, flicker=1.0),
    PathSpec("ogr", typical=100.0, step=0.42, tail=2.2, pace=U_SHAPE, lean=900.0),
    PathSpec("ocvr", typical=900.0, step=0.05, tail=2.2, pace=U_SHAPE),
    PathSpec("zvanna", typical=361.0, step=8.0, tail=0.3, pace=U_SHAPE, memory=0.8),
    PathSpec("ovanna", typical=90.0, step=1.2, tail=0.5, pace=U_SHAPE, lean=520.0),
    PathSpec("agg_call_dex", typical=700.0, step=3.6, tail=0.5, pace=U_SHAPE, side="agg_dex", wander=0.25),
    PathSpec("agg_put_dex", typical=700.0, step=3.6, tail=0.5, pace=U_SHAPE, side="agg_dex", wander=0.25),
    PathSpec("net_call_dex", typical=430.0, step=3.0, tail=0.5, pace=U_SHAPE, side="net_dex", wander=0.25),
    PathSpec("net_put_dex", typical=650.0, step=3.6, tail=0.5, pace=U_SHAPE, side="net_dex", wander=0.25),
    PathSpec("one_agg_call_dex", typical=200.0, step=0.13, tail=3.0, pace=U_SHAPE, side="one_agg_dex"),
    PathSpec("one_agg_put_dex", typical=560.0, step=0.13, tail=3.0, pace=U_SHAPE, side="one_agg_dex"),
    PathSpec("one_net_call_dex", typical=220.0, step=0.13, tail=3.0, pace=U_SHAPE, side="one_net_dex"),
    PathSpec("one_net_put_dex", typical=560.0, step=0.13, tail=3.0, pace=U_SHAPE, side="one_net_dex"),
)

"""What a key's subscription opens. Quant adds explicit expiries and the Quant-only tickers to all the rest."""

from __future__ import annotations

from typing import Final

from gexfaker.catalog import CURRENT_HUBS, QUANT_TICKERS, SPOT, TIERS, V2, Feed

FEED_TIERS: Final = {"GET": "orderflow", "HEAD": "orderflow"}
"""The smallest tier that may negotiate, by method, where it is not quant. Source: the vendor's WebSocket guide."""

_HUB_TIERS: Final = dict(zip(CURRENT_HUBS, ("classic", "state", "state", "quant", "state", "orderflow"), strict=True))
"""The tier from which on a hub carries anything for a key; state_greeks has explicit expiries only."""


def tier_of(feed: Feed) -> str:
    """The smallest tier that has a feed; the spot of a ticker comes with its analytics."""
    if feed.expiry is not None or feed.ticker in QUANT_TICKERS:
        return "quant"
    return "classic" if feed.package == SPOT else feed.package


def includes(tier: str, needed: str) -> bool:
    """Whether a key of ``tier`` has what ``needed`` opens."""
    return TIERS.index(tier) >= TIERS.index(needed)


def why_no_feed(tier: str, method: str) -> str | None:
    """Why a key of ``tier`` may not negotiate by this method, or None when it may.

    The feed is for Quant keys; keys of the Orderflow integrations may use the older GET flow.
    """
    if includes(tier, FEED_TIERS.get(method, TIERS[-1])):
        return None
    return f"The real-time feed needs the quant tier (GET /negotiate: orderflow), and this key has {tier}."


def may_use(tier: str, hub: str) -> bool:
    """Whether a hub, of either generation, carries anything for a key of ``tier``."""
    return includes(tier, _HUB_TIERS[hub.removeprefix(V2)])

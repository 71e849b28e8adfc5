"""What a subscription opens: feeds and hubs, tier by tier."""

from __future__ import annotations

import pytest

from gexfaker.catalog import HUBS, parse_group
from gexfaker.hubs.tiers import includes, may_use, tier_of

TIERS = ("classic", "state", "orderflow", "quant")


@pytest.mark.parametrize(
    ("group", "tier"),
    [
        ("SPX_classic_gex_full", "classic"),
        ("ES_SPX_classic_gex_one", "classic"),
        ("SPXW_classic_gex_zero", "classic"),
        ("SPX_state_gex_zero", "state"),
        ("SPX_state_gamma_one", "state"),
        ("SPX_state_volume_zero", "state"),
        ("NQ_NDX_orderflow_orderflow", "orderflow"),
        ("SPX_spot", "classic"),
        ("SPX_classic_gex_20260814", "quant"),
        ("SPX_state_delta_20260814", "quant"),
        ("SPX_orderflow_20260814", "quant"),
        ("SOXL_classic_gex_full", "quant"),
        ("XSP_state_gex_zero", "quant"),
        ("NDAQ_orderflow_orderflow", "quant"),
        ("XSP_spot", "quant"),
        ("SOXL_classic_gex_20260814", "quant"),
    ],
)
def test_the_smallest_tier_that_has_a_feed(group: str, tier: str) -> None:
    feed = parse_group(group)
    assert feed is not None
    assert tier_of(feed) == tier


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("needed", TIERS)
def test_each_tier_has_all_of_the_ones_before_it(tier: str, needed: str) -> None:
    assert includes(tier, needed) == (TIERS.index(needed) <= TIERS.index(tier))


@pytest.mark.parametrize(
    ("tier", "hubs"),
    [
        ("classic", "classic"),
        ("state", "classic state_gex state_greeks_zero state_greeks_one"),
        ("orderflow", "classic state_gex state_greeks_zero state_greeks_one orderflow"),
        ("quant", "classic state_gex state_greeks_zero state_greeks_one orderflow state_greeks"),
    ],
)
def test_the_hubs_of_a_tier_are_the_same_in_both_generations(tier: str, hubs: str) -> None:
    expected = set(hubs.split())
    assert {hub for hub in HUBS if may_use(tier, hub)} == expected | {f"v2_{hub}" for hub in expected}

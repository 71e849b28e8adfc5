"""The names of the service: groups to feeds and back, their hubs, and the universe of tickers."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker import catalog
from gexfaker.catalog import Feed, explicit, hub_of, meant_group, parse_group, spot_of

TICKERS = ("SPX", "F", "GOOGL", "ES_SPX", "NQ_NDX", "A_B_C")

STANDARD = {
    "classic_gex_full": ("classic", "gex_full", "classic", "gex"),
    "classic_gex_zero": ("classic", "gex_zero", "classic", "gex"),
    "classic_gex_one": ("classic", "gex_one", "classic", "gex"),
    "state_gex_full": ("state", "gex_full", "state_gex", "gex"),
    "state_gex_zero": ("state", "gex_zero", "state_gex", "gex"),
    "state_gex_one": ("state", "gex_one", "state_gex", "gex"),
    "state_delta_zero": ("state", "delta_zero", "state_greeks_zero", "delta"),
    "state_gamma_zero": ("state", "gamma_zero", "state_greeks_zero", "gamma"),
    "state_vanna_zero": ("state", "vanna_zero", "state_greeks_zero", "vanna"),
    "state_charm_zero": ("state", "charm_zero", "state_greeks_zero", "charm"),
    "state_delta_one": ("state", "delta_one", "state_greeks_one", "delta"),
    "state_gamma_one": ("state", "gamma_one", "state_greeks_one", "gamma"),
    "state_vanna_one": ("state", "vanna_one", "state_greeks_one", "vanna"),
    "state_charm_one": ("state", "charm_one", "state_greeks_one", "charm"),
    "orderflow_orderflow": ("orderflow", "orderflow", "orderflow", "orderflow"),
}
LEGACY = {
    "state_volume_zero": ("state", "volume_zero", "state_greeks_zero", "volume"),
    "state_volume_one": ("state", "volume_one", "state_greeks_one", "volume"),
}
EXPLICIT = {
    "classic_gex_20260717": ("classic", "gex_20260717", "classic", "gex"),
    "state_gex_20260717": ("state", "gex_20260717", "state_gex", "gex"),
    "state_delta_20260717": ("state", "delta_20260717", "state_greeks", "delta"),
    "state_gamma_20260717": ("state", "gamma_20260717", "state_greeks", "gamma"),
    "state_vanna_20260717": ("state", "vanna_20260717", "state_greeks", "vanna"),
    "state_charm_20260717": ("state", "charm_20260717", "state_greeks", "charm"),
    "orderflow_20260717": ("orderflow", "20260717", "orderflow", "orderflow"),
}
ENDINGS = STANDARD | LEGACY | EXPLICIT
"""Ending of a group: its package, category, hub and kind, as in the reference."""


@pytest.mark.parametrize("ticker", TICKERS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_every_group_of_every_ticker(ticker: str, ending: str) -> None:
    package, category, hub, kind = ENDINGS[ending]
    feed = parse_group(f"{ticker}_{ending}")
    assert feed == Feed(ticker, package, category)
    assert feed.group == f"{ticker}_{ending}"
    assert feed.kind == kind
    assert feed.expiry == (datetime.date(2026, 7, 17) if ending in EXPLICIT else None)
    assert hub_of(feed.package, feed.category) == hub


@pytest.mark.parametrize("ticker", TICKERS)
def test_the_spot_of_every_ticker(ticker: str) -> None:
    feed = parse_group(f"{ticker}_spot")
    assert feed == spot_of(ticker) == Feed(ticker, "spot", "")
    assert (feed.group, feed.kind, feed.expiry) == (f"{ticker}_spot", "spot", None)


def test_the_catalog_has_the_fifteen_standard_categories_and_the_legacy_ones() -> None:
    listed = [(package, category) for package, names in catalog.CATEGORIES.items() for category in names]
    assert sorted(listed) == sorted((package, category) for package, category, _, _ in STANDARD.values())
    assert len(listed) == 15
    assert {("state", name) for name in catalog.VOLUME_CATEGORIES} == {row[:2] for row in LEGACY.values()}


@pytest.mark.parametrize(
    ("package", "kind", "category"),
    [
        ("classic", "gex", "gex_20260109"),
        ("state", "gex", "gex_20260109"),
        ("state", "vanna", "vanna_20260109"),
        ("orderflow", "orderflow", "20260109"),
    ],
)
def test_explicit_expiries(package: str, kind: str, category: str) -> None:
    expiry = datetime.date(2026, 1, 9)
    feed = explicit("ES_SPX", package, kind, expiry)
    assert feed == Feed("ES_SPX", package, category) == parse_group(f"ES_SPX_{package}_{category}")
    assert (feed.expiry, feed.kind) == (expiry, kind)


# --- names that are none -------------------------------------------------------------------------

WRONG = [
    *(
        "",
        "_",
        "SPX",
        "SPX_",
        "spot",
        "_spot",
        "SPX_Spot",
        "SPX_spot_",
        "SPX_spot ",
        "SPXspot",
        "SPX-spot",
        "SPX_spots",
    ),
    *("SPX_classic", "SPX_classic_", "SPX_classic_gex", "SPX_classic_gex_", "SPX_classic_gex_two", "SPX_classic_full"),
    *("SPX_classic_delta_zero", "SPX_classic_volume_zero", "SPX_classic_orderflow", "SPX_orderflow_gex_full"),
    *("SPX_classic_GEX_full", "SPX_CLASSIC_gex_full", "SPX_classic_gex_full\n", "SPX_classic_gex_full_", "gex_full"),
    *("_classic_gex_full", "classic_gex_full", "SPXclassic_gex_full", "SPX_classic_gexfull", "SPX classic gex_full"),
    *(
        "SPX_state",
        "SPX_state_delta",
        "SPX_state_delta_full",
        "SPX_state_theta_zero",
        "SPX_state_volume",
        "SPX_state_gex",
    ),
    *("SPX_state_volume_full", "SPX_orderflow", "SPX_orderflow_", "SPX_orderflow_orderflows", "_orderflow_orderflow"),
    *("orderflow_orderflow", "SPX_quant_gex_full", "SPX_classic_gex_zero_one", "SPX_classic__gex_full"),
    # explicit expiries
    *("SPX_classic_gex_2026071", "SPX_classic_gex_202607170", "SPX_classic_gex_2026-07-17", "SPX_classic_gex_20260230"),
    *("SPX_classic_gex_20261301", "SPX_classic_gex_20260732", "SPX_classic_gex_00000101", "SPX_classic_gex_20260700"),
    *("SPX_classic_20260717", "SPX_state_20260717", "SPX_classic_delta_20260717", "SPX_state_volume_20260717"),
    *("SPX_state_theta_20260717", "SPX_orderflow_gex_20260717", "SPX_orderflow_20260231", "SPX_orderflow_+2026071"),
    *(
        "_classic_gex_20260717",
        "classic_gex_20260717",
        "_orderflow_20260717",
        "orderflow_20260717",
        "_state_gamma_20260717",
    ),
    *(
        "SPX_classic_gex_20260717\n",
        "SPX_classic_gex_20260717_",
        "SPX_classic_gex_ 2026717",
        "SPX_classic_gex_20250229",
    ),
    "SPX_classic_gex_" + "\uff12\uff10\uff12\uff16\uff10\uff17\uff11\uff17",
    "SPX_orderflow_" + "\u0662\u0660\u0662\u0666\u0660\u0667\u0661\u0667",
]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_group(name: str) -> None:
    assert parse_group(name) is None


@pytest.mark.parametrize(
    ("name", "ticker"),
    [
        ("blue_SPX_spot", "blue_SPX"),
        ("blue_ES_SPX_classic_gex_full", "blue_ES_SPX"),
        ("SPX_classic_gex_full_spot", "SPX_classic_gex_full"),
        ("SPX_spot_spot", "SPX_spot"),
        ("SPX_orderflow_orderflow_20260717", "SPX_orderflow"),
        ("SPX_classic_gex_20260717_state_gex_20260717", "SPX_classic_gex_20260717"),
        ("spx_spot", "spx"),
        ("SPX _spot", "SPX "),
        ("__spot", "_"),
    ],
)
def test_everything_before_the_ending_is_the_ticker_and_nothing_is_guessed(name: str, ticker: str) -> None:
    feed = parse_group(name)
    assert feed is not None
    assert feed.ticker == ticker
    assert feed.group == name


@pytest.mark.parametrize("category", ["gex_20260230", "gex_2026071", "gex_full", "20261301", "", "x_20260717"])
def test_what_is_no_date_is_no_expiry(category: str) -> None:
    assert Feed("SPX", "classic", category).expiry is None


# --- properties ----------------------------------------------------------------------------------

SYMBOLS = st.from_regex(r"[A-Z]{1,5}(_[A-Z]{1,5}){0,2}", fullmatch=True)
DATES = st.dates(datetime.date(2000, 1, 1), datetime.date(2099, 12, 31))
KINDS = st.sampled_from([("classic", "gex"), ("orderflow", "orderflow")]) | st.tuples(
    st.just("state"), st.sampled_from(["gex", "delta", "gamma", "vanna", "charm"])
)


@given(SYMBOLS, KINDS, DATES)
def test_explicit_feeds_come_back_from_their_groups(ticker: str, named: tuple[str, str], expiry: datetime.date) -> None:
    package, kind = named
    feed = explicit(ticker, package, kind, expiry)
    assert feed.group.endswith(expiry.strftime("_%Y%m%d"))
    assert (feed.expiry, feed.kind) == (expiry, kind)
    assert parse_group(feed.group) == feed
    expected = {
        "classic": "classic",
        "orderflow": "orderflow",
        "state": "state_gex" if kind == "gex" else "state_greeks",
    }
    assert hub_of(feed.package, feed.category) == expected[package]


@given(SYMBOLS, st.sampled_from([*STANDARD, *LEGACY]))
def test_standard_feeds_come_back_from_their_groups(ticker: str, ending: str) -> None:
    feed = parse_group(f"{ticker}_{ending}")
    assert feed is not None
    assert (feed.ticker, feed.group, feed.expiry) == (ticker, f"{ticker}_{ending}", None)


PIECES = [
    "",
    "_",
    "SPX",
    "ES",
    "spot",
    "classic",
    "state",
    "gex",
    "gamma",
    "full",
    "zero",
    "orderflow",
    "20260717",
    "9",
]


@given(st.lists(st.sampled_from(PIECES), max_size=7).map("_".join) | st.text(max_size=30))
def test_whatever_is_understood_is_called_so(name: str) -> None:
    feed = parse_group(name)
    if feed is None:
        return
    assert feed.group == name
    assert feed.ticker
    assert feed.package in ("classic", "state", "orderflow", "spot")
    assert feed.package == "spot" or hub_of(feed.package, feed.category) in catalog.CURRENT_HUBS


# --- the universe --------------------------------------------------------------------------------


def test_hubs() -> None:
    current = ("classic", "state_gex", "state_greeks_zero", "state_greeks", "state_greeks_one", "orderflow")
    assert current == catalog.CURRENT_HUBS
    assert tuple(f"v2_{hub}" for hub in current) == catalog.V2_HUBS
    assert (*current, *catalog.V2_HUBS) == catalog.HUBS


def test_how_many_tickers_there_are() -> None:
    assert len(set(catalog.STOCKS)) == len(catalog.STOCKS) == 53
    assert catalog.INDEXES == ("NDX", "RUT", "SPX", "VIX")
    assert catalog.FUTURES == ("ES_SPX", "NQ_NDX")
    assert set(catalog.WEEKLIES) == {"NDXP", "RUTW", "SPXW", "VIXW"}
    assert set(catalog.WEEKLIES.values()) == set(catalog.INDEXES)
    assert len(set(catalog.QUANT_STOCKS)) == len(catalog.QUANT_STOCKS) == 50
    assert catalog.QUANT_INDEXES == ("XSP",)
    assert {*catalog.QUANT_STOCKS, "XSP"} == catalog.QUANT_TICKERS
    assert len(catalog.TICKERS) == 53 + 4 + 2 + 4 + 51


def test_who_owns_options() -> None:
    assert len(catalog.OPTION_TICKERS) == 53 + 4 + 51
    assert not catalog.OPTION_TICKERS & {*catalog.FUTURES, *catalog.WEEKLIES}
    assert not {*catalog.STOCKS, *catalog.INDEXES} & catalog.QUANT_TICKERS


@pytest.mark.parametrize("ticker", ["AAPL", "ZS", "SPX", "ES_SPX", "SPXW", "SOXL", "NDAQ", "F", "XSP"])
def test_the_universe_holds(ticker: str) -> None:
    assert ticker in catalog.TICKERS


@pytest.mark.parametrize("ticker", ["", "ES", "spx", "RTY_RUT", "blue_SPX"])
def test_the_universe_does_not_hold(ticker: str) -> None:
    assert ticker not in catalog.TICKERS


def test_tiers_from_the_smallest_to_the_largest() -> None:
    assert catalog.TIERS == ("classic", "state", "orderflow", "quant")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("ES_SPX_CLASSIC_GEX_20260717", "ES_SPX_classic_gex_20260717"),
        ("es_spx_orderflow_20260717", "ES_SPX_orderflow_20260717"),
        ("spx_classic_gex_2026-07-17", "SPX_classic_gex_20260717"),
        ("blue_spx_classic_gex_2026-07-17", "SPX_classic_gex_20260717"),
        ("blue_spx_state_gamma_20260717", "SPX_state_gamma_20260717"),
    ],
)
def test_a_group_of_a_date_is_meant_with_its_ticker(wrong: str, meant: str) -> None:
    assert meant_group(wrong) == meant

"""Which path means which route and feed: aliases, packages, endings and bases."""

from __future__ import annotations

import itertools

import pytest

from gexfaker.catalog import CATEGORIES, Feed
from gexfaker.rest.paths import Found, Wrong, is_rest_ticker, resolve
from gexfaker.rest.routes import BASES, ROUTES, Answer

GEX = {"full": "gex_full", "gex_full": "gex_full", "zero": "gex_zero", "gex_zero": "gex_zero", "one": "gex_one"}
GREEK = {"delta": "delta_zero", "onedelta": "delta_one", "charm_zero": "charm_zero", "onevanna": "vanna_one"}
ENDINGS = {"": Answer.RECORD, "/majors": Answer.MAJORS, "/maxchange": Answer.MAXCHANGE}


@pytest.mark.parametrize("base", ["", "/v1", "/v2"])
@pytest.mark.parametrize("package", ["classic", "state"])
@pytest.mark.parametrize("ticker", ["SPX", "es_spx", "NQ_NDX", "spxw", "Aapl"])
def test_gex_by_all_its_names(base: str, package: str, ticker: str) -> None:
    for (name, category), (ending, answer) in itertools.product(GEX.items(), ENDINGS.items()):
        found = resolve(f"{base}/{ticker}/{package}/{name}{ending}")
        assert isinstance(found, Found)
        assert found.feed == Feed(ticker.upper(), package, category)
        assert found.route.answer is answer


@pytest.mark.parametrize("base", ["", "/v1", "/v2"])
def test_greeks_by_all_their_names(base: str) -> None:
    for name, category in GREEK.items():
        found = resolve(f"{base}/SPX/state/{name}")
        assert isinstance(found, Found)
        assert found.feed == Feed("SPX", "state", category)
        for ending in ("majors", "maxchange"):
            found = resolve(f"{base}/SPX/state/{name}/{ending}")
            assert isinstance(found, Found)
            assert found.route.answer is Answer.GEX_ONLY


@pytest.mark.parametrize("base", ["", "/v1"])
def test_the_forms_of_2023(base: str) -> None:
    for name, category in (("all", "gex_full"), ("zero", "gex_zero")):
        for ending, answer in ENDINGS.items():
            found = resolve(f"{base}/spy/gex/{name}{ending}")
            assert isinstance(found, Found)
            assert found.feed == Feed("SPY", "classic", category)
            assert found.route.answer is answer
    assert isinstance(resolve("/v2/SPY/gex/all"), Wrong)


@pytest.mark.parametrize("base", ["", "/v1"])
def test_the_oldest_form_has_the_category_first_and_rows_as_objects(base: str) -> None:
    for name, category in (("all", "gex_full"), ("zero", "gex_zero")):
        found = resolve(f"{base}/spy/{name}/gex")
        assert isinstance(found, Found)
        assert found.feed == Feed("SPY", "classic", category)
        assert found.route.answer is Answer.NAMED_ROWS
    assert isinstance(resolve("/v2/SPY/all/gex"), Wrong)
    wrong = resolve(f"{base}/SPY/gex_zero/gex")
    assert isinstance(wrong, Wrong)
    assert "in the form of 2023: use one of all, full, zero, one." in wrong.text


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/SPX/state/GEX_zero", "/SPX/state/gex_zero"),
        ("/v2/spx/Classic/Gex_Full/MAJORS", "/v2/spx/classic/gex_full/majors"),
        ("/SPX/STATE/DELTA", "/SPX/state/delta"),
        ("/SPX/OrderFlow/OrderFlow", "/SPX/orderflow/orderflow"),
        ("/v1/SPX/GEX/All", "/v1/SPX/gex/all"),
    ],
)
def test_letters_may_be_of_any_case(path: str, plain: str) -> None:
    assert isinstance(resolve(plain), Found)
    assert resolve(path) == resolve(plain)


@pytest.mark.parametrize("path", ["/tickers", "/whoami", "/futures/conversion", "/state/categories"])
def test_routes_without_a_feed(path: str) -> None:
    for base in ("", "/v1", "/v2"):
        found = resolve(base + path)
        assert isinstance(found, Found)
        assert found.feed is None
        assert found.route.pattern == path


@pytest.mark.parametrize(
    "path",
    [
        "/SPX/classic/delta",
        "/SPX/classic/orderflow",
        "/SPX/state/orderflow",
        "/SPX/classic/zero/minors",
        "/SPX/orderflow/orderflow/majors",
        "/v2/SPX/orderflow/gex_full",
        "/SPX/state/volume_zero",
        "/SPX/gex/none",
        "/SPX/classic/" + "x" * 5000,
        "/SPX/classic/..",
    ],
)
def test_a_wrong_part_is_named(path: str) -> None:
    found = resolve(path)
    assert isinstance(found, Wrong)
    assert len(found.text) < 500


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        "/v2",
        "/v2/",
        "/health",
        "/SPX",
        "/SPX/classic",
        "//classic/gex_full",
        "/SPX//gex_full",
        "/SPX/classic/",
        "/NOPE/other/gex_full",
        "/v2/v2/SPX/classic/zero",
        "/options/SPX/expiries",
        "/hist/SPX/classic/gex_full/2026-07-17",
        "/hist/eod/SPX",
        "/client/hubs/classic",
        "/_gexfaker/sessions/all/seek",
        "/download/2026-07-17/SPX/classic/full",
        "/quant/categories",
        "/tickers/",
        "tickers",
        "/tickers/quant",
    ],
)
def test_other_paths_are_left_to_others(path: str) -> None:
    assert resolve(path) is None


def test_every_route_of_the_table_is_found_by_its_pattern() -> None:
    for route in ROUTES:
        for base, name in itertools.product(route.bases, route.names or [""]):
            found = resolve(base + route.pattern.format(ticker="SPX", category=name))
            assert isinstance(found, Found), route.pattern
            assert found.route is route


def test_every_standard_category_has_a_path() -> None:
    reached = {(route.package, category) for route in ROUTES for category in route.names.values()}
    assert reached == {(package, name) for package, names in CATEGORIES.items() for name in names}
    assert all(set(route.bases) <= set(BASES) for route in ROUTES)


def test_rest_tickers() -> None:
    stored = frozenset({"TEST", "XSP", "SOXL"})
    assert is_rest_ticker("ES_SPX", frozenset())
    assert is_rest_ticker("VIXW", frozenset())
    assert is_rest_ticker("TEST", stored)
    assert not is_rest_ticker("TEST", frozenset())
    assert not is_rest_ticker("XSP", stored)
    assert not is_rest_ticker("SOXL", stored)

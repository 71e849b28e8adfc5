"""Patterns that can hit something: against all short texts, and against what the server really has."""

from __future__ import annotations

import re
import time
from fnmatch import fnmatchcase
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gexfaker.catalog import TICKERS, parse_group
from gexfaker.faults.patterns import (
    DIGIT,
    PART,
    ROUTES,
    SUBPROTOCOLS,
    fits_category,
    fits_group,
    fits_route,
    fits_together,
    meets,
)
from gexfaker.rest.paths import Found, resolve
from gexfaker.rest.routes import ROUTES as DATA_ROUTES
from gexfaker.server.routes.table import ENDPOINTS
from gexfaker.wire import subprotocols

TEXTS = ["".join(letters) for length in range(6) for letters in product("a/1", repeat=length)]


@example("", "**")
@example("a", "*a**")
@given(st.text("a/1*?", max_size=4), st.text(f"a/1*{PART}{DIGIT}", max_size=3))
def test_two_patterns_meet_if_some_text_fits_both(pattern: str, other: str) -> None:
    """Texts of five letters are enough: each pattern needs no more to be told from the other."""
    wanted = re.compile(
        "".join({"*": ".*", PART: "[^/]+", DIGIT: "[0-9]"}.get(letter, re.escape(letter)) for letter in other)
    )
    found = any(fnmatchcase(text, pattern) and wanted.fullmatch(text) for text in TEXTS)
    if found:
        assert meets(pattern, other)
    elif len(pattern) + len(other) <= 5:
        assert not meets(pattern, other)


@pytest.mark.parametrize("base", ["", "/v1", "/v2"])
def test_every_path_that_a_key_can_ask_for_fits_a_route(base: str) -> None:
    paths = [route.pattern for route in DATA_ROUTES if not route.public and base in route.bases]
    paths += [one.operation.path for one in ENDPOINTS if one.operation.key == "api" and base in one.operation.bases]
    assert len(paths) > 10
    for path in [*paths, "/_files/{name}"]:
        for name in ("gex_full", "zero", "all", "orderflow", "gamma_zero"):
            filled = re.sub(r"\{\w+\}", "x", path.replace("{category}", name))
            if isinstance(resolve(base + filled), Found) or "{category}" not in path:
                assert fits_route(base + filled), filled


def test_every_route_is_one_that_there_is() -> None:
    patterns = [base + one.operation.path for one in ENDPOINTS for base in one.operation.bases or ("",)]
    known = re.compile("|".join(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) for path in patterns))
    for route in ROUTES:
        path = route.replace(PART, "SPX")
        found = [resolve(base + path) is not None or known.fullmatch(base + path) for base in ("", "/v1", "/v2")]
        assert any(found), path


@pytest.mark.parametrize(
    ("route", "fits"),
    [
        ("/SPX/*", True),
        ("*", True),
        ("/v2/SPX/classic/gex_zero", True),
        ("/SPX/CLASSIC/*", True),
        ("*/majors", True),
        ("/FOO/classic/gex_zero", True),
        ("/negotiate", True),
        ("/v2/negotiate/", True),
        ("/_files/*", True),
        ("/hist/*", True),
        ("/[SN]*", True),
        ("/nosuch", False),
        ("/SPX/clasic/gex_zero", False),
        ("/SPX/classic/gexzero", False),
        ("/SPX", False),
        ("/v3/SPX/classic/gex_zero", False),
        ("SPX/*", False),
        ("/_gexfaker/sessions", False),
    ],
)
def test_routes(route: str, fits: bool) -> None:
    assert fits_route(route) is fits


@pytest.mark.parametrize(
    ("group", "fits"),
    [
        ("SPX_classic_gex_zero", True),
        ("blue_SPX_classic_gex_zero", True),
        ("*_spot", True),
        ("*gex_zero", True),
        ("spx_classic_gex_20260717", True),
        ("*_state_gamma_????????", True),
        ("SPX_orderflow_20260717", True),
        ("my own group", True),
        ("my_state_machine", True),
        ("chat_classic_room", True),
        ("a_gex_full", True),
        ("*_clasic_gex_zero", False),
        ("SPX_classic_gexzero", False),
        ("SPX_clasic_gex_zero", False),
        ("SPX_classic_gamma_zero", False),
        ("SPX_orderflow_orderflows", False),
        ("SPX_state_gamma_2026", False),
        ("SPX_cl*", True),
        ("SPX_*zero", True),
        ("ES_SPX_order*", True),
        ("blue_SPX_class*_zero", True),
        ("*SPX*", True),
        ("my_clasic*", True),
        ("SPX_clasic*", False),
        ("blue_SPX_clasic*", False),
        ("*_oderflow*", False),
        ("*gama_zero", False),
        ("SPX_classic_gx*", False),
        ("SPX_orderflow_gamma*", False),
        ("QQQ_state_spot*", False),
    ],
)
def test_groups(group: str, fits: bool) -> None:
    assert fits_group(group) is fits


@pytest.mark.parametrize(
    ("hub", "group", "package", "category", "fits"),
    [
        ("classic", "SPX_classic_gex_zero", None, None, True),
        ("v2_classic", "SPX_spot", None, None, True),
        ("v2_*", "SPX_spot", None, None, True),
        ("*", "blue_SPX_state_gamma_zero", None, None, True),
        ("state_greeks", "SPX_state_gamma_20260717", None, None, True),
        ("classic", "my own", None, None, True),
        ("orderflow", "*_classic_*", None, None, True),
        ("v2_state_gex", "SPX_classic_gex_zero", None, None, False),
        (None, None, "state", "gex_*", True),
        (None, None, "*", "gamma_zero", True),
        (None, None, "spot", "*", True),
        (None, None, "spot", "", True),
        (None, None, "classic", "gex_20260717", True),
        (None, None, "orderflow", "20260717", True),
        (None, None, "classic", "gamma_zero", False),
    ],
)
def test_what_goes_together(
    hub: str | None, group: str | None, package: str | None, category: str | None, fits: bool
) -> None:
    assert fits_together(hub, group, package, category) is fits


def test_every_group_of_the_service_fits() -> None:
    for ticker, ending in product(list(TICKERS)[:3], ("classic_gex_one", "state_charm_one", "spot")):
        assert parse_group(f"{ticker}_{ending}") is not None
        assert fits_group(f"{ticker}_{ending}")


@pytest.mark.parametrize(
    ("category", "fits"), [("gex_*", True), ("20260717", True), ("gex_20260717", True), ("zero", False)]
)
def test_categories(category: str, fits: bool) -> None:
    assert fits_category(category) is fits


@pytest.mark.parametrize("route", ["?*" * 99 + "\u00e9", "*a" * 100, "/" * 200, "*" * 200, "?" * 200])
def test_no_pattern_takes_long(route: str) -> None:
    began = time.process_time()
    fits_route.__wrapped__(route)
    assert time.process_time() - began < 0.1


def test_the_subprotocols_are_those_of_the_wire() -> None:
    assert set(SUBPROTOCOLS) == set(subprotocols.SUBPROTOCOLS)

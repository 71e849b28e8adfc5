"""Every route that docs/coverage.md lists, asked with a key of each tier: one table of who may have what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gexfaker.catalog import TIERS
from support import rest
from support.server import Served, running_server

COVERAGE = Path(__file__).resolve().parents[3] / "docs" / "coverage.md"
DATE = "2026-07-17"
PUBLIC = "public"
SPAN = '{"start":1784295000,"end":1784298600}'
GROUPS = json.dumps({"groups": ["SPX_classic_gex_full"]})
MEMBERSHIPS = json.dumps({"groups": [{"hub": "classic", "group": "SPX_classic_gex_full"}]})

TABLE: dict[str, list[tuple[str, str]]] = {
    "GET /{ticker}/classic/{category}": [("/SPX/classic/gex_zero", "classic")],
    "GET /{ticker}/classic/{category}/majors": [("/SPX/classic/gex_zero/majors", "classic")],
    "GET /{ticker}/classic/{category}/maxchange": [("/SPX/classic/gex_zero/maxchange", "classic")],
    "GET /{ticker}/state/{category}": [("/SPX/state/gex_zero", "state"), ("/SPX/state/delta_zero", "state")],
    "GET /{ticker}/state/{category}/majors": [("/SPX/state/gex_zero/majors", "state")],
    "GET /{ticker}/state/{category}/maxchange": [("/SPX/state/gex_zero/maxchange", "state")],
    "GET /{ticker}/orderflow/{category}": [("/SPX/orderflow/orderflow", "orderflow")],
    "GET /{ticker}/gex/{category}": [("/SPX/gex/all", "classic")],
    "GET /{ticker}/gex/{category}/majors": [("/SPX/gex/all/majors", "classic")],
    "GET /{ticker}/gex/{category}/maxchange": [("/SPX/gex/all/maxchange", "classic")],
    "GET /{ticker}/{category}/gex": [("/SPX/all/gex", "classic")],
    "GET /tickers": [("/tickers", PUBLIC)],
    "GET /tickers/quant": [("/tickers/quant", PUBLIC)],
    "GET /classic/categories": [("/classic/categories", PUBLIC)],
    "GET /state/categories": [("/state/categories", PUBLIC)],
    "GET /orderflow/categories": [("/orderflow/categories", PUBLIC)],
    "GET /futures/conversion": [("/futures/conversion?ticker=SPX&future=ES", "classic")],
    "GET /whoami": [("/whoami", "classic")],
    "GET /negotiate": [("/negotiate", "orderflow")],
    "POST /negotiate": [("/negotiate", "quant")],
    "PATCH /negotiate": [("/negotiate", "quant")],
    "GET /options/{ticker}/expiries": [("/options/SPX/expiries", "quant")],
    "GET /hist/eod/{ticker}": [("/hist/eod/SPX", "classic")],
    "POST /tradingview/hist/{ticker}/{package}/{category}/majors/{mask}": [
        ("/v2/tradingview/hist/SPX/classic/gex_zero/majors/7", "classic"),
        ("/v2/tradingview/hist/SPX/state/gex_full/majors/1", "state"),
    ],
    "GET /hist/{ticker}/{package}/{category}/{date}": [(f"/hist/SPX/classic/gex_zero/{DATE}?noredirect", "quant")],
}
"""Each route as it is here, with requests, and the smallest tier that has them."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("tiers")
    for ticker in ("SPX", "ES_SPX"):
        rest.write_all(root, ticker)
    tiers = ",".join(f"key-{tier}={tier}" for tier in TIERS)
    with running_server(data_dir=str(root), tiers=tiers) as running:
        yield running


def listed() -> set[str]:
    """The routes of the service that the document lists, as they are here."""
    text = COVERAGE.read_text(encoding="utf-8").partition("### The real-time feed")[0]
    rows = re.findall(r"^\| `(\w+ [^`]+)` \| (?:the same|`(\w+ [^`]+)`) \|", text, re.MULTILINE)
    return {here or theirs for theirs, here in rows}


def test_the_table_has_every_route() -> None:
    assert listed() == TABLE.keys()


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("route", TABLE)
def test_who_may_have_it(server: Served, route: str, tier: str) -> None:
    method = route.split()[0]
    for path, needed in TABLE[route]:
        posted = SPAN if "tradingview" in path else GROUPS
        body = {"POST": posted, "PATCH": MEMBERSHIPS}.get(method, "").encode() or None
        headers = {"Authorization": f"Bearer key-{tier}", "User-Agent": "x"}
        status, answer = server.request(method, path, body, headers)
        open_to = needed == PUBLIC or TIERS.index(tier) >= TIERS.index(needed)
        # A PATCH of a key without a connection is refused, too, but not for its tier.
        assert status == (400 if open_to and method == "PATCH" else 200 if open_to else 403), answer
        if not open_to:
            assert tier in json.loads(answer)["error"]
        assert server.request(method, path, body, {"User-Agent": "x"})[0] == (200 if needed == PUBLIC else 400)

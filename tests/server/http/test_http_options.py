"""Expiries of a ticker's options, and the list of the Quant-only tickers."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from support import days
from support.server import Served, running_server

MISSING: Final = b'{"error":"Authorization header not found."}'
BASES: Final = ("", "/v1", "/v2")
# As the vendor's contract lists them.
STOCKS: Final = (
    "SOXL LLY FUTU MARA PYPL F ETHA EXK HIMS PINS NKE IREN RIVN IEF MTCH SBSW RIOT ONDS CRM PFE TSLL TGT NXE WMT BMNR "
    "CIFR TTD SMR XLF WULF DRAM BE NBIS OXY XLE GDX SMH JPM BAC WFC C GS MS SCHW AXP V MA CME CBOE NDAQ"
).split()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = days.write_days(tmp_path_factory.mktemp("options"), 5)
    with running_server(data_dir=str(folder), tiers="KEY1=classic,KEY2=state,KEY3=orderflow,*=quant") as running:
        yield running


def ask(server: Served, ticker: str, base: str = "", key: str = "demo") -> tuple[int, Any]:
    status, body = server.get(f"{base}/options/{ticker}/expiries", {"Authorization": f"Bearer {key}"})
    return status, json.loads(body)


@pytest.mark.parametrize("base", BASES)
def test_expiries_start_on_the_market_day_and_end_ninety_days_later(server: Served, base: str) -> None:
    status, reply = ask(server, "SPX", base)
    assert status == 200
    assert list(reply) == ["ticker", "start_date", "end_date", "expiries"]
    assert (reply["ticker"], reply["start_date"], reply["end_date"]) == ("SPX", "2026-07-17", "2026-10-15")
    expiries = reply["expiries"]
    assert expiries == sorted(set(expiries))
    assert expiries[:3] == ["2026-07-17", "2026-07-20", "2026-07-21"], "SPX has options for every trading day"
    assert expiries[-1] <= reply["end_date"]
    found = [datetime.date.fromisoformat(day) for day in expiries]
    assert all(day.weekday() < 5 for day in found)
    assert datetime.date(2026, 9, 7) not in found, "Labor Day"
    assert {datetime.date(2026, 8, 21), datetime.date(2026, 9, 18)} <= set(found), "the third Fridays"


@pytest.mark.parametrize("ticker", ["NDX", "RUT", "VIX", "SPY", "QQQ", "AAPL", "SPXW", *STOCKS, "XSP"])
def test_every_ticker_with_options_has_expiries(server: Served, ticker: str) -> None:
    status, reply = ask(server, ticker)
    assert status == 200
    assert reply["ticker"] == ticker
    assert reply["expiries"]


@pytest.mark.parametrize("ticker", ["SPX", "SOXL", "XSP", "AAPL"])
def test_every_listed_expiry_may_be_negotiated_and_no_other_day(server: Served, ticker: str) -> None:
    expiries = {datetime.date.fromisoformat(day) for day in ask(server, ticker)[1]["expiries"]}
    start = datetime.date(2026, 7, 17)
    for ahead in range(-1, 93):
        day = start + datetime.timedelta(days=ahead)
        groups = [f"{ticker}_state_gamma_{day:%Y%m%d}", f"{ticker}_spot"]
        assert server.ask("POST", groups)[0] == (200 if day in expiries else 400), day


@pytest.mark.parametrize("base", BASES)
def test_lower_case_is_understood(server: Served, base: str) -> None:
    assert ask(server, "spx", base) == ask(server, "SPX", base)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("ticker", ["ZZZZ", "ES_SPX", "NQ_NDX", "A" * 3000, "%00", "SPX_classic"])
def test_a_ticker_without_options_is_404(server: Served, base: str, ticker: str) -> None:
    status, reply = ask(server, ticker, base)
    assert status == 404
    assert list(reply) == ["error"]
    assert len(reply["error"]) < 200
    assert reply["error"].endswith(".")


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("ticker", ["SPX", "ZZZZ"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}])
def test_without_a_key_it_is_400_to_the_byte(server: Served, base: str, ticker: str, headers: dict[str, str]) -> None:
    assert server.get(f"{base}/options/{ticker}/expiries", headers) == (400, MISSING)


@pytest.mark.parametrize("key", ["KEY1", "KEY2", "KEY3"])
@pytest.mark.parametrize("base", BASES)
def test_below_the_quant_tier_it_is_403(server: Served, base: str, key: str) -> None:
    status, reply = ask(server, "SPX", base, key)
    assert status == 403
    assert list(reply) == ["error"]
    assert "quant" in reply["error"]


def test_the_key_may_come_as_in_negotiate(server: Served) -> None:
    for headers, query in (({"Authorization": "Basic demo"}, ""), ({}, "?key=demo")):
        assert server.get(f"/options/SPX/expiries{query}", headers)[0] == 200


@pytest.mark.parametrize("base", BASES)
def test_quant_tickers_are_public_and_in_the_vendors_order(server: Served, base: str) -> None:
    assert len(STOCKS) == 50
    status, body = server.get(f"{base}/tickers/quant")
    assert status == 200
    assert body == json.dumps({"stocks": STOCKS, "indexes": ["XSP"]}, separators=(",", ":")).encode()
    assert server.get(f"{base}/tickers/quant", {"Authorization": "Bearer KEY1"}) == (200, body)


def test_expiries_and_negotiation_go_by_the_day_that_the_key_plays() -> None:
    with running_server() as server:
        body = b'{"date":"2026-07-16"}'
        status, _ = server.request("POST", "/_gexfaker/sessions/traveller/day", body)
        assert status == 200
        here = json.loads(
            server.get("/options/SPX/expiries", {"Authorization": "Bearer traveller", "User-Agent": "t"})[1]
        )
        assert here["start_date"] == "2026-07-16"
        other = json.loads(server.get("/options/SPX/expiries", {"Authorization": "Bearer other", "User-Agent": "t"})[1])
        assert other["start_date"] != "2026-07-16"
        groups = b'{"groups":["SPX_classic_gex_20260717"]}'
        for key, expected in (("traveller", 200), ("other", 400)):
            asked = {"Authorization": f"Bearer {key}", "User-Agent": "t"}
            assert server.request("POST", "/v2/negotiate", groups, asked)[0] == expected

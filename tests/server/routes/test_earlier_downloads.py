"""The earlier tool's routes for days and downloads."""

from __future__ import annotations

import datetime
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gexfaker.catalog import CATEGORIES
from support.data import DATE
from support.server import Served, running_server

OLDER = "2026-07-16"
STATE = "full zero one delta_zero delta_one gamma_zero gamma_one vanna_zero vanna_one charm_zero charm_one".split()


def text(ticker: str, package: str, category: str) -> str:
    return "".join(f'{{"timestamp":{index},"of":"{ticker} {package} {category}"}}\n' for index in range(50))


def write(root: Path, date: str, ticker: str, package: str, category: str, more: str = "") -> None:
    folder = root / date / ticker / package
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{category}.jsonl").write_text(text(ticker, package, category) + more, encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("days")
    for package, categories in CATEGORIES.items():
        for category in categories:
            write(root, DATE, "SPX", package, category, "\n{cut off\n\n")
    write(root, DATE, "ES_SPX", "orderflow", "orderflow")
    write(root, DATE, "ES_SPX", "state", "volume_zero")
    write(root, OLDER, "SPY", "classic", "gex_zero")
    (root / "notes").mkdir()
    with running_server(data_dir=str(root)) as running:
        yield running


def get(server: Served, path: str, status: int = 200) -> dict[str, Any]:
    found, body = server.get(path)
    assert found == status, body
    reply: dict[str, Any] = json.loads(body)
    assert body.decode() == json.dumps(reply, separators=(",", ":")), "compact, as parsers written by hand want it"
    return reply


def test_dates(server: Served) -> None:
    assert get(server, "/available-dates") == {"dates": [OLDER, DATE], "count": 2}


def test_the_current_date_tells_the_truth(server: Served) -> None:
    reply = get(server, "/current-date")
    assert list(reply) == ["current_date", "loaded_at", "files_loaded"]
    assert reply["current_date"] == DATE
    assert reply["files_loaded"] == 17
    assert reply["loaded_at"].endswith("Z")
    assert (
        abs(
            datetime.datetime.fromisoformat(reply["loaded_at"]).timestamp()
            - datetime.datetime.now(datetime.UTC).timestamp()
        )
        < 300
    )


def test_what_a_day_has(server: Served) -> None:
    reply = get(server, f"/available-data/{DATE}")
    assert list(reply) == ["date", "tickers", "summary"]
    assert reply["date"] == DATE
    assert reply["summary"] == {"total_tickers": 2, "total_files": 17}
    assert reply["tickers"][0] == {
        "symbol": "ES_SPX",
        "packages": [
            {"name": "state", "categories": ["volume_zero"]},
            {"name": "orderflow", "categories": ["orderflow"]},
        ],
    }
    assert reply["tickers"][1]["symbol"] == "SPX"
    assert {package["name"]: tuple(package["categories"]) for package in reply["tickers"][1]["packages"]} == CATEGORIES


@pytest.mark.parametrize(
    ("query", "symbols", "files"),
    [
        ("?ticker=SPX", ["SPX"], 15),
        ("?ticker=es_spx", ["ES_SPX"], 2),
        ("?ticker=SPY", [], 0),
        ("?ticker=", ["ES_SPX", "SPX"], 17),
    ],
)
def test_what_a_day_has_of_one_ticker(server: Served, query: str, symbols: list[str], files: int) -> None:
    reply = get(server, f"/available-data/{DATE}{query}")
    assert [ticker["symbol"] for ticker in reply["tickers"]] == symbols
    assert reply["summary"] == {"total_tickers": len(symbols), "total_files": files}


@pytest.mark.parametrize("date", ["2026-07-15", "2026-02-30", "latest", "notes"])
def test_an_unknown_day_has_nothing(server: Served, date: str) -> None:
    assert get(server, f"/available-data/{date}") == {
        "date": date,
        "tickers": [],
        "summary": {"total_tickers": 0, "total_files": 0},
    }
    assert list(get(server, f"/download/{date}/SPX/links", 404)) == ["error"]
    assert list(get(server, f"/download/{date}/SPX/orderflow", 404)) == ["error"]


def test_links(server: Served) -> None:
    base = f"/download/{DATE}/SPX"
    reply = get(server, f"{base}/links")
    assert list(reply) == ["date", "ticker", "links", "summary"]
    assert (reply["date"], reply["ticker"], reply["summary"]) == (DATE, "SPX", {"total_links": 15})
    assert reply["links"] == {
        "classic": [f"{base}/classic/{name}" for name in ("full", "zero", "one")],
        "state": [f"{base}/state/{name}" for name in STATE],
        "orderflow": [f"{base}/orderflow"],
    }
    assert get(server, f"/download/{DATE}/es_spx/links")["links"] == {
        "classic": [],
        "state": [f"/download/{DATE}/ES_SPX/state/volume_zero"],
        "orderflow": [f"/download/{DATE}/ES_SPX/orderflow"],
    }
    assert list(get(server, f"/download/{DATE}/SPY/links", 404)) == ["error"]


def test_every_link_leads_to_the_lines_of_its_file(server: Served) -> None:
    for ticker in ("SPX", "ES_SPX"):
        for package, links in get(server, f"/download/{DATE}/{ticker}/links")["links"].items():
            for link in links:
                connection = http.client.HTTPConnection(*server.address, timeout=10)
                connection.request("GET", link)
                answer = connection.getresponse()
                body = answer.read().decode()
                connection.close()
                assert answer.status == 200
                assert answer.headers["Content-Type"] == "application/x-ndjson"
                name = link.rpartition("/")[2]
                category = f"gex_{name}" if name in ("full", "zero", "one") else name
                assert body == text(ticker, package, category)


@pytest.mark.parametrize(
    "path", ["SPX/classic/gex_full", "spx/state/delta", "es_spx/orderflow", "ES_SPX/orderflow/orderflow"]
)
def test_downloads_know_short_and_long_names(server: Served, path: str) -> None:
    assert server.get(f"/download/{DATE}/{path}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "SPX/classic/delta_zero",
        "SPX/state/nothing",
        "SPX/spot/spot",
        "QQQ/orderflow",
        "SPX/state/volume_zero",
        "SPX/orderflow/full",
    ],
)
def test_what_is_not_there_is_404(server: Served, path: str) -> None:
    assert list(get(server, f"/download/{DATE}/{path}", 404)) == ["error"]


def test_a_simulated_market() -> None:
    with running_server(data_date=DATE) as server:
        assert get(server, "/available-dates") == {"dates": [DATE], "count": 1}
        reply = get(server, "/current-date")
        assert reply["current_date"] == DATE
        assert reply["files_loaded"] == get(server, f"/available-data/{DATE}")["summary"]["total_files"] >= 6
        status, body = server.get(f"/download/{DATE}/ES_SPX/orderflow")
        assert status == 200
        assert 17_000 < body.count(b"\n") < 18_500
        assert get(server, "/available-data/2026-07-18")["tickers"] == []


def test_the_current_date_follows_a_reload() -> None:
    with running_server(data_date=DATE) as server:
        answer = httpx.post(f"{server.url}/reload-date", json={"date": OLDER})
        assert answer.status_code == 200, answer.text
        assert get(server, "/current-date")["current_date"] == OLDER


# --- the generation of 2026-08 -------------------------------------------------------------------


def test_the_later_names_answer_the_same(server: Served) -> None:
    assert get(server, "/dates") == get(server, "/available-dates")
    assert get(server, f"/available/{DATE}?ticker=SPX") == get(server, f"/available-data/{DATE}?ticker=SPX")
    load, current = get(server, "/current-load"), get(server, "/current-date")
    assert (load["date"], load["files_loaded"]) == (current["current_date"], current["files_loaded"])
    assert (load["from"], load["to"]) == (OLDER, DATE)


def test_coverage_tells_which_tickers_each_day_has(server: Served) -> None:
    reply = get(server, "/coverage")
    assert [(day["date"], day["tickers"]) for day in reply["days"]] == [(OLDER, ["SPY"]), (DATE, ["ES_SPX", "SPX"])]
    assert (reply["union"], reply["intersection"]) == (["ES_SPX", "SPX", "SPY"], [])
    details = {row["ticker"]: row for row in reply["days"][1]["details"]}
    assert (details["SPX"]["feeds"], details["SPX"]["shape"]) == (15, None), "nothing is looked through for it"
    assert details["SPX"]["size"] > 1000
    assert [day["date"] for day in get(server, f"/coverage?from={DATE}")["days"]] == [DATE]
    missing = get(server, "/coverage?from=2026-06-01&to=2026-06-02")
    assert [(day["date"], day["tickers"]) for day in missing["days"]] == [("2026-06-01", []), ("2026-06-02", [])]
    assert (missing["union"], missing["intersection"]) == ([], [])


@pytest.mark.parametrize("query", ["from=yesterday", "to=2026-13-01", "from=1990-01-01"])
def test_coverage_of_what_are_no_days_is_refused(server: Served, query: str) -> None:
    assert "error" in get(server, f"/coverage?{query}", 400)


def test_a_simulated_market_has_no_coverage() -> None:
    with running_server(simulate="true", data_date=DATE, tickers="SPX") as simulated:
        assert get(simulated, "/coverage")["days"] == []

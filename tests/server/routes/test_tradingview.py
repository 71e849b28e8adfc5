"""The levels that a chart plug-in asks for: rows by the mask, between two times, and never what is still to come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from support.rest import GEX, at
from support.server import Served, running_server

FIRST = 1_784_295_002
DAY = "2026-07-17"
COUNT = 300
PATH = "/v2/tradingview/hist/SPX/classic/gex_zero/majors"
NAMES = {1: "major_pos_vol", 2: "major_neg_vol", 4: "zero_gamma"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("data")
    lines = [at(GEX, FIRST + second) for second in range(COUNT)]
    lines[50] = "{ruined"
    for ticker in ("SPX",):
        file = Path(root) / DAY / ticker / "classic" / "gex_zero.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with running_server(data_dir=str(root), tiers="low=classic,*=quant") as running:
        yield running


def ask(server: Served, mask: object, span: object, key: str = "chart", path: str = PATH) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}", "User-Agent": "Tradingview"}
    body = span if isinstance(span, bytes) else json.dumps(span).encode()
    status, answer = server.request("POST", f"{path}/{mask}", body, headers)
    return status, json.loads(answer)


@pytest.mark.parametrize("mask", range(1, 8))
def test_a_row_has_what_the_mask_asks_for(server: Served, mask: int) -> None:
    status, rows = ask(server, mask, {"start": FIRST + 10, "end": FIRST + 20})
    assert status == 200
    record = json.loads(GEX)
    wanted = {name: record[name] for bit, name in NAMES.items() if mask & bit}
    assert rows == [{"timestamp": FIRST + second} | wanted for second in range(10, 21)]


def test_both_ends_are_included_and_a_ruined_record_is_left_out(server: Served) -> None:
    _, rows = ask(server, 4, {"start": FIRST + 49, "end": FIRST + 51})
    assert [row["timestamp"] - FIRST for row in rows] == [49, 51]
    assert ask(server, 4, {"start": 0, "end": FIRST - 1}) == (200, [])
    assert len(ask(server, 4, {"start": FIRST - 100, "end": FIRST + 1000})[1]) == COUNT - 1


def test_nothing_is_shown_that_is_still_to_come(server: Served) -> None:
    server.request("POST", "/_gexfaker/sessions/by-key/seek?key=early", json.dumps({"time": FIRST + 5}).encode())
    server.request("POST", "/_gexfaker/sessions/by-key/pause?key=early", b"{}")
    _, rows = ask(server, 1, {"start": FIRST, "end": FIRST + 100}, "early")
    assert 5 <= rows[-1]["timestamp"] - FIRST <= 8


@pytest.mark.parametrize(
    ("mask", "span", "path", "status", "said"),
    [
        (0, {"start": 1, "end": 2}, PATH, 400, "from 1 to 7"),
        (8, {"start": 1, "end": 2}, PATH, 400, "from 1 to 7"),
        ("x", {"start": 1, "end": 2}, PATH, 400, "from 1 to 7"),
        (1, {"start": 2, "end": 1}, PATH, 400, "the start first"),
        (1, {"start": 1}, PATH, 400, "epoch seconds"),
        (1, {"start": "a", "end": 2}, PATH, 400, "epoch seconds"),
        (1, {"start": 1, "end": 10**30}, PATH, 400, "epoch seconds"),
        (1, b"\xff", PATH, 400, "epoch seconds"),
        (1, b"[" * 9999, PATH, 400, "epoch seconds"),
        (
            1,
            {"start": 1, "end": 2},
            PATH.replace("gex_zero", "delta_zero").replace("classic", "state"),
            400,
            "gex_full",
        ),
        (1, {"start": 1, "end": 2}, PATH.replace("gex_zero", "nope"), 404, "no category"),
        (1, {"start": 1, "end": 2}, PATH.replace("classic", "state"), 403, "needs the state tier"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_sentence(
    server: Served, mask: object, span: object, path: str, status: int, said: str
) -> None:
    got, answer = ask(server, mask, span, "low", path)
    assert (got, said in answer["error"]) == (status, True), answer


def test_a_long_stretch_is_thinned_evenly() -> None:
    with running_server(tickers="SPX", data_date=DAY, start="15:59") as simulated:
        simulated.get("/v2/SPX/classic/gex_zero", {"Authorization": "Bearer chart", "User-Agent": "x"})
        _, rows = ask(simulated, 4, {"start": FIRST, "end": FIRST + 23_000})
    steps = {second["timestamp"] - first["timestamp"] for first, second in pairwise(rows)}
    assert min(steps) >= 9
    assert max(steps) < 40
    assert 1800 < len(rows) <= 2000


def test_names_are_taken_in_any_case(server: Served) -> None:
    path = PATH.replace("SPX", "spx").replace("classic", "Classic").replace("gex_zero", "GEX_Zero")
    assert len(ask(server, 1, {"start": FIRST, "end": FIRST}, path=path)[1]) == 1

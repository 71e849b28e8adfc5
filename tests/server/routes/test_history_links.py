"""Links of the history: who gets one, under which names, and that it opens the file without a key."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Iterator

import httpx
import pytest

from support.data import DATE, record, write_day
from support.server import Served, running_server

KEY = "gexbot_custom_key_1"
HEADERS = {"Authorization": f"Bearer {KEY}", "User-Agent": "test/1"}
TIERS = "small_key_of_a_reader=orderflow,*=quant"
COUNT = 40
LINK = f"/hist/ES_SPX/orderflow/orderflow/{DATE}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = write_day(tmp_path_factory.mktemp("days"), COUNT, ("ES_SPX", "SPX", "LLY", "HOME"))
    for package, category in (("classic", "gex_full"), ("state", "delta_zero"), ("state", "volume_zero")):
        folder = root / DATE / "SPX" / package
        folder.mkdir(exist_ok=True)
        (folder / f"{category}.jsonl").write_text(f'{{"timestamp":1,"name":"{category}"}}\n', encoding="utf-8")
    (root / DATE / "SPX" / "classic" / "gex_one.jsonl").write_text("\n", encoding="utf-8")
    with running_server(data_dir=str(root), tiers=TIERS) as running:
        yield running


def link(server: Served, path: str, headers: dict[str, str] | None = None) -> str:
    status, body = server.get(f"{path}?noredirect", HEADERS if headers is None else headers)
    assert status == 200, body
    reply: dict[str, str] = json.loads(body)
    assert list(reply) == ["url"]
    return reply["url"]


def error(server: Served, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    status, body = server.get(path, HEADERS if headers is None else headers)
    reply: dict[str, str] = json.loads(body)
    assert list(reply) == ["error"]
    return status, reply["error"]


@pytest.mark.parametrize("base", ["", "/v1", "/v2"])
def test_without_more_it_is_a_redirect_to_a_signed_link(server: Served, base: str) -> None:
    with httpx.Client(base_url=server.url, headers=HEADERS) as client:
        answer = client.get(base + LINK)
        assert answer.status_code == 302
        location = answer.headers["location"]
        assert location.startswith(f"{server.url}/_files/{DATE}_ES_SPX_orderflow_orderflow.json?se=")
        assert KEY not in location
        followed = client.get(base + LINK, follow_redirects=True)
        assert followed.status_code == 200
        assert followed.headers["content-type"] == "application/json; charset=utf-8"
        assert followed.json() == [json.loads(record("ES_SPX", index)) for index in range(COUNT)]


@pytest.mark.parametrize("query", ["noredirect", "noredirect=", "noredirect=true", "key=other_key_of_mine&noredirect"])
def test_noredirect_gives_the_link_as_json(server: Served, query: str) -> None:
    status, body = server.get(f"{LINK}?{query}", HEADERS)
    assert status == 200
    assert set(json.loads(body)) == {"url"}
    assert b"key" not in body


def test_the_key_may_come_any_way_and_is_never_in_the_link(server: Served) -> None:
    for path, headers in (
        (f"{LINK}?key={KEY}&noredirect", {"User-Agent": "x"}),
        (f"{LINK}?noredirect", {"User-Agent": "x", "Authorization": f"Basic {KEY}"}),
    ):
        status, body = server.get(path, headers)
        assert status == 200
        assert KEY.encode() not in body
    assert not any(KEY in line for line in server.stderr)


def test_the_link_needs_no_header_at_all(server: Served) -> None:
    url = link(server, LINK)
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own server
        assert len(json.load(answer)) == COUNT
    status, body = server.get(url.removeprefix(server.url))
    assert status == 200
    assert len(json.loads(body)) == COUNT


def test_urllib_follows_the_redirect(server: Served) -> None:
    request = urllib.request.Request(server.url + LINK, headers=HEADERS)  # noqa: S310 - our own server
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        assert "_files" in answer.url
        assert len(json.load(answer)) == COUNT


def test_a_key_sent_along_does_no_harm_and_is_told(server: Served) -> None:
    status, _ = server.get(link(server, LINK).removeprefix(server.url), {"Authorization": f"Bearer {KEY}"})
    assert status == 200
    assert any("gexb*** was sent with the signed link" in line for line in server.stderr)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("spx/classic/full", "SPX_classic_gex_full"),
        ("SPX/classic/gex_full", "SPX_classic_gex_full"),
        ("SPX/state/delta", "SPX_state_delta_zero"),
        ("SPX/state/delta_zero", "SPX_state_delta_zero"),
        ("es_spx/orderflow/orderflow", "ES_SPX_orderflow_orderflow"),
        ("home/orderflow/orderflow", "HOME_orderflow_orderflow"),
    ],
)
@pytest.mark.parametrize("date", [DATE, "2026-7-17"])
def test_names_and_dates_may_be_short(server: Served, path: str, name: str, date: str) -> None:
    assert f"/_files/{DATE}_{name}.json?" in link(server, f"/hist/{path}/{date}")


@pytest.mark.parametrize(
    "path",
    [
        "SPX/orderflow/orderflow/2026-07-16",
        "SPX/orderflow/orderflow/2026-07-32",
        "SPX/orderflow/orderflow/latest",
        "SPX/orderflow/full/2026-07-17",
        "SPX/classic/delta/2026-07-17",
        "SPX/classic/zero/2026-07-17",
        "SPX/classic/one/2026-07-17",
        "SPX/state/volume_zero/2026-07-17",
        "SPX/state/gex_20260717/2026-07-17",
        "SPX/spot/spot/2026-07-17",
        "NOPE/orderflow/orderflow/2026-07-17",
        "LLY/orderflow/orderflow/2026-07-17",
        "eod/NOPE",
        "eod/LLY",
        "eod/..",
        "SPX/orderflow/orderflow",
        "SPX/orderflow/orderflow/2026-07-17/more",
    ],
)
def test_what_is_not_there_is_404(server: Served, path: str) -> None:
    assert error(server, f"/hist/{path}")[0] == 404
    assert error(server, f"/v2/hist/{path}")[0] == 404


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("SPXX/orderflow/orderflow/2026-07-17", "There is no ticker 'SPXX': /tickers lists them."),
        ("SPX/clasic/zero/2026-07-17", "There is no package 'clasic': there are classic, state, orderflow."),
        ("SPX/classic/gex_two/2026-07-17", "There is no category 'gex_two' of classic: there are gex_full, gex_zero"),
        ("SPX/orderflow/orderflow/2026-07-16", "There is no history of SPX_orderflow_orderflow on 2026-07-16"),
    ],
)
def test_why_there_is_none_is_said(server: Served, path: str, said: str) -> None:
    assert said in error(server, f"/hist/{path}")[1]


@pytest.mark.parametrize("path", [LINK, f"{LINK}?noredirect", "/v2/hist/eod/SPX"])
def test_who_may_not_have_it(server: Served, path: str) -> None:
    agent = {"User-Agent": "x"}
    assert server.get(path, agent) == (400, b'{"error":"Authorization header not found."}')
    assert error(server, path, {"Authorization": f"Bearer {KEY}"})[0] == 400
    if "/eod/" not in path:  # which all keys have
        status, text = error(server, path, agent | {"Authorization": "Bearer small_key_of_a_reader"})
        assert status == 403
        assert "quant" in text


def test_the_link_is_on_the_host_that_was_asked(server: Served) -> None:
    url = link(server, LINK, HEADERS | {"Host": "feeds.example.test:99"})
    assert url.startswith("http://feeds.example.test:99/_files/")
    assert error(server, LINK, HEADERS | {"Host": 'a"b'})[0] == 400


def test_the_public_url_is_the_base_and_simulated_days_have_history() -> None:
    settings = {"public_url": "https://feeds.example.test/gex/", "data_date": "2026-07-17"}
    with running_server(**settings) as server:
        prefix = "https://feeds.example.test/gex"
        # A day before the one that is played; a Saturday and a day to come are none.
        url = link(server, "/hist/SPX/orderflow/orderflow/2026-07-15")
        assert url.startswith(f"{prefix}/_files/")
        status, body = server.get(url.removeprefix(prefix))
        assert status == 200
        records = json.loads(body)
        assert 17_000 < len(records) < 18_500
        assert records[0]["ticker"] == "SPX"
        for missing in (
            "SPX/orderflow/orderflow/2026-07-18",
            "SPX/orderflow/orderflow/2126-07-17",
            "SOXL/orderflow/orderflow/2026-07-15",
        ):
            assert error(server, f"/hist/{missing}")[0] == 404


def test_head_tells_without_sending(server: Served) -> None:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    try:
        for path, status in ((LINK, 302), (link(server, LINK), 200), ("/hist/eod/SPX", 200)):
            connection.request("HEAD", path.removeprefix(server.url), headers=HEADERS)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (status, b"")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("2026-07-18", "the market is closed on 2026-07-18; the next trading day is 2026-07-20"),
        ("2026-07-03", "the market is closed on 2026-07-03"),
        ("2030-07-17", "the newest day there is one of is"),
    ],
)
def test_a_day_without_history_is_refused_with_the_reason(date: str, said: str) -> None:
    with running_server(tickers="SPX", simulate="true") as server:
        headers = {"Authorization": "Bearer k", "User-Agent": "x"}
        status, body = server.get(f"/hist/SPX/classic/gex_zero/{date}", headers)
    assert status == 404
    assert said in json.loads(body)["error"]

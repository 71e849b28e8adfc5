"""`gexfaker doctor` and `gexfaker health`: what usually goes wrong is found, and named with its remedy."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gexfaker.cli import checks
from gexfaker.cli.checks import Finding, Kind
from gexfaker.cli.main import cli
from support import data
from support.raw import joined
from support.server import Served, running_server

PROXIES = dict.fromkeys((*checks.PROXIES, "no_proxy", "NO_PROXY"), "")


@pytest.fixture(autouse=True)
def own_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server(tickers="SPX", tiers="mine=quant", strict_keys="true") as running:
        yield running


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), env={**PROXIES, "GEXFAKER_PORT": free_port(), **environment})


def free_port() -> str:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return str(trial.getsockname()[1])


def findings(*arguments: str, **environment: str) -> list[Finding]:
    done = run("doctor", "--json", *arguments, **environment)
    return [Finding(Kind(one["kind"]), one["text"], one["remedy"]) for one in json.loads(done.stdout)]


def one_of(found: list[Finding], words: str) -> Finding:
    [finding] = [finding for finding in found if words in finding.text]
    return finding


def test_a_sound_machine_has_no_problem() -> None:
    done = run("doctor")
    assert done.exit_code == 0, done.output
    assert "problem" not in done.output
    for words in (
        "gexfaker 0.",
        "protobuf 6.",
        "is free",
        "a market is simulated",
        "no proxy",
        "descriptors",
        "New York",
    ):
        assert words in done.output


@pytest.mark.parametrize(
    ("environment", "kind", "words", "remedy"),
    [
        ({"GEXFAKER_SPEED": "fast"}, "problem", "SPEED='fast'", "gexfaker settings"),
        ({"GEXFAKER_SPED": "1"}, "note", "did you mean GEXFAKER_SPEED?", ""),
        ({"SPEED": "1"}, "note", "the environment variable SPEED is not used", "call it GEXFAKER_SPEED"),
        ({"http_proxy": "http://p:1"}, "note", "http_proxy is set", "NO_PROXY=127.0.0.1,localhost"),
        ({"http_proxy": "http://p:1", "NO_PROXY": "localhost,127.0.0.1"}, "ok", "no proxy", ""),
        ({"http_proxy": "http://p:1", "no_proxy": "*"}, "ok", "no proxy", ""),
    ],
)
def test_the_environment(environment: dict[str, str], kind: str, words: str, remedy: str) -> None:
    finding = one_of(findings(**environment), words)
    assert finding.kind == kind
    assert remedy in finding.remedy
    assert bool(remedy) == bool(finding.remedy)


def test_a_problem_is_the_exit_code() -> None:
    assert run("doctor", GEXFAKER_SPEED="fast").exit_code == 1
    assert run("doctor", "--json", GEXFAKER_SPEED="fast").exit_code == 1
    assert run("doctor", SPEED="fast").exit_code == 0


def test_a_key_of_a_smaller_tier_is_a_note_with_the_reason() -> None:
    with running_server(tickers="SPX", tiers="*=classic") as small:
        refused = one_of(findings("--url", small.url, "--key", "k"), "needs the quant tier (GET /negotiate: orderflow)")
    assert (refused.kind, "gexfaker ctl tier" in refused.remedy) == (Kind.NOTE, True)


def test_the_port(server: Served) -> None:
    own = str(server.address[1])
    assert one_of(findings(GEXFAKER_PORT=own), f"port {own}").text.startswith(f"port {own}: a gexfaker runs there")
    assert one_of(findings(GEXFAKER_PORT="0"), "port: any free one").kind is Kind.OK
    with other_server() as number:
        finding = one_of(findings(GEXFAKER_PORT=str(number)), f"port {number} is used by another program")
    assert (finding.kind, f"--port {number + 1}" in finding.remedy) == (Kind.PROBLEM, True)


class other_server:  # noqa: N801 - used as a function
    """A web server of somebody else."""

    def __enter__(self) -> int:
        self.server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self.server.server_port

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_the_data_folder(tmp_path: Path) -> None:
    folder = tmp_path / "days"
    data.write_day(folder, 3)
    assert "1 day up to 2026-07-17, which has 1 feed" in one_of(findings(DATA_DIR=str(folder)), "data folder").text
    assert "1 day up to 2026-07-17" in one_of(findings("--data-dir", str(folder)), "data folder").text
    (folder / "2026-07-18").mkdir()
    finding = one_of(findings(DATA_DIR=str(folder)), "2026-07-18 has no record files")
    assert (finding.kind, "package/category.jsonl" in finding.remedy) == (Kind.PROBLEM, True)


@pytest.mark.parametrize(
    ("now", "kind", "words"), [(0.0, "problem", "the clock shows 1969"), (1_800_000_000.0, "ok", "Friday 2027-01-15")]
)
def test_the_clock(now: float, kind: str, words: str) -> None:
    [finding] = checks.clock(lambda: now)
    assert (finding.kind, words in finding.text) == (kind, True)


def test_a_running_server(server: Served) -> None:
    found = findings("--url", server.url, "--key", "mine")
    assert one_of(found, f"{server.url} is a gexfaker that plays").kind is Kind.OK
    assert one_of(found, "hubs to the key given").kind is Kind.OK
    refused = one_of(
        findings("--url", server.url, "--key", "stranger"), f"{server.url}/negotiate: Unknown API key: the"
    )
    assert (refused.kind, refused.remedy) == (Kind.PROBLEM, "see the server's log")
    assert "stranger" not in run("doctor", "--url", server.url, "--key", "stranger").output
    nobody = one_of(findings("--url", f"127.0.0.1:{free_port()}"), "does not answer: Connection refused")
    assert (nobody.kind, "gexfaker serve" in nobody.remedy) == (Kind.PROBLEM, True)
    with other_server() as number:
        assert one_of(findings("--url", f"127.0.0.1:{number}"), "/health").kind is not Kind.OK


def test_looking_at_a_server_ends_nothing_that_a_client_of_the_key_has(server: Served) -> None:
    answer = server.get("/negotiate", {"Authorization": "Bearer mine"})[1]
    with joined(json.loads(answer)["websocket_urls"]["orderflow"], "blue_SPX_orderflow_orderflow") as raw:
        raw.read_kind("data")
        assert one_of(findings("--url", server.url, "--key", "mine"), "hubs to the key given").kind is Kind.OK
        for _ in range(3):
            raw.read_kind("data")


def test_a_server_whose_addresses_lead_elsewhere() -> None:
    with running_server(tickers="SPX", public_url="https://gex.example.org/base") as server:
        finding = one_of(findings("--url", server.url), "the WebSocket addresses lead to gex.example.org")
    assert "PUBLIC_URL" in finding.remedy


def test_health_shows_the_counters_and_bounds(server: Served) -> None:
    done = run("health", "--url", server.url)
    assert done.exit_code == 0
    counters, bounds = done.stdout.split("used of each bound:\n")
    assert dict(line.split(None, 1) for line in counters.splitlines())["status"] == "ok"
    used = dict(line.split(None, 1) for line in bounds.splitlines())
    assert used["tcp_connections"].startswith("1 of ")
    assert json.loads(run("health", "--url", server.url, "--json").stdout)["bounds"].keys() == used.keys()


def test_health_without_a_server_is_an_error() -> None:
    assert "start one with: gexfaker serve" in str(run("health", "--url", f"127.0.0.1:{free_port()}").exception)
    with other_server() as number:
        said = str(run("health", "--url", f"127.0.0.1:{number}").exception)
        assert said.startswith(f"what answers at http://127.0.0.1:{number} is not a gexfaker (it answered 501 ")


def test_one_feed_is_no_feeds_in_the_announcement(tmp_path: Path) -> None:
    file = tmp_path / "days" / "2026-04-29" / "NDX" / "classic" / "gex_full.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text('{"timestamp":1777492800}\n')
    with running_server(data_dir=str(tmp_path / "days")) as server:
        assert server.stdout[1].endswith(", 1 feed")
        assert f"listen NDX_classic_gex_full --url {server.url}" in server.stdout[2], "what the day has"

"""`gexfaker listen` against a real server, and against none."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gexfaker.cli.main import cli
from support.data import expected, write_day
from support.server import CLEAN_EXIT, Served, running_server, wait_until


def listen(*arguments: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gexfaker", "listen", "orderflow", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def test_json_lines_are_the_records_of_the_file(tmp_path: Path) -> None:
    write_day(tmp_path, 10)
    with running_server(data_dir=str(tmp_path), ws_stream_interval="30ms") as server:
        done = listen("ES_SPX", "--url", server.url, "--json", "--count", "5")
    assert done.returncode == 0
    for index, line in enumerate(done.stdout.splitlines()):
        row = json.loads(line)
        for name, value in expected("ES_SPX", index).items():
            assert row[name] == (value / 100 if isinstance(value, int) and name != "timestamp" else value), name


def test_raw_shows_the_messages_as_they_arrive() -> None:
    with running_server(ws_stream_interval="30ms") as server:
        done = listen("SPX", "--url", server.url + "/", "--raw", "--count", "3")
    for number, line in enumerate(done.stdout.splitlines(), 1):
        message = json.loads(line)
        assert (message["sequenceId"], message["dataType"]) == (number, "protobuf")


def test_each_key_has_its_own_place() -> None:
    with running_server(ws_stream_interval="30ms") as server:
        first = listen("SPX", "--url", server.url, "--json", "--count", "5", "--key", "one")
        second = listen("SPX", "--url", server.url, "--json", "--count", "1", "--key", "two")
        again = listen("SPX", "--url", server.url, "--json", "--count", "1", "--key", "one")
    opening = json.loads(first.stdout.splitlines()[0])["timestamp"]
    assert json.loads(second.stdout)["timestamp"] == opening
    assert json.loads(again.stdout)["timestamp"] > opening + 4


@pytest.mark.parametrize(
    "arguments", [("SPX", "--url", url) for url in ("http://127.0.0.1:9", "nonsense", "http://127.0.0.1:abc")]
)
def test_without_a_server_it_says_so_in_one_line(arguments: tuple[str, ...]) -> None:
    done = listen(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "gexfaker serve" in done.stderr


def test_a_refusal_is_told() -> None:
    with running_server(ws_enabled="false") as server:
        done = listen("SPX", "--url", server.url)
    assert done.returncode == 2
    assert "WS_ENABLED" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_end_of_the_server_is_told() -> None:
    with running_server(ws_stream_interval="30ms") as server:
        command = [sys.executable, "-m", "gexfaker", "listen", "orderflow", "SPX", "--url", server.url]
        command += ["--reconnect", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert "group" in process.stdout.readline()
            assert server.stop() == CLEAN_EXIT
            _, errors = process.communicate(timeout=15)
    assert process.returncode == 2
    assert errors == "gexfaker: the connection is lost: the server closed it with 1001\n"


GEX = (
    '{"timestamp":1777492800,"ticker":"SPX","min_dte":0,"sec_min_dte":1,"spot":7138.55,"zero_gamma":7112.95,'
    '"major_pos_vol":7135,"major_pos_oi":7200,"major_neg_vol":7100,"major_neg_oi":6900,'
    '"strikes":[[6890,-228.01,-86.9,[-240.55,-243.15,-245.22,-221.27,-220.12]],[7385,5.5,14.27,[0,0,0,0,0]]],'
    '"sum_gex_vol":1712585.519,"sum_gex_oi":51521.105,"delta_risk_reversal":0.118,"max_priors":[[7140,170979.742]]}'
)
DELTA = (
    '{"timestamp":1753283592,"ticker":"SPX","spot":6326.27,"min_dte":0,"sec_min_dte":1,"major_positive":6345,'
    '"major_negative":6280.08,"major_long_gamma":6329.46,"major_short_gamma":6335.55,'
    '"mini_contracts":[[6510,0.426,0,0,[0,0,0],null,null],[6310,0.126,0.137,52.36,[51.41,57.72,30.76],3,[1,2,3]]]}'
)


@pytest.mark.parametrize(
    ("group", "record"),
    [
        ("SPX_classic_gex_full", GEX),
        ("SPX_state_gex_one", GEX),
        ("SPX_state_delta_zero", DELTA),
        ("SPX_state_charm_one", DELTA),
    ],
)
def test_every_kind_of_feed_comes_as_it_was_recorded(group: str, record: str, tmp_path: Path) -> None:
    _, package, category = group.split("_", 2)
    file = tmp_path / "2026-04-29" / "SPX" / package / f"{category}.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text(f"{record}\n")
    with running_server(data_dir=str(tmp_path), ws_stream_interval="30ms", cache_mode="rotation") as server:
        command = [sys.executable, "-m", "gexfaker", "listen", group, "--url", server.url, "--count", "1"]
        as_json = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=20, check=True)
        shown = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert as_json.stdout.strip() == record
    heading, line = shown.stdout.splitlines()
    assert "spot" in heading
    assert f"{json.loads(record)['spot']:,.2f}" in line


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("orderflow",), "which ticker"),
        (("SPX",), "not a group"),
        (("SPX_classic_gex_two",), "the categories of classic are gex_full, gex_zero, gex_one"),
        (("blue_SPX_classic_gex_zero",), "did you mean SPX_classic_gex_zero?"),
    ],
)
def test_names_that_make_no_sense_are_said(names: tuple[str, ...], said: str) -> None:
    command = [sys.executable, "-m", "gexfaker", "listen", *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from gexfaker.catalog import parse_group
    from gexfaker.client.feed import negotiate

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    feed = parse_group("SPX_orderflow_orderflow")
    assert feed is not None
    with running_server() as server:
        assert negotiate(server.url, "demo", [feed])


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_connection_for_good(sent: int, code: int) -> None:
    """A connection that might still come back would go on to take records of step mode."""
    with running_server(ws_stream_interval="50ms") as server:
        command = [sys.executable, "-m", "gexfaker", "listen", "SPX_classic_gex_zero", "--url", server.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(4):
                process.stdout.readline()
            process.send_signal(sent)
            assert process.wait(20) == code
            assert process.stderr is not None
            assert process.stderr.read().strip() == "stopped"
        wait_until(lambda: server.health()["connections"] == 0, 5, "the connection to be gone")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_signal_to_a_listener_to_whom_nothing_comes_shows_no_traceback() -> None:
    with running_server(tickers="SPX", data_date="2026-07-17") as server:
        server.request("POST", "/_gexfaker/sessions/by-key/pause?key=k", b"{}")
        command = [
            sys.executable,
            "-m",
            "gexfaker",
            "listen",
            "SPX_orderflow_orderflow",
            "--url",
            server.url,
            "--key",
            "k",
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert "k is paused" in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 143
            assert process.stderr.read().strip() == "stopped"


def heard(*arguments: str, until: str, seconds: float = 10) -> str:
    """What is said on standard error, up to a word; then it is ended."""
    command = [sys.executable, "-m", "gexfaker", "listen", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        text = ""
        while until not in text and (line := process.stderr.readline()):
            text += line
        timer.cancel()
        process.kill()
    return text


@pytest.fixture(scope="module")
def asked() -> Iterator[Served]:
    with running_server(tickers="SPX", data_date="2026-07-17") as server:
        yield server


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ("FOO_orderflow_orderflow", "blue_FOO_orderflow_orderflow stays silent: there is no ticker 'FOO'\n"),
        ("spx_orderflow_orderflow", "did you mean SPX_orderflow_orderflow?"),
        ("blue_SPX_orderflow_orderflow", "did you mean SPX_orderflow_orderflow?"),
        ("TSLA_orderflow_orderflow", "has no TSLA; --tickers TSLA adds it\n"),
    ],
)
def test_a_group_that_stays_silent_is_told_with_the_right_name(asked: Served, group: str, said: str) -> None:
    assert said in heard(group, "--url", asked.url, until=said)


def test_a_key_whose_day_has_still_to_begin_is_told() -> None:
    with running_server(tickers="SPX", data_date="2026-07-17", start="08:00") as server:
        go = f"go there with gexfaker ctl seek open --url {server.url} --key k-early\n"
        said = f"before the first record: wait for the open, or {go}"
        printed = heard("SPX_orderflow_orderflow", "--url", server.url, "--key", "k-early", until=said)
    assert "for k-early it is 2026-07-17 08:00:" in printed


@pytest.mark.parametrize(
    ("action", "arguments", "said"),
    [
        ("pause", "{}", "k-pause is paused: go on with gexfaker ctl resume --url {url} --key k-pause\n"),
        (
            "seek",
            '{"time": "close"}',
            "has come to the end of 2026-07-17: go back with gexfaker ctl seek open --url {url} --key k-seek\n",
        ),
    ],
)
def test_a_key_that_stands_still_is_told_with_the_command(
    asked: Served, action: str, arguments: str, said: str
) -> None:
    key = f"k-{action}"
    asked.request("POST", f"/_gexfaker/sessions/by-key/{action}?key={key}", arguments.encode())
    said = said.replace("{url}", asked.url)
    assert said in heard("SPX_orderflow_orderflow", "--url", asked.url, "--key", key, until=said)


@pytest.mark.parametrize("fault", [{"type": "drop"}, {"type": "gap", "attributes": {"duration": 20_000}}])
def test_faults_that_keep_everything_back_are_told_with_the_command(asked: Served, fault: dict[str, Any]) -> None:
    key = f"k-{fault['type']}"
    asked.request("POST", f"/_gexfaker/faults?key={key}", json.dumps(fault).encode())
    said = f"; take them away with gexfaker ctl fault off --url {asked.url} --key {key}\n"
    printed = heard("SPX_orderflow_orderflow", "--url", asked.url, "--key", key, until=said)
    assert f"faults of {key} are on: {fault['type']} (hit " in printed
    shown = CliRunner().invoke(cli, ["ctl", "show", "--url", asked.url, "--key", key]).output
    assert f"; faults: {fault['type']} hit " in shown


def test_the_closed_market_is_told() -> None:
    sunday = 1_784_462_400.0 + 12 * 3600  # 2026-07-19
    with running_server(lambda: sunday + time.monotonic() % 3600, realism="market-hours", tickers="SPX") as server:
        said = "the market is closed until 2026-07-20 09:30:00 New York: the server keeps its hours"
        assert said in heard("SPX_orderflow_orderflow", "--url", server.url, "--key", "unused", until=said)
        for where in ("10:30", "close"):
            server.request("POST", "/_gexfaker/sessions/by-key/seek?key=k", f'{{"time": "{where}"}}'.encode())
            assert said in heard("SPX_orderflow_orderflow", "--url", server.url, "--key", "k", until=said)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no sh and no head")
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    with running_server(speed="60") as server:
        command = f"{sys.executable} -m gexfaker listen orderflow SPX --url {server.url} | head -n 2"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=20)
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


def test_listen_goes_on_after_messages_that_it_cannot_read(tmp_path: Path) -> None:
    write_day(tmp_path, 2000)
    with running_server(data_dir=str(tmp_path), ws_stream_interval="20ms") as server:
        rules = [
            {"type": "corrupt", "count": 1, "attributes": {"part": "zstd"}},
            {"type": "unknown_message", "count": 1},
        ]
        server.request("PUT", "/_gexfaker/faults?key=broken", json.dumps(rules).encode())
        command = [sys.executable, "-m", "gexfaker", "listen", "orderflow", "ES_SPX", "--key", "broken"]
        done = subprocess.run(
            [*command, "--count", "5", "--url", server.url], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "passed over: blue_ES_SPX_orderflow_orderflow: cannot decode a message" in done.stderr
    assert "passed over: not a message of this protocol" in done.stderr

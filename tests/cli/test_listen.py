"""`gexfaker listen` against a real server, and against none."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.data import expected, write_day
from support.server import running_server


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


@pytest.mark.parametrize("arguments", [("SPX", "--url", "http://127.0.0.1:9"), ("SPX", "--url", "nonsense")])
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
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert "ticker" in process.stdout.readline()
            assert server.stop(signal.SIGTERM) == 0
            _, errors = process.communicate(timeout=15)
    assert process.returncode == 2
    assert "1001" in errors
    assert "Traceback" not in errors

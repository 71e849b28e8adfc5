"""Files and folders that are not as they should be: told, tried again, and no reason to stop or to wait."""

from __future__ import annotations

import gzip
import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gexfaker.server import stream
from support import data
from support.raw import JSON, connect
from support.server import Running, running_server, serve_command, wait_until

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="has POSIX's permissions and limits")
KEY = {"Authorization": "Bearer demo", "User-Agent": "t"}
PATH = "/v2/ES_SPX/orderflow/orderflow"


def file_of(folder: Path, ticker: str = "ES_SPX") -> Path:
    return folder / data.DATE / ticker / "orderflow" / "orderflow.jsonl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return data.write_day(tmp_path / "days", 50, ("ES_SPX", "SPX"))


@pytest.fixture
def limited(folder: Path, tmp_path: Path) -> Iterator[Running]:
    """A server with 64 descriptors, and a day of 40 tickers, compressed."""
    packed = gzip.compress(file_of(folder).read_bytes())
    for number in range(40):
        file = file_of(folder, f"T{number}")
        file.parent.mkdir(parents=True)
        file.with_suffix(".jsonl.gz").write_bytes(packed)
    command = shlex.join(serve_command(data_dir=str(folder), cache_mode="rotation", ws_stream_interval="50ms"))
    server = Running(["sh", "-c", f"ulimit -n 64 && exec {command}"], tmp_path)
    try:
        server.wait_ready()
        yield server
    finally:
        server.kill()


@POSIX
def test_a_day_has_more_files_than_the_process_has_descriptors(limited: Running) -> None:
    groups = [f"T{number}_orderflow_orderflow" for number in range(40)]
    for number in range(40):
        assert limited.get(f"/v2/T{number}/orderflow/orderflow", KEY)[0] == 200
    with connect(limited.orderflow("all"), JSON) as raw:
        for number, group in enumerate(groups):
            raw.send_text(json.dumps({"type": "joinGroup", "group": f"blue_{group}", "ackId": number}))
        seen = set[str]()
        while len(seen) < 40:
            seen |= {json.loads(raw.read_message()).get("group", groups[0])}
    assert limited.get("/health")[0] == 200
    assert limited.get("/available-dates")[0] == 200
    assert not [line for line in limited.stderr if "Traceback" in line or "Too many open files" in line]
    assert limited.stop() == 0


def test_a_feed_that_could_not_be_opened_comes_as_soon_as_it_can(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the server has not seen that the file is gone: then the day has no such feed."""
    monkeypatch.setattr(stream, "FILES_SECONDS", 3600)
    file = file_of(folder)
    with running_server(data_dir=str(folder), cache_mode="rotation", ws_stream_interval="50ms") as server:
        kept = file.read_bytes()
        file.unlink()
        with connect(server.orderflow("k"), JSON) as raw:
            assert raw.join(data.group("ES_SPX")).success
            wait_until(lambda: any("it is tried again" in line for line in server.stderr), 5, "the trouble is told")
            [group] = server.sessions()[0]["connections"][0]["groups"]
            assert "tried again" in group["silent"]
            file.write_bytes(kept)
            while raw.read_json().kind != "data":
                pass
        assert sum("it is tried again" in line for line in server.stderr) == 1


@pytest.mark.parametrize("record", ["{\n", '{"timestamp":"soon"}\n', "x[1]\n"], ids=["cut", "time", "array"])
def test_a_file_without_a_readable_line_costs_nothing_at_each_request(
    folder: Path, record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gexfaker.tapes.index import LineIndex

    file_of(folder).write_text(record * 20_000)
    reads = [0]
    read = LineIndex.read

    def counted(index: LineIndex, number: int) -> bytes:
        reads[0] += 1
        return read(index, number)

    monkeypatch.setattr(LineIndex, "read", counted)
    with running_server(data_dir=str(folder)) as server:
        first = server.get(PATH, KEY)
        before = reads[0]
        assert before > 20_000
        assert [server.get(PATH, KEY) for _ in range(5)] == [first] * 5
        assert first[0] == 404
        assert reads[0] - before <= 10
        assert server.health()["records_passed_over"] <= 50


@POSIX
@pytest.mark.skipif(sys.platform != "win32" and __import__("os").geteuid() == 0, reason="root may read everything")
def test_a_data_folder_that_may_not_be_read_stops_the_start(folder: Path, tmp_path: Path) -> None:
    folder.chmod(0)
    try:
        server = Running(serve_command(data_dir=str(folder)), tmp_path)
        assert server.join() == 2
        assert [line for line in server.stderr if "cannot be read" in line and str(folder) in line]
    finally:
        folder.chmod(0o755)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_folder_whose_name_is_not_utf8_is_shown_escaped(folder: Path) -> None:
    odd = folder.with_name("da\udcffys")
    shutil.move(folder, odd)
    with running_server(data_dir=str(odd)) as server:
        assert server.get(PATH, KEY)[0] == 200
        for path in ("/health", "/_gexfaker/sessions", "/available-dates"):
            assert server.get(path)[0] == 200
        assert "da\\xffys" in server.health()["data_origin"]
        answer = server.request("POST", "/_gexfaker/sessions/demo/seek", b'{"time":"15:59"}', {})
        assert answer[0] == 200


def test_one_session_whose_day_is_gone_does_not_keep_an_action_from_the_others(folder: Path) -> None:
    other = folder / "2026-07-16"
    shutil.copytree(folder / data.DATE, other)
    with running_server(data_dir=str(folder)) as server:
        for number in range(40):
            name = "2026-07-16" if number % 3 == 1 else data.DATE
            body = json.dumps({"key": f"k{number}", "date": name}).encode()
            assert server.request("POST", "/_gexfaker/sessions", body, {})[0] == 201
        shutil.rmtree(other)
        dates = [f"2025-{1 + number // 28:02}-{1 + number % 28:02}" for number in range(33)]
        for date in dates:  # so many other days that the one that is gone was closed
            shutil.copytree(folder / data.DATE, folder / date)
            body = json.dumps({"key": f"d{date}", "date": date}).encode()
            assert server.request("POST", "/_gexfaker/sessions", body, {})[0] == 201
        status, body = server.request("POST", "/_gexfaker/sessions/all/pause", b"", {})
        assert status == 200
        sessions = json.loads(body)["sessions"]
        assert len(sessions) == 40 + 33
        assert sum("error" not in session for session in sessions) >= 27 + 33
        status, body = server.request("GET", "/_gexfaker/sessions", b"", {})
        assert (status, len(json.loads(body)["sessions"])) == (200, 73)


def test_reloading_the_same_date_reads_replaced_files_and_new_tickers(folder: Path) -> None:
    with running_server(data_dir=str(folder)) as server:
        assert server.get("/v2/SPX/orderflow/orderflow", KEY)[0] == 200
        before = json.loads(server.get(PATH, KEY)[1])
        new = file_of(folder).with_name("new")
        new.write_text(file_of(folder).read_text().replace('"spot":6822.95', '"spot":7000.5'))
        new.replace(file_of(folder))
        ticker = file_of(folder, "QQQ")
        ticker.parent.mkdir(parents=True)
        ticker.write_bytes(file_of(folder, "SPX").read_bytes())
        body = json.dumps({"date": data.DATE}).encode()
        status, answer = server.request("POST", "/reload-date", body, {"Content-Type": "application/json"})
        assert (status, json.loads(answer)["files_loaded"]) == (200, 3)
        assert server.get("/v2/QQQ/orderflow/orderflow", KEY)[0] == 200
        assert before != json.loads(server.get(PATH, KEY)[1])

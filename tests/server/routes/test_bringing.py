"""Days that come while the server runs: downloaded from a service, or given by a browser and imported."""

from __future__ import annotations

import http.client
import json
import os
import socket
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gexfaker.server.http.jobs import MAX_LINES, Job
from gexfaker.server.routes import bringing
from support import data, rest
from support.control import Plane
from support.server import InProcess, Served, running_process, running_server, wait_until
from support.upstream import bad_day, endless, status

JOBS, INCOMING = "/_gexfaker/jobs", "/_gexfaker/incoming"
KEY = "a-secret-key"
ENDS = 30
SLOW = {"key": KEY, "tickers": "ES_SPX", "dates": data.DATE, "packages": "orderflow"}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = data.write_day(tmp_path_factory.mktemp("upstream"), 50)
    with running_server(data_dir=str(folder)) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "days"


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcess]:
    monkeypatch.delenv("GEXBOT_API_KEY", raising=False)
    with running_server(simulate="true", data_dir=str(folder), tickers="SPX") as running:
        yield running


@pytest.fixture
def plane(server: InProcess) -> Iterator[Plane]:
    with Plane(server) as made:
        yield made


def begun(plane: Plane, kind: str, **wanted: object) -> str:
    status, job = plane.call("POST", f"{JOBS}/{kind}", wanted)
    assert (status, job.get("kind")) == (202, kind), job
    return str(job["job"])


def ended(plane: Plane, job: str) -> dict[str, Any]:
    wait_until(lambda: plane.call("GET", f"{JOBS}/{job}")[1]["status"] != "running", ENDS, "the end of the job")
    return dict(plane.call("GET", f"{JOBS}/{job}")[1])


def send(plane: Plane, path: str, content: bytes, at: int = 0, total: int | None = None) -> tuple[int, Any]:
    """A piece of a file; unless told otherwise the last one."""
    total = at + len(content) if total is None else total
    status, found = plane.call("PUT", f"{INCOMING}?path={quote(path)}&at={at}&total={total}", content)
    return status, found


# --- downloads -----------------------------------------------------------------------------------


def test_a_day_is_downloaded_and_played(plane: Plane, upstream: Served, folder: Path) -> None:
    asked = {"tickers": "ES_SPX", "packages": ["orderflow"], "dates": data.DATE}
    done = ended(plane, begun(plane, "download", key=KEY, upstream=upstream.url, **asked))
    assert (done["status"], done["done"], done["total"]) == ("done", 1, 1), done
    assert done["file"].startswith(f"{data.DATE} ES_SPX orderflow: ")
    assert done["lines"][-1] == f"play them: gexfaker serve --data-dir {folder}"
    assert KEY not in json.dumps(plane.call("GET", JOBS))
    assert plane.call("POST", "/_gexfaker/market", {"kind": "recorded"})[0] == 200
    found = plane.call("GET", "/v2/ES_SPX/orderflow/orderflow", None, {"Authorization": "Bearer k", "User-Agent": "t"})
    assert found == (200, json.loads(data.record("ES_SPX", 0)))


def test_what_fails_is_told_as_the_command_tells_it(plane: Plane, upstream: Served) -> None:
    with bad_day(upstream.address, ("/hist/eod", status(401))) as relay:
        done = ended(plane, begun(plane, "download", key=KEY, upstream=relay.url, tickers="ES_SPX"))
    assert (done["status"], done["done"], done["there"]) == ("failed", 1, 0)
    assert "the service refuses this key (401: not now)" in " ".join(done["lines"])
    without = ended(plane, begun(plane, "download"))
    assert without["status"] == "failed"
    assert "an API key is needed" in " ".join(without["lines"])
    assert [one["status"] for one in plane.call("GET", JOBS)[1]["jobs"]] == ["failed", "failed"]


def test_one_at_a_time_and_it_can_be_stopped(plane: Plane, upstream: Served, folder: Path) -> None:
    slow = [("/_files/", endless) for _ in range(3)]
    with bad_day(upstream.address, *slow) as relay:
        job = begun(
            plane, "download", key=KEY, upstream=relay.url, tickers="ES_SPX", dates=data.DATE, packages="orderflow"
        )
        wait_until(lambda: plane.call("GET", f"{JOBS}/{job}")[1]["text"] != "", ENDS, "something has come")
        assert plane.call("POST", f"{JOBS}/download", {"key": KEY})[0] == 409
        assert plane.call("POST", f"{JOBS}/import", {})[0] == 409
        assert send(plane, "a.zip", b"x")[0] == 409
        assert plane.call("DELETE", INCOMING)[0] == 409
        assert plane.call("DELETE", f"{JOBS}/{job}")[1]["status"] == "stopped"
        assert ended(plane, job)["status"] == "stopped"
    assert not [one for one in folder.iterdir() if one.suffix == ".json"], "half a file has no name"
    assert plane.call("DELETE", f"{JOBS}/{job}")[1]["status"] == "stopped", "once more is no harm"


def test_a_server_that_stops_leaves_nothing_behind(upstream: Served, folder: Path) -> None:
    with bad_day(upstream.address, *[("/_files/", endless)] * 3) as relay:
        with running_process(simulate="true", data_dir=str(folder), tickers="SPX") as running, Plane(running) as plane:
            begun(
                plane, "download", key=KEY, upstream=relay.url, tickers="ES_SPX", dates=data.DATE, packages="orderflow"
            )
            wait_until(lambda: bool(children(running.process.pid)), ENDS, "the command runs")
            [child] = children(running.process.pid)
            assert running.stop() == 0
        assert not Path(f"/proc/{child}").exists()


def children(process: int) -> list[int]:
    """Those of a process on Linux."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    found = [int(number) for number in text.split()]
    return [one for one in found if b"download" in Path(f"/proc/{one}/cmdline").read_bytes()]


def test_the_key_is_in_no_list_of_processes_and_in_no_log(upstream: Served, folder: Path) -> None:
    with (
        bad_day(upstream.address, *[("/_files/", endless)] * 3) as relay,
        running_process(simulate="true", data_dir=str(folder), log_level="debug") as running,
        Plane(running) as plane,
    ):
        begun(plane, "download", upstream=relay.url, **SLOW)
        wait_until(lambda: bool(children(running.process.pid)), ENDS, "the command runs")
        [child] = children(running.process.pid)
        assert KEY.encode() not in Path(f"/proc/{child}/cmdline").read_bytes()
        assert os.getpriority(os.PRIO_PROCESS, child) == 10
    assert KEY not in "".join(running.stderr)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"tickers": "NOPE"}, "tickers: NOPE is not one"),
        ({"tickers": [7]}, "tickers is a list"),
        ({"tickers": ","}, "tickers: nothing is not one"),
        ({"packages": "spot,all"}, "packages: spot is not one"),
        ({"dates": "tomorrow"}, "dates is a day"),
        ({"dates": "latest"}, "dates is a day"),
        ({"dates": "2026-07-17..2026-07-13"}, "dates is a day"),
        ({"dates": "--out=/tmp"}, "dates is a day"),
        ({"dates": ["2026-07-17"]}, "dates is a day"),
        ({"key": "two words"}, "key is no API key"),
        ({"key": "k" * 201}, "key is no API key"),
        ({"key": "a\nb"}, "key is no API key"),
        ({"upstream": "ftp://here", "key": KEY}, "upstream is the address"),
        ({"upstream": "--rate", "key": KEY}, "upstream is the address"),
        ({"upstream": "http://other.example"}, "another upstream needs a key"),
        ({"upstream": "http://u:pw@other.example", "key": KEY}, "upstream is the address"),
        ({"upstream": "http://[::1", "key": KEY}, "upstream is the address"),
        ({"upstream": "http://:80", "key": KEY}, "upstream is the address"),
        ({"upstream": "http://a:99999", "key": KEY}, "upstream is the address"),
        ({"out": "/tmp"}, "out is none of"),
    ],
)
def test_wrong_downloads(plane: Plane, wanted: dict[str, object], said: str) -> None:
    status, found = plane.call("POST", f"{JOBS}/download", wanted)
    assert (status, said in found["error"]) == (400, True), found
    assert plane.call("GET", JOBS)[1]["jobs"] == []


def test_the_servers_own_key_goes_to_the_service_only(
    plane: Plane, upstream: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEXBOT_API_KEY", "the-servers-own")
    assert plane.call("GET", JOBS)[1]["has_key"] is True
    assert "another upstream" in plane.call("POST", f"{JOBS}/download", {"upstream": upstream.url})[1]["error"]


# --- imports -------------------------------------------------------------------------------------


def report(folder: Path, records: int = 30) -> bytes:
    """An end-of-day report with one feed."""
    path = folder / "report.zip"
    content = "[" + ",".join(data.record("ES_SPX", index) for index in range(records)) + "]"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{data.DATE}_ES_SPX_orderflow_orderflow.json", content)
    return path.read_bytes()


def test_a_report_in_pieces_is_imported_and_played(plane: Plane, tmp_path: Path, folder: Path) -> None:
    content, name = report(tmp_path), f"eod_report_ES_SPX_{data.DATE}.zip"
    for at in range(0, len(content), 1000):
        assert plane.call("GET", JOBS)[1]["waiting"]["files"] == 0, "not all of it is there"
        piece = send(plane, name, content[at : at + 1000], at, len(content))
        assert piece == (200, {"path": name, "bytes": min(at + 1000, len(content))})
    assert plane.call("GET", JOBS)[1]["waiting"] == {"files": 1, "bytes": len(content), "names": [name]}
    assert (folder / bringing.INCOMING / name).read_bytes() == content
    done = ended(plane, begun(plane, "import"))
    assert (done["status"], done["done"], done["total"]) == ("partly", 1, 1), "the data of the tests is not sound"
    assert done["lines"][-1] == "1 ticker-day: broken"
    assert f"1 ticker-day in {folder}: gexfaker serve --data-dir {folder}" in done["lines"]
    assert list((folder / bringing.INCOMING).iterdir()) == []
    assert plane.call("POST", "/_gexfaker/market", {"kind": "recorded"})[1]["recorded"]["days"] == 1
    found = plane.call("GET", "/v2/ES_SPX/orderflow/orderflow", None, {"Authorization": "Bearer k", "User-Agent": "t"})
    assert found == (200, json.loads(data.record("ES_SPX", 0)))


def test_a_folder_with_days_keeps_its_paths_and_is_converted(plane: Plane, tmp_path: Path, folder: Path) -> None:
    rest.write_all(tmp_path / "from", "SPX", count=3)
    for path in sorted((tmp_path / "from").rglob("*.jsonl")):
        assert send(plane, f"my days/{path.relative_to(tmp_path / 'from').as_posix()}", path.read_bytes())[0] == 200
    done = ended(plane, begun(plane, "import", convert="jsonl.zst"))
    assert done["status"] == "partly", done
    assert done["done"] == done["total"] == len(list(folder.rglob("*.jsonl.zst"))) > 10


def test_what_is_not_imported_stays_and_can_be_taken_away(plane: Plane, folder: Path) -> None:
    assert send(plane, "notes.txt", b"hello")[0] == 200
    done = ended(plane, begun(plane, "import"))
    assert done["status"] == "failed"
    assert "holds no days" in " ".join(done["lines"])
    assert plane.call("GET", JOBS)[1]["waiting"] == {"files": 1, "bytes": 5, "names": ["notes.txt"]}
    assert plane.call("DELETE", INCOMING) == (200, {"files": 1, "bytes": 5})
    assert plane.call("POST", f"{JOBS}/import", {})[0] == 400


def test_another_version_of_a_day_waits_until_it_may_replace_it(plane: Plane, tmp_path: Path, folder: Path) -> None:
    content, name = report(tmp_path), f"eod_report_ES_SPX_{data.DATE}.zip"
    stored = folder / data.DATE / name
    assert send(plane, name, content)[0] == 200
    ended(plane, begun(plane, "import"))
    assert stored.read_bytes() == content
    other = report(tmp_path, records=20)
    assert send(plane, name, other)[0] == 200
    done = ended(plane, begun(plane, "import"))
    assert (done["status"], done["there"]) == ("failed", 0)
    assert "is there with other content" in " ".join(done["lines"])
    assert (stored.read_bytes(), plane.call("GET", JOBS)[1]["waiting"]["files"]) == (content, 1)
    assert ended(plane, begun(plane, "import", replace=True))["there"] == 1
    assert (stored.read_bytes(), plane.call("GET", JOBS)[1]["waiting"]["files"]) == (other, 0)


def test_a_file_that_comes_again_does_not_touch_what_was_imported(plane: Plane, tmp_path: Path, folder: Path) -> None:
    content, name = report(tmp_path), f"eod_report_ES_SPX_{data.DATE}.zip"
    waiting, stored = folder / bringing.INCOMING / name, folder / data.DATE / name
    assert send(plane, name, content)[0] == 200
    stored.parent.mkdir()
    os.link(waiting, stored)  # as an import has left it that was killed
    for piece, at, total in ((b"other", 0, 9), (b"file", 5, 9)):
        assert send(plane, name, piece, at, total)[0] == 200
        assert stored.read_bytes() == content
    assert waiting.read_bytes() == b"otherfile"


def test_pieces_out_of_order_say_how_far_the_file_is(plane: Plane) -> None:
    assert send(plane, "a.zip", b"12345", 0, 9) == (200, {"path": "a.zip", "bytes": 5})
    assert send(plane, "a.zip", b"xyz", 7, 10) == (409, {"path": "a.zip", "bytes": 5})
    assert send(plane, "a.zip", b"6789", 5, 9) == (200, {"path": "a.zip", "bytes": 9})
    assert send(plane, "a.zip", b"0", 9, 10) == (409, {"path": "a.zip", "bytes": 0}), "it is whole"
    assert send(plane, "a.zip", b"new") == (200, {"path": "a.zip", "bytes": 3})
    assert send(plane, "empty.zip", b"") == (200, {"path": "empty.zip", "bytes": 0})
    assert send(plane, "b.zip", b"12", 0, 1)[1]["error"] == "the file is longer than total says."
    assert plane.call("DELETE", INCOMING) == (200, {"files": 2, "bytes": 3})
    assert plane.call("DELETE", INCOMING) == (200, {"files": 0, "bytes": 0})


def test_links_lead_nowhere(plane: Plane, tmp_path: Path, folder: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    incoming = folder / bringing.INCOMING
    incoming.mkdir(parents=True)
    (incoming / "etc").symlink_to(outside)
    (incoming / "gone.zip").symlink_to(tmp_path / "nothing")
    (incoming / "gone.zip.part").symlink_to(tmp_path / "nothing")
    (incoming / "folder").mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"1")
    (incoming / "long.zip.part").symlink_to(victim)
    assert send(plane, "long.zip", b"x", 1)[0] == 400
    assert victim.read_bytes() == b"1"
    for path in ("etc/a.zip", "etc/new/a.zip", "folder"):
        status, found = send(plane, path, b"x")
        assert (status, "leads out of" in found["error"]) == (400, True), found
    assert send(plane, "gone.zip", b"x")[0] == 200
    assert (incoming / "gone.zip").read_bytes() == b"x"
    assert not (incoming / "gone.zip").is_symlink()
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../a.zip",
        "a/../../b",
        "a//b",
        ".hidden",
        "a/.b",
        "a\\b",
        "a:b",
        "nul",
        "COM1.zip",
        "a.",
        "a /b",
        "é.zip",
        "a" * 129,
        "/".join("abcdefghi"),
        "a\nb",
        "a%2f..",
        "~/a",
        "-a",
    ],
)
def test_paths_that_lead_elsewhere(plane: Plane, path: str, folder: Path) -> None:
    status, found = send(plane, path, b"x")
    assert (status, "path is the name" in found["error"]) == (400, True), found
    assert not folder.exists()


@pytest.mark.parametrize("name", ["at", "total"])
@pytest.mark.parametrize("text", ["-1", "x", "1.5", "9" * 30, "0" * 5000 + "1", "²", ""])
def test_numbers_of_bytes_that_are_none(plane: Plane, name: str, text: str) -> None:
    query = {"at": "0", "total": "1"} | {name: quote(text)}
    status, found = plane.call("PUT", f"{INCOMING}?path=a.zip&at={query['at']}&total={query['total']}", b"x")
    assert (status, f"{name} is a number of bytes" in found["error"]) == (400, True), found


def set_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bringing, "LEAST_FREE_BYTES", 2**60)


def set_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bringing, "MAX_FILE_BYTES", 4)


def set_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bringing, "MAX_FILES", 1)


def set_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bringing, "MAX_PIECE_BYTES", 4)


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        (set_free, "MiB would be free on the disk"),
        (set_size, "total is a number of bytes, up to 4"),
        (set_files, "1 files wait already"),
        (set_piece, "the body is longer than 4 bytes"),
    ],
)
def test_bounds(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, bound: Callable[[pytest.MonkeyPatch], None], said: str
) -> None:
    assert send(plane, "first.zip", b"1234")[0] == 200
    bound(monkeypatch)
    status, found = send(plane, "second.zip", b"12345")
    assert (status, said in found["error"]) == (400, True), found
    assert plane.call("GET", JOBS)[1]["waiting"] == {"files": 1, "bytes": 4, "names": ["first.zip"]}


@pytest.mark.parametrize("wanted", [{"convert": "csv"}, {"prepare": "yes"}, {"out": "/tmp"}, {"replace": 1}])
def test_wrong_imports(plane: Plane, wanted: dict[str, object]) -> None:
    assert send(plane, "a.zip", b"x")[0] == 200
    status, found = plane.call("POST", f"{JOBS}/import", wanted)
    assert (status, "an import is told" in found["error"]) == (400, True), found


def test_another_page_may_not_send_files(server: InProcess, folder: Path) -> None:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    connection.request("PUT", f"{INCOMING}?path=a.zip&total=1", b"x", {"Origin": "http://evil.example"})
    assert connection.getresponse().status == 403
    connection.close()
    assert not folder.exists()


def test_a_disk_that_takes_no_file_is_told(plane: Plane, folder: Path) -> None:
    folder.write_text("a file, and no folder", encoding="utf-8")
    status, found = send(plane, "a.zip", b"x")
    assert (status, "takes no file" in found["error"]) == (503, True), found


def test_a_command_that_cannot_be_run_is_told_and_blocks_nothing(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("gexfaker.commands.sys.executable", "/nowhere/python")
        status, found = plane.call("POST", f"{JOBS}/download", {"key": KEY})
        assert (status, "the command cannot be run" in found["error"]) == (400, True), found
    assert ended(plane, begun(plane, "download"))["status"] == "failed", "without a key"


def test_a_slow_sender_holds_up_no_other(server: InProcess, plane: Plane) -> None:
    with closing(socket.create_connection(server.address, 10)) as slow:
        host = f"127.0.0.1:{server.address[1]}"
        head = f"PUT {INCOMING}?path=slow.zip&total=100 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n"
        slow.sendall(head.encode() + b"x")
        for number in range(5):
            assert send(plane, f"{number}.zip", b"quick")[0] == 200
        slow.sendall(b"x" * 99)
        assert b" 200 " in slow.recv(100)


# --- what a job says -----------------------------------------------------------------------------


def test_only_the_newest_lines_are_kept_and_each_is_short() -> None:
    job = Job("id", "import", "", 0.0)
    for number in range(MAX_LINES + 5):
        job.hear(f"{number} " + "x" * 10_000 + "\n")
    for line in ("", "{}", '{"done":"x"}', '{"done":1,"total":2,"file":"a","text":"b"}'):
        job.hear(line + "\n")
    assert len(job.lines) == MAX_LINES
    assert max(map(len, job.lines)) == 500
    assert (job.step.done, job.step.total, job.step.file) == (1, 2, "a")

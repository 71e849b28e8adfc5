"""A large day: the first byte comes at once, memory stays, nobody is held up, and who leaves leaves nothing behind."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import signal
import statistics
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.data import DATE
from support.server import CLEAN_EXIT, Running, running_process, wait_until

# Alone: it says how soon the first byte of 96 MB comes, and how much memory the server takes for it.
pytestmark = [pytest.mark.alone, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")]

HEADERS = {"Authorization": "Bearer demo", "User-Agent": "test/1"}
RECORDS = 6000
RECORD_BYTES = 16_000
DAY_BYTES = RECORDS * (RECORD_BYTES + 1) + 1
"""96 MB: six times what the process may grow by, and a third of a real day's largest file."""

MAX_GROWTH_MIB = 16
FIRST_BYTE_SECONDS = 0.2
PLAIN = f"/download/{DATE}/SPX/classic/full"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("days") / DATE / "SPX" / "classic"
    folder.mkdir(parents=True)
    head, tail = '{"timestamp":%d,"text":"', '"}\n'
    filler = "0123456789abcdef" * 1000
    with (folder / "gex_full.jsonl").open("w", encoding="utf-8") as file:
        for index in range(RECORDS):
            start = head % (1_784_295_002 + index)
            file.write(start + filler[: RECORD_BYTES + 1 - len(start) - len(tail)] + tail)
    with running_process(data_dir=str(folder.parent.parent.parent)) as running:
        json.loads(running.get(f"/hist/SPX/classic/full/{DATE}?noredirect", HEADERS)[1])
        yield running
    (folder / "gex_full.jsonl").unlink()


def proc(server: Running, name: str) -> Path:
    return Path(f"/proc/{server.process.pid}/{name}")


def resident(server: Running) -> float:
    """MiB of memory the server uses."""
    line = next(line for line in proc(server, "status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def open_tapes(server: Running) -> int:
    """How often the server has the day's file open."""
    found = 0
    for entry in proc(server, "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += str(entry.readlink()).endswith("gex_full.jsonl")
    return found


def link(server: Running) -> str:
    url: str = json.loads(server.get(f"/hist/SPX/classic/full/{DATE}?noredirect", HEADERS)[1])["url"]
    return url.removeprefix(server.url)


@contextlib.contextmanager
def begun(server: Running, path: str, headers: dict[str, str] | None = None) -> Iterator[http.client.HTTPResponse]:
    """A response whose head has come."""
    connection = http.client.HTTPConnection(*server.address, timeout=30)
    try:
        connection.request("GET", path, headers=HEADERS | (headers or {}))
        yield connection.getresponse()
    finally:
        connection.close()


WAYS = [
    ("file", {}),
    ("file", {"Accept-Encoding": "gzip"}),
    ("/hist/eod/SPX", {}),
    (PLAIN, {}),
    ("file", {"Range": "bytes=1-"}),
]


@pytest.mark.parametrize(("path", "headers"), WAYS)
def test_memory_stays_and_nothing_is_left_open(server: Running, path: str, headers: dict[str, str]) -> None:
    path = link(server) if path == "file" else path
    before, peak, size = resident(server), 0.0, 0
    began = time.monotonic()
    with begun(server, path, headers) as answer:
        assert answer.status in (200, 206)
        assert answer.read(1)
        first = time.monotonic() - began
        while piece := answer.read(1 << 20):
            size += len(piece)
            peak = max(peak, resident(server))
    assert peak - before < MAX_GROWTH_MIB
    assert first < FIRST_BYTE_SECONDS or "Range" in headers, "a range is measured first"
    assert size + 1 in (DAY_BYTES, DAY_BYTES - 1) or size < DAY_BYTES / 10
    wait_until(lambda: open_tapes(server) == 0, 2, "tape closed")


@pytest.mark.parametrize(("path", "headers"), WAYS)
@pytest.mark.parametrize("taken", [1, 300_000])
def test_who_leaves_stops_the_work(server: Running, path: str, headers: dict[str, str], taken: int) -> None:
    with begun(server, link(server) if path == "file" else path, headers) as answer:
        assert answer.read(taken)
    wait_until(lambda: open_tapes(server) == 0, 2, "tape closed after the client left")
    stat = [int(part) for part in proc(server, "stat").read_text().rpartition(")")[2].split()[11:13]]
    time.sleep(0.1)
    after = [int(part) for part in proc(server, "stat").read_text().rpartition(")")[2].split()[11:13]]
    assert sum(after) - sum(stat) <= 5, "processor time goes on: hundredths of a second"


def test_who_leaves_while_a_range_is_measured_stops_it(server: Running) -> None:
    path = link(server)
    connection = http.client.HTTPConnection(*server.address, timeout=30)
    connection.request("GET", path, headers={"Range": "bytes=-1"})
    wait_until(lambda: open_tapes(server) == 1, 2, "tape opened")
    connection.close()
    wait_until(lambda: open_tapes(server) == 0, 2, "tape closed")


def test_a_client_that_reads_nothing_costs_no_memory(server: Running) -> None:
    before = resident(server)
    path = link(server)
    with contextlib.ExitStack() as waiting:
        for _ in range(8):
            waiting.enter_context(begun(server, path))
        time.sleep(0.3)
        assert open_tapes(server) == 8
        assert resident(server) - before < MAX_GROWTH_MIB
    wait_until(lambda: open_tapes(server) == 0, 2, "tapes closed")


def test_others_are_answered_meanwhile(server: Running) -> None:
    path, done = link(server), threading.Event()

    def load() -> None:
        while not done.is_set():
            with begun(server, path, {"Accept-Encoding": "gzip"}) as answer:
                while answer.read(1 << 20):
                    pass

    loader = threading.Thread(target=load)
    loader.start()
    try:
        times = []
        for _ in range(100):
            began = time.perf_counter()
            assert server.get("/ready")[0] == 200
            times.append(time.perf_counter() - began)
    finally:
        done.set()
        loader.join()
    assert statistics.median(times) < 0.02, sorted(times)[-10:]


def test_a_stop_waits_for_downloads_and_cuts_those_that_stand_still(tmp_path: Path) -> None:
    folder = tmp_path / DATE / "SPX" / "classic"
    folder.mkdir(parents=True)
    record = '{"timestamp":1784295002,"text":"' + "x" * RECORD_BYTES + '"}\n'
    (folder / "gex_full.jsonl").write_text(record * 1500, encoding="utf-8")
    with running_process(data_dir=str(tmp_path)) as stopping, begun(stopping, PLAIN) as still:
        assert still.read(1)
        with begun(stopping, PLAIN) as moving:
            assert moving.read(1)
            stopping.send_signal(signal.SIGTERM)
            assert len(moving.read()) + 1 == len(record) * 1500
        assert stopping.join() == CLEAN_EXIT
        assert any("was cut off" in line for line in stopping.stderr)
        assert not any("Traceback" in line for line in stopping.stderr), stopping.stderr
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            still.read()


def test_the_report_of_a_large_day_is_whole(server: Running) -> None:
    with begun(server, "/hist/eod/SPX") as answer, zipfile.ZipFile(io.BytesIO(answer.read())) as archive:
        assert archive.testzip() is None

"""The end-of-day report: a zip of all files of the newest day."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gexfaker.catalog import CATEGORIES
from support.data import DATE
from support.server import Served, running_server

HEADERS = {"Authorization": "Bearer demo", "User-Agent": "test/1"}
OLDER = "2026-07-16"
TIERS = "key-c=classic,key-s=state,key-o=orderflow,*=quant"
MEMBERS = [
    f"SPY/{package}/{category}/{DATE}_SPY_{package}_{category}.json.gz"
    for package, of in CATEGORIES.items()
    for category in of
]


def lines(package: str, category: str) -> list[str]:
    return [f'{{"timestamp":{1_784_295_002 + index},"of":"{package} {category}"}}' for index in range(300)]


def write(root: Path, date: str, ticker: str, package: str, category: str) -> None:
    folder = root / date / ticker / package
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join([*lines(package, category), '{"cut off'])
    if category.endswith("one"):
        (folder / f"{category}.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    else:
        (folder / f"{category}.jsonl").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("days")
    for package, categories in CATEGORIES.items():
        for category in categories:
            write(root, DATE, "SPY", package, category)
            write(root, OLDER, "QQQ", package, category)
    write(root, DATE, "SPY", "state", "volume_zero")
    write(root, DATE, "ES_SPX", "classic", "gex_zero")
    return str(root)


@pytest.fixture(scope="module")
def server(folder: str) -> Iterator[Served]:
    with running_server(data_dir=folder, data_date=DATE, tiers=TIERS) as running:
        yield running


def report(server: Served, path: str, key: str = "demo") -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    try:
        connection.request("GET", path, headers=HEADERS | {"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/hist/eod/SPY", "/v2/hist/eod/SPY", "/hist/eod/spy"])
def test_it_has_all_fifteen_files_of_the_day_that_is_played(server: Served, path: str) -> None:
    status, headers, body = report(server, path)
    assert status == 200
    assert headers["Content-Type"] == "application/zip"
    assert headers["Content-Disposition"] == f"attachment; filename=eod_report_SPY_{DATE}.zip"
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == MEMBERS
        for name in MEMBERS:
            _, package, category, _ = name.split("/")
            expected = ("[" + ",".join(lines(package, category)) + "]").encode()
            assert gzip.decompress(archive.read(name)) == expected
            assert len(json.loads(expected)) == 300


@pytest.mark.parametrize(
    ("key", "packages"),
    [
        ("key-c", {"classic"}),
        ("key-s", {"classic", "state"}),
        ("key-o", {"classic", "state", "orderflow"}),
        ("demo", {"classic", "state", "orderflow"}),
    ],
)
def test_its_members_are_those_of_the_tier(server: Served, key: str, packages: set[str]) -> None:
    status, headers, body = report(server, "/hist/eod/SPY", key)
    assert status == 200
    assert headers["Content-Disposition"].endswith(f"eod_report_SPY_{DATE}.zip")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.namelist() == [name for name in MEMBERS if name.split("/")[1] in packages]
    dated = f"/hist/SPY/classic/gex_full/{DATE}?noredirect"
    assert report(server, dated, key)[0] == (200 if key == "demo" else 403), "dated history is for quant keys"


def test_it_is_of_the_market_day_of_the_key(server: Served) -> None:
    assert (
        server.request("POST", "/_gexfaker/sessions/by-key/day?key=older", b'{"date": "%s"}' % OLDER.encode())[0] == 200
    )
    status, headers, _ = report(server, "/hist/eod/QQQ", "older")
    assert (status, headers["Content-Disposition"]) == (200, f"attachment; filename=eod_report_QQQ_{OLDER}.zip")
    assert report(server, "/hist/eod/SPY", "older")[0] == 404


@pytest.mark.parametrize(
    ("start", "ticker", "date"), [("10:30", "QQQ", OLDER), ("16:59", "QQQ", OLDER), ("17:00", "SPY", DATE)]
)
def test_before_the_export_it_is_of_the_day_before_if_that_is_asked_for(
    server: Served, folder: str, start: str, ticker: str, date: str
) -> None:
    with running_server(data_dir=folder, data_date=DATE, realism="eod-export", start=start) as real:
        assert real.request("POST", "/_gexfaker/sessions/by-key/pause?key=demo", b"{}")[0] == 200
        status, headers, _ = report(real, f"/hist/eod/{ticker}")
        assert (status, headers["Content-Disposition"]) == (200, f"attachment; filename=eod_report_{ticker}_{date}.zip")


def test_it_has_what_there_is(server: Served) -> None:
    _, headers, body = report(server, "/v2/hist/eod/es_spx")
    assert headers["Content-Disposition"].endswith(f"filename=eod_report_ES_SPX_{DATE}.zip")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.namelist() == [f"ES_SPX/classic/gex_zero/{DATE}_ES_SPX_classic_gex_zero.json.gz"]


def test_a_ticker_without_data_on_that_day_has_none(server: Served) -> None:
    for ticker in ("QQQ", "NOPE", "LLY"):
        status, _, body = report(server, f"/hist/eod/{ticker}")
        assert status == 404
        assert list(json.loads(body)) == ["error"]


@pytest.mark.skipif(shutil.which("unzip") is None, reason="needs Info-ZIP")
def test_unzip_finds_no_fault(server: Served, tmp_path: Path) -> None:
    (tmp_path / "report.zip").write_bytes(report(server, "/hist/eod/SPY")[2])
    tested = subprocess.run(["unzip", "-t", "report.zip"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "No errors detected" in tested.stdout


def test_a_simulated_day_has_one_too() -> None:
    """Its beginning: to make all of it takes a minute."""
    with running_server(tickers="SPX") as server:
        connection = http.client.HTTPConnection(*server.address, timeout=10)
        try:
            connection.request("GET", "/hist/eod/SPX", headers=HEADERS)
            answer = connection.getresponse()
            assert answer.status == 200
            begin = answer.read(20_000)
        finally:
            connection.close()
    length = int.from_bytes(begin[26:28], "little")
    assert begin.startswith(b"PK\x03\x04")
    assert begin[30 : 30 + length].startswith(b"SPX/")
    assert zlib.decompressobj(31).decompress(begin[30 + length :]).startswith(b'[{"timestamp":')


@pytest.mark.volume
def test_the_report_of_a_simulated_day_is_of_the_size_of_a_real_one(tmp_path: Path) -> None:
    """The real one of SPY on that day has 81.6 MB. It is packed well; ours is packed while it is sent."""
    file = tmp_path / "report.zip"
    with running_server(simulate="true", data_date=DATE, tickers="SPY") as server:
        connection = http.client.HTTPConnection(*server.address, timeout=120)
        connection.request("GET", "/v2/hist/eod/SPY", headers=HEADERS)
        with file.open("wb") as out:
            shutil.copyfileobj(connection.getresponse(), out)
        connection.close()
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == MEMBERS
    assert 81.6 / 3 < file.stat().st_size / 1e6 < 81.6 * 3

"""The files behind signed links: plain, packed, in part, and to nobody whose link is not good."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from gexfaker.archive.signing import EXPIRED, FORGED, sign
from gexfaker.server.http.replies import wants_gzip
from support.data import DATE, record
from support.server import Served, running_server

SECRET = "a secret of the tests, long enough"
NAME = f"{DATE}_ES_SPX_orderflow_orderflow.json"
PACKED = NAME + ".gz"
OUTSIDE = "nobody may read this"
COUNT = 700
BAD = ['{"timestamp":1', "not JSON", '{"timestamp":1,}', '{"a":NaN}', "[1]"]
LINES = [record("ES_SPX", index) for index in range(COUNT)]
WHOLE = ("[" + ",".join(LINES) + "]").encode()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("all")
    day = folder / "data" / DATE
    (day / "ES_SPX" / "orderflow").mkdir(parents=True)
    mixed = [
        line
        for index, good in enumerate(LINES)
        for line in ([good, BAD[index % len(BAD)]] if index % 9 == 0 else [good])
    ]
    (day / "ES_SPX" / "orderflow" / "orderflow.jsonl").write_text("\n".join(mixed), encoding="utf-8")
    (folder / "outside.jsonl").write_text(f'{{"timestamp":1,"text":"{OUTSIDE}"}}\n', encoding="utf-8")
    if sys.platform != "win32":  # where links need rights
        (day / "SPX" / "orderflow").mkdir(parents=True)
        (day / "SPX" / "orderflow" / "orderflow.jsonl").symlink_to(folder / "outside.jsonl")
    return folder


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Served]:
    with running_server(data_dir=str(root / "data"), token_secret=SECRET, links="inside") as running:
        yield running


def path_of(name: str = NAME, expires: int = 4_000_000_000) -> str:
    return f"/_files/{quote(name, safe='')}?{sign(name, SECRET, expires)}"


def fetch(
    server: Served, path: str, headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_plain_it_is_an_array_of_the_readable_lines(server: Served) -> None:
    status, headers, body = fetch(server, path_of())
    assert (status, body) == (200, WHOLE)
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Encoding"] is None
    assert "Accept-Encoding" in headers["Vary"]


def test_what_is_left_out_of_a_download_is_told_with_its_place(server: Served) -> None:
    fetch(server, path_of())
    [line, *_] = [line for line in server.stderr if "left out of a download" in line]
    assert re.search(r"\.jsonl:\d+ and \d+ more: left out of a download: ", line), line


def test_gzip_is_the_same_for_who_unpacks_and_for_who_sniffs(server: Served) -> None:
    status, headers, body = fetch(server, path_of(), {"Accept-Encoding": "gzip, deflate"})
    assert status == 200
    assert headers["Content-Encoding"] == "gzip"
    assert body.startswith(b"\x1f\x8b")
    assert gzip.decompress(body) == WHOLE
    assert httpx.get(server.url + path_of(), headers={"Accept-Encoding": "gzip"}).content == WHOLE


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("x-gzip", True),
        ("identity", False),
        ("*", False),
    ],
)
def test_accept_encoding(header: str, accepted: bool) -> None:
    assert wants_gzip({"accept-encoding": header}) is accepted


@pytest.mark.parametrize(
    ("wanted", "first", "stop"),
    [
        ("0-0", 0, 1),
        ("0-", 0, len(WHOLE)),
        ("5-9", 5, 10),
        ("1000-200000", 1000, 200_001),
        (f"{len(WHOLE) - 1}-", len(WHOLE) - 1, len(WHOLE)),
        (f"{len(WHOLE) - 10}-{len(WHOLE) + 10}", len(WHOLE) - 10, len(WHOLE)),
        ("-1", len(WHOLE) - 1, len(WHOLE)),
        ("-100000000", 0, len(WHOLE)),
    ],
)
def test_a_range_is_a_slice(server: Served, wanted: str, first: int, stop: int) -> None:
    status, headers, body = fetch(server, path_of(), {"Range": f"bytes={wanted}", "Accept-Encoding": "gzip"})
    assert (status, body) == (206, WHOLE[first:stop])
    assert headers["Content-Range"] == f"bytes {first}-{stop - 1}/{len(WHOLE)}"
    assert headers["Content-Length"] == str(stop - first)
    assert headers["Content-Encoding"] is None


@pytest.mark.parametrize("wanted", [f"{len(WHOLE)}-", "-0", "99999999999-"])
def test_a_range_beyond_the_end_is_416(server: Served, wanted: str) -> None:
    status, headers, _ = fetch(server, path_of(), {"Range": f"bytes={wanted}"})
    assert status == 416
    assert headers["Content-Range"] == f"bytes */{len(WHOLE)}"


@pytest.mark.parametrize(
    "headers", [{"Range": "bytes=0-1,3-4"}, {"Range": "lines=0-1"}, {"Range": "bytes=0-1", "If-Range": '"x"'}]
)
def test_what_is_no_single_range_gets_all(server: Served, headers: dict[str, str]) -> None:
    assert fetch(server, path_of(), headers)[::2] == (200, WHOLE)


def test_pieces_of_an_interrupted_download_fit_together(server: Served) -> None:
    size = 100_000
    starts = range(0, len(WHOLE), size)
    parts = [fetch(server, path_of(), {"Range": f"bytes={start}-{start + size - 1}"})[2] for start in starts]
    assert b"".join(parts) == WHOLE


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (path_of(expires=1_700_000_000), EXPIRED),
        (path_of() + "0", FORGED),
        (path_of().replace("se=4", "se=5"), FORGED),
        (path_of().replace(NAME, PACKED), FORGED),
        (path_of().replace("ES_SPX", "NQ_NDX"), FORGED),
        (f"/_files/{NAME}", FORGED),
        (f"/_files/{NAME}?se=4000000000&sig=%FF%00", FORGED),
    ],
)
def test_a_link_that_is_not_good_is_403_in_xml(server: Served, path: str, text: str) -> None:
    for headers in ({}, {"Authorization": "Bearer demo", "User-Agent": "x"}):
        status, answered, body = fetch(server, path, headers)
        assert status == 403
        assert answered["Content-Type"].startswith("application/xml")
        assert b"<Code>AuthenticationFailed</Code>" in body
        assert text.encode() in body


ESCAPES = [
    "../outside",
    "..%2foutside",
    "%2e%2e%2foutside",
    "..%5coutside",
    "%2fetc%2fpasswd",
    "a%00b",
    "CON",
    "%c0%ae%c0%ae",
    ".",
]


@pytest.mark.parametrize("name", ESCAPES)
def test_no_name_leaves_the_data_folder(server: Served, name: str) -> None:
    headers = {"Authorization": "Bearer demo", "User-Agent": "x"}
    for path in (
        f"/hist/{name}/orderflow/orderflow/{DATE}",
        f"/hist/ES_SPX/{name}/orderflow/{DATE}",
        f"/hist/ES_SPX/orderflow/{name}/{DATE}",
        f"/hist/ES_SPX/orderflow/orderflow/{name}",
        f"/hist/eod/{name}",
        f"/_files/{name}",
        f"/available-data/{name}",
        f"/download/{DATE}/{name}/links",
        f"/download/{name}/ES_SPX/links",
        f"/download/{name}/ES_SPX/orderflow",
        f"/download/{DATE}/{name}/orderflow",
        f"/download/{DATE}/ES_SPX/{name}/orderflow",
        f"/download/{DATE}/ES_SPX/state/{name}",
    ):
        status, _, body = fetch(server, path, headers)
        assert status in (400, 403, 404) or json.loads(body).get("tickers") == [], path
        assert OUTSIDE.encode() not in body


@pytest.mark.parametrize(
    "name",
    [
        "../outside.json",
        f"{DATE}_../../outside_orderflow_orderflow.json",
        "/etc/passwd",
        f"{DATE}_\0_orderflow_orderflow.json",
        f"{DATE}_SPX_orderflow_orderflow.json",
        f"{DATE}_..%2f_orderflow_orderflow.json",
    ],
)
def test_even_a_good_signature_opens_nothing_outside(server: Served, name: str) -> None:
    status, _, body = fetch(server, path_of(name))
    assert status == 404
    assert OUTSIDE.encode() not in body


def test_the_server_has_said_nothing_of_failures(server: Served) -> None:
    assert not any("Traceback" in line or "ERROR" in line for line in server.stderr)

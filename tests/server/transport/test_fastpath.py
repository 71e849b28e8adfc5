"""The short way of data requests gives what the ordinary way gives, and leaves to it whatever is unusual."""

from __future__ import annotations

import gzip
import logging
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gexfaker.server.routes.data import Body
from gexfaker.server.service import Service
from gexfaker.server.transport import fastpath
from gexfaker.server.transport.fastpath import MAX_HEADS, MAX_KNOWN, FastPath
from gexfaker.settings import load
from support import data
from support.server import Served, running_server

PATH = "/v2/ES_SPX/orderflow/orderflow"
PLAIN = f"GET {PATH} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer demo\r\nUser-Agent: t\r\n\r\n"
DEFAULTS = [(b"date", b"today")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = data.write_day(tmp_path_factory.mktemp("lane"), 5000, ("ES_SPX",))
    with running_server(data_dir=str(folder), tiers="small=classic,*=quant", keep_alive="1s") as running:
        assert running.request("POST", "/_gexfaker/sessions/demo/pause")[0] == 200
        yield running


def talk(server: Served, *pieces: str) -> tuple[str, dict[str, str], bytes]:
    """What comes back for a request sent in these pieces: status line, headers, body."""
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece.encode("latin-1"))
        return read(connection.makefile("rb"))


def read(stream: object) -> tuple[str, dict[str, str], bytes]:
    lines = []
    while (line := stream.readline()) not in (b"\r\n", b""):  # type: ignore[attr-defined]
        lines.append(line.decode("latin-1").rstrip())
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return lines[0], headers, stream.read(int(headers.get("content-length", 0)))  # type: ignore[attr-defined]


def ordinary(request: str) -> str:
    """The same request in a spelling that the short way does not take."""
    return request.replace("\r\n\r\n", "\r\nTE: trailers\r\n\r\n")


@pytest.mark.parametrize(
    "request_text",
    [
        PLAIN,
        PLAIN.replace("Bearer demo", "Basic demo"),
        PLAIN.replace(PATH, PATH + "?key=demo").replace("Authorization: Bearer demo\r\n", ""),
        PLAIN.replace("/v2/ES_SPX", "/es_spx"),
        PLAIN.replace("User-Agent: t", "User-Agent: t\r\nOrigin: http://elsewhere.test"),
        PLAIN.replace("User-Agent: t", "User-Agent: t\r\nAccept-Encoding: gzip, deflate"),
        PLAIN.replace("User-Agent: t", "User-Agent: t\r\nAccept-Encoding: gzip;q=0"),
        PLAIN.replace("User-Agent: t", "User-Agent: t\r\nConnection: keep-alive"),
        PLAIN.replace("User-Agent: t\r\n", ""),
        PLAIN.replace("Authorization: Bearer demo\r\n", ""),
        PLAIN.replace("Bearer demo", "Bearer small"),
        PLAIN.replace("ES_SPX", "NOPE"),
        PLAIN.replace("orderflow/orderflow", "classic/gex_zero"),
        PLAIN.replace("orderflow/orderflow", "state/delta/majors"),
        PLAIN.replace(PATH, "/tickers"),
        PLAIN.replace(PATH, "/health"),
    ],
)
def test_both_ways_give_the_same(server: Served, request_text: str) -> None:
    if "health" in request_text:
        assert talk(server, request_text)[0] == "HTTP/1.1 200 OK"
        return
    status, headers, body = talk(server, request_text)
    other_status, other_headers, other_body = talk(server, ordinary(request_text))
    assert (status, body) == (other_status, other_body)
    assert headers | {"date": ""} == other_headers | {"date": ""}


def test_gzip_is_the_body_zipped(server: Served) -> None:
    plain = talk(server, PLAIN)[2]
    _, headers, body = talk(server, PLAIN.replace("User-Agent: t", "User-Agent: t\r\nAccept-Encoding: gzip"))
    if len(plain) >= 1024:
        assert headers["content-encoding"] == "gzip"
        assert gzip.decompress(body) == plain
    else:
        assert body == plain
    assert headers["vary"] == "accept-encoding, origin"


@pytest.mark.parametrize("cut", [1, 20, len(PLAIN) - 2])
def test_a_request_in_pieces_is_answered_too(server: Served, cut: int) -> None:
    assert talk(server, PLAIN[:cut], PLAIN[cut:])[2] == talk(server, PLAIN)[2]


def test_pipelined_requests_are_answered_in_order(server: Served) -> None:
    with socket.create_connection(server.address, timeout=10) as connection:
        stream = connection.makefile("rb")
        connection.sendall((PLAIN + PLAIN.replace(PATH, "/tickers") + PLAIN).encode())
        bodies = [read(stream)[2] for _ in range(3)]
        connection.sendall(PLAIN.encode())
        bodies.append(read(stream)[2])
    assert bodies[0] == bodies[2] == bodies[3]
    assert b"stocks" in bodies[1]


def test_many_requests_on_one_connection_and_an_upgrade_at_its_end(server: Served) -> None:
    with socket.create_connection(server.address, timeout=10) as connection:
        stream = connection.makefile("rb")
        for _ in range(50):
            connection.sendall(PLAIN.encode())
            assert read(stream)[0] == "HTTP/1.1 200 OK"
        connection.sendall(ordinary(PLAIN).encode())
        assert read(stream)[0] == "HTTP/1.1 200 OK"
        path = server.orderflow("demo").partition("/client")[2]
        upgrade = (
            f"GET /client{path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
        )
        connection.sendall(upgrade.encode())
        assert read(stream)[0].startswith("HTTP/1.1 101")


def test_who_does_not_read_is_not_written_for(server: Served) -> None:
    """The answers to a client that only asks do not pile up in the server's memory."""
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.settimeout(0.5)
        sent = 0
        try:
            while sent < 200_000:
                connection.sendall(PLAIN.encode())
                sent += 1
        except TimeoutError:
            pass
        assert sent < 200_000, "the server must stop reading"
    assert server.get("/health")[0] == 200


@pytest.fixture
def fast_path_of(tmp_path: Path) -> Iterator[Callable[..., FastPath]]:
    services = []

    def make(**settings: str) -> FastPath:
        folder = data.write_day(tmp_path, 50, ("ES_SPX",))
        service = Service(load({"DATA_DIR": str(folder), **settings}, {}), lambda: 1_000_000.0)
        services.append(service)
        return FastPath(service)

    yield make
    for service in services:
        service.close()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("GET", "HEAD"),
        PLAIN.replace("GET", "POST"),
        PLAIN.replace("HTTP/1.1", "HTTP/1.0"),
        PLAIN.replace("Host: h", "Host: h\r\nHost: h"),
        PLAIN.replace("Host: h\r\n", ""),
        PLAIN.replace("Host: h", "Host: h\r\nContent-Length: 0"),
        PLAIN.replace("Host: h", "Host: h\r\nTransfer-Encoding: chunked"),
        PLAIN.replace("Host: h", "Host: h\r\nConnection: close"),
        PLAIN.replace("Host: h", "Host: h\r\nExpect: 100-continue"),
        PLAIN.replace("Host: h", "Host: h\r\n folded"),
        PLAIN.replace("Host: h", "Host : h"),
        PLAIN.replace("Host: h", "Host: h\x01"),
        PLAIN.replace(PATH, "http://h" + PATH),
        PLAIN.replace(PATH, PATH.replace("E", "%45")),
        PLAIN.replace("\r\n", "\n"),
        PLAIN[:-2],
        PLAIN + "x",
        PLAIN + PLAIN,
        PLAIN.replace("Host: h", "Host: h\r\nX: " + "x" * 4096),
        "",
    ],
)
def test_the_unusual_goes_the_ordinary_way(fast_path_of: Callable[..., FastPath], text: str) -> None:
    path = fast_path_of()
    assert path.answer(PLAIN.encode(), DEFAULTS) is not None
    assert path.answer(text.encode("latin-1"), DEFAULTS) is None


def test_a_quota_is_counted_by_the_ordinary_way(fast_path_of: Callable[..., FastPath]) -> None:
    assert fast_path_of(QUOTA="100/day").answer(PLAIN.encode(), DEFAULTS) is None


def test_what_is_remembered_is_bounded(fast_path_of: Callable[..., FastPath]) -> None:
    path = fast_path_of()
    for number in range(MAX_KNOWN + 10):
        assert path.answer(PLAIN.replace("User-Agent: t", f"User-Agent: {number}").encode(), DEFAULTS) is not None
    assert len(path._known) == MAX_KNOWN


def test_heads_are_remembered_for_a_second_and_not_without_bound(
    fast_path_of: Callable[..., FastPath], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fast_path_of()
    bodies = iter([bytes(length) for length in range(2 * MAX_HEADS)])
    monkeypatch.setattr(fastpath, "look_up", lambda *_: Body(next(bodies), False))
    for length in range(MAX_HEADS + 10):
        answer = path.answer(PLAIN.encode(), DEFAULTS)
        assert answer is not None
        assert b"content-length: %d\r\n" % length in answer
        assert b"date: today" in answer
        assert len(path._heads) <= MAX_HEADS
    later = path.answer(PLAIN.encode(), [(b"date", b"a second later")])
    assert later is not None
    assert b"date: a second later" in later


def test_a_kept_connection_ends_its_time_after_its_last_request_not_its_first(server: Served) -> None:
    with socket.create_connection(server.address, timeout=10) as connection:
        stream = connection.makefile("rb")
        for _ in range(3):
            connection.sendall(PLAIN.encode())
            assert read(stream)[0] == "HTTP/1.1 200 OK"
            asked = time.monotonic()
            time.sleep(0.7)
        assert stream.read() == b""
        assert 0.9 <= time.monotonic() - asked <= 3.0


@pytest.mark.parametrize("broken", ["data", "gate"])
def test_a_failure_goes_the_ordinary_way_and_is_told_once(
    fast_path_of: Callable[..., FastPath],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    broken: str,
) -> None:
    """Out of ``data_received`` it would end the connection without an answer."""
    path = fast_path_of()

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of this test")

    monkeypatch.setattr(fastpath, "look_up", fail) if broken == "data" else None
    monkeypatch.setattr(fastpath, "identify", fail) if broken == "gate" else None
    with caplog.at_level(logging.ERROR):
        assert [path.answer(PLAIN.encode(), DEFAULTS) for _ in range(3)] == [None] * 3
    assert [record.exc_info is not None for record in caplog.records] == [True]

"""How long an HTTP connection may take: each way to dawdle ends, with a server whose times are short."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from gexfaker.server.transport import patience
from support import data
from support.raw import read_response
from support.server import Served, running_server

LIMIT = 0.4
KEEP_ALIVE = 1.5
SYNC = {"sync_broadcast_system_enabled": "true", "sync_broadcast_system_interval": "100ms"}
GET = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /v2/negotiate HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer d\r\nContent-Length: 1000\r\n\r\n"
LARGE = b"GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = data.write_day(tmp_path_factory.mktemp("patience"), 100, ("ES_SPX",))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HEAD_TIMEOUT_SECONDS", "BODY_TIMEOUT_SECONDS", "STALL_TIMEOUT_SECONDS"):
            patch.setattr(patience, name, LIMIT)
        with running_server(data_dir=str(folder), keep_alive=f"{KEEP_ALIVE}s", **SYNC) as running:
            yield running


def seconds_until_gone(server: Served, *pieces: bytes, answers: int = 0, drip: bytes = b"") -> float:
    """Send these pieces, read so many answers, then wait for the end of the connection, dripping bytes meanwhile."""
    with socket.create_connection(server.address, timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        for _ in range(answers):
            assert read_response(connection).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        connection.settimeout(0.05)
        while time.monotonic() - began < 10:
            with contextlib.suppress(TimeoutError):
                try:
                    if drip:
                        connection.sendall(drip)
                    if not connection.recv(65536):
                        break
                except OSError as error:
                    if isinstance(error, TimeoutError):
                        continue
                    break
        return time.monotonic() - began


@pytest.mark.parametrize(
    ("pieces", "answers", "drip", "least", "most"),
    [
        ((), 0, b"", LIMIT, KEEP_ALIVE),
        ((GET[:20],), 0, b"", LIMIT, KEEP_ALIVE),
        ((GET[:20],), 0, b"x", LIMIT, KEEP_ALIVE),
        ((GET, b"G"), 1, b"", LIMIT, KEEP_ALIVE),
        ((GET, GET[:20]), 1, b"x", LIMIT, KEEP_ALIVE),
        ((POST,), 0, b"", LIMIT, KEEP_ALIVE),
        ((POST,), 0, b"x", LIMIT, KEEP_ALIVE),
        ((GET,), 1, b"", KEEP_ALIVE, KEEP_ALIVE + 2),
    ],
    ids=[
        *("nothing", "half a head", "a head in drops", "one byte of a second request"),
        *("a second head in drops", "no body", "a body in drops", "idle"),
    ],
)
def test_who_dawdles_is_cut_in_time(
    server: Served, pieces: tuple[bytes, ...], answers: int, drip: bytes, least: float, most: float
) -> None:
    assert least - 0.1 <= seconds_until_gone(server, *pieces, answers=answers, drip=drip) <= most


def test_who_reads_no_answer_is_cut(server: Served) -> None:
    """Requests one behind the other whose answers are not taken: the kernel's buffers are full at some time."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(server.address)
        with pytest.raises(OSError, match=r"reset|pipe|aborted"):
            connection.sendall(LARGE * 1_000_000)
        assert any("took too long" in line for line in server.stderr)


def test_who_closes_its_half_still_gets_the_answer(server: Served) -> None:
    for request in (GET, LARGE):
        with socket.create_connection(server.address, timeout=10) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            assert answer.startswith(b"HTTP/1.1 200")
            length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            assert len(answer.split(b"\r\n\r\n", 1)[1]) == length


@pytest.mark.parametrize(
    ("start", "what"), [(b"\x16\x03\x01\x02\x00\x01\x00", b"TLS"), (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HTTP/2")]
)
def test_who_speaks_another_protocol_is_told_and_the_log_says_so_once(
    server: Served, start: bytes, what: bytes
) -> None:
    for _ in range(5):
        with socket.create_connection(server.address, timeout=10) as connection:
            connection.sendall(start)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            assert answer.startswith(b"HTTP/1.1 400")
            assert what in answer
    assert sum(what.decode() in line for line in server.stderr) == 1


def test_a_client_that_offers_http2_with_each_request_is_no_line_in_the_log(server: Served) -> None:
    offer = GET.replace(
        b"\r\n\r\n", b"\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
    )
    with socket.create_connection(server.address, timeout=10) as connection:
        for _ in range(5):
            connection.sendall(offer)
            assert read_response(connection).startswith(b"HTTP/1.1 200")
    assert not [line for line in server.stderr if "upgrade" in line.lower()]


@pytest.mark.parametrize("count", [1, 2, 40])
def test_pipelined_requests_of_a_half_closed_client_are_all_answered(server: Served, count: int) -> None:
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(GET * count)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        assert answer.count(b"HTTP/1.1 200") == count


def test_garbage_during_an_answer_does_not_take_it_away(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    """The positions are an answer without end; behind the last request nothing more may come."""
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(b"GET /_gexfaker/sync HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        for number in range(4):
            while answer.count(b"data:") <= number:
                piece = connection.recv(65536)
                assert piece, answer
                answer += piece
            connection.sendall(b"\0\xff" * 300)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]

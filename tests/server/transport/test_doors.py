"""How many connections there may be, and who goes."""

from __future__ import annotations

import contextlib
import select
import socket
import sys
from collections.abc import Iterator

import pytest

from gexfaker.limits import MAX_CONNECTIONS, RESERVED_DESCRIPTORS
from gexfaker.server import descriptors
from gexfaker.server.transport import doors
from support.raw import JSON, connect, joined, read_response
from support.server import InProcess, Served, running_process, running_server, wait_until

GET = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
MOST = 8


@pytest.mark.parametrize("limit", [16, 64, 256, 1024, 20_000, 32_768, 1_048_576])
def test_descriptors_are_shared_out(limit: int) -> None:
    connections, files = descriptors.connections_of(limit), descriptors.open_files_of(limit)
    assert 1 <= connections <= MAX_CONNECTIONS
    assert files >= 4
    if limit >= 64:
        assert connections + files + RESERVED_DESCRIPTORS <= limit


def few(patch: pytest.MonkeyPatch, grace: float = 0.0) -> None:
    """A server of few connections."""
    patch.setattr("gexfaker.server.run.connections_of", lambda _limit: MOST)
    patch.setattr(doors, "IDLE_GRACE_SECONDS", grace)


def ask(server: InProcess, connection: socket.socket | None = None) -> bytes:
    """The status of a request, on a connection of its own by default."""
    if connection is not None:
        connection.sendall(GET)
        return read_response(connection)[:12]
    with socket.create_connection(server.address, timeout=10) as own:
        return ask(server, own)


@contextlib.contextmanager
def opened(server: Served, count: int) -> Iterator[list[socket.socket]]:
    """So many connections to the server."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(server.address, timeout=10)) for _ in range(count)]


def test_one_more_than_all_busy_ones_is_refused_politely_and_later_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch)
    with running_server() as server:
        busy = [connect(server.orderflow("busy"), JSON) for _ in range(MOST)]
        assert {ask(server) for _ in range(5)} == {b"HTTP/1.1 503"}
        assert sum("connections are in use" in line for line in server.stderr) == 1
        assert all(raw.read_json().kind == "connected" for raw in busy)
        busy.pop().abort()
        wait_until(lambda: ask(server) == b"HTTP/1.1 200", 5, "there is room again")
        for raw in busy:
            raw.abort()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")
def test_an_address_with_most_connections_makes_room_for_another_but_not_for_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few(monkeypatch)
    with running_server() as server, contextlib.ExitStack() as stack:
        busy = [connect(server.orderflow("busy"), JSON) for _ in range(MOST)]
        for raw in busy:
            stack.callback(raw.abort)
        assert ask(server) == b"HTTP/1.1 503"

        def others_answer() -> bytes:
            with socket.create_connection(server.address, 10, source_address=("127.0.0.2", 0)) as other:
                return ask(server, other)

        wait_until(lambda: others_answer() == b"HTTP/1.1 200", 5, "the next look at who can go")
        assert sum("one address has" in line for line in server.stderr) == 1
        kept = [raw for raw in busy if not is_reset(raw.socket)]
        assert len(kept) == MOST // 2, "it keeps its half"


def is_reset(connection: socket.socket) -> bool:
    """Whether the other side has ended a connection, behind what it has sent before."""
    try:
        while select.select([connection], [], [], 0.2)[0]:
            if not connection.recv(65536):
                return True
    except ConnectionResetError:
        return True
    return False


@pytest.mark.parametrize("start", [b"", b"GET /hea", GET + b"G"])
def test_who_does_nothing_makes_room_for_who_asks(monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    few(monkeypatch)
    with (
        running_server() as server,
        joined(server.orderflow("kept"), "blue_SPX_orderflow_orderflow") as raw,
        opened(server, MOST - 1) as idle,
    ):
        for connection in idle:
            connection.sendall(start)
        wait_until(lambda: ask(server) == b"HTTP/1.1 200", 5, "they are seen to do nothing")
        assert [ask(server) for _ in range(5)] == [b"HTTP/1.1 200"] * 5
        assert raw.read_message()


def test_a_connection_that_asked_just_now_is_not_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, grace=60)
    with running_server() as server, opened(server, MOST) as kept:
        assert {ask(server, connection) for connection in kept} == {b"HTTP/1.1 200"}
        assert ask(server) == b"HTTP/1.1 503"
        assert {ask(server, connection) for connection in kept} == {b"HTTP/1.1 200"}


@pytest.mark.skipif(sys.platform == "win32", reason="sockets have no limit of the process there")
def test_the_command_takes_as_many_descriptors_as_it_may() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with running_process() as server, opened(server, 200):
            assert server.get("/health")[0] == 200
            more = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)  # type: ignore[attr-defined,unused-ignore]
            assert more[0] == min(hard, 32_768)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_who_sends_many_requests_ahead_makes_room_but_not_who_waits_for_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few(monkeypatch, grace=60)
    with running_server() as server, opened(server, MOST) as (ahead, *kept):
        assert {ask(server, connection) for connection in kept} == {b"HTTP/1.1 200"}
        ahead.sendall(GET * 50_000)
        wait_until(lambda: ask(server) == b"HTTP/1.1 200", 5, "there is room")
        assert {ask(server, connection) for connection in kept} == {b"HTTP/1.1 200"}

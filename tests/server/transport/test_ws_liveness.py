"""WebSocket pings from the server, and what becomes of a peer that does not answer (webpubsub 7)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from gexfaker.limits import MISSED_PONGS
from support.raw import JSON, JSON_RELIABLE, PING, PONG, GoneError, RawSocket, connect, frame
from support.server import Served, running_server, wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with running_server(ping_interval="60ms", recovery_window="300ms") as running:
        yield running


def pings_until_gone(raw: RawSocket) -> int:
    """How many pings come before the server gives the silent peer up."""
    count = 0
    try:
        while True:
            opcode, _ = raw.read_frame()
            count += opcode == PING
    except GoneError:
        return count


def test_a_peer_that_answers_stays(server: Served) -> None:
    with connect(server.orderflow("stays"), JSON) as raw:
        raw.read_json()
        for _ in range(MISSED_PONGS * 3):
            opcode, payload = raw.read_frame()
            assert opcode == PING
            raw.send(frame(PONG, payload))
        raw.send_text('{"type":"ping"}')
        assert raw.read_kind("pong").kind == "pong"


def test_a_peer_that_never_answers_is_dropped_after_the_stated_number_of_pings(server: Served) -> None:
    with connect(server.orderflow("silent"), JSON) as raw:
        raw.read_json()
        assert pings_until_gone(raw) == MISSED_PONGS
    wait_until(lambda: server.health()["connections"] == 0, 5, "the connection ended")


def test_a_reliable_peer_that_went_silent_may_recover_within_the_window_and_not_after(server: Served) -> None:
    url = server.orderflow("dead")
    with connect(url, JSON_RELIABLE) as raw:
        told = raw.read_json()
        pings_until_gone(raw)
    recovery = f"{url}&awps_connection_id={told.id}&awps_reconnection_token={told.token}"
    with connect(recovery, JSON_RELIABLE) as raw:
        raw.send_text('{"type":"ping"}')
        assert raw.read_kind("pong").kind == "pong"
    wait_until(lambda: server.health()["connections"] == 0, 5, "the detached connection was reaped")
    with connect(recovery, JSON_RELIABLE) as raw:
        assert raw.read_close()[0] == 1008


def test_a_peer_that_always_reads_but_slower_than_it_is_sent_to_stays() -> None:
    """Its socket is full at most pings, which are not sent then: that it reads on is its answer."""
    with (
        running_server(ping_interval="500ms", speed="0", tickers="SPX") as running,
        connect(running.orderflow("reads"), JSON, receive_buffer=4096, segment=536) as raw,
    ):
        raw.send_text('{"type":"joinGroup","group":"blue_SPX_orderflow_orderflow"}')
        until = time.monotonic() + 0.5 * (MISSED_PONGS + 3)
        while time.monotonic() < until:
            assert raw.socket.recv(2048), "the server ended the connection"
            time.sleep(0.01)
        assert running.health()["connections"] == 1

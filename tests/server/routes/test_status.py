"""What the status of a session tells of its connections' sockets."""

from __future__ import annotations

from typing import Any

from support.raw import connect
from support.server import InProcess, running_server, wait_until

RELIABLE = "json.reliable.webpubsub.azure.v1"
PLAIN = "json.webpubsub.azure.v1"


def connections(server: InProcess) -> list[dict[str, Any]]:
    [session] = server.sessions()
    return list(session["connections"])


def test_address_and_what_was_sent() -> None:
    with (
        running_server(simulate="true", tickers="SPX", speed="60") as server,
        connect(server.orderflow(), PLAIN) as raw,
    ):
        raw.join("blue_SPX_orderflow_orderflow")
        for _ in range(5):
            raw.read_kind("data")
        server.request("POST", "/_gexfaker/sessions/by-key/pause?key=demo", b"{}")
        [told] = connections(server)
        host, port = raw.socket.getsockname()
        seen = 2 + 5  # connected, the ack, and the records read so far
        rest = told["line"]["sent"] - seen
        for _ in range(rest):
            raw.read_kind("data")
        assert told["line"]["address"] == f"{host}:{port}"
        assert (told["line"]["waiting"], told["line"]["waiting_bytes"]) == (0, 0)
        assert connections(server)[0]["line"]["sent"] == seen + rest


def test_what_a_client_does_not_read_waits() -> None:
    with (
        running_server(simulate="true", tickers="SPX", speed="1000", queue_messages="100000") as server,
        connect(server.negotiate()["classic"], PLAIN, receive_buffer=4096) as raw,
    ):
        raw.join("blue_SPX_classic_gex_full")
        wait_until(lambda: connections(server)[0]["line"]["waiting"] > 10, 20, "messages wait")
        [told] = connections(server)
        assert told["behind"]
        assert told["line"]["waiting_bytes"] > told["line"]["waiting"] * 100


def test_a_detached_connection_has_no_line_and_the_next_socket_its_own() -> None:
    with running_server(simulate="true", tickers="SPX") as server:
        url = server.orderflow()
        with connect(url, RELIABLE) as raw:
            told = raw.read_json()
            raw.abort()
        wait_until(lambda: connections(server)[0]["state"] == "detached", 10, "the loss is seen")
        assert connections(server)[0]["line"] is None
        back = f"{url}&awps_connection_id={told.id}&awps_reconnection_token={told.token}"
        with connect(back, RELIABLE) as raw:
            host, port = raw.socket.getsockname()
            assert connections(server)[0]["line"]["address"] == f"{host}:{port}"


def test_what_waits_behind_a_slow_line_counts() -> None:
    with running_server(simulate="true", tickers="SPX", speed="60") as server:
        url = server.orderflow()
        rule = b'{"type":"bandwidth","attributes":{"rate":1}}'
        assert server.request("POST", "/_gexfaker/faults?key=demo", rule)[0] == 201
        with connect(url, PLAIN) as raw:
            raw.join("blue_SPX_orderflow_orderflow")
            wait_until(lambda: connections(server)[0]["line"]["waiting_bytes"] > 2000, 20, "messages wait")

"""Clients that mean harm: what they send must cost nobody but themselves."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gexfaker.limits import MAX_FRAGMENTS
from gexfaker.wire.tokens import world_id
from support import data
from support.raw import JSON, JSON_RELIABLE, PING, TEXT, GoneError, RawSocket, connect, frame, upgrade_request
from support.server import Running, running_process, running_server, wait_until

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def server() -> Iterator[Running]:
    with running_process() as running:
        yield running
        assert not [line for line in running.stderr if "Traceback" in line]


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


@LINUX
def test_pings_of_a_peer_that_never_reads_do_not_fill_memory_and_its_close_is_final(server: Running) -> None:
    pid = server.process.pid
    with connect(server.orderflow("first"), JSON) as raw:  # what a server loads for its first client is no flood
        raw.join(data.group("SPX"))
        raw.read_kind("data")
    wait_until(lambda: server.health()["connections"] == 0, 10, "the first client is gone")
    before, opened = resident_mib(pid), descriptors(pid)
    with connect(server.orderflow("flood"), JSON, receive_buffer=4096) as raw:
        pings = frame(PING, bytes(125)) * 1000
        for _ in range(150):  # 20 MB of pings, as many bytes of pongs
            raw.send(pings)
        raw.close(1000)
        wait_until(lambda: descriptors(pid) <= opened, 10, "the socket of a peer that closed but does not read is gone")
    assert resident_mib(pid) - before < 25


def silent_groups(server: Running) -> int:
    return sum("nothing will come" in line for line in server.stderr)


def test_joins_to_silent_groups_do_not_hold_up_others(server: Running) -> None:
    with connect(server.orderflow("joins"), JSON) as raw:
        raw.read_json()
        for number in range(2000):
            raw.send_text(f'{{"type":"joinGroup","group":"blue_SPX{number}_orderflow_orderflow","ackId":{number}}}')
        for _ in range(2000):
            assert raw.read_kind("ack").success
        wait_until(lambda: any("something else" in line for line in server.stderr), 10, "the summary has come")
        assert 0 < silent_groups(server) < 100
        assert server.get("/_gexfaker/sessions")[0] == 200


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("//[x", (), 400),
        ("/client/hubs/orderflow", ("Authorization: Bearer a", "Authorization: Bearer b"), 401),
        ("/client/hubs/%ff%00", (), 400),
    ],
)
def test_a_strange_upgrade_request_is_refused(
    server: Running, target: str, headers: tuple[str, ...], status: int
) -> None:
    with RawSocket(server.url) as raw:
        request = upgrade_request(server.url + "/TARGET", (), headers)
        raw.send(request.replace(b"/TARGET", target.encode(), 1))
        assert raw.read_answer() == status


def test_an_application_server_close_is_final(server: Running) -> None:
    url = server.orderflow("closed")
    with connect(url, JSON_RELIABLE) as raw:
        told = raw.read_json()
        raw.join(data.group("SPX"))
        session = world_id("closed")
        control = http.client.HTTPConnection(*server.address, timeout=10)
        control.request("POST", f"/_gexfaker/sessions/{session}/pause")  # a session that has been used stays known
        assert json.loads(control.getresponse().read())["session"] == session
        control.request("DELETE", f"/_gexfaker/sessions/{session}")
        answer = control.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {"session": session, "closed": 1})
        control.request("DELETE", f"/_gexfaker/sessions/{session}")
        answer = control.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {"session": session, "closed": 0})
        control.close()
        while (message := raw.read_message()).startswith(b'{"sequenceId"'):
            pass
        assert json.loads(message) == {
            "type": "system",
            "event": "disconnected",
            "message": "Application server closed the connection. Reason: closed by /_gexfaker/sessions",
        }
        assert raw.read_close() == (1000, "")
        raw.close(1000)
        with pytest.raises(GoneError):
            raw.read_message()
    with connect(f"{url}&awps_connection_id={told.id}&awps_reconnection_token={told.token}", JSON_RELIABLE) as raw:
        assert raw.read_close()[0] == 1008


def test_a_message_in_fragments_without_end_is_1009() -> None:
    with running_server() as server, connect(server.orderflow("fragments"), JSON) as raw:
        raw.read_json()
        raw.send(frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * MAX_FRAGMENTS)
        assert raw.read_close() == (1009, "The client message is too large.")


def test_health_tells_the_use_of_each_bound() -> None:
    with running_server() as server, connect(server.orderflow("bounds"), JSON) as raw:
        raw.join(data.group("SPX"))
        bounds = server.health()["bounds"]
        assert set(bounds) >= {"kept_bytes", "waiting_bytes", "tcp_connections", "open_files", "downloads", "sessions"}
        assert all(0 <= bound["used"] <= bound["most"] for bound in bounds.values())
        assert bounds["tcp_connections"]["used"] >= 2
        assert bounds["kept_bytes"]["used"] > 0

"""Reliable connections over real sockets: nothing lost, nothing twice, whatever happens to the TCP connection."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import data, decode
from support.raw import JSON, JSON_RELIABLE, PROTOBUF_RELIABLE, GoneError, connect, try_upgrade
from support.server import Served, running_server, wait_until

UNRECOVERABLE = (1008, "The connection could not be recovered.")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = data.write_day(tmp_path_factory.mktemp("recovery"), 3000)
    with running_server(data_dir=str(folder), ws_stream_interval="25ms") as running:
        yield running


class Session:
    """A reliable JSON client that keeps the raw payloads it got, over any number of sockets."""

    def __init__(self, server: Served, key: str) -> None:
        self.url = server.orderflow(key)
        self.raw = connect(self.url, JSON_RELIABLE)
        told = self.raw.read_json()
        assert told.kind == "connected"
        self.id: str = told.id
        self.token: str = told.token
        self.payloads: dict[int, bytes] = {}
        self.order: list[int] = []

    def join(self) -> None:
        self.raw.send_text(decode.json_join(data.group(), 1))
        self.read_records(1)  # and the ack on the way

    def read_records(self, count: int) -> None:
        """Read on until ``count`` more records came."""
        wanted = len(self.order) + count
        while len(self.order) < wanted:
            payload = self.raw.read_message()
            message = decode.json_frame(payload)
            assert message.kind in ("data", "ack"), message
            if message.kind == "data":
                assert self.payloads.setdefault(message.sequence, payload) == payload
                self.order.append(message.sequence)

    def acknowledge(self, sequence_id: int) -> None:
        self.raw.send_text(decode.json_sequence_ack(sequence_id))

    def recovery_url(self, token: str | None = None) -> str:
        return f"{self.url}&awps_connection_id={self.id}&awps_reconnection_token={token or self.token}"

    def recover(self, *subprotocols: str) -> None:
        self.raw = connect(self.recovery_url(), *(subprotocols or (JSON_RELIABLE,)))

    def check_values(self) -> None:
        """The payloads seen are the day's records in order."""
        assert sorted(self.payloads) == list(range(1, len(self.payloads) + 1))
        for sequence_id, payload in self.payloads.items():
            assert decode.orderflow(decode.json_frame(payload).any) == data.expected("ES_SPX", sequence_id - 1)


@pytest.fixture
def session(server: Served, request: pytest.FixtureRequest) -> Iterator[Session]:
    made = Session(server, request.node.name)
    yield made
    made.raw.socket.close()


def test_unacknowledged_frames_come_again_byte_for_byte_then_live(session: Session) -> None:
    session.join()
    session.read_records(9)
    session.acknowledge(4)
    session.raw.send_text('{"type":"ping"}')  # its answer tells that the ack before it was handled
    while decode.json_frame(session.raw.read_message()).kind != "pong":
        pass
    session.order.clear()
    session.raw.abort()
    session.recover()
    session.read_records(30)
    assert session.order == list(range(5, 35))  # 5.. repeated with equal bytes (checked as they come), then new ones


def test_again_and_again(session: Session) -> None:
    session.join()
    for _ in range(5):
        session.read_records(4)
        session.acknowledge(session.order[-1])
        session.raw.send_text('{"type":"ping"}')
        read_to_pong(session)
        last = session.order[-1]
        session.raw.abort()
        session.order.clear()
        session.recover()
        session.read_records(4)
        # The ack freed all up to some record; what came after it was sent again or is new: no gap either way.
        assert session.order[0] <= last + 1
        assert session.order == list(range(session.order[0], session.order[0] + len(session.order)))
    session.check_values()


def read_to_pong(session: Session) -> None:
    while True:
        payload = session.raw.read_message()
        message = decode.json_frame(payload)
        if message.kind == "pong":
            return
        if message.kind == "data":
            session.payloads.setdefault(message.sequence, payload)
            session.order.append(message.sequence)


def test_records_of_the_outage_are_not_lost(server: Served, session: Session) -> None:
    session.join()
    session.raw.abort()
    sent = server.health()["messages_sent"]
    wait_until(lambda: server.health()["messages_sent"] >= sent + 20, 10, "records while the client is away")
    session.order.clear()
    session.recover()
    session.read_records(40)
    assert session.order == list(range(1, 41))
    session.check_values()


def test_a_duplicate_ack_id_is_remembered_across_recovery(session: Session) -> None:
    session.raw.join("room", 9)
    session.raw.abort()
    session.recover()
    session.raw.send_text(decode.json_leave("room", 9))
    ack = session.raw.read_kind("ack")
    assert ack.error == {"name": "Duplicate", "message": "Message with ack-id: 9 has been processed"}


def test_an_open_socket_is_taken_over(session: Session) -> None:
    session.join()
    session.read_records(5)
    old = session.raw
    session.order.clear()
    session.recover()
    _, gone = old.read_rest()
    assert "close frame" not in str(gone)
    session.read_records(30)
    assert session.order == list(range(1, 31))
    session.check_values()
    old.socket.close()


def test_a_recovered_session_keeps_its_dialect(server: Served, session: Session) -> None:
    session.join()
    session.raw.abort()
    url = session.recovery_url()
    with connect(url, "soap") as raw:
        assert raw.header("sec-websocket-protocol") == [JSON_RELIABLE]
        assert raw.read_kind("data").sequence == 1
    with connect(url, PROTOBUF_RELIABLE) as raw:
        assert raw.header("sec-websocket-protocol") == [JSON_RELIABLE]
        assert raw.read_kind("data").sequence == 1


def refused(url: str) -> None:
    with connect(url, JSON_RELIABLE) as raw:
        assert raw.header("sec-websocket-protocol") in ([], [JSON_RELIABLE])
        opcode, _ = raw.read_frame()
        assert opcode == 8
    with connect(url, JSON_RELIABLE) as raw:
        assert raw.read_close() == UNRECOVERABLE


def test_a_wrong_token_is_refused_and_does_no_harm(session: Session) -> None:
    session.join()
    refused(session.recovery_url("wrong"))
    last = "1" if session.token.endswith("0") else "0"
    refused(session.recovery_url(session.token[:-1] + last))
    session.read_records(5)
    assert session.order == list(range(1, 7))


def test_unknown_connections_and_other_hubs_are_refused(server: Served, session: Session) -> None:
    refused(session.recovery_url().replace(session.id, "nobody"))
    refused(session.recovery_url().replace("/hubs/orderflow", "/hubs/classic"))
    with connect(server.orderflow(), JSON) as plain:
        told = plain.read_json()
        refused(f"{server.orderflow()}&awps_connection_id={told.id}&awps_reconnection_token=x")


def test_after_a_clean_close_there_is_nothing_to_recover(session: Session) -> None:
    session.join()
    session.raw.close(1000)
    assert session.raw.read_close()[0] == 1000
    refused(session.recovery_url())


@pytest.mark.parametrize("code", [1001, None, 4000])
def test_any_other_close_leaves_the_session_alive(session: Session, code: int | None) -> None:
    session.join()
    session.raw.close(code)
    assert session.raw.is_gone()
    session.raw.socket.close()
    session.order.clear()
    session.recover()
    session.read_records(10)
    assert session.order == list(range(1, 11))


def test_rejection_as_http_404(tmp_path: Path) -> None:
    with running_server(recovery_reject="http404") as server:
        url = f"{server.orderflow()}&awps_connection_id=nobody&awps_reconnection_token=x"
        assert try_upgrade(url, [JSON_RELIABLE]).status == 404


def test_the_window_ends() -> None:
    with running_server(recovery_window="200ms") as server:
        session = Session(server, "window")
        session.raw.abort()
        wait_until(lambda: server.health()["connections"] == 0, 5, "the window is over")
        refused(session.recovery_url())


def test_who_never_acknowledges_is_cut_at_exactly_the_bound(tmp_path: Path) -> None:
    data.write_day(tmp_path, 100)
    with running_server(data_dir=str(tmp_path), ws_stream_interval="20ms", queue_messages=15) as server:
        session = Session(server, "lazy")
        with contextlib.suppress(GoneError):
            session.join()
            session.read_records(1000)
        assert session.order == list(range(1, 16))
        wait_until(lambda: server.health()["clients_cut"] == 1, 5, "one client cut")
        refused(session.recovery_url())
        session.raw.socket.close()


def test_who_acknowledges_is_not_cut(tmp_path: Path) -> None:
    data.write_day(tmp_path, 200)
    with running_server(data_dir=str(tmp_path), ws_stream_interval="10ms", queue_messages=15) as server:
        session = Session(server, "diligent")
        session.join()
        for _ in range(20):
            session.read_records(5)
            session.acknowledge(session.order[-1])
        assert session.order == list(range(1, 102))
        session.check_values()
        session.raw.socket.close()

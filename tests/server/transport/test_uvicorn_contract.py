"""What the server takes from uvicorn's inside. When one of these fails after an update, read protocol and lifecycle."""

from __future__ import annotations

import asyncio
import inspect
import signal
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from gexfaker.server.run import Server
from gexfaker.server.transport.websocket import Socket
from gexfaker.settings import load


class Transport(asyncio.Transport):
    """A place to write to."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: asyncio.BaseProtocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


async def _app(_scope: Any, _receive: Any, _send: Any) -> None:
    """Never called."""


def upgrade(protocol_class: type[H11Protocol], ws: type[asyncio.Protocol] | None) -> H11Protocol:
    """A protocol that was given an upgrade request with bytes behind it."""
    config = uvicorn.Config(_app, http=protocol_class, ws="none", lifespan="off", log_config=None)
    config.load()
    config.ws_protocol_class = ws
    loop = asyncio.new_event_loop()
    try:
        protocol = protocol_class(config, ServerState(), {}, _loop=loop)
        protocol.connection_made(Transport())
        assert protocol in protocol.connections
        protocol.data_received(
            b"GET /x?y=z HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Two:  b \r\n\r\nBEHIND"
        )
        return protocol
    finally:
        loop.close()


class Taken(H11Protocol):
    """Takes upgrades as ours does."""

    event: h11.Request | None = None

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self.event = event


def test_upgrade_requests_reach_the_method_we_override() -> None:
    assert list(inspect.signature(H11Protocol.handle_websocket_upgrade).parameters) == ["self", "event"]
    protocol = upgrade(Taken, asyncio.Protocol)
    assert isinstance(protocol, Taken)
    event = protocol.event
    assert event is not None
    assert (event.method, event.target, event.http_version) == (b"GET", b"/x?y=z", b"1.1")
    assert (b"x-two", b"b") in protocol.headers
    assert all(name == name.lower() for name, _ in protocol.headers)
    assert isinstance(protocol.transport, Transport)


def test_bytes_behind_the_request_are_kept() -> None:
    assert upgrade(Taken, asyncio.Protocol).conn.trailing_data == (b"BEHIND", False)


def test_a_websocket_class_must_be_set_for_upgrades_to_be_taken() -> None:
    assert not hasattr(H11Protocol, "ws_protocol_class")
    config = uvicorn.Config(_app, http=Taken, ws="none", lifespan="off", log_config=None)
    config.load()
    assert config.ws_protocol_class is None
    assert config.http_protocol_class is Taken


def test_a_requests_receive_belongs_to_what_has_the_transport() -> None:
    """A follower of the sync stream who does not read is cut off by it."""
    assert "transport" in inspect.signature(RequestResponseCycle.__init__).parameters
    assert "self.transport = transport" in inspect.getsource(RequestResponseCycle.__init__)
    assert inspect.iscoroutinefunction(RequestResponseCycle.receive)
    assert "self.receive, self.send" in inspect.getsource(RequestResponseCycle.run_asgi)


def test_connections_is_a_set_shared_by_the_server() -> None:
    state = ServerState()
    assert state.connections == set()
    config = uvicorn.Config(_app, http=Taken, ws="none", lifespan="off", log_config=None)
    assert uvicorn.Server(config).server_state.connections == set()


def test_shutdown_calls_every_connection_and_waits_for_the_set_to_empty() -> None:
    config = uvicorn.Config(_app, http=Taken, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=5)
    config.load()

    class Guest:
        """Leaves a moment after it was asked to."""

        asked = 0

        def shutdown(self) -> None:
            self.asked += 1
            asyncio.get_running_loop().call_later(0.3, server.server_state.connections.clear)

    guest: Any = Guest()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    server.servers = []

    async def stop() -> float:
        server.server_state.connections.add(guest)
        began = asyncio.get_running_loop().time()
        await server.shutdown()
        return asyncio.get_running_loop().time() - began

    assert 0.3 <= asyncio.run(stop()) < 3.0
    assert guest.asked == 1
    assert callable(Socket.shutdown)


def test_the_server_class_has_the_seams_we_use() -> None:
    assert list(inspect.signature(uvicorn.Server.startup).parameters) == ["self", "sockets"]
    assert list(inspect.signature(uvicorn.Server.shutdown).parameters) == ["self", "sockets"]
    assert list(inspect.signature(uvicorn.Server.handle_exit).parameters) == ["self", "sig", "frame"]
    assert "self.capture_signals()" in inspect.getsource(uvicorn.Server.serve)
    assert "self.should_exit" in inspect.getsource(uvicorn.Server.on_tick)
    for name in ("http", "h11_max_incomplete_event_size", "timeout_graceful_shutdown", "server_header", "access_log"):
        assert name in inspect.signature(uvicorn.Config).parameters


def test_a_tick_of_the_main_loop_renews_the_date_and_says_whether_to_stop() -> None:
    assert "self.main_loop()" in inspect.getsource(uvicorn.Server._serve)
    server = uvicorn.Server(uvicorn.Config(_app, lifespan="off", log_config=None, server_header=False))
    server.config.load()
    assert asyncio.run(server.on_tick(0)) is False
    assert [name for name, _ in server.server_state.default_headers] == [b"date"]
    server.should_exit = True
    assert asyncio.run(server.on_tick(0)) is True


def test_a_server_leaves_the_signal_handlers_of_its_program_alone() -> None:
    async def run() -> None:
        before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        async with Server(load({"SIMULATE": "true", "PORT": "0"}, {})):
            assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before

        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before

    asyncio.run(run())

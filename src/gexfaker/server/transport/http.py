"""HTTP on the same port: uvicorn's h11 protocol, which hands upgrade requests to our Socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.datastructures import Headers
from websockets.http11 import Request

from gexfaker.limits import HEAD_TIMEOUT_SECONDS, MAX_CONNECTIONS, WRITE_HIGH_WATER_BYTES
from gexfaker.server.service import Service
from gexfaker.server.transport.fastpath import FastPath
from gexfaker.server.transport.websocket import Socket

if TYPE_CHECKING:
    import asyncio


def http_protocol(service: Service, fast_path: FastPath) -> type[asyncio.Protocol]:
    """The protocol class for ``uvicorn.Config(http=...)``, bound to ``service``; ``fast_path`` may answer first."""
    bound = type("BoundProtocol", (HttpProtocol,), {"service": service, "fast_path": fast_path})
    return cast("type[asyncio.Protocol]", bound)


class HttpProtocol(H11Protocol):
    """One TCP connection, HTTP until it asks for an upgrade."""

    service: ClassVar[Service]
    fast_path: ClassVar[FastPath]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new TCP connection, unless there are too many; it has a while to send its first request."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        self._asked = False
        self._answered = 0.0
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_SECONDS, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection is gone; nothing of it is kept."""
        self._head_timer.cancel()
        super().connection_lost(exc)

    def _close_if_idle(self) -> None:
        if cast("object", self.scope) is None and not self._asked:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """A whole request that is known gets its answer at once; all else is parsed."""
        answer = self.fast_path.answer(data, self.server_state.default_headers) if self._is_idle() else None
        if answer is None:
            super().data_received(data)
            return
        self._asked = True
        self._answered = self.loop.time()
        self.transport.write(answer)
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_handler()

    def timeout_keep_alive_handler(self) -> None:
        """As uvicorn's; but a timer is not set anew for each answer, it looks again at its end."""
        left = self._answered + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _is_idle(self) -> bool:
        """Whether nothing is under way, and the client has read nearly all it was sent."""
        conn = self.conn
        return (
            conn.our_state is h11.IDLE
            and conn.their_state is h11.IDLE
            and not conn.trailing_data[0]
            and not self.service.life.draining
            and self.transport.get_write_buffer_size() < WRITE_HIGH_WATER_BYTES
        )

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Turn this connection into a WebSocket; bytes behind the request are its first frames."""
        self.connections.discard(self)
        self._head_timer.cancel()
        headers = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers])
        request = Request(
            event.target.decode("ascii"),
            headers,
            event.method.decode("ascii"),
            f"HTTP/{event.http_version.decode('ascii')}",
        )
        socket = Socket(self.service, cast("set[Any]", self.connections), self.transport)
        self.transport.set_protocol(socket)
        socket.open(request)
        trailing, _ = self.conn.trailing_data
        if trailing:
            socket.data_received(trailing)

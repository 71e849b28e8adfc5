"""HTTP on the same port: uvicorn's h11 protocol, which hands upgrade requests to our Socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import h11
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from gexfaker.limits import MAX_HEAD_BYTES, MAX_REQUEST_BYTES, REQUEST_SECONDS, WRITE_HIGH_WATER_BYTES
from gexfaker.server.service import Service
from gexfaker.server.transport.doors import Doors
from gexfaker.server.transport.fastpath import FastPath
from gexfaker.server.transport.intake import Inlet
from gexfaker.server.transport.patience import Patience, Phase

if TYPE_CHECKING:
    import asyncio

TLS_START: Final = b"\x16\x03"
"""The first bytes of a client that speaks TLS."""

HTTP2_START: Final = b"PRI * HTTP/2.0"
"""The first bytes of a client that speaks HTTP/2 without asking whether the server does."""


def http_protocol(service: Service, fast_path: FastPath, doors: Doors) -> type[asyncio.Protocol]:
    """The protocol class for ``uvicorn.Config(http=...)``, bound to ``service``; ``fast_path`` may answer first."""
    bound = type("BoundProtocol", (HttpProtocol,), {"service": service, "fast_path": fast_path, "doors": doors})
    return cast("type[asyncio.Protocol]", bound)


class _Flow(FlowControl):
    """Flow control of uvicorn whose wish not to be sent more goes through our inlet, and who tells of stalls."""

    def __init__(self, transport: asyncio.Transport, inlet: Inlet, patience: Patience) -> None:
        super().__init__(transport)
        self._inlet: Final = inlet
        self._patience: Final = patience

    def pause_reading(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self._inlet.hold()

    def resume_reading(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self._inlet.go_on()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._patience.block(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._patience.block(False)


class HttpProtocol(H11Protocol):
    """One TCP connection, HTTP until it asks for an upgrade.

    Attributes:
        is_half_closed: whether the client sends no more; most have gone then, and some wait for their answer.
    """

    service: ClassVar[Service]
    fast_path: ClassVar[FastPath]
    doors: ClassVar[Doors]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new TCP connection, unless there are too many; it has a while to send its first request."""
        super().connection_made(transport)
        self._inlet = Inlet(self.doors.intake, transport, self._work)
        self.patience = Patience(transport, self.service.settings.keep_alive, self._time_over)
        self.flow = _Flow(transport, self._inlet, self.patience)
        self._is_upgraded = False
        self._unfinished = 0
        self.is_half_closed = False
        self.doors.enter(self, self.connections)

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection is gone; nothing of it is kept."""
        self.patience.end()
        self._inlet.close()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more: what it has asked for it still gets, and then the connection is closed."""
        self.is_half_closed = True
        return self.conn.their_state is not h11.SEND_BODY and not self._is_done()

    def _is_done(self) -> bool:
        """Whether nothing is under way, and nothing more was asked."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        is_idle = cycle is None or cycle.response_complete
        return is_idle and not self.conn.trailing_data[0] and not self._inlet.is_waiting

    # --- what comes in -----------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Bytes of the client, in any portions."""
        self._inlet.received(data)

    def _work(self, portion: bytes) -> None:
        """A whole request that is known gets its answer at once; all else is parsed."""
        is_idle = self._is_idle()
        answer = self.fast_path.answer(portion, self.server_state.default_headers) if is_idle else None
        if answer is None:
            self._parse(portion)
            return
        self.transport.write(answer)
        if self.patience.phase is Phase.IDLE:
            self.patience.stay()
        else:
            self.patience.enter(Phase.IDLE)

    def _parse(self, portion: bytes) -> None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if portion:
            if cycle is None and portion.startswith((TLS_START, HTTP2_START)):
                self._speak_http(portion)
                return
            self.conn.receive_data(portion)
        super().handle_events()
        if self.cycle is not cycle:
            self.doors.intake.charge(REQUEST_SECONDS)
        if not self._is_upgraded:
            self._note_phase(cycle, len(portion))

    def handle_events(self) -> None:
        """Go on with what came before the answer to the last request was sent, in turn with other clients."""
        if self.conn.trailing_data[0]:
            self._inlet.wake()

    def _note_phase(self, before: object, size: int) -> None:
        phase = self._phase_now()
        self._unfinished += size
        if phase not in (Phase.HEAD, Phase.BODY):
            self._unfinished = 0
        self._inlet.keep(min(self._unfinished, MAX_HEAD_BYTES + MAX_REQUEST_BYTES))
        if phase is not self.patience.phase or self.cycle is not before:
            self.patience.enter(phase)

    def _phase_now(self) -> Phase:
        if self.conn.their_state is h11.SEND_BODY:
            return Phase.BODY
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            return Phase.ANSWER
        return Phase.HEAD if cycle is None or self.conn.trailing_data[0] else Phase.IDLE

    @property
    def sends_ahead(self) -> bool:
        """Whether it has sent requests before the last one was answered."""
        return self._inlet.is_ahead or (self.patience.phase is Phase.ANSWER and bool(self.conn.trailing_data[0]))

    def on_response_complete(self) -> None:
        """The answer is written; the next request may come."""
        super().on_response_complete()
        self._unset_keepalive_if_required()  # the time is ours to count
        if self.is_half_closed and self._is_done():
            self.transport.close()
        if self.transport.is_closing():
            self.patience.close()
        else:
            self.patience.enter(self._phase_now())

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

    # --- what a client must not do -----------------------------------------------------------

    def _time_over(self, phase: Phase) -> None:
        if phase is Phase.IDLE:
            self.transport.close()
            self.patience.close()
            return
        self.doors.told.tell("slow", "a client was cut: it %s and took too long", phase.value)
        self.transport.abort()

    def _speak_http(self, start: bytes) -> None:
        """The client speaks another protocol; it is told in plain HTTP, and so is the user, once."""
        what = "TLS (https or wss)" if start.startswith(TLS_START) else "HTTP/2"
        self.doors.told.tell(what, "a client speaks %s to this port: it has to use http:// and ws://", what)
        super().send_400_response(f"This port speaks plain HTTP/1.1, not {what}.")

    def _unsupported_upgrade_warning(self) -> None:
        """Many clients offer HTTP/2 with each request; they are answered in HTTP/1.1, as the standard says."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP; if an answer is under way, it is the last one."""
        self.doors.told.tell("invalid", "a client was answered 400: %s", msg)
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.cycle.keep_alive = False
            self._inlet.close()
            return
        super().send_400_response(msg)
        self.patience.close()

    # --- WebSocket ---------------------------------------------------------------------------

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Turn this connection into a WebSocket; bytes behind the request are its first frames."""
        from websockets.datastructures import Headers  # here, because websockets takes 70 ms to load
        from websockets.http11 import Request

        from gexfaker.server.transport.websocket import Socket

        self.connections.discard(self)
        self._is_upgraded = True
        self.patience.end()
        headers = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers])
        request = Request(
            event.target.decode("ascii"),
            headers,
            event.method.decode("ascii"),
            f"HTTP/{event.http_version.decode('ascii')}",
        )
        socket = Socket(self.service, cast("set[Any]", self.connections), self.transport, self.doors.intake)
        self.transport.set_protocol(socket)
        socket.open(request)
        trailing, _ = self.conn.trailing_data
        behind = trailing + self._inlet.rest()
        if behind:
            socket.data_received(behind)

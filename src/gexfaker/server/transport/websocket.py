"""One WebSocket: bytes in, the hub's decisions out. Frames are parsed by the Sans-I/O core of `websockets`.

Frames are written as they come, joined per step of the hub. When the peer reads too slowly, they wait here,
up to the hub's bounds; then the peer is cut, and nobody else has noticed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from enum import Enum
from itertools import takewhile
from typing import Any, Final

from websockets.frames import Close as CloseInfo
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Side, State

from gexfaker.hubs.connection import Connection, Line
from gexfaker.hubs.hub import Hub
from gexfaker.hubs.outputs import Abort, Aside, Close, Drop, Joined, Later, Mute, Output, Slowly
from gexfaker.hubs.upstream import receive
from gexfaker.limits import (
    CLOSE_TIMEOUT_SECONDS,
    MAX_DELAYED,
    MAX_FRAGMENTS,
    MAX_MESSAGE_BYTES,
    MISSED_PONGS,
    SMALL_BYTES,
    WRITE_HIGH_WATER_BYTES,
)
from gexfaker.server.cluster.sharing import Sharing
from gexfaker.server.http.sockets import reset
from gexfaker.server.service import Service
from gexfaker.server.transport.frameparser import FrameParser
from gexfaker.server.transport.handshake import (
    UNRECOVERABLE,
    Accepted,
    Unanswered,
    ack_delay,
    open_shared_socket,
    open_socket,
    refusal,
)
from gexfaker.server.transport.intake import Inlet, Intake
from gexfaker.server.transport.slowtransport import MAX_SILENT_SECONDS, SilentTransport, SlowTransport

log: Final = logging.getLogger(__name__)


class _End(Enum):
    """Who ended the WebSocket; it decides whether a reliable connection may be recovered."""

    NOBODY = "nobody"
    CLIENT = "client"
    SERVER = "server"


class Socket(asyncio.Protocol):
    """The asyncio protocol of an upgraded connection."""

    def __init__(
        self, service: Service, server_connections: set[Any], transport: asyncio.Transport, intake: Intake
    ) -> None:
        self._service: Final = service
        self._server_connections: Final = server_connections
        self._transport = transport
        self._loop: Final = asyncio.get_running_loop()
        self._frames: Final = FrameParser(Side.SERVER, max_size=MAX_MESSAGE_BYTES)
        self._hub: Hub | None = None
        self._connection: Connection | None = None
        self._message = bytearray()
        self._opcode = Opcode.TEXT
        self._fragments = 0
        self._inlet: Final = Inlet(intake, transport, self._work)
        self._is_opening = True
        self._late: Callable[[], None] | None = None
        self._backlog: deque[bytes] = deque()
        self._backlog_messages = self._backlog_bytes = self._sent = 0
        self._blocked = False
        self._delay_seconds = 0.0
        self._delayed: deque[tuple[float, bytes]] = deque()
        self._held: list[Output] = []
        self._asides = 0
        self._end = _End.NOBODY
        self._unanswered_pings = 0
        self._timer: asyncio.TimerHandle | asyncio.Task[None] | None = None

    @property
    def transport(self) -> asyncio.Transport:
        """The TCP connection, or what stands before it."""
        return self._transport

    # --- opening -----------------------------------------------------------------------------

    def open(self, request: Request) -> None:
        """Answer the upgrade request; the 101 waits where acknowledgements do."""
        self._server_connections.add(self)
        self._inlet.hold()
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_WATER_BYTES)
        cluster = self._service.cluster
        if cluster is None:
            self._answer(request, open_socket(self._service, request))
        else:
            self._timer = self._loop.create_task(self._ask(cluster, request))

    async def _ask(self, cluster: Sharing, request: Request) -> None:
        """Answer once the cluster has decided; a peer that goes meanwhile is not waited for."""
        try:
            answer = await open_shared_socket(self._service, cluster, request)
        except Exception:
            log.exception("a WebSocket could not be opened")
            answer = refusal(500, "Internal Server Error")
        self._timer = None
        self._answer(request, answer)

    def _answer(self, request: Request, answer: Accepted | Unanswered | Response) -> None:
        if isinstance(answer, Unanswered):
            self._leave_unanswered(answer)
            return
        if not isinstance(answer, Accepted):
            self._end = _End.SERVER
            self._transport.write(answer.serialize())
            self._transport.close()
            self._await_close()  # who does not read it stays no longer
            return
        self._hub, self._connection = answer.hub, answer.connection
        if self._hub is not None and self._connection is not None:
            self._connection.outlet, self._connection.line = self.perform, self.line
            self._frames.name(f"{self._connection.grant.user_id or '(no key)'} {self._hub.name}")
        if answer.tell is not None:
            self._late = answer.tell
            self._inlet.take = self._keep_early  # read, so that it is noticed when the peer goes meanwhile
            self._inlet.go_on()
        self._delay_seconds = ack_delay(self._service.settings.ack_delay, request)
        self._timer = self._loop.call_later(self._delay_seconds + answer.seconds, self._opened, answer)

    def _opened(self, answer: Accepted) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(answer.response.serialize())
        self._is_opening = False
        early, self._message = bytes(self._message), bytearray()
        if self._late is not None:
            self._late()
            self._late, self._inlet.take = None, self._work
        if self._hub is None or self._connection is None:
            self._start_close(1008, UNRECOVERABLE)
        else:
            self._schedule_ping()
            self._hub.drain()
            held, self._held = self._held, []
            self._take_backlog()
            if held:
                self.perform(held)
            if answer.close is not None:
                self._hub.finish(self._connection, answer.close)
                self._hub.drain()
            elif (watch := self._connection.watch) is not None:
                watch.opened(self._hub, self._connection, answer.agent)
        self._inlet.go_on()
        self._work(early)

    def _keep_early(self, portion: bytes) -> None:
        """What a peer sends that does not wait for its late answer; a protocol of messages has none yet."""
        self._message += portion
        self._inlet.keep(len(self._message))
        if len(self._message) > SMALL_BYTES:
            self._inlet.hold()

    def _leave_unanswered(self, answer: Unanswered) -> None:
        """A fault has it: the peer gets no answer, and after a while a reset."""
        self._end = _End.SERVER
        self._inlet.take = _unheard
        self._inlet.go_on()  # so that it is noticed when the peer goes
        seconds = (answer.seconds or MAX_SILENT_SECONDS) if answer.held else answer.seconds
        self._timer = self._loop.call_later(seconds, self._cut)

    # --- what the peer sends -----------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Bytes of the peer, in any portions."""
        self._inlet.received(data)

    def _work(self, portion: bytes) -> None:
        if not portion:  # b"" would mean the end to the parser
            return
        self._frames.receive_data(portion)
        for event in self._frames.events_received():
            if isinstance(event, Frame):
                self._frame_received(event)
        self._inlet.keep(len(self._message) + len(self._frames.reader.buffer))
        self._send_protocol_data()  # first: the pong to a ping between fragments comes before the answer to the whole
        if self._hub is not None:
            self._hub.drain()

    def eof_received(self) -> bool:
        """The peer sends no more: as good as gone."""
        return False

    def _frame_received(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            self._unanswered_pings = 0
        elif frame.opcode is Opcode.PING:
            self._ping_received(frame)
        elif frame.opcode is Opcode.CLOSE:
            self._close_received()
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT) and self._end is _End.NOBODY:
            if frame.opcode is not Opcode.CONT:
                self._opcode, self._fragments = frame.opcode, 0
            self._fragments += 1
            if self._fragments > MAX_FRAGMENTS:
                self._frames.fail(CloseCode.MESSAGE_TOO_BIG)
                return
            self._message += frame.data
            if frame.fin:
                whole, self._message = bytes(self._message), bytearray()
                self._message_received(whole)

    def _ping_received(self, ping: Frame) -> None:
        """The parser has the pong ready; a key with faults may not send it."""
        watch = None if self._connection is None else self._connection.watch
        if watch is not None and self._connection is not None and not watch.pinged(self._connection):
            with contextlib.suppress(ValueError):  # it has gone with the close frame
                self._frames.writes.remove(Frame(Opcode.PONG, ping.data).serialize(mask=False))

    def _message_received(self, payload: bytes) -> None:
        if self._hub is not None and self._connection is not None:
            receive(self._hub, self._connection, payload, int(self._opcode))

    def _close_received(self) -> None:
        """A client that closes with 1000 is done; with any other code, or none, it may come back."""
        if self._end is not _End.NOBODY:
            return
        self._end = _End.CLIENT
        received = self._frames.close_rcvd
        if self._hub is not None and self._connection is not None:
            if received is not None and received.code == 1000:
                self._hub.end(self._connection)
            else:
                self._hub.lost(self._connection, self._loop.time())
                if self._connection.outlet is None:  # it may come back, by another socket
                    self._tell_end(self._hub, self._connection, None)
        self._await_close()

    # --- what the hub decides ----------------------------------------------------------------

    def perform(self, outputs: list[Output]) -> None:
        """Do what the connection asks for, in order; frames go out in one joined write."""
        if self._is_opening and not isinstance(outputs[-1], Abort):
            self._hold(outputs)
            return
        ready: list[bytes] = []
        count = 0
        for output in outputs:
            if isinstance(output, Joined):
                ready.append(output.data)
                count += output.messages
            elif isinstance(output, bytes):
                ready.append(output)
                count += 1
            elif isinstance(output, Later):
                if self._delay_seconds:
                    self._delay(output.frame)
                else:
                    ready.append(output.frame)
                    count += 1
            elif isinstance(output, Close):
                self._write(ready, count)
                ready, count = [], 0
                self._start_close(output.code, output.reason)
            elif isinstance(output, Abort):
                self._cut()
                return
            else:
                self._write(ready, count)
                ready, count = [], 0
                self._spoil(output)
        self._write(ready, count)

    def _hold(self, outputs: list[Output]) -> None:
        """Keep outputs until the peer has its 101, which a fault may have come late: bounded as any backlog."""
        frames = [output.data if isinstance(output, Joined) else output for output in outputs]
        size = sum(len(frame) for frame in frames if isinstance(frame, bytes))
        self._held += outputs
        self._backlog_messages += len(outputs)
        self._keep(size)
        self._check_backlog(len(outputs), size)

    def _spoil(self, output: Drop | Mute | Aside | Slowly) -> None:
        """What only a key with faults asks for."""
        if isinstance(output, Aside):
            self._write_aside(output)
        elif isinstance(output, Slowly):
            self._write_slowly(output)
        elif isinstance(output, Mute):
            self._fall_silent()
        elif output.seconds:
            self._loop.call_later(output.seconds, self._drop, output.code, output.reason)
        else:
            self._drop(output.code, output.reason)

    def _write_aside(self, output: Aside) -> None:
        """Write later, beside what comes meanwhile; of very many answers the rest comes at once."""
        if self._asides >= MAX_DELAYED:
            self._write([output.data], 1)
            return
        self._asides += 1
        self._loop.call_later(output.seconds, self._write_now, output.data)

    def _write_now(self, data: bytes) -> None:
        self._asides -= 1
        self._write([data], 1)

    def _write_slowly(self, output: Slowly) -> None:
        """Write at a pace, from now on through what keeps it; a client on too slow a line is cut, as any slow one."""
        if self._blocked or self._hub is None or self._connection is None:
            self._write([output.data], output.messages)
            return
        if not isinstance(self._transport, SlowTransport):
            self._transport = SlowTransport(self._transport, self._loop, self._connection.share.add)
        slow, bounds = self._transport, self._hub.bounds
        slow.write_slowly(output)
        if len(slow) > bounds.queued_messages or slow.waiting > max(bounds.queued_bytes, len(output.data)):
            messages, waiting = len(slow), slow.waiting
            slow.give_up()
            self._hub.overflow(self._connection, messages, waiting)
            self._cut()

    def _fall_silent(self) -> None:
        """Write and ping no more, and heed nothing; until the client goes, or MAX_SILENT_SECONDS are over."""
        self._inlet.take = _unheard
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(MAX_SILENT_SECONDS, self._transport.abort)
        self._transport = SilentTransport(self._transport)

    def _drop(self, code: int | None, reason: str) -> None:
        """End the socket; a reliable connection waits for its client to come back, another ends."""
        if self._transport.is_closing() or self._end is not _End.NOBODY:
            return
        if code is None:
            reset(self._transport)
            return
        self._start_close(code, reason)
        if self._hub is not None and self._connection is not None and self._connection.outlet == self.perform:
            self._hub.lost(self._connection, self._loop.time())
            self._tell_end(self._hub, self._connection, None)

    def _cut(self) -> None:
        """Reset the TCP connection: what the peer has not read is dropped, in the kernel too."""
        self._end = _End.SERVER
        reset(self._transport)

    def _delay(self, frame: bytes) -> None:
        """Write a frame after the acknowledgement delay; a client with many of them coming is not read meanwhile."""
        self._delayed.append((self._loop.time() + self._delay_seconds, frame))
        if len(self._delayed) == 1:
            self._loop.call_later(self._delay_seconds, self._release_due)
        if len(self._delayed) >= MAX_DELAYED:
            self._inlet.hold()

    def _release_due(self) -> None:
        now = self._loop.time()
        due = sum(1 for moment, _ in takewhile(lambda item: item[0] <= now, self._delayed))
        self._release(max(1, due))  # the timer may be early by its resolution
        if self._delayed:
            self._loop.call_later(max(0.0, self._delayed[0][0] - now), self._release_due)

    def _release(self, count: int) -> None:
        count = min(count, len(self._delayed))
        self._write([self._delayed.popleft()[1] for _ in range(count)], count)
        if not self._is_opening and len(self._delayed) < MAX_DELAYED:
            self._inlet.go_on()

    def _write(self, frames: list[bytes], count: int) -> None:
        if not frames or self._transport.is_closing() or self._frames.state is not State.OPEN:
            return
        size = sum(map(len, frames))
        self._service.counts.sent_bytes += size
        self._sent += count
        if self._blocked:
            self._backlog.extend(frames)
            self._backlog_messages += count
            self._keep(size)
            self._check_backlog(count, size)
        else:
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def line(self) -> Line:
        """How the socket does."""
        host, port, *_ = self._transport.get_extra_info("peername") or ("", 0)
        untaken = self._transport.get_write_buffer_size()
        return Line(f"{host}:{port}", self._sent, self._backlog_messages, self._backlog_bytes + untaken)

    def _keep(self, size: int) -> None:
        """So many bytes more, or less, wait for a peer that does not read."""
        self._backlog_bytes += size
        if self._connection is not None:
            self._connection.share.add(size)

    def _take_backlog(self) -> bytes:
        frames, self._backlog = self._backlog, deque()
        self._keep(-self._backlog_bytes)
        self._backlog_messages = 0
        return b"".join(frames)

    def _check_backlog(self, count: int, size: int) -> None:
        if self._hub is None or self._connection is None:
            return
        bounds = self._hub.bounds
        # What came just now is no fault of the peer's, however much it is.
        many = self._backlog_messages > max(bounds.queued_messages, count)
        if many or self._backlog_bytes > max(bounds.queued_bytes, size):
            messages, waiting = self._backlog_messages, self._backlog_bytes
            self._take_backlog()
            self._hub.overflow(self._connection, messages, waiting)
            self._cut()
        else:
            self._hub.bounds.kept.shed()

    def pause_writing(self, blocked: bool = True) -> None:
        """The transport holds all it should: frames wait here from now on."""
        self._blocked = blocked
        if self._hub is None or self._connection is None or self._connection.outlet != self.perform:
            return  # another socket may have taken the connection over
        if blocked:
            self._connection.blocked = True
        else:
            self._hub.unblock(self._connection)

    def resume_writing(self) -> None:
        """The peer has read on, which shows as well as a pong that it lives."""
        self.pause_writing(False)
        self._unanswered_pings = 0
        waited = self._take_backlog()
        if waited and not self._transport.is_closing():
            self._transport.write(waited)

    # --- liveness and the end ----------------------------------------------------------------

    def _schedule_ping(self) -> None:
        self._timer = self._loop.call_later(self._service.settings.ping_interval, self._ping)

    def _ping(self) -> None:
        if self._frames.state is not State.OPEN:
            return
        if self._unanswered_pings >= MISSED_PONGS:
            self._transport.abort()
            return
        watch = None if self._connection is None else self._connection.watch
        # Behind what a fault of ours writes slowly a ping would wait, and its answer be missed.
        is_held = isinstance(self._transport, SlowTransport) and self._transport.waiting > 0
        if is_held or (watch is not None and self._connection is not None and not watch.may_ping(self._connection)):
            self._schedule_ping()
            return
        self._unanswered_pings += 1
        if not self._blocked:
            self._frames.send_ping(b"")
            self._send_protocol_data()
        self._schedule_ping()

    def _start_close(self, code: int, reason: str) -> None:
        """Send what still waits, then the close frame; the peer has a few seconds to answer it."""
        self._end = _End.SERVER
        self._release(len(self._delayed))
        if self._frames.state is State.OPEN:
            if self._backlog:
                self._transport.write(self._take_backlog())
            self._frames.send_close(code, reason)
            self._send_protocol_data()
        self._await_close()

    def _send_protocol_data(self) -> None:
        """Write pongs, close answers and failures of the frame parser; an empty chunk means: close now."""
        failure = self._frames.close_sent
        writes = self._frames.data_to_send()
        if self._blocked and self._frames.state is State.OPEN:
            return  # these are pongs for a peer that does not read: it must not fill our memory with them
        for data in writes:
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
        if self._frames.parser_exc is not None and self._end is _End.NOBODY and failure is not None:
            self._failed()

    def _failed(self) -> None:
        """The peer broke the frame protocol: its connection is over for good."""
        self._end = _End.SERVER
        if self._hub is not None and self._connection is not None:
            self._hub.end(self._connection)
        self._await_close()

    def _await_close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(CLOSE_TIMEOUT_SECONDS, self._transport.abort)

    def shutdown(self) -> None:
        """The server stops (called by uvicorn): flush, then close code 1001; reliable clients may come back."""
        if self._is_opening:
            self._transport.abort()
        elif self._end is _End.NOBODY:
            self._start_close(1001, "")

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection is gone, for whatever reason."""
        self._server_connections.discard(self)
        self._inlet.close()
        self._take_backlog()
        if self._timer is not None:
            self._timer.cancel()
        connection = self._connection
        if self._hub is not None and connection is not None and connection.outlet == self.perform:
            if self._end is _End.NOBODY:
                self._hub.lost(connection, self._loop.time())
            self._tell_end(self._hub, connection, exc)
            connection.detach()
        self._frames.parser.close()  # it holds the parser; the garbage collector, which comes rarely, has nothing to do

    def _tell_end(self, hub: Hub, connection: Connection, exc: Exception | None) -> None:
        """That the socket is gone, for the log and the counters; of one that waits for a late 101, that it gave up."""
        if self._late is not None:
            if self._end is not _End.SERVER:
                self._service.clients.gave_up(hub.name, connection)
            return
        received, sent = self._frames.close_rcvd, self._frames.close_sent
        close = sent if self._end is _End.SERVER else received if self._end is _End.CLIENT else None
        code = None if close is None else int(close.code)
        self._service.clients.left(hub.name, connection, self._how_it_ended(exc), code, self._end.value)

    def _how_it_ended(self, exc: Exception | None) -> str:
        """Who closed with which code, or that nobody did."""
        received, sent = self._frames.close_rcvd, self._frames.close_sent
        if self._end is _End.CLIENT and received is not None:
            return f"the client closed with {_shown(received)}"
        if self._end is _End.SERVER:
            return "the server cut it" if sent is None else f"the server closed with {_shown(sent)}"
        return f"the connection broke without a close frame{f' ({exc})' if exc else ''}"


def _unheard(_portion: bytes) -> None:
    """What a client sends on a connection that has fallen silent."""


def _shown(close: CloseInfo) -> str:
    return f"{int(close.code)}{f' {close.reason!r}' if close.reason else ''}"

"""What is fed: decoders, the hub, and a whole socket without its network. Each tells how a message ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, Protocol, cast

from websockets.datastructures import Headers
from websockets.http11 import Request

from gexfaker.errors import FrameError
from gexfaker.hubs.connection import Connection, RawMode, State
from gexfaker.hubs.hub import Bounds, Hub
from gexfaker.hubs.outputs import Abort, Close, Output
from gexfaker.hubs.upstream import receive
from gexfaker.server.service import Service
from gexfaker.server.transport.intake import Intake
from gexfaker.server.transport.websocket import Socket
from gexfaker.settings import load
from gexfaker.wire import jsoncodec, protocodec
from gexfaker.wire import messages as m
from gexfaker.wire.frames import BINARY, TEXT
from gexfaker.wire.subprotocols import SIMPLE, SUBPROTOCOLS, Subprotocol
from gexfaker.wire.tokens import Grant, mint
from support.clients import bytes_of, members_of

from . import corpus
from .mutate import mutated

JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE = SUBPROTOCOLS.values()
ROLES: Final = ("webpubsub.joinLeaveGroup", "webpubsub.sendToGroup")
REPLACED_AFTER: Final = 300
"""Messages a connection of the hub gets at most, so that the groups it is in stay few."""


class Target(Protocol):
    """Something to feed."""

    name: str
    divisor: int
    """Takes this many times longer than a decoder: so many steps fewer in a long run."""

    def step(self, rng: Random) -> str:
        """Feed one mutated message; the outcome in a word. Anything wrong raises."""


class CodecTarget:
    """A decoder and its encoder: garbage is FrameError 1007, and what was understood can be said again."""

    def __init__(
        self, name: str, start: Sequence[bytes], decode: Callable[[bytes], Any], encode: Callable[[Any], bytes]
    ) -> None:
        self.name = name
        self.divisor = 1
        self._start: Final = start
        self._decode: Final = decode
        self._encode: Final = encode

    def step(self, rng: Random) -> str:
        """Decode; encode and decode again."""
        data = mutated(rng, self._start)
        try:
            message = self._decode(data)
        except FrameError as error:
            if error.code != 1007 or len(error.reason.encode()) > 123:
                raise
            return "1007"
        if isinstance(message, m.Unsupported):  # nobody writes one
            return "understood"
        encoded = self._encode(message)
        if self.name.endswith("up"):
            # Not the other way: a message of the service has parts that not every kind of receiver gets.
            again = self._decode(encoded)
            assert again == message, (data, message, again)
        return "understood"


def codecs() -> list[CodecTarget]:
    """The four decoders."""
    return [
        CodecTarget("json up", corpus.JSON_UP, jsoncodec.decode_upstream, jsoncodec.encode_upstream),
        CodecTarget("json down", corpus.JSON_DOWN, jsoncodec.decode_downstream, jsoncodec.encode_downstream),
        CodecTarget("protobuf up", corpus.PROTO_UP, protocodec.decode_upstream, protocodec.encode_upstream),
        CodecTarget("protobuf down", corpus.PROTO_DOWN, protocodec.decode_downstream, protocodec.encode_downstream),
    ]


class _Seat:
    """A place of the hub: which dialect, and the connection that has it now."""

    def __init__(self, hub: Hub, subprotocol: Subprotocol, raw: RawMode | None = None) -> None:
        self.hub: Final = hub
        self.subprotocol: Final = subprotocol
        self.raw: Final = raw
        self.outputs: list[Output] = []
        self.fed = 0
        self.connection = self._connect()

    def _connect(self) -> Connection:
        self.fed = 0
        grant = Grant("u", ROLES, (corpus.GROUP,))
        connection = self.hub.connect(grant, self.subprotocol, self.raw)
        connection.outlet = self.outputs.extend
        return connection

    def refresh(self) -> None:
        """A new connection when this one is over or old."""
        if self.connection.state is not State.ENDED and self.fed > REPLACED_AFTER:
            self.hub.end(self.connection)
        if self.connection.state is State.ENDED:
            self.connection = self._connect()

    def check(self) -> str:
        """Everything said to this connection can be read; how it ended, if it did."""
        outputs, self.outputs[:] = list(self.outputs), []
        outcome = ""
        for output in outputs:
            if isinstance(output, Close):
                assert output.code in (1003, 1007, 1011), output
                outcome = str(output.code)
            elif isinstance(output, Abort):
                outcome = "overflow"
            else:
                assert not outcome, "said something after its end"
                self._check_frame(bytes_of(output))
        if outcome:
            assert self.connection.state is State.ENDED
        return outcome

    def _check_frame(self, frame: bytes) -> None:
        size = frame[1]
        skip = {126: 4, 127: 10}.get(size, 2)
        codec = self.subprotocol.codec
        payload = frame[skip:]
        assert skip > 2 or len(payload) == size
        if codec is not None:
            assert frame[0] == 0x80 | codec.OPCODE
            codec.decode_downstream(payload)
        elif frame[0] == 0x80 | TEXT:
            payload.decode()


class HubTarget:
    """A hub with every kind of client in one group; one of them says something strange."""

    def __init__(self) -> None:
        self.name = "hub"
        self.divisor = 1
        self._ids = 0
        bounds = Bounds(queued_messages=60, recovery_window=5)
        self._hub: Final = Hub("orderflow", self._next_id, lambda name: f"token {name}", bounds)
        self._now = 0.0
        self._seats: Final = [
            *(_Seat(self._hub, subprotocol) for subprotocol in SUBPROTOCOLS.values()),
            _Seat(self._hub, SIMPLE),
            _Seat(self._hub, SIMPLE, RawMode(corpus.GROUP)),
            _Seat(self._hub, SIMPLE, RawMode(corpus.GROUP, no_echo=True)),
        ]

    def _next_id(self) -> str:
        self._ids += 1
        return f"c{self._ids}"

    def step(self, rng: Random) -> str:
        """One message, sometimes a lost socket, sometimes an ack; then everybody's mail is checked."""
        self._now += 0.01
        seat = self._seats[int(rng.random() * len(self._seats))]
        seat.refresh()
        self._live(rng, seat)
        start = corpus.SIMPLE
        opcode = TEXT if rng.random() < 0.5 else BINARY
        if seat.subprotocol.codec is not None:
            opcode = seat.subprotocol.codec.OPCODE if rng.random() < 0.98 else opcode
            start = corpus.JSON_UP if seat.subprotocol.codec.OPCODE == TEXT else corpus.PROTO_UP
        seat.fed += 1
        receive(self._hub, seat.connection, mutated(rng, start), opcode)
        self._hub.drain()
        for other in self._seats:
            outcome = other.check()
            if other is seat:
                mine = outcome
        if rng.random() < 0.01:
            self._check_books()
        return mine or "served"

    def _live(self, rng: Random, seat: _Seat) -> None:
        """Sockets come and go, clients acknowledge."""
        hub, connection = self._hub, seat.connection
        if connection.subprotocol.reliable and rng.random() < 0.1 and connection.unacknowledged:
            acknowledged = rng.choice(list(connection.unacknowledged))[0]
            hub.queued_bytes -= connection.confirm(acknowledged)
        if rng.random() < 0.02:
            hub.lost(connection, self._now)
            if rng.random() < 0.5:
                wrong = hub.recover(connection.id, "wrong")
                assert wrong is None
                back = hub.recover(connection.id, f"token {connection.id}")
                assert (back is connection) == connection.subprotocol.reliable
                if back is not None:
                    back.outlet = seat.outputs.extend
            hub.expire(self._now)
        seat.refresh()

    def _check_books(self) -> None:
        connections = self._hub.connections
        assert self._hub.queued_bytes == sum(c.unacknowledged.bytes for c in connections.values())
        for (_, group), inside in members_of(self._hub).items():
            assert inside
            for connection in inside:
                assert connections[connection.id] is connection
                assert group in connection.groups
        assert len(connections) <= len(self._seats)


class Nowhere(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.written += data

    def pause_reading(self) -> None:
        """There is nothing to read."""

    def resume_reading(self) -> None:
        """There still is nothing."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing to limit."""

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closing

    def close(self) -> None:
        """In order."""
        self.closing = True

    def abort(self) -> None:
        """Or not."""
        self.closing = True


SECRET: Final = "s" * 32
CLOSES: Final = frozenset((1000, 1001, 1002, 1003, 1007, 1009, 1011))


def masked(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A client's frame, its mask all zeros so that the payload is there to be changed."""
    head, size = (0x80 if fin else 0) | opcode, len(payload)
    if size < 126:
        return bytes((head, 0x80 | size, 0, 0, 0, 0)) + payload
    return bytes((head, 0xFE)) + size.to_bytes(2, "big") + bytes(4) + payload


class SocketTarget:
    """The real socket class over a transport without a network: frames with mutated bytes in any portions."""

    def __init__(self) -> None:
        self.name = "socket"
        self.divisor = 10
        self._loop: Final = asyncio.new_event_loop()
        flags = {
            "TOKEN_SECRET": SECRET,
            "ACK_DELAY": "0ms",
            "SIMULATE": "true",
            "RECOVERY_WINDOW": "0ms",
        }
        self._service: Final = Service(load(flags, {}))
        token = mint(Grant("u", ROLES, (corpus.GROUP,)), "any", SECRET, self._service.clock(), 1e6)
        self._path: Final = f"/client/hubs/orderflow?access_token={token}"
        self._raw: Final = "&webpubsub_mode=sendToGroup&group=" + corpus.GROUP
        controls = [
            masked(9, b"ping"),
            masked(10, b""),
            masked(8, b""),
            masked(8, b"\x03\xe8bye"),
            masked(8, b"\x03\xe9"),
        ]
        fragments = [masked(1, b"a", fin=False) + masked(9, b"") + masked(0, b"b")]
        self._text: Final = [masked(1, payload) for payload in corpus.JSON_UP] + controls + fragments
        self._binary: Final = [masked(2, payload) for payload in corpus.PROTO_UP] + controls
        self._simple: Final = [masked(1, b"hello"), masked(2, b"\xff"), masked(1, b""), *controls, *fragments]

    def step(self, rng: Random) -> str:
        """A connection, some frames, the end."""
        return self._loop.run_until_complete(self._step(rng))

    async def _step(self, rng: Random) -> str:
        dialect = (JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE, SIMPLE)[int(rng.random() * 5)]
        transport = Nowhere()
        intake = Intake()
        socket = Socket(self._service, set(), transport, intake)
        socket.open(self._request(dialect))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        start = self._simple
        if dialect.codec is not None:
            start = self._text if dialect.codec.OPCODE == TEXT else self._binary
        data = b"".join(mutated(rng, start) for _ in range(1 + int(rng.random() * 3)))
        cut = int(rng.random() * len(data))
        for part in (data[:cut], data[cut:]):
            if part and not transport.closing:
                socket.data_received(part)
        while intake.is_busy and not transport.closing:
            await asyncio.sleep(0)
        outcome = self._outcome(bytes(transport.written))
        socket.connection_lost(None)
        hub = self._service.hubs["orderflow"]
        hub.expire(self._loop.time() + 1)
        assert not hub.connections
        assert not members_of(hub)
        assert hub.queued_bytes == 0
        return outcome

    def _request(self, dialect: Subprotocol) -> Request:
        headers = [
            ("Host", "localhost"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ("Sec-WebSocket-Version", "13"),
        ]
        if dialect.name is not None:
            headers.append(("Sec-WebSocket-Protocol", dialect.name))
        return Request(self._path + (self._raw if dialect.name is None else ""), Headers(headers))

    @staticmethod
    def _outcome(written: bytes) -> str:
        """How the server ended it; its frames are whole, and nothing but pongs follows a close frame."""
        head, _, rest = written.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        outcome = "open"
        while rest:
            opcode, size, skip = rest[0] & 0x0F, rest[1], 2
            if size == 126:
                size, skip = int.from_bytes(rest[2:4], "big"), 4
            assert len(rest) >= skip + size, "half a frame"
            assert outcome == "open" or opcode == 10, "something after the close frame"
            if opcode == 8:
                code = int.from_bytes(rest[2:4], "big") if size else 1005
                outcome = str(code) if code in CLOSES else "the client's code"
                assert code in CLOSES or 1000 <= code < 5000, code
            rest = rest[skip + size :]
        return outcome

    def close(self) -> None:
        """Give the service back."""
        self._service.close()
        self._loop.close()


def targets() -> list[Target]:
    """All of them."""
    return cast("list[Target]", [*codecs(), HubTarget(), SocketTarget()])

"""A WebSocket client on a bare socket: it can do everything a proper one would refuse to do."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType
from urllib.parse import urlsplit

from support.decode import Downstream, json_frame, json_join

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
JSON = "json.webpubsub.azure.v1"
JSON_RELIABLE = "json.reliable.webpubsub.azure.v1"
PROTOBUF = "protobuf.webpubsub.azure.v1"
PROTOBUF_RELIABLE = "protobuf.reliable.webpubsub.azure.v1"


class GoneError(Exception):
    """The server ended the TCP connection, in order or with a reset."""


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True) -> bytes:
    """A client's frame."""
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    repeated = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return head + mask + mixed.to_bytes(size, "big")


def upgrade_request(
    url: str, subprotocols: Sequence[str] = (), headers: Sequence[str] = (), drop: Sequence[str] = ()
) -> bytes:
    """The bytes of an upgrade request for ``url``; ``drop`` names headers to leave out."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"Host: {parts.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocols:
        lines.append(f"Sec-WebSocket-Protocol: {', '.join(subprotocols)}")
    lines = [line for line in lines if line.partition(":")[0] not in drop]
    return "\r\n".join([f"GET {target} HTTP/1.1", *lines, *headers, "", ""]).encode("latin-1")


def take_frames(pending: bytearray) -> Iterator[tuple[int, bytes]]:
    """The server's whole frames at the start of what has come, opcode and payload; they are taken away."""
    at, whole = 0, bytes(pending)
    while len(whole) - at >= 4:
        size, start = whole[at + 1], at + 2
        if size == 126:
            size, start = int.from_bytes(whole[at + 2 : at + 4], "big"), at + 4
        if len(whole) < start + size:
            break
        yield whole[at] & 0x0F, whole[start : start + size]
        at = start + size
    del pending[:at]


def read_response(connection: socket.socket) -> bytes:
    """A whole answer that states its length, head and body; what there is of it if the connection ends before."""
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer) < _end_of_response(answer):
        piece = connection.recv(65536)
        if not piece:
            break
        answer += piece
    return answer


def _end_of_response(answer: bytes) -> int:
    head, _, _ = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    assert length, head
    return len(head) + 4 + int(length[1])


class RawSocket:
    """A connection to the server.

    Attributes:
        status, headers, body: the answer to the upgrade request once ``read_answer`` was called.
    """

    def __init__(self, url: str, *, receive_buffer: int | None = None, segment: int | None = None) -> None:
        parts = urlsplit(url)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if segment is not None:
            # Small segments keep the server's own kernel buffer small; on loopback it would be megabytes.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        try:
            self.socket.connect((parts.hostname or "", parts.port or 80))
        except OSError:
            self.socket.close()
            raise
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    def __enter__(self) -> RawSocket:
        return self

    def __exit__(self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def send_text(self, text: str) -> None:
        """Send a text message."""
        self.send(frame(TEXT, text.encode()))

    def abort(self) -> None:
        """Drop the connection with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self) -> None:
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise AssertionError("the server sent nothing in time") from None
        except OSError as error:
            raise GoneError(str(error)) from error
        if not data:
            raise GoneError("end of stream")
        self._buffer += data

    def read(self, count: int) -> bytes:
        """Exactly ``count`` bytes."""
        while len(self._buffer) < count:
            self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def read_answer(self) -> int:
        """The head of the answer, and the body unless it is a 101; returns the status."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        if self.status != 101:
            length = self.header("content-length")
            if length:
                self.body = self.read(int(length[0]))
            else:
                self.body = self.read_to_end()
        return self.status

    def header(self, name: str) -> list[str]:
        """All values of a header of the answer."""
        return [value for found, value in self.headers if found == name.lower()]

    def read_to_end(self) -> bytes:
        """Everything until the server ends the connection."""
        with contextlib.suppress(GoneError):
            while True:
                self._more()
        taken, self._buffer = self._buffer, b""
        return taken

    def is_gone(self) -> bool:
        """Whether the server ended the connection; waits for it, reading over what still comes."""
        self.read_to_end()
        return True

    def read_frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame; the server sends whole, unmasked ones."""
        first, second = self.read(2)
        assert first & 0x80, "the server does not fragment"
        assert not first & 0x70, "no extension was agreed"
        assert not second & 0x80, "a server does not mask"
        size = second
        if size == 126:
            (size,) = struct.unpack("!H", self.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.read(8))
        return first & 0x0F, self.read(size)

    def read_close(self) -> tuple[int, str]:
        """Code and reason of the close frame, which must be the next but pings and data."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == CLOSE:
                return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    def read_message(self) -> bytes:
        """The next data frame's payload; pings are answered on the way. Raises GoneError at a close frame too."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == PING:
                self.send(frame(PONG, payload))
            elif opcode == CLOSE:
                raise GoneError(f"close frame {payload!r}")
            elif opcode in (TEXT, BINARY):
                return payload

    def read_rest(self) -> tuple[list[bytes], GoneError]:
        """All data frames' payloads to the end of the connection, and how it ended."""
        payloads = []
        while True:
            try:
                payloads.append(self.read_message())
            except GoneError as gone:
                return payloads, gone

    def read_json(self) -> Downstream:
        """The next message of a JSON subprotocol."""
        return json_frame(self.read_message())

    def read_kind(self, kind: str) -> Downstream:
        """The next message of that kind, others passed over."""
        while True:
            found = self.read_json()
            if found.kind == kind:
                return found

    def join(self, group: str, ack_id: int = 1) -> Downstream:
        """joinGroup in JSON, and wait for its ack."""
        self.send_text(json_join(group, ack_id))
        ack = self.read_kind("ack")
        assert ack.id == ack_id
        assert ack.success, ack
        return ack

    def close(self, code: int | None = 1000) -> None:
        """Send a close frame."""
        self.send(frame(CLOSE, b"" if code is None else struct.pack("!H", code)))


def connect(url: str, *subprotocols: str, receive_buffer: int | None = None, segment: int | None = None) -> RawSocket:
    """An upgraded connection."""
    raw = RawSocket(url, receive_buffer=receive_buffer, segment=segment)
    try:
        raw.send(upgrade_request(url, subprotocols))
        assert raw.read_answer() == 101, raw.body
    except BaseException:
        raw.socket.close()
        raise
    return raw


@contextlib.contextmanager
def joined(url: str, group: str, subprotocol: str = JSON) -> Iterator[RawSocket]:
    """A connected JSON client in a group."""
    with connect(url, subprotocol) as raw:
        assert raw.read_json().kind == "connected"
        raw.join(group)
        yield raw


def try_upgrade(
    url: str, subprotocols: Sequence[str] = (), headers: Sequence[str] = (), drop: Sequence[str] = ()
) -> RawSocket:
    """The answer to an upgrade request; the connection is over afterwards."""
    with RawSocket(url) as raw:
        raw.send(upgrade_request(url, subprotocols, headers, drop))
        raw.read_answer()
        return raw

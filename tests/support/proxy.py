"""A TCP proxy that a test can cut."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any, Final

from support.server import Served


class Proxy:
    """A TCP proxy in front of the server: it can reset its connections, and notes how each handshake ended."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target: Final = target
        self._listener: Final = socket.create_server(("127.0.0.1", 0))
        self._lock: Final = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.accepted = 0
        self.handshakes: list[tuple[bool, int]] = []
        """(whether it was a recovery, HTTP status) of each."""
        self.blocked = False
        self.port: Final[int] = self._listener.getsockname()[1]
        self._accepting: Final = self._start(self._accept)

    def _start(self, function: Any, *arguments: socket.socket) -> threading.Thread:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                inner, _ = self._listener.accept()
                if self._connect(inner):
                    self.accepted += 1

    def _connect(self, inner: socket.socket) -> bool:
        """Go on with a connection to the server, unless none is to be had."""
        if self.blocked:
            inner.close()
            return False
        try:
            outer = socket.create_connection(self._target)
        except OSError:
            inner.close()
            return False
        with self._lock:  # not while the others are being cut
            self._open += (inner, outer)
            self._start(self._serve, inner, outer)
        return True

    def _serve(self, inner: socket.socket, outer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                chunk = inner.recv(65536)
                if not chunk:
                    return
                request += chunk
            outer.sendall(request)
            answer = outer.recv(65536)
            self.handshakes.append((b"awps_reconnection_token=" in request, int(answer.split(b" ")[1])))
            inner.sendall(answer)
            self._start(self._pump, inner, outer)
            self._pump(outer, inner)

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                sink.sendall(chunk)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """Reset every connection, in both directions."""
        with self._lock:
            ends, self._open = self._open, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RD)
            end.close()

    def close(self) -> None:
        """Accept no more and cut the rest."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        self.cut()
        for thread in list(self._threads):
            thread.join(5)


@contextlib.contextmanager
def proxied(server: Served) -> Iterator[Proxy]:
    """A proxy in front of a server."""
    proxy = Proxy(server.address)
    try:
        yield proxy
    finally:
        proxy.close()

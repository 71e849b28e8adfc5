"""The history of a running gexfaker as a service on a bad day: an HTTP relay that spoils chosen answers."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import ClassVar
from urllib.parse import urlsplit

Spoil = Callable[["Relay", bytes], None]
"""Answers a request itself, given the whole answer of the server behind it."""


class Relay(http.server.BaseHTTPRequestHandler):
    """Passes requests on, and their answers back."""

    protocol_version = "HTTP/1.1"
    target = ("", 0)
    spoils: ClassVar[list[tuple[str, Spoil]]]
    asked: ClassVar[Counter[str]]
    keys: ClassVar[list[tuple[str, str | None]]]
    starts: ClassVar[list[int]]
    url = ""

    def do_GET(self) -> None:
        place = urlsplit(self.path).path
        self.asked[place] += 1
        self.keys.append((place, self.headers.get("Authorization")))
        connection = http.client.HTTPConnection(*self.target, timeout=30)
        connection.request("GET", self.path, headers=dict(self.headers))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        self.answer, self.body = answer, body
        for number, (part, spoil) in enumerate(self.spoils):
            if part in place:
                del self.spoils[number]
                spoil(self, body)
                return
        self.send(answer.status, body, dict(answer.headers.items()))

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        kept = {
            name: value for name, value in headers.items() if name.lower() not in ("transfer-encoding", "connection")
        }
        for name, value in (kept | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def status(code: int, **headers: str) -> Spoil:
    """Another status."""
    return lambda relay, _body: relay.send(
        code, b'{"error":"not now"}', {n.replace("_", "-"): v for n, v in headers.items()}
    )


def ended(relay: Relay, body: bytes) -> None:
    """The head, a half of the body, and no more."""
    relay.send_response_only(relay.answer.status)
    for name, value in relay.answer.headers.items():
        if name.lower() in ("content-range", "content-disposition", "content-type"):
            relay.send_header(name, value)
    relay.send_header("Content-Length", str(len(body)))
    relay.end_headers()
    relay.wfile.write(body[: len(body) // 2])
    relay.wfile.flush()
    relay.close_connection = True


def dripped(relay: Relay, body: bytes) -> None:
    """All of it, a little at a time; from which byte on is noted."""
    relay.starts.append(int((relay.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0]))
    relay.send_response_only(relay.answer.status)
    for name, value in relay.answer.headers.items():
        if name.lower() not in ("transfer-encoding", "connection", "content-length"):
            relay.send_header(name, value)
    relay.send_header("Content-Length", str(len(body)))
    relay.end_headers()
    for at in range(0, len(body), 16_384):
        relay.wfile.write(body[at : at + 16_384])
        relay.wfile.flush()
        time.sleep(0.004)


def endless(relay: Relay, body: bytes) -> None:
    """So much, a little at a time, that it does not end by itself."""
    dripped(relay, body[:40_000].ljust(20_000_000))


def cut(relay: Relay, body: bytes) -> None:
    """The same, and the connection is reset: what was sent and not yet read is lost, too."""
    ended(relay, body)
    relay.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def shorter(relay: Relay, body: bytes) -> None:
    """A half of it that says it is all."""
    relay.send(relay.answer.status, body[: len(body) // 2], dict(relay.answer.headers.items()))


def page(relay: Relay, _body: bytes) -> None:
    """A proxy's page with 200."""
    relay.send(200, b"<html>sign in</html>", {"Content-Type": "text/html"})


@contextlib.contextmanager
def bad_day(target: tuple[str, int], *given: tuple[str, Spoil]) -> Iterator[type[Relay]]:
    """A relay to a server; each spoil is for one request whose path has its part. Its ``url`` is the base."""

    class Made(Relay):
        spoils: ClassVar = list(given)
        asked: ClassVar = Counter()
        keys: ClassVar = []
        starts: ClassVar = []

    made = Made
    made.target = target
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), made) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()

"""Attacks that only knock: connections, handshakes, negotiations and garbage without end."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Final

from siege.http_attacks import request
from siege.plan import Attack
from siege.target import Target, drain, together
from support.raw import JSON, RawSocket, upgrade_request

CLIENT_HELLO: Final = bytes.fromhex("160301020001") + bytes(range(250)) * 2
"""How TLS begins."""

GARBAGE_BYTES: Final = 4096
H2C: Final = "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"
"""What Java's client offers with each request."""


def knock(words: Callable[[], bytes], leave: Callable[[RawSocket], None], target: Target) -> None:
    """Connect, say something, leave; again and again."""

    def one(_number: int) -> None:
        while True:
            with target.plain() as raw:
                raw.send(words())
                leave(raw)
            target.did += 1

    together(target, one)


def _garbage() -> bytes:
    """Random bytes, and what a head ends with."""
    return random.randbytes(GARBAGE_BYTES) + b"\r\n\r\n"


def _read(raw: RawSocket) -> None:
    """Wait for the answer, or the end."""
    raw.socket.recv(1 << 16)


def handshakes(target: Target) -> None:
    """Upgrade requests whose client has gone before the answer."""
    url = target.negotiate()["orderflow"]
    knock(lambda: upgrade_request(url, [JSON]), RawSocket.abort, target)


def ask(words: bytes, target: Target) -> None:
    """The same request without end on kept connections."""

    def one(_number: int) -> None:
        with target.plain() as raw:
            drain(raw)
            raw.socket.settimeout(None)
            while True:
                raw.send(words)
                target.did += 1

    together(target, one)


ATTACKS: Final[dict[str, Attack]] = {
    "connections": Attack(partial(knock, lambda: b"", RawSocket.abort), 4, "connect and leave"),
    "handshakes": Attack(handshakes, 4, "upgrade, and be gone before the answer"),
    "negotiations": Attack(partial(ask, request("/negotiate")), 4, "negotiations without end"),
    "garbage": Attack(partial(knock, _garbage, _read), 4, "random bytes"),
    "tls": Attack(partial(knock, lambda: CLIENT_HELLO, _read), 4, "TLS to the plain port"),
    "h2c": Attack(partial(ask, request("/health", *H2C)), 4, "requests that offer HTTP/2"),
}

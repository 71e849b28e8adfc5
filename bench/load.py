"""A load client: opens WebSockets, joins groups, and counts frames without decoding them.

    python -m bench.load URL CLIENTS SECONDS SUBPROTOCOL GROUP...   (a gexfaker server)
    python -m bench.load raw:PORT CLIENTS SECONDS                   (the bare transport)

Prints one line of JSON: frames and bytes received between the first and the last second.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from gexfaker.wire import messages as m
from gexfaker.wire.jsoncodec import encode_upstream


class Counter(asyncio.Protocol):
    """Skips the HTTP answer, then walks over unmasked frames by their lengths."""

    def __init__(self, opening: bytes, joins: bytes) -> None:
        self.frames = 0
        self.bytes = 0
        self._opening = opening
        self._joins = joins
        self._pending = bytearray()
        self._open = not opening
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._opening:
            transport.write(self._opening)

    def data_received(self, data: bytes) -> None:
        self._pending += data
        self.bytes += len(data)
        if not self._open:
            head = self._pending.find(b"\r\n\r\n")
            if head < 0:
                return
            assert self._pending.startswith(b"HTTP/1.1 101"), bytes(self._pending[:80])
            del self._pending[: head + 4]
            self._open = True
            assert self._transport is not None
            self._transport.write(self._joins)
        self._count()

    def _count(self) -> None:
        at, pending = 0, self._pending
        while len(pending) - at >= 2:
            length, head = pending[at + 1], 2
            if length == 126:
                length, head = int.from_bytes(pending[at + 2 : at + 4], "big"), 4
            elif length == 127:
                length, head = int.from_bytes(pending[at + 2 : at + 10], "big"), 10
            if len(pending) - at < head + length:
                break
            at += head + length
            self.frames += 1
        del pending[:at]


def masked(payload: bytes) -> bytes:
    """A client's text frame, masked with zeros."""
    length = len(payload)
    head = bytes((0x81, 0x80 | length)) if length < 126 else bytes((0x81, 0xFE)) + length.to_bytes(2, "big")
    return head + bytes(4) + payload


def upgrade(url: str, subprotocol: str, groups: list[str], key: str) -> tuple[str, int, bytes, bytes]:
    """Host, port, the upgrade request, and the joins of one client."""
    request = Request(f"{url}/negotiate", headers={"Authorization": f"Bearer {key}"})  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310
        hub = json.load(answer)["websocket_urls"]["orderflow"]
    parts = urlsplit(hub)
    lines = [
        f"GET {parts.path}?{parts.query} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        f"Sec-WebSocket-Protocol: {subprotocol}",
    ]
    joins = b"".join(masked(encode_upstream(m.JoinGroup(group))) for group in groups)
    return parts.hostname or "", parts.port or 0, "\r\n".join((*lines, "", "")).encode(), joins


async def main(target: str, clients: int, seconds: float, subprotocol: str, groups: list[str]) -> dict[str, Any]:
    """Connect everybody, wait a second, count for ``seconds``."""
    loop = asyncio.get_running_loop()
    counters = []
    host, port, opening, joins = "127.0.0.1", 0, b"", b""
    if target.startswith("raw:"):
        port = int(target.removeprefix("raw:"))
    else:
        host, port, opening, joins = await asyncio.to_thread(upgrade, target, subprotocol, groups, "bench")
    for _ in range(clients):
        _, counter = await loop.create_connection(lambda: Counter(opening, joins), host, port)
        counters.append(counter)
    await asyncio.sleep(1)
    before = [(counter.frames, counter.bytes) for counter in counters]
    print("counting", flush=True)
    await asyncio.sleep(seconds)
    frames = sum(counter.frames - old[0] for counter, old in zip(counters, before, strict=True))
    size = sum(counter.bytes - old[1] for counter, old in zip(counters, before, strict=True))
    return {"frames": frames, "bytes": size}


if __name__ == "__main__":
    _, where, how_many, how_long, *rest = sys.argv
    print(json.dumps(asyncio.run(main(where, int(how_many), float(how_long), (rest or [""])[0], rest[1:]))))

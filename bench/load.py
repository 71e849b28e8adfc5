"""A load client: opens WebSockets, joins groups, and counts frames without decoding them.

python -m bench.load JOB    where JOB is JSON: target (URL, or raw:PORT), clients, keys, seconds, subprotocol,
                            hub, groups

Prints ``counting``, then one line of JSON: frames and bytes received within the seconds.
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
from gexfaker.wire.protocodec import encode_upstream as encode_protobuf

ACK_SECONDS = 0.5
SETTLE_SECONDS = 5.0


class Counter(asyncio.Protocol):
    """Skips the HTTP answer, then walks over unmasked frames by their lengths."""

    def __init__(self, opening: bytes, joins: bytes) -> None:
        self.frames = 0
        self.bytes = 0
        self._opening = opening
        self._joins = joins
        self._pending = bytearray()
        self._open = not opening
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
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
            assert self.transport is not None
            self.transport.write(self._joins)
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


def masked(payload: bytes, opcode: int) -> bytes:
    """A client's frame, masked with zeros."""
    length = len(payload)
    head = bytes((0x80 | opcode, 0x80 | length)) if length < 126 else None
    return (head or bytes((0x80 | opcode, 0xFE)) + length.to_bytes(2, "big")) + bytes(4) + payload


def address(url: str, hub: str, key: str) -> str:
    """The URL of a hub for a key."""
    request = Request(f"{url}/negotiate", headers={"Authorization": f"Bearer {key}"})  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310
        return str(json.load(answer)["websocket_urls"][hub])


def upgrade(url: str, subprotocol: str) -> bytes:
    """The upgrade request."""
    parts = urlsplit(url)
    lines = [
        f"GET {parts.path}{'?' if parts.query else ''}{parts.query} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        *([f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []),
    ]
    return "\r\n".join((*lines, "", "")).encode()


def upstream(message: m.Upstream, subprotocol: str) -> bytes:
    """A message of the client, as a frame."""
    if subprotocol.startswith("protobuf"):
        return masked(encode_protobuf(message), 2)
    return masked(encode_upstream(message), 1)


async def acknowledge(counters: list[Counter], subprotocol: str, prefix: int) -> None:
    """As the SDKs do: now and then everything received so far."""
    while True:
        await asyncio.sleep(ACK_SECONDS)
        for counter in counters:
            if counter.transport is not None and counter.frames > prefix:
                ack = m.SequenceAck(counter.frames - prefix)
                counter.transport.write(upstream(ack, subprotocol))


async def connect(job: dict[str, Any]) -> list[Counter]:
    """All clients, spread over the keys."""
    loop = asyncio.get_running_loop()
    target, subprotocol = job["target"], job.get("subprotocol", "")
    if not job.get("groups"):
        # A bare server: no hub, no groups; a WebSocket only where the URL says so.
        port = int(target.rstrip("/").rpartition(":")[2])
        opening = upgrade(target, "") if target.startswith("ws:") else b""
        made = [
            await loop.create_connection(lambda: Counter(opening, b""), "127.0.0.1", port)
            for _ in range(job["clients"])
        ]
        return [counter for _, counter in made]
    keys = [f"bench-key-{number}" for number in range(job.get("keys", 1))]
    urls = [await asyncio.to_thread(address, target, job["hub"], key) for key in keys]
    joins = b"".join(upstream(m.JoinGroup(group), subprotocol) for group in job["groups"])
    counters = []
    for number in range(job["clients"]):
        url = urls[number % len(urls)]
        parts = urlsplit(url)
        opening = upgrade(url, subprotocol)
        _, counter = await loop.create_connection(
            lambda opening=opening: Counter(opening, joins),  # type: ignore[misc]
            parts.hostname or "",
            parts.port or 0,
        )
        counters.append(counter)
        if "stagger" in job:
            await asyncio.sleep(job["stagger"])
    return counters


async def main(job: dict[str, Any]) -> dict[str, Any]:
    """Connect everybody, wait a little, count for the seconds."""
    counters = await connect(job)
    subprotocol = job.get("subprotocol", "")
    background = None
    if "reliable" in subprotocol:
        background = asyncio.create_task(acknowledge(counters, subprotocol, 1))
    await asyncio.sleep(SETTLE_SECONDS)
    before = [(counter.frames, counter.bytes) for counter in counters]
    print("counting", flush=True)
    await asyncio.sleep(job["seconds"])
    frames = [counter.frames - old[0] for counter, old in zip(counters, before, strict=True)]
    size = sum(counter.bytes - old[1] for counter, old in zip(counters, before, strict=True))
    if background is not None:
        background.cancel()
    return {"frames": sum(frames), "bytes": size, "fewest": min(frames), "most": max(frames)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))

"""A load client: opens WebSockets, joins groups, and counts frames without decoding them.

python -m bench.load JOB    where JOB is JSON: target (URL; ws:... or raw:PORT for a bare server), clients, seconds;
                            of gexfaker also keys, subprotocol, hubs ({hub: groups}: a socket each for every client),
                            times (the market time each key is sent to first), settle (seconds)

Prints ``counting``, then one line of JSON: frames and bytes received within the seconds, fewest and most of a socket.
Ends with its standard input.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from bench.processes import run
from gexfaker.wire import messages as m
from gexfaker.wire.jsoncodec import encode_upstream
from gexfaker.wire.protocodec import encode_upstream as encode_protobuf

ACK_SECONDS = 1.0
"""As often as the SDKs acknowledge."""

SETTLE_SECONDS = 3.0


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
        self.transport = cast("asyncio.Transport", transport)
        if self._opening:
            self.transport.write(self._opening)

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


def ask(url: str, key: str, body: dict[str, Any] | None = None) -> Any:
    """The JSON answer to a request, a POST if there is a body; as a watcher, as a key has many connections to a hub."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "X-Gexfaker-Watch": "true"}
    request = Request(url, data, headers)  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


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


def place(target: str, keys: list[str], times: list[str]) -> None:
    """Send every key to a market time of its own."""
    for key, time in zip(keys, times, strict=True):
        ask(f"{target}/_gexfaker/sessions/{key}/seek", key, {"time": time})


async def acknowledge(counters: list[Counter], subprotocol: str, prefix: int) -> None:
    """As the SDKs do: now and then everything received so far."""
    while True:
        await asyncio.sleep(ACK_SECONDS)
        for counter in counters:
            if counter.transport is not None and counter.frames > prefix:
                ack = m.SequenceAck(counter.frames - prefix)
                counter.transport.write(upstream(ack, subprotocol))


async def open_bare(job: dict[str, Any]) -> list[Counter]:
    """Clients of a server without hubs; it has WebSockets only where its URL says so."""
    target, loop = job["target"], asyncio.get_running_loop()
    port = int(target.rstrip("/").rpartition(":")[2])
    opening = upgrade(target, "") if target.startswith("ws:") else b""
    made = [
        await loop.create_connection(lambda: Counter(opening, b""), "127.0.0.1", port) for _ in range(job["clients"])
    ]
    return [counter for _, counter in made]


def negotiate(job: dict[str, Any], key: str) -> Any:
    """Where to connect. Clients without a subprotocol cannot ask for a group: the server lets them join."""
    if job["subprotocol"]:
        return ask(f"{job['target']}/negotiate", key)
    groups = [group.removeprefix("blue_") for groups in job["hubs"].values() for group in groups]
    return ask(f"{job['target']}/v2/negotiate", key, {"groups": groups})


async def connect(job: dict[str, Any]) -> list[Counter]:
    """All clients, spread over the keys."""
    loop, target, subprotocol = asyncio.get_running_loop(), job["target"], job["subprotocol"]
    keys = [f"bench-key-{number}" for number in range(job["keys"])]
    answers = [await asyncio.to_thread(negotiate, job, key) for key in keys]
    if "times" in job:
        await asyncio.to_thread(place, target, keys, job["times"])
    counters = []
    for number in range(job["clients"]):
        for hub, groups in job["hubs"].items():
            url = answers[number % len(keys)]["websocket_urls"][hub]
            joins = b"".join(upstream(m.JoinGroup(group), subprotocol) for group in groups if subprotocol)
            counter = Counter(upgrade(url, subprotocol), joins)
            parts = urlsplit(url)
            await loop.create_connection(lambda it=counter: it, parts.hostname or "", parts.port or 0)
            counters.append(counter)
    return counters


async def main(job: dict[str, Any]) -> None:
    """Connect everybody, wait a little, count for the seconds."""
    counters = await (connect(job) if "hubs" in job else open_bare(job))
    subprotocol, background = job.get("subprotocol", ""), None
    if "reliable" in subprotocol:
        background = asyncio.create_task(acknowledge(counters, subprotocol, 1))
    await asyncio.sleep(job.get("settle", SETTLE_SECONDS))
    before = [(counter.frames, counter.bytes) for counter in counters]
    print("counting", flush=True)
    await asyncio.sleep(job["seconds"])
    frames = [counter.frames - old[0] for counter, old in zip(counters, before, strict=True)]
    size = sum(counter.bytes - old[1] for counter, old in zip(counters, before, strict=True))
    if background is not None:
        background.cancel()
    counted = {"frames": sum(frames), "bytes": size, "fewest": min(frames), "most": max(frames)}
    print(json.dumps(counted), flush=True)
    sys.stdin.read()  # nobody is to be disturbed by many connections that close


if __name__ == "__main__":
    run(main(json.loads(sys.argv[1])))

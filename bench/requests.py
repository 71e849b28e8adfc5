"""A REST load client: keep-alive connections, one request after the other on each, answers counted by their lengths.

python -m bench.requests JOB    where JOB is JSON: target (URL), paths, connections, seconds, pause (seconds between an
                                answer and the next request of a connection; 0 unless given)

Prints ``counting``, then one line of JSON: requests, p50, p99 and the longest, in milliseconds. Ends with its standard
input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, cast
from urllib.parse import urlsplit

from bench.processes import run

WARM_SECONDS = 1.0
"""Unless the job says ``warm``."""

KEY = "bench-key-0"


class Asking(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: list[bytes], pause: float) -> None:
        self.times: list[float] = []
        self._requests = requests
        self._pause = pause
        self._at = 0
        self._pending = bytearray()
        self._asked = 0.0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        self._at += 1
        self._asked = time.perf_counter()
        self._transport.write(self._requests[self._at % len(self._requests)])

    def data_received(self, data: bytes) -> None:
        self._pending += data
        head = self._pending.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self._pending[:head].lower()
        assert start.startswith(b"http/1.1 200"), bytes(self._pending)
        length = int(start.partition(b"content-length: ")[2].split(b"\r\n")[0])
        if len(self._pending) < head + 4 + length:
            return
        self._pending.clear()
        self.times.append(time.perf_counter() - self._asked)
        if self._pause:
            self._loop.call_later(self._pause, self._ask)
        else:
            self._ask()


async def main(job: dict[str, Any]) -> None:
    """A second to warm up, then the measurement."""
    loop, parts = asyncio.get_running_loop(), urlsplit(job["target"])
    head = f"Host: {parts.netloc}\r\nAuthorization: Bearer {KEY}\r\nUser-Agent: bench\r\n\r\n"
    requests = [f"GET {path} HTTP/1.1\r\n{head}".encode() for path in job["paths"]]
    asking = []
    for _ in range(job["connections"]):
        protocol = Asking(requests, job.get("pause", 0.0))
        await loop.create_connection(lambda it=protocol: it, parts.hostname or "", parts.port or 0)
        asking.append(protocol)
    await asyncio.sleep(job.get("warm", WARM_SECONDS))
    for protocol in asking:
        protocol.times.clear()
    print("counting", flush=True)
    await asyncio.sleep(job["seconds"])
    times = sorted(took for protocol in asking for took in protocol.times)
    counted = {
        "requests": len(times),
        "rate": len(times) / job["seconds"],
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "longest_ms": times[-1] * 1000,
    }
    print(json.dumps(counted), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    run(main(json.loads(sys.argv[1])))

"""A REST load client: as many keep-alive connections as asked, one request after the other on each.

python -m bench.requests JOB    where JOB is JSON: target (URL), path, connections, seconds

Prints ``counting``, then one line of JSON: requests, p50, p99 and the longest, in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit


async def client(job: dict[str, Any], deadline: float, times: list[float]) -> None:
    """Ask until the deadline."""
    parts = urlsplit(job["target"])
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    lines = [f"GET {job['path']} HTTP/1.1", f"Host: {parts.netloc}", "Authorization: Bearer bench", "User-Agent: bench"]
    request = "\r\n".join((*lines, "", "")).encode()
    while (began := time.perf_counter()) < deadline:
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - began)
    writer.close()


async def main(job: dict[str, Any]) -> dict[str, float]:
    """A second to warm up, then the measurement."""
    await asyncio.gather(*(client(job, time.perf_counter() + 1, []) for _ in range(job["connections"])))
    print("counting", flush=True)
    times: list[float] = []
    deadline = time.perf_counter() + job["seconds"]
    await asyncio.gather(*(client(job, deadline, times) for _ in range(job["connections"])))
    times.sort()
    return {
        "requests": len(times),
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "longest_ms": times[-1] * 1000,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))

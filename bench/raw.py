"""The raw limit: a bare asyncio transport that writes as many bytes to as many sockets as the feed does.

python -m bench.raw FRAMES BYTES INTERVAL     prints the port, then writes FRAMES joined frames each interval
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

from bench.processes import run
from gexfaker.wire.frames import TEXT, frame


async def main(frames: int, size: int, interval: float) -> None:
    """Write the same joined frames to everybody who connects, for ever."""
    joined = frame(TEXT, bytes(size)) * frames
    transports: list[asyncio.Transport] = []

    class Plain(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transports.append(cast("asyncio.Transport", transport))

        def connection_lost(self, exc: Exception | None) -> None:
            transports.clear()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Plain, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while True:
        await asyncio.sleep(interval)
        for transport in transports:
            transport.write(joined)


if __name__ == "__main__":
    run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))

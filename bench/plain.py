"""The plain ways: Starlette's ``send_text`` a message, or ``websockets.broadcast``; and a FastAPI handler.

python -m bench.plain WAY FRAMES BYTES INTERVAL    prints the port; WAY is starlette or broadcast
python -m bench.plain fastapi FILE                 the record of a file, loaded and dumped for each request
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from bench.processes import run


async def starlette(frames: int, size: int, interval: float) -> None:
    """One awaited ``send_text`` for each message and client."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket, WebSocketDisconnect

    clients: set[WebSocket] = set()
    text = "x" * size

    async def feed(socket: WebSocket) -> None:
        await socket.accept()
        clients.add(socket)
        try:
            while True:
                await socket.receive_text()
        except (WebSocketDisconnect, KeyError):
            clients.discard(socket)

    async def stream() -> None:
        while True:
            await asyncio.sleep(interval)
            for socket in list(clients):
                for _ in range(frames):
                    await socket.send_text(text)

    config = uvicorn.Config(Starlette(routes=[WebSocketRoute("/", feed)]), port=0, log_level="error", lifespan="off")
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    print(running.servers[0].sockets[0].getsockname()[1], flush=True)
    await asyncio.gather(task, stream())


async def broadcast(frames: int, size: int, interval: float) -> None:
    """``websockets.broadcast`` for each message."""
    from websockets.asyncio.server import broadcast, serve

    text = "x" * size

    async def wait(connection: Any) -> None:
        await connection.wait_closed()

    async with serve(wait, "127.0.0.1", 0, compression=None) as running:
        print(next(iter(running.sockets)).getsockname()[1], flush=True)
        while True:
            await asyncio.sleep(interval)
            for _ in range(frames):
                broadcast(running.connections, text)


async def fastapi(file: str) -> None:
    """The route as FastAPI's documentation has it written: load the record, return the object."""
    import uvicorn
    from fastapi import FastAPI, Header

    lines = Path(file).read_text().splitlines()
    app = FastAPI()

    @app.get("/v2/{ticker}/{package}/{category}")
    async def answer(ticker: str, package: str, category: str, authorization: str = Header()) -> dict[str, Any]:
        assert all((ticker, package, category, authorization))
        record: dict[str, Any] = json.loads(lines[0])
        return record

    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    print(running.servers[0].sockets[0].getsockname()[1], flush=True)
    await task


if __name__ == "__main__":
    way, *rest_of = sys.argv[1:]
    if way == "fastapi":
        job = fastapi(rest_of[0])
    else:
        frames, size, interval = int(rest_of[0]), int(rest_of[1]), float(rest_of[2])
        job = starlette(frames, size, interval) if way == "starlette" else broadcast(frames, size, interval)
    run(job)

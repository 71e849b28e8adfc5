"""Connections are freed when they end, not when the garbage collector comes: it comes rarely here."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from uvicorn.protocols.http.h11_impl import RequestResponseCycle

from gexfaker.hubs.connection import Connection
from gexfaker.server.run import Server
from gexfaker.server.transport.frameparser import FrameParser
from gexfaker.server.transport.http import HttpProtocol
from gexfaker.server.transport.websocket import Socket
from gexfaker.settings import load
from support import data, decode
from support.raw import JSON, JSON_RELIABLE, connect

KINDS = (Socket, Connection, FrameParser, HttpProtocol, RequestResponseCycle)


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    gc.collect()


def alive() -> list[str]:
    """What there is of a connection's parts."""
    return [type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, KINDS)]


def visit(base: str) -> None:
    """Clients of both kinds that leave in several ways."""
    for number in range(12):
        url = httpx.get(f"{base}/negotiate", headers={"Authorization": "Bearer k"}).json()["websocket_urls"][
            "orderflow"
        ]
        raw = connect(url, JSON if number % 2 else JSON_RELIABLE)
        raw.send_text(decode.json_join(data.group(), 1))
        raw.read_message()
        if number % 3 == 0:
            raw.abort()
        elif number % 3 == 1:
            raw.close(1000)
            raw.read_close()
            raw.socket.close()
        else:
            raw.socket.close()


@pytest.mark.usefixtures("uncollected")
def test_nothing_of_a_connection_waits_for_the_garbage_collector(tmp_path: Path) -> None:
    folder = data.write_day(tmp_path, 50)
    settings = load({"DATA_DIR": str(folder), "PORT": "0", "RECOVERY_WINDOW": "50ms"}, {})
    server = Server(settings)
    before = alive()

    async def run() -> list[str]:
        started = asyncio.Event()
        serving = asyncio.create_task(server.serve(started.set))
        await started.wait()
        await asyncio.to_thread(visit, server.url)
        deadline = asyncio.get_running_loop().time() + 10
        while alive() != before and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.1)
        left = alive()
        server.stop()
        await serving
        return left

    assert asyncio.run(run()) == before

"""Two hundred clients of twenty keys that come and go while the day is played."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from support import data, decode
from support.raw import JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE
from support.server import CLEAN_EXIT, Served, running_server, wait_until

SECONDS = 15.0
CLIENTS = 200
KEYS = 20
MARGIN = 0.5
"""Seconds by which one process may see two sockets' events in another order than the server made them."""


@dataclass
class Visit:
    """One stay of one client in its key's group."""

    key: str
    acknowledged: float = 0.0
    leaving: float = 0.0
    timestamps: list[int] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    after_leave: int = 0


class Client:
    """A client in one of the four dialects."""

    def __init__(self, number: int, urls: list[str], visits: list[Visit]) -> None:
        self.random = random.Random(number)
        self.key = f"churn-{number % KEYS}"
        self.url = urls[number % KEYS]
        self.subprotocol = (JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE)[number // KEYS % 4]
        self.visits = visits
        self.ack_id = 0

    async def run(self, until: float) -> None:
        """Come and go until the time is over."""
        while time.monotonic() < until:
            await asyncio.sleep(self.random.uniform(0, 1.0))
            subprotocols = [Subprotocol(self.subprotocol)]
            ws = await connect(self.url, subprotocols=subprotocols, compression=None, open_timeout=20)
            self.ack_id = 0
            try:
                for _ in range(self.random.randint(1, 3)):
                    if not await self.visit(ws) or time.monotonic() > until:
                        break
            finally:
                if self.random.random() < 0.3:
                    ws.transport.abort()
                await ws.close()

    async def visit(self, ws: ClientConnection) -> bool:
        """Join, stay a while, and usually leave; False when the connection shall simply end."""
        visit = Visit(self.key)
        self.visits.append(visit)
        await ws.send(self.operation("join"))
        await self.until_ack(ws, visit)
        visit.acknowledged = time.monotonic()
        await self.stay(ws, visit, self.random.uniform(0.1, 3.0))
        visit.leaving = time.monotonic()
        if self.random.random() < 0.4:
            return False
        await ws.send(self.operation("leave"))
        await self.until_ack(ws, visit)
        silence = Visit(self.key)
        await self.stay(ws, silence, 0.5)
        visit.after_leave = len(silence.timestamps)
        return True

    async def stay(self, ws: ClientConnection, visit: Visit, seconds: float) -> None:
        """Read for a while."""
        deadline = time.monotonic() + seconds
        while (rest := deadline - time.monotonic()) > 0:
            try:
                frame = await asyncio.wait_for(ws.recv(), rest)
            except TimeoutError:
                return
            await self.take(ws, frame, visit)

    async def until_ack(self, ws: ClientConnection, visit: Visit) -> None:
        """Read up to the ack of the last operation."""
        while True:
            message = await self.take(ws, await asyncio.wait_for(ws.recv(), 20), visit)
            if message.kind == "ack":
                assert (message.id, message.success) == (self.ack_id, True), message
                return

    async def take(self, ws: ClientConnection, frame: str | bytes, visit: Visit) -> decode.Downstream:
        """Note a record; acknowledge it on a reliable connection."""
        message = decode.json_frame(frame) if isinstance(frame, str) else decode.protobuf_frame(frame)
        if message.kind == "data":
            visit.timestamps.append(decode.timestamp(message.any))
            visit.arrivals.append(time.monotonic())
            if message.sequence is not None and message.sequence % 5 == 0:
                ack = decode.json_sequence_ack if isinstance(frame, str) else decode.protobuf_sequence_ack
                await ws.send(ack(message.sequence))
        return message

    def operation(self, verb: str) -> str | bytes:
        """The next join or leave."""
        self.ack_id += 1
        names = {"join": decode.json_join, "leave": decode.json_leave}
        binary = {"join": decode.protobuf_join, "leave": decode.protobuf_leave}
        if "json" in self.subprotocol:
            return names[verb](data.group(), self.ack_id)
        return binary[verb](data.group(), self.ack_id)


async def churn(server: Served) -> list[Visit]:
    """All visits."""
    visits: list[Visit] = []
    urls = [server.orderflow(f"churn-{number}") for number in range(KEYS)]
    clients = [Client(number, urls, visits) for number in range(CLIENTS)]
    until = time.monotonic() + SECONDS
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.run(until))
    return visits


def check_boundaries(visits: list[Visit]) -> None:
    """Nobody missed at the edges of a visit what another client of the same key saw meanwhile."""
    seen: dict[str, dict[int, float]] = defaultdict(dict)
    for visit in visits:
        for timestamp, arrival in zip(visit.timestamps, visit.arrivals, strict=True):
            known = seen[visit.key].get(timestamp, arrival)
            seen[visit.key][timestamp] = min(known, arrival)
    for visit in visits:
        own = set(visit.timestamps)
        for timestamp, arrival in seen[visit.key].items():
            if visit.acknowledged + MARGIN < arrival < visit.leaving - MARGIN:
                assert timestamp in own, (visit.key, timestamp)


@pytest.mark.alone  # its margins are of time
def test_nobody_misses_or_repeats_a_record(tmp_path: Path) -> None:
    data.write_day(tmp_path, 3000)
    with running_server(data_dir=str(tmp_path), ws_stream_interval="200ms", recovery_window="1s") as server:
        visits = asyncio.run(churn(server))
        complete = [visit for visit in visits if visit.leaving]
        assert len(complete) == len(visits) > CLIENTS
        for visit in visits:
            first = visit.timestamps[:1] or [0]
            assert visit.timestamps == list(range(first[0], first[0] + len(visit.timestamps))), visit.key
            assert visit.after_leave == 0
            if visit.leaving - visit.acknowledged > 2 * MARGIN:
                assert visit.timestamps
        check_boundaries(visits)
        records = sum(len(visit.timestamps) for visit in visits)
        print(f"{len(visits)} visits, {records} records")  # noqa: T201
        assert records > 2000
        # Aborted reliable connections are forgotten when their window is over: nothing leaks.
        wait_until(lambda: server.health()["connections"] == 0, 10, "no connections left")
        health = server.health()
        assert health["clients_cut"] == 0
        assert health["records_skipped"] == 0
        assert server.stop() == CLEAN_EXIT
        assert not [line for line in server.stderr if "Traceback" in line or "ERROR" in line], server.stderr

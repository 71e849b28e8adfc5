"""A client that never reads: nobody else notices, and it is cut at the bound."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support import data, decode
from support import raw as bare
from support.server import Running, running_process

# Alone: it compares the lateness of records with a silent client and without one.
pytestmark = pytest.mark.alone

INTERVAL = 0.05
GROUPS = 20
CLIENTS = 20
QUEUE = 1000
BEFORE_SECONDS = 4.0
NEVER_READS_SECONDS = 12.0
WINDOW_SECONDS = 1.0
FLOOR_SECONDS = 0.002
KERNEL_ALLOWANCE = 3000
"""Messages the kernel and the transport may hold on top of the queue: small, as the segments are small."""

TICKERS = [f"T{number}" for number in range(GROUPS)]


@dataclass
class Measured:
    """What was seen: (arrival, lateness) of all records of the good clients, and when the silent one was in."""

    samples: list[tuple[float, float]] = field(default_factory=list)
    began: float = 0.0
    joined: float = 0.0
    cut: float = 0.0
    ended: float = 0.0

    def p99s(self, start: float, end: float) -> list[float]:
        """The 99th percentile of the lateness in each whole window between two times."""
        found = []
        while start + WINDOW_SECONDS <= end:
            inside = [late for at, late in self.samples if start <= at < start + WINDOW_SECONDS]
            found.append(statistics.quantiles(inside, n=100)[98])
            start += WINDOW_SECONDS
        return found


class Good(asyncio.Protocol):
    """A client that reads at once, for ever. It parses nothing, so that it measures the server and not itself."""

    def __init__(self, url: str, groups: list[str], samples: list[tuple[float, float]] | None) -> None:
        self.opening = bare.upgrade_request(url, [bare.JSON])
        self.opening += b"".join(bare.frame(bare.TEXT, decode.json_join(group).encode()) for group in groups)
        self.samples = samples
        self.lost = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.opening)

    def data_received(self, _data: bytes) -> None:
        if self.samples is not None:
            now = time.time()
            self.samples.append((now, now % INTERVAL))  # ticks are at the multiples of the interval

    def connection_lost(self, _exception: Exception | None) -> None:
        self.lost = True


def quiet(p99s: list[float]) -> float:
    """The lower quartile of the windows: what a busy machine does to single ticks says nothing about the server.

    A client that held up the others would do so in every window, the quiet ones included.
    """
    return statistics.quantiles(p99s, n=4)[0]


def never_reading(url: str) -> bare.RawSocket:
    """A plain client in every group that reads nothing after the handshake."""
    client = bare.connect(url, bare.JSON, receive_buffer=4096, segment=536)
    for ticker in TICKERS:
        client.send_text(decode.json_join(data.group(ticker)))
    return client


async def wait_for_cut(server: Running, measured: Measured) -> None:
    """Look twice a second - all the time, so that looking costs every window the same - when the cut comes."""
    while True:
        health = await asyncio.to_thread(server.health)
        if health["clients_cut"] and not measured.cut:
            measured.cut = time.time()
        await asyncio.sleep(0.5)


async def measure(server: Running) -> tuple[Measured, bare.RawSocket]:
    """Good clients alone, then beside one that does not read for a while."""
    measured = Measured()
    url = server.orderflow("shared")  # one key: everybody gets the same publications
    everything = [data.group(ticker) for ticker in TICKERS]
    clients = [Good(url, [group], measured.samples) for group in everything[:CLIENTS]]
    # This one reads all groups all the time, so that the silent client adds no work but its own frames.
    clients.append(Good(url, everything, None))
    loop = asyncio.get_running_loop()
    for client in clients:
        await loop.create_connection(lambda client=client: client, *server.address)  # type: ignore[misc]
    watch = asyncio.create_task(wait_for_cut(server, measured))
    try:
        await asyncio.sleep(1.0)
        measured.began = time.time()
        await asyncio.sleep(BEFORE_SECONDS)
        assert not measured.cut
        silent = await asyncio.to_thread(never_reading, url)
        measured.joined = time.time()
        await asyncio.sleep(NEVER_READS_SECONDS)
        measured.ended = time.time()
        assert not any(client.lost for client in clients)
    finally:
        watch.cancel()
        for client in clients:
            client.transport.close()
    await asyncio.sleep(0)
    return measured, silent


@pytest.mark.skipif(sys.platform == "win32", reason="TCP_MAXSEG is not settable there")
def test_a_client_that_never_reads_delays_nobody_and_is_cut_at_the_bound(tmp_path: Path) -> None:
    data.write_day(tmp_path, 1500, TICKERS)
    interval = f"{INTERVAL * 1000:g}ms"
    settings: dict[str, str | int] = {"data_dir": str(tmp_path), "ws_stream_interval": interval}
    # No pings: they would arrive between the ticks and count as late records.
    with running_process(**settings, queue_messages=QUEUE, ping_interval="10m") as server:
        measured, silent = asyncio.run(measure(server))
        assert len(measured.samples) > 0.9 * CLIENTS * (BEFORE_SECONDS + NEVER_READS_SECONDS) / INTERVAL
        health = server.health()
        assert health["clients_cut"] == 1
        assert health["records_skipped"] == 0
        assert measured.cut, "cut within that time"

        queued = (measured.cut - measured.joined) / INTERVAL * GROUPS
        assert queued + GROUPS >= QUEUE
        assert queued - QUEUE < KERNEL_ALLOWANCE

        alone = measured.p99s(measured.began, measured.joined) + measured.p99s(measured.cut + 0.5, measured.ended)
        beside = measured.p99s(measured.joined, measured.cut - 0.5)
        without, with_silent = quiet(alone), quiet(beside)
        print(  # noqa: T201
            f"p99 lateness: {without * 1000:.2f} ms alone, {with_silent * 1000:.2f} ms beside"
            f" (medians {statistics.median(alone) * 1000:.2f}, {statistics.median(beside) * 1000:.2f});"
            f" cut after {measured.cut - measured.joined:.1f} s, {queued:.0f} messages"
        )
        assert with_silent <= without * 1.10 + FLOOR_SECONDS

        with silent:
            _, gone = silent.read_rest()
            assert isinstance(gone.__cause__, ConnectionResetError)
        assert not [line for line in server.stderr if "Traceback" in line]

"""Twenty thousand messages a second, for minutes: ``python -m tests.soak.steady [SECONDS]``.

A hundred clients are in twenty groups each, a record every 100 ms; half of them speak a reliable subprotocol and
acknowledge once a second, as the SDKs do. Each message is looked at: sequence ids count up by one, the records of a
group follow the day without a gap. Lateness is the time of arrival here less that of the record's tick; ticks are at
whole tenths of a second of this machine's clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from rich.console import Console

from support import data, decode
from support.raw import JSON, JSON_RELIABLE, PING, PONG, TEXT, frame, take_frames, upgrade_request
from support.server import Running, running_process

CLIENTS: Final = 100
KEYS: Final = 10
TICKERS: Final = tuple(f"T{number:02}" for number in range(20))
RECORDS: Final = 500
INTERVAL: Final = 0.1
ACK_SECONDS: Final = 1.0
LATE_P99_MS: Final = 50
MAX_KNOWN: Final = 20_000
"""Texts of messages whose content is remembered: all there are, twice."""

Place = tuple[str, int]


class Seen:
    """What all clients have met.

    Attributes:
        late: messages by whole milliseconds of lateness.
        problems: what was lost, repeated or out of order.
    """

    def __init__(self) -> None:
        self.late: Final[Counter[int]] = Counter()
        self.problems: Final[list[str]] = []
        self._known: Final[dict[bytes, Place]] = {}

    @property
    def messages(self) -> int:
        """How many there were."""
        return sum(self.late.values())

    def percentile(self, share: float) -> int:
        """Milliseconds of lateness that this share of the messages keeps to."""
        left = self.messages * share
        for milliseconds, count in sorted(self.late.items()):
            left -= count
            if left <= 0:
                return milliseconds
        return 0

    def place(self, content: bytes, payload: bytes) -> Place:
        """(group, index in the day) of a message; the same content is decoded once."""
        place = self._known.get(content)
        if place is None:
            message = decode.json_frame(payload)
            place = str(message.group), decode.timestamp(message.any) - data.FIRST
            if len(self._known) < MAX_KNOWN:
                self._known[content] = place
        return place


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, url: str, seen: Seen, *, reliable: bool) -> None:
        self._seen: Final = seen
        self._reliable: Final = reliable
        self._opening: Final = upgrade_request(url, [JSON_RELIABLE if reliable else JSON])
        self._pending = bytearray()
        self._open = False
        self._sequence = 0
        self._records: Final[dict[str, int]] = {}
        """Of each group the index of its last record."""
        self.ticks: Final[dict[str, int]] = {}
        """Of each group the number of its last record's tick; of the first one the time of arrival tells it."""
        self.lost = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._opening)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def send(self, opcode: int, payload: bytes) -> None:
        """Send a frame."""
        assert self.transport is not None
        self.transport.write(frame(opcode, payload))

    def acknowledge(self) -> None:
        """All of it."""
        if self._reliable and self._sequence:
            self.send(TEXT, decode.json_sequence_ack(self._sequence).encode())

    def data_received(self, chunk: bytes) -> None:
        now = time.time()
        self._pending += chunk
        if not self._open:
            head, separator, rest = bytes(self._pending).partition(b"\r\n\r\n")
            if not separator:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._open, self._pending = True, bytearray(rest)
            for number, ticker in enumerate(TICKERS, 1):
                self.send(TEXT, decode.json_join(data.group(ticker), number).encode())
        for opcode, payload in take_frames(self._pending):
            if opcode == PING:
                self.send(PONG, payload)
            elif payload.startswith((b'{"sequenceId"', b'{"type":"message"')):
                self._message(payload, now)

    def _message(self, payload: bytes, now: float) -> None:
        content = payload
        if self._reliable:
            number, content = payload.split(b",", 1)
            sequence = int(number.removeprefix(b'{"sequenceId":'))
            if sequence != self._sequence + 1:
                self._seen.problems.append(f"sequence id {sequence} after {self._sequence}")
            self._sequence = sequence
        group, index = self._seen.place(content, payload)
        before = self._records.get(group)
        if before is not None and index != (before + 1) % RECORDS:
            self._seen.problems.append(f"record {index} of {group} after {before}")
        self._records[group] = index
        tick = self.ticks[group] = self.ticks[group] + 1 if group in self.ticks else int(now / INTERVAL)
        self._seen.late[int((now - tick * INTERVAL) * 1000)] += 1


def _given(client: Client) -> Client:
    return client


async def soak(server: Running, seconds: float) -> Seen:
    """That long; the server is expected to send all there is, in order."""
    loop, seen, clients = asyncio.get_running_loop(), Seen(), list[Client]()
    for number in range(CLIENTS):
        url = await asyncio.to_thread(server.orderflow, f"steady-{number % KEYS}")
        client = Client(url, seen, reliable=bool(number % 2))
        parts = urlsplit(url)
        await loop.create_connection(partial(_given, client), parts.hostname or "", parts.port or 0)
        clients.append(client)
    await asyncio.sleep(2 * ACK_SECONDS)
    seen.late.clear()
    for client in clients:
        client.ticks.clear()  # while everybody connects, the first may come late
    until = loop.time() + seconds
    while loop.time() < until and not seen.problems:
        await asyncio.sleep(ACK_SECONDS)
        for client in clients:
            client.acknowledge()
    for client in clients:
        if client.lost:
            seen.problems.append("a connection was lost")
        elif client.transport is not None:
            client.transport.abort()
    return seen


def check(seen: Seen, seconds: float) -> None:
    """Nothing lost, repeated or out of order, all of it sent, and on time."""
    assert not seen.problems, seen.problems[:5]
    assert seen.messages >= 0.99 * CLIENTS * len(TICKERS) * seconds / INTERVAL
    assert min(seen.late) >= -1, "nothing is sent before its time"
    assert seen.percentile(0.99) <= LATE_P99_MS


@contextlib.contextmanager
def steady_server(folder: Path) -> Iterator[Running]:
    """A day that starts again at its end."""
    data.write_day(folder, RECORDS, TICKERS)
    settings: dict[str, Any] = {"cache_mode": "rotation", "ws_stream_interval": "100ms", "log_level": "warning"}
    with running_process(data_dir=str(folder), **settings) as server:
        yield server


def main(seconds: float) -> None:
    """Run, and print figures."""
    console = Console()
    status = console.status(f"{CLIENTS} clients x {len(TICKERS)} groups for {seconds:.0f} s")
    with tempfile.TemporaryDirectory() as folder, steady_server(Path(folder)) as server, status:
        seen = asyncio.run(soak(server, seconds))
    console.print(
        f"{seen.messages:,} messages in {seconds:.0f} s, {seen.messages / seconds:,.0f} a second, "
        f"{len(seen.problems)} lost, repeated or out of order; lateness p50 {seen.percentile(0.5)} ms, "
        f"p99 {seen.percentile(0.99)} ms, p99.99 {seen.percentile(0.9999)} ms, most {max(seen.late)} ms"
    )
    check(seen, seconds)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 600.0)

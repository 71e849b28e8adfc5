"""Reliable clients whose connections break at random: ``python -m tests.soak.drops [DROPS [CLIENTS]]``.

Each client reads, is dropped in one of many ways - also in the middle of a frame, of its own or of the server's -
and recovers. Every message must arrive exactly once and in order: sequence ids count up by one, timestamps follow
the day, and what is sent again is byte for byte what was sent before.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from support import data, decode
from support.raw import CLOSE, JSON_RELIABLE, PING, PONG, TEXT, GoneError, RawSocket, connect, frame, upgrade_request
from support.server import Running, running_process, wait_until

RECORDS: Final = 3000
INTERVAL: Final = "10ms"
MAX_UNACKNOWLEDGED: Final = 300
"""A client acknowledges by then; the server cuts at 1,000."""


@dataclass
class Totals:
    """What all clients met, under a lock."""

    drops: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    repeated: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Client:
    """One reliable client with a session of its own."""

    def __init__(self, server: Running, number: int, totals: Totals, seed: int) -> None:
        self.random: Final = Random(f"{seed} {number}")
        self.url: Final = server.orderflow(f"drops-{seed}-{number}")
        self.totals: Final = totals
        self.largest = 0
        self.acknowledged = 0
        self.first_timestamp = 0
        self.kept: dict[int, bytes] = {}
        self.raw = connect(self.url, JSON_RELIABLE)
        told = self.raw.read_json()
        self._join()
        self.recovery: Final = f"{self.url}&awps_connection_id={told.id}&awps_reconnection_token={told.token}"
        self.ways: Final[dict[str, Callable[[], None]]] = {
            "reset": self._reset,
            "end of stream": self._finish,
            "reset inside a frame received": self._reset_inside,
            "reset inside a frame sent": self._reset_sending,
            "reset with unread frames": self._reset_unread,
            "close 1001": self._close_1001,
            "close without a code": self._close_without_code,
            "taken over": self._take_over,
        }

    # --- reading -----------------------------------------------------------------------------

    def read(self) -> None:
        """One frame; a message is checked and remembered until it is acknowledged."""
        opcode, payload = self.raw.read_frame()
        if opcode == PING:
            self.raw.send(frame(PONG, payload))
            return
        assert opcode == TEXT, (opcode, payload)
        message = decode.json_frame(payload)
        assert message.kind == "data", message
        self._check(message, payload)

    def _join(self) -> None:
        """The first message may come before the ack, which is delayed on purpose."""
        self.raw.send_text(decode.json_join(data.group(), 1))
        while True:
            payload = self.raw.read_message()
            message = decode.json_frame(payload)
            if message.kind == "ack":
                assert message.success
                return
            self._check(message, payload)

    def _check(self, message: decode.Downstream, payload: bytes) -> None:
        sequence: int = message.sequence
        assert message.group == data.group()
        if sequence <= self.largest:
            assert self.kept.get(sequence, payload) == payload, f"message {sequence} came again, but changed"
            self.totals.repeated += 1
            return
        assert sequence == self.largest + 1, f"{sequence} after {self.largest}"
        timestamp = decode.timestamp(message.any)
        if not self.first_timestamp:
            self.first_timestamp = timestamp
        place = (self.first_timestamp - data.FIRST + sequence - 1) % RECORDS
        assert timestamp == data.FIRST + place, f"message {sequence}: {timestamp}"
        self.largest = sequence
        self.kept[sequence] = payload
        self.totals.messages += 1

    def acknowledge(self) -> None:
        """Everything, something, or what was acknowledged before."""
        number = self.random.randint(max(0, self.acknowledged - 3), self.largest)
        if self.largest - self.acknowledged > MAX_UNACKNOWLEDGED:
            number = self.largest
        self.raw.send_text(decode.json_sequence_ack(number))
        for sequence in range(self.acknowledged + 1, number + 1):
            self.kept.pop(sequence, None)
        self.acknowledged = max(self.acknowledged, number)

    # --- breaking ----------------------------------------------------------------------------

    def _reset(self) -> None:
        self.raw.abort()

    def _finish(self) -> None:
        self.raw.socket.close()

    def _reset_inside(self) -> None:
        """The frame that was begun is lost with its connection, and comes again."""
        self.raw.read(self.random.randint(1, 400))
        self.raw.abort()

    def _reset_sending(self) -> None:
        whole = frame(TEXT, decode.json_sequence_ack(self.largest).encode())
        with contextlib.suppress(OSError):
            self.raw.send(whole[: self.random.randrange(1, len(whole))])
        self.raw.abort()

    def _reset_unread(self) -> None:
        time.sleep(self.random.uniform(0, 0.04))
        self.raw.abort()

    def _close_1001(self) -> None:
        self.raw.close(1001)
        self._until_gone()

    def _close_without_code(self) -> None:
        self.raw.close(None)
        self._until_gone()

    def _until_gone(self) -> None:
        with contextlib.suppress(GoneError):
            while self.raw.read_frame()[0] != CLOSE:
                pass
        self.raw.socket.close()

    def _take_over(self) -> None:
        """The old socket is still open when the client recovers: the server aborts it."""
        old = self.raw
        self._recover()
        old.is_gone()
        old.socket.close()

    # --- coming back -------------------------------------------------------------------------

    def _recover(self) -> None:
        if self.random.random() < 0.1:
            # An attempt that breaks off during the handshake does no harm either.
            with RawSocket(self.recovery) as attempt:
                whole = upgrade_request(self.recovery, [JSON_RELIABLE])
                attempt.send(whole[: self.random.choice((len(whole), len(whole) // 2))])
                attempt.abort()
        self.raw = connect(self.recovery, JSON_RELIABLE)

    def cycle(self) -> str:
        """Read a while, break, recover; the way it broke."""
        for _ in range(self.random.randint(0, 30)):
            self.read()
            if self.random.random() < 0.3:
                self.acknowledge()
        way = self.random.choice(list(self.ways))
        self.ways[way]()
        if way != "taken over":
            if self.random.random() < 0.2:
                time.sleep(self.random.uniform(0, 0.1))
            self._recover()
        if self.largest - self.acknowledged > MAX_UNACKNOWLEDGED:
            self.acknowledge()
        return way

    def finish(self) -> None:
        """Read on to something new, then end in order."""
        target = self.largest + 3
        while self.largest < target:
            self.read()
        self.raw.close(1000)
        assert self.raw.read_close()[0] == 1000
        self.raw.socket.close()


def soak(
    server: Running, drops: int, clients: int, seed: int = 1, progress: Callable[[], None] = lambda: None
) -> Totals:
    """That many drops in all; anything lost, repeated or out of order raises."""
    totals = Totals()
    tickets = itertools.count()
    failed = threading.Event()

    def serve(number: int) -> None:
        try:
            client = Client(server, number, totals, seed)
            while next(tickets) < drops and not failed.is_set():
                way = client.cycle()
                with totals.lock:
                    totals.drops[way] += 1
                    progress()
            client.finish()
        except BaseException as error:
            failed.set()
            error.add_note(f"client {number}, seed {seed}")
            raise

    with ThreadPoolExecutor(clients) as pool:
        for future in [pool.submit(serve, number) for number in range(clients)]:
            future.result()
    wait_until(lambda: server.health()["connections"] == 0, 10, "every session was ended in order")
    assert server.health()["clients_cut"] == 0
    assert not [line for line in server.stderr if "Traceback" in line or "ERROR" in line], server.stderr
    return totals


@contextlib.contextmanager
def drop_server(folder: Path) -> Iterator[Running]:
    """A day that starts again at its end, at 10 ms a record."""
    data.write_day(folder, RECORDS)
    settings = {"cache_mode": "rotation", "ws_stream_interval": INTERVAL, "log_level": "warning"}
    with running_process(data_dir=str(folder), **settings) as server:
        yield server


def main(drops: int, clients: int) -> None:
    """Run with a progress bar and print figures."""
    console = Console()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with tempfile.TemporaryDirectory() as folder, drop_server(Path(folder)) as server:
        began = time.monotonic()
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("drops", total=drops)
            totals = soak(server, drops, clients, int(time.time()), lambda: progress.advance(task))
        seconds = time.monotonic() - began
    console.print(
        f"{sum(totals.drops.values()):,} drops of {clients} clients in {seconds:.0f} s, {totals.messages:,} messages "
        f"exactly once and in order, {totals.repeated:,} sent again and recognised"
    )
    console.print(", ".join(f"{way} {count:,}" for way, count in totals.drops.most_common()))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 24)

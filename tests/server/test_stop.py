"""Real signals: the first drains, the second ends at once."""

from __future__ import annotations

import asyncio
import http.client
import signal
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gexfaker.limits import SAME_SIGNAL_SECONDS
from support import data, decode
from support.raw import JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE, GoneError, try_upgrade
from support.raw import connect as raw_connect
from support.server import Running, running_process, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

CLIENTS = 50
DIALECTS = (JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE)


async def until_closed(url: str, number: int, inside: asyncio.Semaphore) -> int | None:
    """Join, read to the end; the close code that came."""
    dialect = DIALECTS[number % len(DIALECTS)]
    async with connect(url, subprotocols=[Subprotocol(dialect)], open_timeout=20) as ws:
        join = decode.json_join if "json" in dialect else decode.protobuf_join
        await ws.send(join(data.group("SPX"), 1))
        try:
            await ws.recv()
            await ws.recv()
            inside.release()
            while True:
                await ws.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


async def signalled(server: Running, number: int) -> tuple[float, list[int | None]]:
    """When the signal was sent, and the close codes that all clients got."""
    url = server.orderflow()
    inside = asyncio.Semaphore(0)
    clients = [asyncio.create_task(until_closed(url, client, inside)) for client in range(CLIENTS)]
    for _ in range(CLIENTS):
        await asyncio.wait_for(inside.acquire(), 20)
    began = time.monotonic()
    server.send_signal(number)
    return began, await asyncio.wait_for(asyncio.gather(*clients), 15)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everybody_is_told_1001_and_the_exit_code_is_0(number: int) -> None:
    with running_process(ws_stream_interval="50ms") as server:
        began, codes = asyncio.run(signalled(server, number))
        assert codes == [1001] * CLIENTS
        assert server.join() == 0
        took = time.monotonic() - began
        print(f"{CLIENTS} clients drained in {took:.2f} s")  # noqa: T201
        assert took < 10.0
        assert not [line for line in server.stderr if "Traceback" in line or "ERROR" in line], server.stderr


def test_a_client_that_never_answers_does_not_hold_up_the_exit() -> None:
    with running_process() as server, raw_connect(server.orderflow(), JSON):
        began = time.monotonic()
        assert server.stop() == 0
        assert 2.0 < time.monotonic() - began < 10.0


def test_an_idle_server_stops_at_once() -> None:
    with running_process() as server:
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5.0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(second: int) -> None:
    with running_process() as server, raw_connect(server.orderflow(), JSON) as stubborn:
        sent = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert stubborn.read_close()[0] == 1001
        wait_until(lambda: time.monotonic() > sent + 2 * SAME_SIGNAL_SECONDS, 5, "what is another signal")
        assert server.process.poll() is None
        began = time.monotonic()
        server.send_signal(second)
        assert server.join() != 0
        assert time.monotonic() - began < 5.0


def test_a_signal_that_comes_twice_at_once_is_one() -> None:
    with running_process() as server, raw_connect(server.orderflow(), JSON) as client:
        server.send_signal(signal.SIGTERM)
        server.send_signal(signal.SIGINT)
        assert client.read_close()[0] == 1001
        client.close(1001)
        assert server.join() == 0


def test_a_stopping_server_is_not_ready() -> None:
    with running_process() as server, raw_connect(server.orderflow(), JSON) as stubborn:
        url = server.orderflow()
        answers: list[int] = []

        def poll() -> None:
            while True:
                try:
                    answers.append(server.get("/ready")[0])
                except (OSError, http.client.HTTPException):
                    answers.append(0)
                    return

        poller = threading.Thread(target=poll)
        poller.start()
        wait_until(lambda: len(answers) > 5, 5, "answers while it runs")
        server.send_signal(signal.SIGTERM)
        assert stubborn.read_close()[0] == 1001
        poller.join(10)
        assert answers[0] == 200
        assert answers[-1] == 0
        # 200, then perhaps 503, then refused; never back.
        assert answers == sorted(answers, key=[200, 503, 0].index)
        with pytest.raises((OSError, GoneError)):
            try_upgrade(url, [JSON])


def by_group(payloads: list[bytes]) -> dict[str, list[int]]:
    """The timestamps of the records in order of arrival."""
    found: dict[str, list[int]] = defaultdict(list)
    for payload in payloads:
        message = decode.json_frame(payload)
        if message.kind == "data":
            found[message.group].append(decode.timestamp(message.any))
    return found


def test_queued_frames_come_before_the_close(tmp_path: Path) -> None:
    tickers = [f"T{number}" for number in range(10)]
    data.write_day(tmp_path, 2000, tickers)
    settings: dict[str, str | int] = {"data_dir": str(tmp_path), "ws_stream_interval": "10ms", "queue_messages": 5000}
    with running_process(**settings) as server:
        url = server.orderflow("queued")
        with raw_connect(url, JSON) as prompt, raw_connect(url, JSON, receive_buffer=4096, segment=536) as slow:
            for client in (slow, prompt):  # the slow one first: it must get all that the other gets
                for number, ticker in enumerate(tickers):
                    client.join(data.group(ticker), number)
            read: list[bytes] = []
            # Far more than the 500 or so that the kernel and the transport take for the slow one.
            while len(read) < 2000:
                read.append(prompt.read_message())
            server.send_signal(signal.SIGTERM)
            rest, gone = prompt.read_rest()
            assert "close frame" in str(gone)
            late, gone = slow.read_rest()
            assert "close frame" in str(gone)
            at_once, afterwards = by_group(read + rest), by_group(late)
            assert set(at_once) == set(afterwards) == {data.group(ticker) for ticker in tickers}
            for group, timestamps in afterwards.items():
                assert timestamps == list(range(timestamps[0], at_once[group][-1] + 1))
                assert len(timestamps) > 200 - 1
            for client in (prompt, slow):
                client.close(1001)
            assert server.join() == 0

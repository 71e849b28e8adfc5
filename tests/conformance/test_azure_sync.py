"""The official Python client, synchronous: azure-messaging-webpubsubclient."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.messaging.webpubsubclient import WebPubSubClient
from azure.messaging.webpubsubclient.models import CallbackType, OnGroupDataMessageArgs

from support import data, decode
from support.azure import LATE, opened
from support.server import Running, running_process, wait_until

RECORDS = 100
# Its acknowledging thread may wake while the client closes, and then sends on a connection that is gone.
pytestmark = [
    pytest.mark.filterwarnings(
        r"ignore:Exception in thread .*sequence_id_ack_periodically:pytest.PytestUnhandledThreadExceptionWarning"
    ),
]


class Collector:
    """Messages by sequence id: callbacks run in threads of their own, so their order says nothing."""

    def __init__(self) -> None:
        self.messages: list[OnGroupDataMessageArgs] = []
        self._lock = threading.Lock()

    def __call__(self, message: OnGroupDataMessageArgs) -> None:
        with self._lock:
            self.messages.append(message)

    def in_order(self) -> list[OnGroupDataMessageArgs]:
        with self._lock:
            return sorted(self.messages, key=lambda message: message.sequence_id or 0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("sync")
    data.write_day(folder, 2000)
    with running_process(data_dir=str(folder), ws_stream_interval="50ms", ack_delay=LATE) as running:
        yield running


@pytest.fixture(scope="module")
def prompt() -> Iterator[Running]:
    """A server with the delay that is the default: for tests that are alone, because that is enough only for a client
    with a core for itself."""
    with running_process() as running:
        yield running


def kill_connection(client: Any) -> None:
    """Cut the client's TCP connection under its feet."""
    victim: socket.socket = client._ws.sock.sock
    victim.shutdown(socket.SHUT_RDWR)


def check(messages: list[OnGroupDataMessageArgs], count: int) -> None:
    """The first ``count`` messages are the day's first records, complete and once each."""
    assert [message.sequence_id for message in messages[:count]] == list(range(1, count + 1))
    for index, message in enumerate(messages[:count]):
        assert message.group == data.group()
        assert message.data_type == "protobuf"
        assert decode.orderflow(bytes(message.data)) == data.expected("ES_SPX", index)


def test_a_hundred_records_equal_the_file(server: Running) -> None:
    collector = Collector()
    client = WebPubSubClient(server.orderflow("sync-hundred"))
    client.subscribe(CallbackType.GROUP_MESSAGE, collector)
    with opened(client):
        client.join_group(data.group())
        wait_until(lambda: len(collector.messages) >= RECORDS, 30, "100 records")
        client.leave_group(data.group())
    check(collector.in_order(), RECORDS)


@pytest.mark.alone
def test_no_join_of_three_hundred_stalls(prompt: Running) -> None:
    # An ack that comes before this client waits for it is lost to it, and costs it 30 seconds.
    took = []
    client = WebPubSubClient(prompt.orderflow("sync-joins"))
    with opened(client):
        for number in range(300):
            began = time.perf_counter()
            client.join_group(f"blue_room_{number}")
            took.append(time.perf_counter() - began)
    print(f"slowest of 300 joins: {max(took) * 1000:.1f} ms")  # noqa: T201
    assert max(took) < 1.0


@pytest.mark.alone
def test_opening_never_stalls(prompt: Running) -> None:
    for number in range(20):
        began = time.perf_counter()
        with opened(WebPubSubClient(prompt.orderflow(f"sync-open-{number}"))):
            assert time.perf_counter() - began < 2.0


def test_a_killed_connection_recovers_with_every_record_once(server: Running) -> None:
    collector = Collector()
    connected: list[object] = []
    disconnected: list[object] = []
    client = WebPubSubClient(server.orderflow("sync-killed"))
    client.subscribe(CallbackType.GROUP_MESSAGE, collector)
    client.subscribe(CallbackType.CONNECTED, connected.append)
    client.subscribe(CallbackType.DISCONNECTED, disconnected.append)
    with opened(client):
        client.join_group(data.group())
        for wanted in (20, 60):
            wait_until(lambda wanted=wanted: len(collector.messages) >= wanted, 20, f"{wanted} records")  # type: ignore[misc]
            kill_connection(client)
        wait_until(lambda: len(collector.messages) >= RECORDS, 20, "records after the recoveries")
        assert len(connected) == 1
        assert disconnected == []
    check(collector.in_order(), RECORDS)

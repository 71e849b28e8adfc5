"""The official Python client, synchronous and asynchronous, through lost connections and restarted servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest
import websocket
from azure.core.pipeline.policies import RetryMode
from azure.messaging.webpubsubclient import WebPubSubClient, _client
from azure.messaging.webpubsubclient.aio import WebPubSubClient as AsyncClient
from azure.messaging.webpubsubclient.models import CallbackType, OnConnectedArgs, OnGroupDataMessageArgs

from support import data, decode
from support.azure import LATE, opened
from support.leaks import LEAVES_SOCKETS
from support.proxy import Proxy, proxied
from support.server import Running, running_process, wait_until

SECONDS: Final = 20.0
RECORDS: Final = 2000
INTERVAL: Final = "20ms"
PLAYING: Final = {"ws_stream_interval": INTERVAL, "ack_delay": LATE}
SECRET: Final = "reconnect-" * 4
GROUP: Final = data.group()
# Without these, the client gives up after four attempts within six seconds.
PATIENT: Final[dict[str, Any]] = {
    "reconnect_retry_total": 100,
    "reconnect_retry_backoff_factor": 0.3,
    "reconnect_retry_mode": RetryMode.Fixed,
    # A refused TCP connection can fail before the synchronous client waits for it, which then takes this long.
    "start_timeout": 2.0,
}
HIDES_CLOSE_CODES: Final = websocket.__version__ in ("1.9.0", "1.9.1")
NEW, RECOVERY = False, True
# Its acknowledging thread may wake while the client closes, and then sends on a connection that is gone.
pytestmark = [
    *LEAVES_SOCKETS,
    pytest.mark.filterwarnings(
        r"ignore:Exception in thread .*sequence_id_ack_periodically:pytest.PytestUnhandledThreadExceptionWarning",
    ),
]


class Seen:
    """What a client's callbacks were told. The synchronous client calls each in a thread of its own."""

    def __init__(self) -> None:
        self.messages: list[OnGroupDataMessageArgs] = []
        self.connected: list[str] = []
        self.disconnected: list[object] = []
        self.stopped = 0

    def _stop(self) -> None:
        self.stopped += 1

    def _connect(self, told: OnConnectedArgs) -> None:
        self.connected.append(told.connection_id)

    def _listeners(self) -> dict[CallbackType, Callable[..., None]]:
        return {
            CallbackType.GROUP_MESSAGE: self.messages.append,
            CallbackType.CONNECTED: self._connect,
            CallbackType.DISCONNECTED: self.disconnected.append,
            CallbackType.STOPPED: self._stop,
        }

    def listen(self, client: Any) -> None:
        """Subscribe to everything a synchronous client tells."""
        for event, listener in self._listeners().items():
            client.subscribe(event, listener)

    async def listen_async(self, client: Any) -> None:
        """Subscribe to everything an asynchronous client tells."""
        for event, listener in self._listeners().items():

            async def told(*arguments: object, listener: Callable[..., None] = listener) -> None:
                listener(*arguments)

            await client.subscribe(event, told)

    def has(self, count: int) -> Callable[[], bool]:
        """Whether so many messages came."""
        return lambda: len(self.messages) >= count

    def more(self, count: int) -> Callable[[], bool]:
        """Whether so many further messages came."""
        return self.has(len(self.messages) + count)

    def sequences(self) -> list[int]:
        """The messages' sequence ids, as they came."""
        return [message.sequence_id or 0 for message in self.messages]

    def records(self) -> list[tuple[int, int]]:
        """(index in the day, sequence id) of every message, in the day's order; each must equal the file."""
        found = []
        for message in list(self.messages):
            assert message.group == GROUP
            assert message.data_type == "protobuf"
            record = decode.orderflow(bytes(message.data))
            index = int(record["timestamp"]) - data.FIRST
            assert record == data.expected("ES_SPX", index)
            found.append((index, message.sequence_id or 0))
        return sorted(found)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Like ``wait_until``, while the loop runs."""
    await asyncio.to_thread(wait_until, condition, SECONDS, what)


def via(server: Running, proxy: Proxy) -> str:
    """The orderflow hub's URL through the proxy."""
    return server.orderflow().replace("{}:{}".format(*server.address), f"127.0.0.1:{proxy.port}")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data folder."""
    return str(data.write_day(tmp_path_factory.mktemp("reconnect"), RECORDS))


def check_once_each(seen: Seen) -> None:
    """One connection all along: the day's first records, each exactly once, numbered from 1."""
    count = len(seen.messages)
    assert seen.records() == [(index, index + 1) for index in range(count)]


def check_two_connections(seen: Seen) -> None:
    """Two connections to one process: each is complete and numbered from 1, the second goes on in the day."""
    records = seen.records()
    second = next(at for at, (_, sequence) in enumerate(records) if at and sequence == 1)
    assert records[:second] == [(index, index + 1) for index in range(second)]
    start = records[second][0]
    assert start >= second
    assert records[second:] == [(start + index, index + 1) for index in range(len(records) - second)]


def check_two_processes(seen: Seen) -> None:
    """Two processes, which both begin the day: each sends its first records exactly once, numbered from 1."""
    times = Counter(seen.records())
    assert set(times) == {(index, index + 1) for index in range(len(times))}
    twice = [record for record, count in times.items() if count == 2]
    assert set(twice) == {(index, index + 1) for index in range(len(twice))}
    assert len(times) + len(twice) == len(seen.messages)
    assert len(twice) >= 20


def let_it_expire(server: Running, proxy: Proxy) -> None:
    """Cut the connection and keep the client away until the server has forgotten it."""
    proxy.blocked = True
    proxy.cut()
    wait_until(lambda: server.health()["connections"] == 0, SECONDS, "the detached connection expires")
    proxy.blocked = False


# --- open, join, receive, leave, close ---------------------------------------------------------


def test_sync_open_join_receive_leave_close(day: str) -> None:
    with running_process(data_dir=day, **PLAYING) as server:
        url, seen, other = server.orderflow(), Seen(), Seen()
        client, staying = WebPubSubClient(url), WebPubSubClient(url)
        seen.listen(client)
        other.listen(staying)
        with opened(staying):
            with opened(client):
                wait_until(lambda: len(seen.connected) == 1, SECONDS, "the connected event")
                client.join_group(GROUP)
                staying.join_group(GROUP)
                wait_until(seen.has(30), SECONDS, "30 records")
                client.leave_group(GROUP)
                last = client._sequence_id.sequence_id  # of the last message read before the answer
                wait_until(other.more(30), SECONDS, "30 records for the client that stays")
                assert sorted(seen.sequences()) == list(range(1, last + 1)), "silence after leaving"
                assert client.is_connected()
                assert (seen.disconnected, seen.stopped) == ([], 0)
            wait_until(lambda: seen.stopped == 1, SECONDS, "the stopped event")
            wait_until(lambda: server.health()["connections"] == 1, SECONDS, "the server forgets the closed client")
            assert not client.is_connected()
            wait_until(other.more(5), SECONDS, "records for the client that stays")
        wait_until(lambda: server.health()["connections"] == 0, SECONDS, "the server forgets both")
    check_once_each(seen)


def test_async_open_join_receive_leave_close(day: str) -> None:
    async def use(server: Running) -> Seen:
        url, seen, other = server.orderflow(), Seen(), Seen()
        client, staying = AsyncClient(url), AsyncClient(url)
        await seen.listen_async(client)
        await other.listen_async(staying)
        async with staying:
            async with client:
                await until(lambda: len(seen.connected) == 1, "the connected event")
                await client.join_group(GROUP)
                await staying.join_group(GROUP)
                await until(seen.has(30), "30 records")
                await client.leave_group(GROUP)
                last = client._sequence_id.sequence_id
                await until(other.more(30), "30 records for the client that stays")
                assert seen.sequences() == list(range(1, last + 1)), "silence after leaving, and order"
                assert client.is_connected()
                assert (seen.disconnected, seen.stopped) == ([], 0)
            await until(lambda: seen.stopped == 1, "the stopped event")
            await until(lambda: server.health()["connections"] == 1, "the server forgets the closed client")
            assert not client.is_connected()
            await until(other.more(5), "records for the client that stays")
        await until(lambda: server.health()["connections"] == 0, "the server forgets both")
        return seen

    with running_process(data_dir=day, **PLAYING) as server:
        check_once_each(asyncio.run(use(server)))


# --- a connection that is killed is recovered ---------------------------------------------------


def test_sync_reset_connections_are_recovered(day: str) -> None:
    seen = Seen()
    with running_process(data_dir=day, **PLAYING) as server, proxied(server) as proxy:
        client = WebPubSubClient(via(server, proxy))
        seen.listen(client)
        with opened(client):
            client.join_group(GROUP)
            for drop in range(1, 4):
                wait_until(seen.more(20), SECONDS, "records before the reset")
                proxy.cut()
                wait_until(lambda drop=drop: len(proxy.handshakes) > drop, SECONDS, "a recovery")  # type: ignore[misc]
                wait_until(seen.more(40), SECONDS, "records after the recovery")
            assert proxy.handshakes == [(NEW, 101)] + [(RECOVERY, 101)] * 3
            assert (len(seen.connected), seen.disconnected) == (1, [])
    check_once_each(seen)


def test_async_reset_connections_are_recovered(day: str) -> None:
    async def use(server: Running, proxy: Proxy) -> Seen:
        seen = Seen()
        client = AsyncClient(via(server, proxy))
        await seen.listen_async(client)
        async with client:
            await client.join_group(GROUP)
            for drop in range(1, 4):
                await until(seen.more(20), "records before the reset")
                proxy.cut()
                await until(lambda drop=drop: len(proxy.handshakes) > drop, "a recovery")  # type: ignore[misc]
                await until(seen.more(40), "records after the recovery")
            assert proxy.handshakes == [(NEW, 101)] + [(RECOVERY, 101)] * 3
            assert (len(seen.connected), seen.disconnected) == (1, [])
        return seen

    with running_process(data_dir=day, **PLAYING) as server, proxied(server) as proxy:
        seen = asyncio.run(use(server, proxy))
    check_once_each(seen)
    assert seen.sequences() == sorted(seen.sequences()), "in order"


# --- a restarted server -------------------------------------------------------------------------


def test_sync_finds_a_restarted_server(
    day: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With websocket-client 1.9.0 this client does not see the code of a close frame, so it is refused with a status.
    settings = {
        "data_dir": day,
        "ws_stream_interval": INTERVAL,
        "ack_delay": LATE,
        "token_secret": SECRET,
        "recovery_reject": "http404",
    }
    seen = Seen()
    with contextlib.ExitStack() as later, running_process(**settings) as first:
        client = WebPubSubClient(first.orderflow(), **PATIENT)
        seen.listen(client)
        with opened(client):
            client.join_group(GROUP)
            wait_until(seen.has(30), SECONDS, "30 records")
            assert first.stop() == 0
            second = later.enter_context(running_process(port=first.address[1], **settings))
            wait_until(lambda: "Handshake status 404" in caplog.text, SECONDS, "a refused recovery")
            assert (len(seen.connected), seen.disconnected) == (1, [])
            # It would go on for 30 seconds, and no option of the client shortens that.
            monkeypatch.setattr(_client, "_RECOVERY_TIMEOUT", 0.0)
            wait_until(lambda: len(seen.connected) == 2, SECONDS, "a new connection")
            monkeypatch.undo()
            assert len(set(seen.connected)) == 2
            wait_until(seen.more(30), SECONDS, "records of the new process")
            assert second.health()["connections"] == 1
            wait_until(lambda: len(seen.disconnected) == 1, SECONDS, "the disconnected event")
    check_two_processes(seen)


def test_async_finds_a_restarted_server(day: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = PLAYING | {"data_dir": day, "token_secret": SECRET}

    async def use(first: Running, later: contextlib.ExitStack) -> Seen:
        seen = Seen()
        client = AsyncClient(first.orderflow(), **PATIENT)
        await seen.listen_async(client)
        async with client:
            await client.join_group(GROUP)
            await until(seen.has(30), "30 records")
            assert await asyncio.to_thread(first.stop) == 0
            assert "1008" not in caplog.text
            again = running_process(port=first.address[1], **settings)
            second = await asyncio.to_thread(later.enter_context, again)
            await until(lambda: "close with status code 1008" in caplog.text, "a refused recovery")
            await until(lambda: len(seen.connected) == 2, "a new connection")
            assert len(set(seen.connected)) == 2
            await until(seen.more(30), "records of the new process")
            assert (await asyncio.to_thread(second.health))["connections"] == 1
            assert len(seen.disconnected) == 1
        return seen

    with contextlib.ExitStack() as later, running_process(**settings) as first:
        seen = asyncio.run(use(first, later))
    check_two_processes(seen)
    sequences = seen.sequences()
    again = sequences.index(1, 1)
    assert sequences == [*range(1, again + 1), *range(1, len(sequences) - again + 1)], "in order"


# --- a refused recovery -------------------------------------------------------------------------


def test_sync_refused_with_404_connects_anew(day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "ws_stream_interval": INTERVAL,
        "ack_delay": LATE,
        "recovery_window": "10ms",
        "recovery_reject": "http404",
    }
    seen = Seen()
    with running_process(data_dir=day, **settings) as server, proxied(server) as proxy:
        client = WebPubSubClient(via(server, proxy), **PATIENT)
        seen.listen(client)
        with opened(client):
            client.join_group(GROUP)
            wait_until(seen.has(20), SECONDS, "20 records")
            let_it_expire(server, proxy)
            wait_until(lambda: (RECOVERY, 404) in proxy.handshakes, SECONDS, "a refused recovery")
            monkeypatch.setattr(_client, "_RECOVERY_TIMEOUT", 0.0)
            wait_until(lambda: len(seen.connected) == 2, SECONDS, "a new connection")
            monkeypatch.undo()
            wait_until(seen.more(20), SECONDS, "records on the new connection")
            wait_until(lambda: len(seen.disconnected) == 1, SECONDS, "the disconnected event")
            assert len(set(seen.connected)) == 2
            assert set(proxy.handshakes[1:-1]) == {(RECOVERY, 404)}
            assert proxy.handshakes[0] == proxy.handshakes[-1] == (NEW, 101)
    check_two_connections(seen)


def refuse_with_1008(day: str) -> None:
    # The client is only as good as its websocket-client: one that hides the code of a close frame makes it try again
    # and again, without any event; one that tells it makes it connect anew.
    settings = PLAYING | {"recovery_window": "10ms"}
    seen = Seen()
    with running_process(data_dir=day, **settings) as server, proxied(server) as proxy:
        client = WebPubSubClient(via(server, proxy), **PATIENT)
        seen.listen(client)
        with opened(client):
            client.join_group(GROUP)
            wait_until(seen.has(20), SECONDS, "20 records")
            let_it_expire(server, proxy)
            if HIDES_CLOSE_CODES:
                wait_until(lambda: proxy.handshakes.count((RECOVERY, 101)) >= 6, SECONDS, "six refused recoveries")
                assert proxy.handshakes.count((NEW, 101)) == 1
                assert (len(seen.connected), seen.disconnected) == (1, [])
                return
            wait_until(lambda: len(seen.connected) == 2, SECONDS, "a new connection")
            wait_until(seen.more(20), SECONDS, "records on the new connection")
            wait_until(lambda: len(seen.disconnected) == 1, SECONDS, "the disconnected event")
            assert len(set(seen.connected)) == 2
            assert proxy.handshakes == [(NEW, 101), (RECOVERY, 101), (NEW, 101)], "one refusal is enough"
    check_two_connections(seen)


def test_sync_refused_with_1008(day: str) -> None:
    refuse_with_1008(day)


def test_async_refused_with_1008_connects_anew(day: str) -> None:
    settings = PLAYING | {"recovery_window": "10ms"}

    async def use(server: Running, proxy: Proxy) -> Seen:
        seen = Seen()
        client = AsyncClient(via(server, proxy))
        await seen.listen_async(client)
        async with client:
            await client.join_group(GROUP)
            await until(seen.has(20), "20 records")
            await asyncio.to_thread(let_it_expire, server, proxy)
            await until(lambda: len(seen.connected) == 2, "a new connection")
            await until(seen.more(20), "records on the new connection")
            assert len(seen.disconnected) == 1
            assert len(set(seen.connected)) == 2
            assert proxy.handshakes == [(NEW, 101), (RECOVERY, 101), (NEW, 101)], "one refusal is enough"
        return seen

    with running_process(data_dir=day, **settings) as server, proxied(server) as proxy:
        seen = asyncio.run(use(server, proxy))
    check_two_connections(seen)

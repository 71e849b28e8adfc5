"""The official clients on three servers behind nginx: they know nothing of it."""

from __future__ import annotations

import asyncio
import base64
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.messaging.webpubsubclient import WebPubSubClient
from azure.messaging.webpubsubclient.aio import WebPubSubClient as AsyncClient
from azure.messaging.webpubsubclient.models import CallbackType, WebPubSubProtocolType

from support import data, decode
from support import node as installed
from support.azure import LATE, opened
from support.cluster import running_cluster, running_redis
from support.javascript import driver
from support.leaks import LEAVES_SOCKETS
from support.nginx import Balanced, balanced
from support.proxy import proxied
from support.roaming import at
from support.server import InProcess, wait_until

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Redis and nginx are not there"),
    *LEAVES_SOCKETS,
]
GROUP = data.group()
MESSAGES = 30
CUTS = 4
SECONDS = 20.0


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[InProcess]]:
    folder = str(data.write_day(tmp_path_factory.mktemp("clients"), 20_000))
    with running_redis() as engine, running_cluster(engine, 3, data_dir=folder, ack_delay=LATE, speed="20") as servers:
        yield servers


@pytest.fixture(scope="module")
def front(nodes: list[InProcess]) -> Iterator[Balanced]:
    with balanced([node.address for node in nodes]) as nginx:
        yield nginx


def recoveries(nodes: list[InProcess]) -> list[int]:
    """How often a connection came back to each of the servers."""
    return [node.server.service.counts.recoveries["recovered",] for node in nodes]


@pytest.mark.parametrize("protocol", [WebPubSubProtocolType.JSON, WebPubSubProtocolType.JSON_RELIABLE])
def test_the_python_client_hears_every_second(front: Balanced, protocol: WebPubSubProtocolType) -> None:
    client: Any = WebPubSubClient(front.orderflow(f"sync-{protocol}"), auto_reconnect=False, protocol_type=protocol)
    heard, enough = list[Any](), threading.Event()

    def hear(message: Any) -> None:
        heard.append(message.sequence_id)
        if len(heard) >= MESSAGES:
            enough.set()

    client.subscribe(CallbackType.GROUP_MESSAGE, hear)
    with opened(client):
        client.join_group(GROUP)
        assert enough.wait(SECONDS)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Like ``wait_until``, while the loop runs."""
    await asyncio.to_thread(wait_until, condition, SECONDS, what)


def test_the_asynchronous_client_comes_back_to_whichever_server(front: Balanced, nodes: list[InProcess]) -> None:
    heard, before = list[int](), sum(recoveries(nodes))

    async def run() -> None:
        with proxied(front) as proxy:
            url = at(front.orderflow("async"), ("127.0.0.1", proxy.port))
            client: Any = AsyncClient(url, protocol_type=WebPubSubProtocolType.JSON_RELIABLE)

            async def hear(message: Any) -> None:
                heard.append(message.sequence_id)

            await client.subscribe(CallbackType.GROUP_MESSAGE, hear)
            async with client:
                await client.join_group(GROUP)
                for _ in range(CUTS):
                    wanted = len(heard) + MESSAGES
                    await until(lambda wanted=wanted: len(heard) >= wanted, "messages come")  # type: ignore[misc]
                    await asyncio.to_thread(proxy.cut)
                wanted = len(heard) + MESSAGES
                await until(lambda: len(heard) >= wanted, "messages come again")

    asyncio.run(run())
    assert heard == list(range(1, len(heard) + 1)), "every message, once and in order"
    assert sum(recoveries(nodes)) == before + CUTS


def test_the_javascript_client_comes_back_to_whichever_server(front: Balanced, nodes: list[InProcess]) -> None:
    before = sum(recoveries(nodes))
    with proxied(front) as proxy:
        url = at(front.orderflow("javascript"), ("127.0.0.1", proxy.port))
        with driver(installed.node(), url) as client:
            client.start()
            client.do(f"join {GROUP}")
            for _ in range(CUTS):
                client.read(MESSAGES)
                proxy.cut()
            client.read(MESSAGES)
    assert client.sequences() == list(range(1, len(client.messages) + 1))
    seconds = [decode.timestamp(base64.b64decode(message["data"])) for message in client.messages]
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
    assert sum(recoveries(nodes)) == before + CUTS
    assert sum(count > 0 for count in recoveries(nodes)) >= 2, "not always the same server"

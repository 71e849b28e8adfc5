"""The official JavaScript client in Node: @azure/web-pubsub-client, pinned in js/package-lock.json."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from support import data, decode
from support import node as installed
from support.javascript import driver
from support.proxy import Proxy, proxied
from support.server import running_server

FOLDER: Final = Path(__file__).with_name("js")
SECRET: Final = "javascript-" * 4
SECONDS: Final = 20.0
RECORDS: Final = 1500


@pytest.fixture(scope="module")
def node() -> str:
    """The node command, the client installed beside the driver."""
    return installed.node()


def via(url: str, proxy: Proxy) -> str:
    """A URL that leads through the proxy."""
    return url.replace(urlsplit(url).netloc, f"127.0.0.1:{proxy.port}")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data folder."""
    return str(data.write_day(tmp_path_factory.mktemp("javascript"), RECORDS))


def test_open_join_fifty_records_leave_stop(node: str, day: str) -> None:
    with running_server(data_dir=day, ws_stream_interval="20ms") as server, driver(node, server.orderflow()) as client:
        client.start()
        client.do(f"join {data.group()}")
        client.read(50)
        client.do(f"leave {data.group()}")
        count = len(client.messages)
        assert client.quiet(0.5) == [], "silence after leaving"
        assert client.sequences() == list(range(1, count + 1))
        assert client.timestamps() == [data.FIRST + index for index in range(count)]
        records = [decode.orderflow(base64.b64decode(message["data"])) for message in client.messages]
        assert records == [data.expected("ES_SPX", index) for index in range(count)]
        client.tell("stop")
        assert client.until("stopped")


def test_a_cut_connection_is_recovered_without_loss(node: str, day: str) -> None:
    with (
        running_server(data_dir=day, ws_stream_interval="20ms") as server,
        proxied(server) as proxy,
        driver(node, via(server.orderflow(), proxy)) as client,
    ):
        client.start()
        client.do(f"join {data.group()}")
        for drop in range(1, 4):
            client.read(30)
            proxy.cut()
            client.read(60)  # what was missed meanwhile among them
            assert proxy.accepted == drop + 1
        count = len(client.messages)
        assert client.sequences() == list(range(1, count + 1))
        assert client.timestamps() == [data.FIRST + index for index in range(count)]
        assert "disconnected" not in client.quiet(0)


def test_a_restarted_server_is_found_again(node: str, day: str) -> None:
    with running_server(data_dir=day, ws_stream_interval="20ms", token_secret=SECRET) as first:
        port = first.address[1]
        address = first.orderflow()
        with driver(node, address) as client:
            was = client.start()
            client.do(f"join {data.group()}")
            client.read(20)
            assert first.stop() == 0
            before = len(client.messages)
            with running_server(data_dir=day, ws_stream_interval="20ms", token_secret=SECRET, port=port):
                assert client.until("disconnected")["connection"] == was
                assert client.until("connected")["connection"] != was
                client.read(20)
                sequences = client.sequences()
                again = sequences[sequences.index(1, before) :]
                assert again == list(range(1, len(again) + 1))


def test_a_refused_recovery_ends_in_a_new_connection(node: str, day: str) -> None:
    settings = {"ws_stream_interval": "20ms", "recovery_window": "0ms"}
    with (
        running_server(data_dir=day, **settings) as server,
        proxied(server) as proxy,
        driver(node, via(server.orderflow(), proxy)) as client,
    ):
        was = client.start()
        client.do(f"join {data.group()}")
        client.read(20)
        # The server looks for expired connections once a second: until then the client must not come through.
        proxy.blocked = True
        proxy.cut()
        time.sleep(2.5)
        assert server.health()["connections"] == 0
        proxy.blocked = False
        told = client.until("disconnected")
        assert told["connection"] == was
        assert client.until("connected")["connection"] != was
        before = len(client.messages)
        client.read(20)
        again = client.sequences()[before:]
        assert again == list(range(again[0], again[0] + len(again)))
        assert again[0] <= 2, "a new connection counts from 1; its first message may precede the event"


def test_the_url_may_come_from_negotiate(node: str, day: str) -> None:
    with running_server(data_dir=day, ws_stream_interval="20ms") as server:
        with driver(node, f"{server.url}/negotiate") as client:
            client.start()
            client.do(f"join {data.group()}")
            client.read(5)
            assert client.timestamps()[:5] == [data.FIRST + index for index in range(5)]
        assert not [line for line in server.stderr if "Traceback" in line], server.stderr

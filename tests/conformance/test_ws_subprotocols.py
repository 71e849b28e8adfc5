"""Every dialect over a proper WebSocket client, frame for frame, and the head of the 101."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from gexfaker.wire.tokens import Grant, mint
from support import data, decode
from support.raw import JSON, JSON_RELIABLE, PROTOBUF, PROTOBUF_RELIABLE, try_upgrade
from support.server import Served, running_server

SECRET = "only-for-tests-0123456789abcdef0123456789abcdef"
TAKEN = 5


@pytest.fixture(scope="module", params=["blue", "green-2"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("dialects")
    data.write_day(folder, 2000)
    prefix: str = request.param
    with running_server(
        data_dir=str(folder), ws_stream_interval="20ms", ws_group_prefix=prefix, token_secret=SECRET
    ) as running:
        yield running


def prefix_of(server: Served) -> str:
    _, body = server.get("/negotiate", {"Authorization": "Bearer x"})
    prefix: str = json.loads(body)["prefix"]
    return prefix


async def converse(url: str, subprotocol: str, join: str | bytes) -> tuple[list[str | bytes], str]:
    """All frames of a client that joins and takes some records, and the extensions agreed upon."""
    async with connect(url, subprotocols=[Subprotocol(subprotocol)]) as ws:  # offers permessage-deflate
        assert ws.subprotocol == subprotocol
        frames = [await receive(ws)]
        await ws.send(join)
        frames += [await receive(ws) for _ in range(TAKEN + 1)]
        extensions = ws.response.headers.get("Sec-WebSocket-Extensions", "") if ws.response else "?"
        return frames, extensions


async def receive(ws: ClientConnection) -> str | bytes:
    return await asyncio.wait_for(ws.recv(), 10)


@pytest.mark.parametrize("subprotocol", [JSON, JSON_RELIABLE])
def test_json(server: Served, subprotocol: str) -> None:
    reliable = subprotocol == JSON_RELIABLE
    group = data.group(prefix=prefix_of(server))
    url = server.orderflow(f"{subprotocol}-{server.url}")
    frames, extensions = asyncio.run(converse(url, subprotocol, decode.json_join(group, 7)))
    assert extensions == ""
    assert all(isinstance(frame, str) for frame in frames)
    first, *others = [decode.json_frame(frame) for frame in frames]
    assert first.kind == "connected"
    assert first.id
    assert (first.token is not None) == reliable
    acks = [message for message in others if message.kind == "ack"]
    assert [(ack.id, ack.success) for ack in acks] == [(7, True)]
    records = [message for message in others if message.kind == "data"]
    assert len(records) == TAKEN
    extra = {"sequenceId"} if reliable else {"fromUserId"}
    for index, message in enumerate(records):
        assert message.keys == {"type", "from", "group", "dataType", "data"} | extra
        assert message.group == group
        assert message.sequence == (index + 1 if reliable else None)
        assert decode.orderflow(message.any) == data.expected("ES_SPX", index)


@pytest.mark.parametrize("subprotocol", [PROTOBUF, PROTOBUF_RELIABLE])
def test_protobuf(server: Served, subprotocol: str) -> None:
    reliable = subprotocol == PROTOBUF_RELIABLE
    group = data.group(prefix=prefix_of(server))
    url = server.orderflow(f"{subprotocol}-{server.url}")
    frames, extensions = asyncio.run(converse(url, subprotocol, decode.protobuf_join(group, 7)))
    assert extensions == ""
    first, *others = [decode.protobuf_frame(frame) for frame in frames if isinstance(frame, bytes)]
    assert len(others) == TAKEN + 1
    assert first.kind == "connected"
    assert first.user.startswith("key-")
    assert (first.token is not None) == reliable
    assert [(m.id, m.success) for m in others if m.kind == "ack"] == [(7, True)]
    for index, message in enumerate(m for m in others if m.kind == "data"):
        assert message.group == group
        assert message.sequence == (index + 1 if reliable else None)
        assert decode.orderflow(message.any) == data.expected("ES_SPX", index)


def test_a_simple_client_gets_the_bare_any_and_nothing_else(server: Served) -> None:
    grant = Grant(f"simple-{server.url}", groups=(data.group(prefix=prefix_of(server)),))
    url = f"ws{server.url.removeprefix('http')}/client/hubs/orderflow"
    token = mint(grant, url, SECRET, time.time(), 60)

    async def take() -> list[str | bytes]:
        async with connect(f"{url}?access_token={token}") as ws:
            assert ws.subprotocol is None
            return [await receive(ws) for _ in range(TAKEN)]

    frames = asyncio.run(take())
    for index, frame in enumerate(frames):
        assert isinstance(frame, bytes)
        assert decode.orderflow(frame) == data.expected("ES_SPX", index)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["json.webpubsub.azure.v1"], ["json.webpubsub.azure.v1"]),
        (["JSON.Reliable.WebPubSub.Azure.V1"], ["JSON.Reliable.WebPubSub.Azure.V1"]),
        (["PROTOBUF.webpubsub.azure.v1"], ["PROTOBUF.webpubsub.azure.v1"]),
        (["soap", "protobuf.reliable.webpubsub.azure.v1", "json.webpubsub.azure.v1"], [PROTOBUF_RELIABLE]),
        (["soap"], []),
        ([], []),
    ],
)
def test_the_101_names_the_dialect_once_as_the_client_spelt_it(
    server: Served, offered: list[str], chosen: list[str]
) -> None:
    deflate = ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]
    answer = try_upgrade(server.orderflow(), offered, deflate)
    assert answer.status == 101
    assert answer.header("sec-websocket-protocol") == chosen
    assert answer.header("sec-websocket-extensions") == []
    assert len(answer.header("sec-websocket-accept")) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/client/hubs/orderflow",
        "/client/hubs/OrderFlow",
        "/client/?hub=orderflow",
        "/client/?hub=ORDERFLOW",
        "/ws/orderflow",
        "/ws/ORDERFLOW",
    ],
)
def test_every_path_leads_to_the_hub(server: Served, path: str) -> None:
    token = server.orderflow().partition("access_token=")[2]
    mark = "&" if "?" in path else "?"
    answer = try_upgrade(f"{server.url}{path}{mark}access_token={token}", [JSON])
    assert answer.status == 101

"""The official Python client, asynchronous: azure.messaging.webpubsubclient.aio."""

from __future__ import annotations

import asyncio
from pathlib import Path

from azure.messaging.webpubsubclient.aio import WebPubSubClient
from azure.messaging.webpubsubclient.models import CallbackType, OnGroupDataMessageArgs

from support import data, decode
from support.server import Served, running_server

RECORDS = 100


async def collect(server: Served, count: int) -> list[OnGroupDataMessageArgs]:
    """The first messages of a session, by sequence id."""
    messages: list[OnGroupDataMessageArgs] = []
    enough = asyncio.Event()

    async def received(message: OnGroupDataMessageArgs) -> None:
        messages.append(message)
        if len(messages) >= count:
            enough.set()

    client = WebPubSubClient(server.orderflow("async-hundred"))
    await client.subscribe(CallbackType.GROUP_MESSAGE, received)
    async with client:
        await client.join_group(data.group())
        await asyncio.wait_for(enough.wait(), 30)
        await client.leave_group(data.group())
    return sorted(messages, key=lambda message: message.sequence_id or 0)


def test_a_hundred_records_equal_the_file(tmp_path: Path) -> None:
    data.write_day(tmp_path, 500)
    with running_server(data_dir=str(tmp_path), ws_stream_interval="50ms") as server:
        messages = asyncio.run(collect(server, RECORDS))
    assert [message.sequence_id for message in messages[:RECORDS]] == list(range(1, RECORDS + 1))
    for index, message in enumerate(messages[:RECORDS]):
        assert message.group == data.group()
        assert message.data_type == "protobuf"
        assert decode.orderflow(bytes(message.data)) == data.expected("ES_SPX", index)

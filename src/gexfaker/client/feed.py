"""The client behind `gexfaker listen`: negotiate, connect to every hub it takes, join, acknowledge, decode."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from websockets.typing import Subprotocol

from gexfaker.catalog import SPOT, V2, Feed, hub_of
from gexfaker.client.http import unreachable
from gexfaker.errors import FrameError, GexfakerError, RecordError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

NEGOTIATE_TIMEOUT_SECONDS: Final = 10.0
SUBPROTOCOL: Final = Subprotocol("json.reliable.webpubsub.azure.v1")


class ListenError(GexfakerError):
    """The server cannot be reached, refuses, or ends the connection."""


class Target(NamedTuple):
    """A hub to connect to: its address, and the groups to join there (none where the server joins)."""

    address: str
    joins: tuple[str, ...]


class Received(NamedTuple):
    """A data message: the WebSocket text, the group as it is on the wire, the decoded record."""

    frame: str
    group: str
    record: dict[str, Any]


def negotiate(url: str, key: str, feeds: Sequence[Feed]) -> list[Target]:
    """Where to connect for ``feeds``: the POST flow when there is a spot feed among them, else the GET flow.

    Raises:
        ListenError: the server cannot be reached or refuses.
    """
    analytics = [feed for feed in feeds if feed.package != SPOT]
    hubs: dict[str, list[str]] = {}
    for feed in analytics:
        hubs.setdefault(hub_of(feed.package, feed.category), []).append(feed.group)
    try:
        if len(analytics) < len(feeds):
            urls = _ask(f"{url}/v2/negotiate", key, {"groups": [feed.group for feed in feeds]})["websocket_urls"]
            return [Target(str(urls[V2 + hub]), ()) for hub in hubs]
        reply = _ask(f"{url}/negotiate", key, None)
        urls, prefix = reply["websocket_urls"], reply["prefix"]
        return [Target(str(urls[hub]), tuple(f"{prefix}_{group}" for group in groups)) for hub, groups in hubs.items()]
    except (KeyError, TypeError) as error:
        raise ListenError(f"{url}/negotiate gave no address for the hub {error}") from None


def _ask(address: str, key: str, body: object) -> Any:
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request

    from gexfaker.client.http import fetch

    headers = {"Authorization": f"Bearer {key}", "User-Agent": "gexfaker", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        request = Request(address, data, headers)  # noqa: S310
        return fetch(request, NEGOTIATE_TIMEOUT_SECONDS)
    except HTTPError as error:
        raise ListenError(f"{address} answered {error.code}: {error.read(500).decode(errors='replace')}") from None
    except (URLError, OSError, ValueError, HTTPException) as error:
        base = address.partition("/negotiate")[0].removesuffix("/v2")
        raise ListenError(unreachable(base, error)) from None


async def follow(targets: Sequence[Target], receive: Callable[[Received], bool]) -> None:
    """Give every data message of all targets to ``receive`` until it returns False.

    Raises:
        ListenError: a connection cannot be made, is refused or ends.
    """
    readers = [asyncio.create_task(_read(target, receive)) for target in targets]
    try:
        done, _ = await asyncio.wait(readers, return_when=asyncio.FIRST_COMPLETED)
        for reader in done:
            reader.result()
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


async def _read(target: Target, receive: Callable[[Received], bool]) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed, WebSocketException

    address = target.address
    try:
        async with connect(address, subprotocols=[SUBPROTOCOL], compression=None, proxy=None) as websocket:
            try:
                await _receive(websocket, target, receive)
            finally:
                await _close(websocket)
    except ConnectionClosed as error:
        raise ListenError(f"the server closed the connection: {error}") from None
    except BrokenPipeError:  # of whoever prints; a socket's is a ConnectionClosed
        raise
    except (WebSocketException, OSError) as error:
        raise ListenError(
            f"cannot connect to {_bare(address)}: {str(error).replace(address, _bare(address))}"
        ) from None


async def _receive(websocket: ClientConnection, target: Target, receive: Callable[[Received], bool]) -> None:
    from gexfaker.wire import messages as m
    from gexfaker.wire.jsoncodec import encode_upstream

    for number, group in enumerate(target.joins, 1):
        await websocket.send(encode_upstream(m.JoinGroup(group, number)), text=True)
    async for frame in websocket:
        message = _decode(frame)
        if isinstance(message, m.DataMessage):
            await websocket.send(encode_upstream(m.SequenceAck(message.sequence_id or 0)), text=True)
            if not receive(Received(str(frame), message.group or "", decode_payload(message.data.value))):
                return
        elif isinstance(message, m.Ack) and message.error is not None:
            raise ListenError(message.error.message)
    closed = f"{websocket.close_code} {websocket.close_reason}".strip()
    raise ListenError(f"the server closed the connection ({closed})")


async def _close(websocket: ClientConnection) -> None:
    """Close with 1000, which says that nobody comes back.

    What still comes is read and dropped. A client that does not read finds no answer to its close frame behind the
    messages that wait, and gives up after ten seconds only.
    """
    from websockets.exceptions import ConnectionClosed

    closing = asyncio.create_task(websocket.close())
    with contextlib.suppress(ConnectionClosed):
        async for _ in websocket:
            continue
    await closing


def _bare(address: str) -> str:
    """An address without its access token."""
    return address.partition("?")[0]


def _decode(frame: str | bytes) -> Any:
    from gexfaker.wire.jsoncodec import decode_downstream

    try:
        return decode_downstream(frame if isinstance(frame, bytes) else frame.encode())
    except FrameError as error:
        raise ListenError(f"not a message of this protocol ({error}): {frame!r:.200}") from None


def decode_payload(data: bytes) -> dict[str, Any]:
    """The record of a message's data: a serialised Any around a zstd frame around a protobuf message.

    Raises:
        ListenError: it is none.
    """
    from google.protobuf.message import DecodeError

    from gexfaker.wire.feeds import decode
    from gexfaker.wire.payload import unpack

    try:
        return decode(*unpack(data))
    except (RecordError, DecodeError, KeyError) as error:
        raise ListenError(f"cannot decode a message: {error}") from None

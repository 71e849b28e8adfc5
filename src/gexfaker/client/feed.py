"""Where a client connects for its feeds, and how what it gets is decoded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gexfaker.catalog import SPOT, V2, Feed, hub_of
from gexfaker.client.http import said, unreachable
from gexfaker.errors import GexfakerError, RecordError

if TYPE_CHECKING:
    from urllib.error import HTTPError

NEGOTIATE_TIMEOUT_SECONDS: Final = 10.0
PASSING: Final = (429, 500, 502, 503, 504)
"""What a server answers that stops, or a proxy while none is there: it may be right in a moment."""


class ListenError(GexfakerError):
    """The server cannot be reached, refuses, or ends the connection."""


class UnreachableError(ListenError):
    """Nothing serves there now; it may be starting."""


class Target(NamedTuple):
    """A hub to connect to: its address, and the groups to join there (none where the server joins)."""

    address: str
    joins: tuple[str, ...]


class Received(NamedTuple):
    """A data message: the WebSocket text, the group as it is on the wire, the decoded record."""

    frame: str
    group: str
    record: dict[str, Any]


def names_of(targets: Sequence[Target], feeds: Sequence[Feed]) -> set[str]:
    """The groups of these feeds by every name that a server may call them, with a prefix or without."""
    return {group for target in targets for group in target.joins} | {feed.group for feed in feeds}


def negotiate(url: str, key: str, feeds: Sequence[Feed], timeout: float = NEGOTIATE_TIMEOUT_SECONDS) -> list[Target]:
    """Where to connect for ``feeds``: the POST flow when there is a spot feed among them, else the GET flow.

    Args:
        timeout: seconds that the server has for its answer.

    Raises:
        ListenError: the server cannot be reached or refuses.
    """
    analytics = [feed for feed in feeds if feed.package != SPOT]
    hubs: dict[str, list[str]] = {}
    for feed in analytics:
        hubs.setdefault(hub_of(feed.package, feed.category), []).append(feed.group)
    try:
        if len(analytics) < len(feeds):
            asked = {"groups": [feed.group for feed in feeds]}
            urls = _ask(f"{url}/v2/negotiate", key, asked, timeout)["websocket_urls"]
            return [Target(str(urls[V2 + hub]), ()) for hub in hubs]
        reply = _ask(f"{url}/negotiate", key, None, timeout)
        urls, prefix = reply["websocket_urls"], reply["prefix"]
        return [Target(str(urls[hub]), tuple(f"{prefix}_{group}" for group in groups)) for hub, groups in hubs.items()]
    except (KeyError, TypeError) as error:
        raise ListenError(
            f"{url}/negotiate gave no address for the hub {error}: the tier of this key lacks it"
        ) from None


def _ask(address: str, key: str, body: object, timeout: float) -> Any:
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request

    from gexfaker.client.http import fetch

    headers = {"Authorization": f"Bearer {key}", "User-Agent": "gexfaker", "Content-Type": "application/json"}
    headers |= {"X-Gexfaker-Watch": "true"}  # or it would end what a client of the same key has negotiated
    data = None if body is None else json.dumps(body).encode()
    base = address.partition("/negotiate")[0].removesuffix("/v2")
    try:
        request = Request(address, data, headers)  # noqa: S310
        return fetch(request, timeout)
    except HTTPError as error:
        kind = UnreachableError if error.code in PASSING else ListenError
        raise kind(_refusal(base, address, error)) from None
    except (URLError, OSError, ValueError, HTTPException) as error:
        raise UnreachableError(unreachable(base, error)) from None


def _refusal(base: str, address: str, error: HTTPError) -> str:
    """What an error answer says; a server of ours answers with JSON."""
    text = said(error)
    return unreachable(base, error) if text is None else f"{address} answered {error.code}: {text}"


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

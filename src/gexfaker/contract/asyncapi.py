"""The AsyncAPI document: the hubs of the real-time feed and what is said on them, made from the protocol's tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from gexfaker import __version__
from gexfaker.catalog import GREEKS, HUBS, SPOT, STORED_CATEGORIES, V2, V2_HUBS, hub_of
from gexfaker.contract.schemas import MESSAGES, Schema
from gexfaker.wire import messages as m
from gexfaker.wire.feeds import TABLES
from gexfaker.wire.jsoncodec import encode_downstream, encode_upstream
from gexfaker.wire.subprotocols import SUBPROTOCOLS

_GROUP: Final = "blue_SPX_classic_gex_zero"
_PACKED: Final = m.Data(m.PROTOBUF, b"\n\tproto.gex\x12\x04\x28\xb5\x2f\xfd")
_TEXT: Final = m.Data(m.DataType.TEXT, b"hello")


class Said(NamedTuple):
    """A message of the protocol.

    Attributes:
        summary: when it is sent, and what follows.
        least, full: the message with what it must have, and with all that it may have.
    """

    summary: str
    least: m.Upstream | m.Downstream
    full: m.Upstream | m.Downstream

    @property
    def name(self) -> str:
        """What the protocol calls it: its type, and of a system message its event."""
        message = written(self.full)
        name: str = message["event" if message["type"] == "system" else "type"]
        return name


UPSTREAM: Final = (
    Said("Asks for what is sent to a group.", m.JoinGroup(_GROUP), m.JoinGroup(_GROUP, 1)),
    Said("Wants no more of a group.", m.LeaveGroup(_GROUP), m.LeaveGroup(_GROUP, 2)),
    Said(
        "Sends to the other clients of a group, if the token allows it.",
        m.SendToGroup("chat", _TEXT),
        m.SendToGroup("chat", _TEXT, 3, True, (("from", "bot"),)),
    ),
    Said("Is for an application server; there is none.", m.Event("hi", _TEXT), m.Event("hi", _TEXT, 4)),
    Said(
        "Says that all messages up to a number have come; reliable clients only.",
        m.SequenceAck(7),
        m.SequenceAck(7),
    ),
    Said("Asks for a pong.", m.Ping(), m.Ping()),
)
"""From the client to the server."""

DOWNSTREAM: Final = (
    Said(
        "Is the first message; with the token a reliable client takes its connection back.",
        m.Connected("C3gdSa5N2vbZt1tp", None),
        m.Connected("C3gdSa5N2vbZt1tp", "demo", "eyJhbGciOi..."),
    ),
    Said("Says why the connection ends now.", m.Disconnected("closed"), m.Disconnected("closed")),
    Said(
        "Answers a message that had an ackId.",
        m.Ack(1),
        m.Ack(1, m.AckError("Forbidden", "The client may not join this group.")),
    ),
    Said(
        "Carries a record: `data` is base64 of a google.protobuf.Any, its value a zstd frame, in it the protobuf "
        "message; the number is there for reliable clients only.",
        m.DataMessage(_PACKED, _GROUP),
        m.DataMessage(_PACKED, _GROUP, None, 1),
    ),
    Said("Answers a ping.", m.Pong(), m.Pong()),
)
"""From the server to the client."""


def asyncapi() -> dict[str, Any]:
    """The real-time feed, AsyncAPI 3.0; the server is the application described. Who serves it adds ``servers``."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "gexfaker",
            "version": __version__,
            "description": "The real-time feed. Negotiate for the addresses of the hubs: see /openapi.json.",
        },
        "defaultContentType": "application/json",
        "channels": {hub: _channel(hub) for hub in HUBS},
        "operations": dict(_operations()),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def kinds_of(hub: str) -> list[str]:
    """What stands behind the ticker in the groups of a hub of either generation; ``YYYYMMDD`` is an expiry."""
    current = hub.removeprefix(V2)
    kinds = [
        f"{package}_{category}"
        for package, categories in STORED_CATEGORIES.items()
        for category in categories
        if hub_of(package, category) == current
    ]
    return kinds + _DATED.get(current, [])


_DATED: Final = {
    "classic": ["classic_gex_YYYYMMDD"],
    "state_gex": ["state_gex_YYYYMMDD"],
    "state_greeks": [f"state_{greek}_YYYYMMDD" for greek in GREEKS],
    "orderflow": ["orderflow_YYYYMMDD"],
}


def groups_of(hub: str) -> list[str]:
    """The groups of a hub, as they are written for one ticker."""
    kinds = [kind.replace("YYYYMMDD", "{YYYYMMDD}") for kind in kinds_of(hub)]
    return [f"{{prefix}}_{{ticker}}_{kind}" for kind in (*kinds, *((SPOT,) if hub in V2_HUBS else ()))]


def _channel(hub: str) -> dict[str, Any]:
    joins = "The server joins." if hub in V2_HUBS else "The client joins with joinGroup."
    return {
        "address": f"/client/hubs/{hub}",
        "title": hub,
        "description": f"{joins} Groups: {', '.join(groups_of(hub))}. Subprotocols: {_DIALECTS}.",
        "messages": {said.name: {"$ref": f"#/components/messages/{said.name}"} for said in (*UPSTREAM, *DOWNSTREAM)},
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {
                    "type": "object",
                    "properties": {name: {"type": "string", "description": text} for name, text in _QUERY.items()},
                },
                "bindingVersion": "0.1.0",
            }
        },
    }


_DIALECTS: Final = ", ".join(map(str, SUBPROTOCOLS))
_QUERY: Final = {
    "access_token": "From /negotiate.",
    "awps_connection_id": "Of a lost reliable connection that is to be taken back.",
    "awps_reconnection_token": "The token that its connected message had.",
}


def _operations() -> Iterator[tuple[str, Any]]:
    for hub in HUBS:
        for action, messages in (("receive", UPSTREAM), ("send", DOWNSTREAM)):
            yield (
                f"{hub}_{action}",
                {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{hub}"},
                    "messages": [{"$ref": f"#/channels/{hub}/messages/{said.name}"} for said in messages],
                },
            )


def written(message: m.Upstream | m.Downstream) -> dict[str, Any]:
    """A message as the JSON subprotocols write it."""
    is_ours = isinstance(message, m.Downstream)
    text = encode_downstream(message) if is_ours else encode_upstream(message)  # type: ignore[arg-type]
    found: dict[str, Any] = json.loads(text)
    return found


def _messages() -> dict[str, Any]:
    return {
        said.name: {
            "name": said.name,
            "summary": said.summary,
            "payload": _payload(said),
            "examples": [{"payload": written(said.full)}],
        }
        for said in (*UPSTREAM, *DOWNSTREAM)
    }


def _payload(said: Said) -> Schema:
    """What the message's JSON is like: keys and types of its largest form, needed are those of the least."""
    return _like(written(said.full), written(said.least))


def _like(full: dict[str, Any], least: dict[str, Any]) -> Schema:
    properties = {name: _type_of(name, value, full) for name, value in {**least, **full}.items()}
    return {"type": "object", "properties": properties, "required": [name for name in full if name in least]}


def _type_of(name: str, value: Any, full: dict[str, Any]) -> Schema:
    if name == "type" or (name == "event" and full["type"] == "system"):
        return {"const": value}
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {key: _type_of(key, held, value | {"type": ""}) for key, held in value.items()},
        }
    if value is None or name == "userId":
        return {"type": ["string", "null"]}
    kinds = {bool: "boolean", int: "integer"}
    return {"type": kinds.get(type(value), "string")}


def _schemas() -> dict[str, Schema]:
    """The records in the messages, by the type URL of their Any; timestamps and numbers as REST has them."""
    names = {table.message.DESCRIPTOR.name: table.type_url for table in TABLES}
    return {name: MESSAGES[name] | {"x-type-url": url} for name, url in names.items()}

"""What a session's status says: its connections, their groups, and why a group stays silent."""

from __future__ import annotations

from typing import Any

from gexfaker.hubs.connection import Connection
from gexfaker.server.service import Service


def sessions(service: Service) -> dict[str, Any]:
    """All sessions by id (a digest of the key), each with its connections."""
    found: dict[str, list[dict[str, Any]]] = {}
    for hub in service.hubs.values():
        for connection in hub.connections.values():
            owner = connection.grant.user_id or ""
            found.setdefault(owner, []).append(_connection(service, hub.name, connection))
    return {"sessions": [{"session": owner, "connections": found[owner]} for owner in sorted(found)]}


def _connection(service: Service, hub: str, connection: Connection) -> dict[str, Any]:
    return {
        "connection": connection.id,
        "hub": hub,
        "subprotocol": connection.subprotocol.name,
        "state": connection.state.value,
        "unacknowledged": len(connection.unacknowledged),
        "groups": [_group(service, hub, connection.grant.user_id or "", group) for group in connection.groups],
    }


def _group(service: Service, hub: str, session: str, group: str) -> dict[str, Any]:
    feed = service.streamer.feed_of(hub, group)
    if feed is None:
        return {"group": group, "silent": service.streamer.reason(hub, group)}
    return {"group": group, "next_record": service.streamer.sessions.get(session).position(feed)}

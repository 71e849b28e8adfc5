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


def close_session(service: Service, session: str) -> int:
    """Close all connections of a session as an application server does; returns how many."""
    closed = 0
    for hub in service.hubs.values():
        for connection in [held for held in hub.connections.values() if held.grant.user_id == session]:
            hub.close(connection, "closed by /_gexfaker/sessions")
            closed += 1
        hub.drain()
    return closed


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
    place = service.streamer.sessions.peek(session)
    return {"group": group, "next_record": place.position(feed) if place else 0}

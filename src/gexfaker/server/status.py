"""What a session's status says: its connections, their groups, and why a group stays silent."""

from __future__ import annotations

from typing import Any

from gexfaker.catalog import SPOT
from gexfaker.hubs.connection import Connection
from gexfaker.server.service import Service


def sessions(service: Service) -> dict[str, Any]:
    """All sessions by id (a digest of the key), each with its tier, its negotiated memberships, its connections."""
    owners = {owner for hub in service.hubs.values() for owner in hub.members.sessions}
    return {"sessions": [_session(service, owner) for owner in sorted(owners)]}


def _session(service: Service, owner: str) -> dict[str, Any]:
    slot = service.slots.peek(owner)
    connections = [
        _connection(service, hub.name, connection)
        for hub in service.hubs.values()
        for connection in hub.of_session(owner)
    ]
    return {
        "session": owner,
        "tier": service.tier(owner),
        "memberships": None if slot is None else slot.counts(),
        "connections": connections,
    }


def close_session(service: Service, session: str) -> int:
    """Close all connections of a session as an application server does; returns how many."""
    closed = 0
    for hub in service.hubs.values():
        for connection in hub.of_session(session):
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
    feed = service.groups.feed_of(hub, group)
    if feed is None:
        return {"group": group, "silent": service.groups.reason(hub, group)}
    if feed.package == SPOT:
        return {"group": group}
    place, source = service.streamer.sessions.peek(session), service.library.source(feed)
    status = {"group": group, "next_record": place.position(feed) if place else 0}
    return status if source in (feed, None) else status | {"served_from": source.group}

"""What a session's status says: where it is, its connections, their groups, and why a group stays silent."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from gexfaker.catalog import SPOT
from gexfaker.exchange.times import shown
from gexfaker.hubs.connection import Connection
from gexfaker.playback.options import Options
from gexfaker.playback.progress import is_over
from gexfaker.playback.session import Session
from gexfaker.server.service import Service

_OPTIONS: Final = tuple(field.name for field in dataclasses.fields(Options))


def session_ids(service: Service) -> list[str]:
    """Every session that has been used or has a connection."""
    connected = {owner for hub in service.hubs.values() for owner in hub.members.sessions}
    return sorted(connected | {session.id for session in service.sessions.all()})


def is_known(service: Service, owner: str) -> bool:
    """Whether it is one of them."""
    return service.sessions.peek(owner) is not None or is_connected(service, owner)


def is_connected(service: Service, owner: str) -> bool:
    """Whether a session has a connection."""
    return any(owner in hub.members.sessions for hub in service.hubs.values())


def session_status(service: Service, owner: str) -> dict[str, Any]:
    """One session: its tier, where it is, its negotiated memberships, its connections."""
    slot, session = service.slots.peek(owner), service.sessions.peek(owner)
    connections = [
        _connection(service, hub.name, connection)
        for hub in service.hubs.values()
        for connection in hub.of_session(owner)
    ]
    return {
        "session": owner,
        "tier": service.tier(owner),
        "playback": None if session is None else playback_status(session, service.clock()),
        "memberships": None if slot is None else slot.counts(),
        "connections": connections,
    }


def playback_status(session: Session, now: float) -> dict[str, Any]:
    """Where a session is: its day, market time, options, and the index each feed has come to."""
    market = session.market_time(now)
    return {
        "day": session.day,
        "origin": session.library.origin,
        **{name: getattr(session.options, name) for name in _OPTIONS},
        "market_time": market,
        "shown": None if market is None else shown(market),
        "paused": session.paused,
        "over": is_over(session),
        "timeline": session.timeline,
        "positions": {feed.group: index for feed, index in sorted(session.used().items())},
        "messages_sent": session.sent,
        "records_dropped": session.dropped,
        "clients_cut": session.cut,
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
        "behind": connection.blocked,
        "groups": [_group(service, hub, connection.grant.user_id or "", group) for group in connection.groups],
    }


def _group(service: Service, hub: str, owner: str, group: str) -> dict[str, Any]:
    session = service.sessions.peek(owner)
    library = service.library if session is None else session.library
    feed = service.groups.feed_of(hub, group, library)
    if feed is None:
        return {"group": group, "silent": service.groups.reason(hub, group, library)}
    if feed.package == SPOT:
        return {"group": group}
    source = library.source(feed)
    status = {"group": group, "next_record": session.place(feed) if session else 0}
    return status if source in (feed, None) else status | {"served_from": source.group}

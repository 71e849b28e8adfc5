"""What a world's status says: where it is, its connections, their groups, and why a group stays silent."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from gexfaker.catalog import SPOT, Feed
from gexfaker.errors import DataError
from gexfaker.exchange.hours import shown
from gexfaker.hubs.connection import Connection
from gexfaker.playback.options import Options
from gexfaker.playback.play import of_its_day
from gexfaker.server.service import Service
from gexfaker.worlds.quota import Quota
from gexfaker.worlds.world import World

MAX_SHOWN_GROUPS: Final = 200
"""Groups of one connection that are shown: all feeds of a dozen tickers. It may be in 10,000, of 1,024 letters each."""

MAX_SILENCES: Final = 5
"""Reasons for silence that one sentence tells."""

NOWHERE: Final[dict[Feed, int]] = {}
_OPTIONS: Final = Options.__struct_fields__


def world_status(service: Service, world: World) -> dict[str, Any]:
    """One world: its tier, where it is, its negotiated memberships, its connections."""
    slot = world.slot
    connections = [
        _connection(service, world, hub, connection) for hub in service.hubs for connection in world.connections_on(hub)
    ]
    return {
        "session": world.id,
        "name": world.account.name,
        "tier": world.tier,
        "quota": _quota(world.account.quota, service.clock()),
        "playback": playback_status(service, world) if world.is_used else None,
        "memberships": None if slot is None else slot.counts(),
        "market_opens": service.next_opening if service.silent else None,
        "faults": [] if world.watch is None else world.watch.faults.on(service.clock()),
        "connections": connections,
    }


def _quota(quota: Quota, now: float) -> list[dict[str, Any]]:
    """Each allowance of a key, what it has used of it, and in how many seconds that is 0 again."""
    return [
        {"allowance": str(one), "used": quota.used(one, now), "resets_in": quota.wait(one, now)}
        for one in quota.allowances
    ]


def playback_status(service: Service, world: World) -> dict[str, Any]:
    """Where a world is: its day, market time, options, and the index each feed has come to."""
    play, counters = world.play, world.counters
    market = play.market_time(service.clock())
    return {
        "day": play.date,
        "origin": of_its_day(lambda: play.day.origin, None),
        **{name: getattr(play.options, name) for name in _OPTIONS},
        "market_time": market,
        "shown": of_its_day(lambda: None if market is None else shown(market), None),
        "paused": play.paused,
        "over": of_its_day(play.is_over, False),
        "market_closed": service.silent,
        "timeline": play.timeline,
        "positions": {feed.group: index for feed, index in sorted(of_its_day(play.positions, NOWHERE).items())},
        "messages_sent": counters.sent,
        "records_dropped": counters.dropped,
        "clients_cut": counters.cut,
    }


def silences(service: Service, world: World) -> list[str]:
    """Why nothing comes to groups that clients of a world are in: sentences, MAX_SILENCES at the most."""
    found: dict[str, None] = {}
    for hub in service.hubs:
        for connection in [one for one in world.connections_on(hub) if not one.grant.watches]:
            groups = (_group(service, world, hub, group) for group in islice(connection.groups, MAX_SHOWN_GROUPS))
            found |= {f"{one['group']} stays silent: {one['silent']}": None for one in groups if "silent" in one}
    if service.silent:
        found[f"the market is closed until {service.next_opening}"] = None
    if world.delivery.waits:
        found["the feed waits for a client that is behind: it has much unread, or not acknowledged"] = None
    if world.is_used and world.play.paused:
        found["the key is paused"] = None
    if world.is_used and of_its_day(world.play.is_over, False):
        found[f"the key has come to the end of {world.play.date}"] = None
    return list(found)[:MAX_SILENCES]


def close_connections(service: Service, world: World) -> int:
    """Close the connections of a world's clients as an application server does; returns how many."""
    closed = 0
    for name, hub in service.hubs.items():
        for connection in [one for one in world.connections_on(name) if not one.grant.watches]:
            hub.close(connection, "closed by /_gexfaker/sessions")
            closed += 1
        hub.drain()
    return closed


def _connection(service: Service, world: World, hub: str, connection: Connection) -> dict[str, Any]:
    return {
        "connection": connection.id,
        "hub": hub,
        "subprotocol": connection.subprotocol.name,
        "state": connection.state.value,
        **({"watches": True} if connection.grant.watches else {}),
        "unacknowledged": len(connection.unacknowledged),
        "behind": connection.blocked,
        "line": None if connection.line is None else connection.line()._asdict(),
        "groups": [_group(service, world, hub, group) for group in islice(connection.groups, MAX_SHOWN_GROUPS)],
        **({"more_groups": more} if (more := len(connection.groups) - MAX_SHOWN_GROUPS) > 0 else {}),
    }


def _group(service: Service, world: World, hub: str, group: str) -> dict[str, Any]:
    try:
        day = service.day_of(world)
    except DataError as error:
        return {"group": group, "silent": str(error)}
    feed = service.groups.feed_of(hub, group, day)
    if feed is None:
        return {"group": group, "silent": service.groups.reason(hub, group, day)}
    if feed.package == SPOT:
        return {"group": group}
    try:
        tape = day.tape(feed)
    except DataError as error:
        return {"group": group, "silent": f"{error}; it is tried again"}
    if tape is not None and (empty := day.why_empty(tape)):
        return {"group": group, "silent": empty}
    source = day.source(feed)
    status: dict[str, Any] = {"group": group, "next_record": world.play.next_index(feed) if world.is_used else 0}
    if day.is_filled_in(feed):
        status["simulated"] = True
    return status if source in (feed, None) else status | {"served_from": source.group}

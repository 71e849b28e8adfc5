"""Positions as server-sent events, for other simulators that follow our clock; and the earlier tool's names.

``/sync/stream``, ``/reset-cache``, ``/seek-to-timestamp`` and ``/reload-date`` are what users of the earlier open tool
know; they do nothing that the control plane does not. Positions are looked up once for all followers who ask for the
same at nearly the same time.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gexfaker.catalog import Feed
from gexfaker.contract.operations import CONTROLLED, Operation
from gexfaker.errors import ControlError, DataError, GexfakerError
from gexfaker.exchange.hours import date_at
from gexfaker.limits import MAX_RECORDS
from gexfaker.playback.actions import GAP_SECONDS, ChangeDay, Reset, Seek
from gexfaker.playback.answers import stamp_of
from gexfaker.playback.days import Nearness
from gexfaker.playback.play import Play
from gexfaker.server.http.eventstreams import EVENTS, LOOK_SECONDS, NO_STORE, EventStream
from gexfaker.server.http.replies import error, made_once, reply, sentence, service_of, utc
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.control import act, act_and_tell, known_worlds, read_object
from gexfaker.server.service import Service
from gexfaker.server.slices import in_slices
from gexfaker.tapes.tape import Tape
from gexfaker.wire.tokens import mask, world_id
from gexfaker.worlds.snapshot import LAST_TIME
from gexfaker.worlds.world import World

MAX_SAID: Final = 20
"""Different reasons and refusals that one message tells; more are nothing to read."""

MAX_TOLD: Final = 10_000
"""Sessions, and positions of them, in one event, 2 MB; who has more follows single keys."""

SHARED_SECONDS: Final = 0.5
"""Positions older than this, or than half an interval, are looked up anew; younger ones are good enough to share."""


class Told(NamedTuple):
    """The positions of a key's session, or of all, encoded, with the day and the mode they are of."""

    at: float
    date: str
    mode: str
    positions: msgspec.Raw


class Position(NamedTuple):
    """Where a world is on a tape."""

    world: World
    name: str
    tape: Tape
    record: int


class Broadcast:
    """The positions of one server's sessions, for all its followers."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service
        self._lengths: Final[WeakKeyDictionary[Tape, int]] = WeakKeyDictionary()
        self._newest: Final[dict[str | None, Told]] = {}
        self._locks: Final[dict[str | None, asyncio.Lock]] = {}
        self._followers: Final[dict[str | None, int]] = {}

    def follow(self, key: str | None) -> None:
        """Somebody follows the session of a key, or with None all."""
        self._followers[key] = self._followers.get(key, 0) + 1

    def leave(self, key: str | None) -> None:
        """Somebody does no more; with the last one all that was kept for them goes."""
        self._followers[key] -= 1
        if not self._followers[key]:
            del self._followers[key]
            self._newest.pop(key, None)
            self._locks.pop(key, None)

    async def event(self, key: str | None, number: int) -> bytes:
        """The content of a stream's event ``number``; the first is never older than the question."""
        told = await self._told(key, 0.0 if not number else self._service.settings.sync_broadcast_system_interval / 2)
        return msgspec.json.encode(
            {
                "broadcaster_id": self._service.settings.sync_broadcast_system_id or socket.gethostname(),
                "data_date": told.date,
                "cache_mode": told.mode,
                "timestamp": int(told.at * 1000),
                "sequence": number,
                "positions": told.positions,
            }
        )

    async def _told(self, key: str | None, age: float) -> Told:
        asked = self._service.clock()
        async with self._locks.setdefault(key, asyncio.Lock()):
            newest = self._newest.get(key)
            if newest is None or newest.at < asked - min(age, SHARED_SECONDS):
                newest = self._newest[key] = await self._look(key)
            return newest

    async def _look(self, key: str | None) -> Told:
        service, at = self._service, self._service.clock()
        one = None if key is None else service.worlds.peek(world_id(key))
        found = service.worlds.in_use() if key is None else [one] if one is not None and one.is_used else []
        found = sorted(found[:MAX_TOLD], key=lambda world: world.id)
        all_positions = islice(_positions(found), MAX_TOLD)
        positions = [await self._told_of(position, key) async for position in in_slices(all_positions)]
        shown = found[0] if found and key is not None else None
        date = service.day.date if shown is None else shown.play.date
        mode = service.settings.cache_mode if shown is None else shown.play.options.cache_mode
        known = [position for position in positions if position is not None]
        return Told(at, date, mode.value, msgspec.Raw(msgspec.json.encode(known)))

    async def _told_of(self, position: Position, key: str | None) -> dict[str, Any] | None:
        """A position, encoded; None when its day has been closed meanwhile."""
        world, name, tape, index = position
        try:
            length = self._lengths.get(tape) or await self._length(tape)
            index = min(index, length - 1)  # the day may have become shorter: it is of another market, or was replaced
            stamp = _timestamp(tape, index)
        except (GexfakerError, OSError, ValueError):
            return None
        return {
            "cache_key": f"{name}/{world.id if key is None else mask(key)}",
            "index": index,
            "data_length": length,
            "data_timestamp": stamp,
            "exhausted": index + 1 >= length,
            "data_date": world.play.date,
        }

    async def _length(self, tape: Tape) -> int:
        """How many records a tape has: read to its end once, in slices, then remembered."""
        async for _ in in_slices(tape.steps_to_index(MAX_RECORDS)):
            pass
        length = self._lengths[tape] = len(tape)
        return length


def data_key(feed: Feed) -> str:
    """A feed as the earlier tool calls it."""
    return f"{feed.ticker}/{feed.package}/{feed.category}"


def _positions(worlds: list[World]) -> Iterator[Position]:
    """Where worlds are; a day that cannot be opened any more has no positions."""
    for world in worlds:
        try:
            day = world.play.day
            for feed, index in world.play.positions().items():
                tape = day.tape(feed)
                if tape is not None:
                    yield Position(world, data_key(feed), tape, index)
        except GexfakerError:
            continue


def _timestamp(tape: Tape, index: int) -> int | None:
    try:
        return tape.timestamp(index) if index >= 0 else None
    except (GexfakerError, LookupError, ValueError):
        return None


def _broadcast_of(request: Request) -> Broadcast:
    """The server's broadcast, made at first use."""
    return made_once(request, "broadcast", lambda: Broadcast(service_of(request)))


async def _stream(request: Request) -> Response:
    if not service_of(request).settings.sync_broadcast_system_enabled:
        return error("The sync stream is off: start with SYNC_BROADCAST_SYSTEM_ENABLED=true.", 404)
    key = request.query_params.get("key") or None
    if request.method == "HEAD":
        return StreamingResponse([], headers=NO_STORE, media_type=EVENTS)
    service, broadcast = service_of(request), _broadcast_of(request)
    return EventStream(
        service, _events(service, broadcast, key), lambda: broadcast.follow(key), lambda: broadcast.leave(key)
    )


async def _events(service: Service, broadcast: Broadcast, key: str | None) -> AsyncIterator[bytes]:
    number, at = 0, service.clock()
    while not service.life.draining:
        event = "batch" if number else "snapshot"
        yield b"event: %s\ndata: %s\n\n" % (event.encode(), await broadcast.event(key, number))
        number += 1
        at = max(at + service.settings.sync_broadcast_system_interval, service.clock())
        while not service.life.draining and at > service.clock():
            await asyncio.sleep(min(at - service.clock(), LOOK_SECONDS))


async def _targets(service: Service, key: object) -> list[World]:
    """The world of a key, or all of them without one. Raises ControlError: not a key."""
    if key is None or key == "":
        return await known_worlds(service)
    if not isinstance(key, str):
        raise ControlError("key is text, such as demo; leave it out to mean all sessions")
    return [service.world(key)]


async def _reset_cache(request: Request) -> Response:
    service = service_of(request)
    targets = [world for world in await _targets(service, request.query_params.get("key")) if world.is_used]
    count = 0
    async for world in in_slices(targets):
        count += len(world.play.positions())
        await act(service, world, Reset(), quietly=len(targets) > 1)
    return reply({"status": "success", "message": f"{len(targets)} sessions start anew", "count": count})


async def _seek_to_timestamp(request: Request) -> Response:
    """All that can go there go; what the others say is in the message, or the answer when there are none but those."""
    service, asked = service_of(request), await read_object(request)
    if not isinstance(asked.get("timestamp"), int):
        raise ControlError('name the time: {"timestamp":1784295002}, with "key" for one key only')
    details: list[dict[str, Any]] = []
    said: set[str] = set()
    refused = done = 0
    async for world in in_slices(await _targets(service, asked.get("key"))):
        try:
            reason, found = await _sought(service, world, asked["timestamp"])
        except (ControlError, DataError) as problem:
            refused += 1
            said.add(f"not done to {world.id}: {problem}")
            continue
        done += 1
        details += found
        said |= {reason} if reason else set()
    message = "; ".join(sorted(said)[:MAX_SAID]) or "positions set"
    if refused and not done:
        return error(f"{message.removesuffix('.')}.", 400)
    return reply({"status": "success", "message": message, "positions_set": len(details), "details": details})


async def _sought(service: Service, world: World, time: int | str) -> tuple[str | None, list[dict[str, Any]]]:
    """Send a world to a time: why it is not quite there, and where each feed that it uses is now."""
    used = sorted(world.play.positions()) if world.is_used else []
    effect = await act_and_tell(service, world, Seek(time=time))
    found = effect.resolved
    details = {name: found[name] for name in ("data_key", "index", "timestamp")}
    others = [feed for feed in used if data_key(feed) != found["data_key"]]
    return effect.reason, [details, *[await _detail(world.play, feed, found["market_time"]) for feed in others]]


async def _seek(request: Request) -> Response:
    """To a time of any day, for one key or all; the answer is that of the first of them."""
    service, asked = service_of(request), await read_object(request)
    timestamp = asked.get("timestamp")
    if not isinstance(timestamp, int) or isinstance(timestamp, bool) or not 0 <= timestamp < LAST_TIME:
        raise ControlError('name the time in epoch seconds: {"timestamp":1784295002}, with "key" for one key only')
    found: dict[str, Any] | None = None
    for world in await _targets(service, asked.get("key")):
        done = await _seek_day(service, world, timestamp)
        found = found or done
    if found is None:
        raise ControlError("there are no sessions yet: name a key, or use one first")
    return reply(found)


async def _seek_day(service: Service, world: World, timestamp: int) -> dict[str, Any]:
    """Send a world to a time, on another day if need be, and tell where it is now."""
    wanted = date_at(timestamp).isoformat()
    date, nearness = service.days.nearest(wanted)
    outside = nearness in (Nearness.START, Nearness.END)
    if outside and service.settings.range_end_policy == "error":
        dates = service.days.dates()
        raise ControlError(f"there are days from {dates[0]} to {dates[-1]}, and {wanted} is none of them")
    if service.cluster is not None:
        await service.cluster.arrive(world)
    if world.play.date != date:
        await act(service, world, ChangeDay(date))
    others = {Nearness.END: "close", Nearness.SAME: None}
    reason, details = await _sought(service, world, others.get(nearness, "open") or timestamp)
    resolved = details[0]["timestamp"]
    other = None if nearness is Nearness.SAME else f"there is no {wanted}: it is {date}"
    return {
        "resolved_ts": resolved,
        "day": date,
        "in_gap": nearness is Nearness.GAP or (not outside and abs(resolved - timestamp) > GAP_SECONDS),
        "clamped": nearness.value if outside else "none",
        "reason": "; ".join(filter(None, (other, reason))) or None,
        "details": details,
    }


async def _detail(play: Play, feed: Feed, market: float) -> dict[str, Any]:
    """Where a feed is at a market time: its newest record then, or without a clock the one that comes next."""
    tape = play.day.tape(feed)
    index, stamp = -1, None
    if tape is not None:
        async for _ in in_slices(tape.steps_to_time(math.floor(market))):
            pass
        index = play.index_at(tape, market)
        stamp = stamp_of(tape, index) if tape.has(index) else None
    return {"data_key": data_key(feed), "index": index, "timestamp": stamp}


async def begin_all_anew(service: Service) -> None:
    """All keys that are used begin anew with the day with which new keys start, on all servers."""
    if service.cluster is not None:
        await service.cluster.start_with(service.days.first)
    async for world in in_slices([known for known in await known_worlds(service) if known.is_used]):
        await act(service, world, ChangeDay(service.days.first), quietly=True)


async def _reload_date(request: Request) -> Response:
    service, asked = service_of(request), await read_object(request)
    date = asked.get("date")
    if not isinstance(date, str):
        return error('Name the day: {"date":"2026-07-17"}.', 400)
    previous = service.days.first
    try:
        service.start_with(service.days.resolve(date))
    except DataError as problem:
        return error(sentence(problem), 400)
    service.days.reopen()
    await begin_all_anew(service)
    return reply(
        {
            "status": "success",
            "previous_date": previous,
            "new_date": service.days.first,
            "loaded_at": utc(service.clock()),
            "files_loaded": len(service.days.day(service.days.first).feeds),
        }
    )


ENDPOINTS: Final = (
    Endpoint(
        Operation(
            "get",
            "/_gexfaker/sync",
            "The positions, as server-sent events.",
            {200: "text/event-stream", **CONTROLLED, 503: "Error"},
            query=("key",),
            key="control",
            tag="control",
        ),
        _stream,
    ),
    Endpoint(
        Operation(
            "get",
            "/sync/stream",
            "As `/_gexfaker/sync`.",
            {200: "text/event-stream", **CONTROLLED, 503: "Error"},
            query=("key",),
            key="control",
            tag="earlier tool",
        ),
        _stream,
    ),
    Endpoint(
        Operation(
            "post",
            "/reset-cache",
            "As `reset`, for one key or all.",
            {200: "Reset", **CONTROLLED},
            query=("key",),
            key="control",
            tag="earlier tool",
        ),
        _reset_cache,
    ),
    Endpoint(
        Operation(
            "post",
            "/seek-to-timestamp",
            "As `seek`, for one key or all.",
            {200: "Sought", **CONTROLLED},
            body="Timestamp",
            key="control",
            tag="earlier tool",
        ),
        _seek_to_timestamp,
    ),
    Endpoint(
        Operation(
            "post",
            "/reset",
            "As `reset`, for one key or all.",
            {200: "Reset", **CONTROLLED},
            query=("key",),
            key="control",
            tag="earlier tool",
        ),
        _reset_cache,
    ),
    Endpoint(
        Operation(
            "post",
            "/seek",
            "To a time of any day, for one key or all; RANGE_END_POLICY is for times beyond the days.",
            {200: "SoughtDay", **CONTROLLED},
            body="Timestamp",
            key="control",
            tag="earlier tool",
        ),
        _seek,
    ),
    Endpoint(
        Operation(
            "post",
            "/reload-date",
            "As `day`, for all, and for new keys.",
            {200: "Reloaded", **CONTROLLED},
            body="Date",
            key="control",
            tag="earlier tool",
        ),
        _reload_date,
    ),
)
"""The routes of this module."""

"""Positions as server-sent events, for other simulators that follow our clock; and the earlier tool's names.

``/sync/stream``, ``/reset-cache``, ``/seek-to-timestamp`` and ``/reload-date`` are what users of the earlier open tool
know; they do nothing that the control plane does not.
"""

from __future__ import annotations

import asyncio
import datetime
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gexfaker.errors import ControlError, DataError
from gexfaker.limits import MAX_SYNC_STREAMS
from gexfaker.playback.control import Effect
from gexfaker.playback.session import Session
from gexfaker.server.control import change, read_object
from gexfaker.server.guard import guarded
from gexfaker.server.replies import error, reply, service_of
from gexfaker.server.service import Service
from gexfaker.server.status import session_ids
from gexfaker.tapes.tape import Tape
from gexfaker.wire.tokens import mask, session_id

LENGTH_STRIDE: Final = 500
"""Records that are counted before the loop gets its turn: some milliseconds of reading on a large file."""


async def _stream(request: Request) -> Response:
    service = service_of(request)
    if not service.settings.sync_broadcast_system_enabled:
        return error("The sync stream is off: start with SYNC_BROADCAST_SYSTEM_ENABLED=true.", 404)
    if service.sync_streams >= MAX_SYNC_STREAMS:
        return error(f"There are {MAX_SYNC_STREAMS} sync streams already.", 503)
    key = request.query_params.get("key") or None
    return StreamingResponse(
        _events(service, key), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _events(service: Service, key: str | None) -> AsyncIterator[bytes]:
    service.sync_streams += 1
    try:
        number, at = 0, service.clock()
        while not service.draining:
            event = "batch" if number else "snapshot"
            content = msgspec.json.encode(await _batch(service, key, number))
            yield b"event: %s\ndata: %s\n\n" % (event.encode(), content)
            number += 1
            at = max(at + service.settings.sync_broadcast_system_interval, service.clock())
            while not service.draining and at > service.clock():
                await asyncio.sleep(min(at - service.clock(), 0.25))
    finally:
        service.sync_streams -= 1


async def _batch(service: Service, key: str | None, number: int) -> dict[str, Any]:
    wanted = session_ids(service) if key is None else [session_id(key)]
    sessions = [session for session in map(service.sessions.peek, wanted) if session is not None]
    positions = [await _position(*place, key) for session in sessions for place in _places(session)]
    return {
        "broadcaster_id": service.settings.sync_broadcast_system_id or socket.gethostname(),
        "data_date": sessions[0].day if sessions else service.library.date,
        "cache_mode": service.settings.cache_mode.value,
        "timestamp": int(service.clock() * 1000),
        "sequence": number,
        "positions": positions,
    }


def _places(session: Session) -> Iterator[tuple[Session, str, Tape, int]]:
    library = session.library
    for feed, index in session.used().items():
        tape = library.tape(feed)
        if tape is not None:
            yield session, f"{feed.ticker}/{feed.package}/{feed.category}", tape, index


async def _position(session: Session, name: str, tape: Tape, index: int, key: str | None) -> dict[str, Any]:
    length = index + 1
    while tape.has(length + LENGTH_STRIDE):
        length += LENGTH_STRIDE
        await asyncio.sleep(0)
    length = len(tape)
    owner = session.id if key is None else mask(key)
    return {
        "cache_key": f"{name}/{owner}",
        "index": index,
        "data_length": length,
        "data_timestamp": _timestamp(tape, index),
        "exhausted": index + 1 >= length,
    }


def _timestamp(tape: Tape, index: int) -> int | None:
    try:
        return tape.timestamp(index) if index >= 0 else None
    except (DataError, LookupError, ValueError):
        return None


def _targets(service: Service, key: object) -> list[str]:
    """The session of a key, or all of them without one. Raises ControlError: not a key."""
    if key is None or key == "":
        return session_ids(service)
    if not isinstance(key, str):
        raise ControlError("key is text, such as demo; leave it out to mean all sessions")
    return [session_id(key)]


async def _reset_cache(request: Request) -> Response:
    service = service_of(request)
    found = [
        owner
        for owner in _targets(service, request.query_params.get("key"))
        if service.sessions.peek(owner) is not None
    ]
    count = sum(len(service.sessions.get(owner).used()) for owner in found)
    for owner in found:
        change(service, owner, "reset", {})
    return reply({"status": "success", "message": f"{len(found)} sessions start anew", "count": count})


async def _seek_to_timestamp(request: Request) -> Response:
    service, asked = service_of(request), await read_object(request)
    if not isinstance(asked.get("timestamp"), int):
        raise ControlError('name the time: {"timestamp":1784295002}, with "key" for one key only')
    effects = [
        (owner, change(service, owner, "seek", {"time": asked["timestamp"]}))
        for owner in _targets(service, asked.get("key"))
    ]
    details = [_detail(effect) for _, effect in effects]
    message = "; ".join(sorted({effect.reason for _, effect in effects if effect.reason})) or "positions set"
    return reply({"status": "success", "message": message, "positions_set": len(details), "details": details})


def _detail(effect: Effect) -> dict[str, Any]:
    place = effect.resolved
    return {"data_key": place["data_key"], "index": place["index"], "timestamp": place["timestamp"]}


async def _reload_date(request: Request) -> Response:
    service, asked = service_of(request), await read_object(request)
    date = asked.get("date")
    if not isinstance(date, str):
        return error('Name the day: {"date":"2026-07-17"}.', 400)
    previous = service.days.first
    try:
        service.start_with(service.days.resolve(date))
    except DataError as problem:
        return error(f"{problem}.", 400)
    for owner in [session.id for session in service.sessions.all()]:
        change(service, owner, "day", {"date": service.days.first})
    loaded = datetime.datetime.fromtimestamp(service.clock(), datetime.UTC)
    return reply(
        {
            "status": "success",
            "previous_date": previous,
            "new_date": service.days.first,
            "loaded_at": loaded.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "files_loaded": len(service.days.library(service.days.first).feeds),
        }
    )


def sync_routes() -> list[Route]:
    """The stream under both names, and the earlier tool's control routes."""
    routes = (
        ("/_gexfaker/sync", _stream, "GET"),
        ("/sync/stream", _stream, "GET"),
        ("/reset-cache", _reset_cache, "POST"),
        ("/seek-to-timestamp", _seek_to_timestamp, "POST"),
        ("/reload-date", _reload_date, "POST"),
    )
    return [Route(path, guarded(handler), methods=[method]) for path, handler, method in routes]

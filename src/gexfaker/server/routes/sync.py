"""Positions as server-sent events, for other simulators that follow our clock; and the earlier tool's names.

``/sync/stream``, ``/reset-cache``, ``/seek-to-timestamp`` and ``/reload-date`` are what users of the earlier open tool
know; they do nothing that the control plane does not.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from gexfaker.catalog import Feed
from gexfaker.errors import ControlError, DataError
from gexfaker.limits import MAX_SYNC_STREAMS
from gexfaker.playback.answers import stamp_of
from gexfaker.playback.session import Session
from gexfaker.server.http.controlguard import guarded
from gexfaker.server.http.replies import error, reply, sentence, service_of, utc
from gexfaker.server.routes.broadcast import Broadcast, data_key
from gexfaker.server.routes.control import change, read_object, told
from gexfaker.server.routes.status import session_ids
from gexfaker.server.service import Service
from gexfaker.server.slices import in_turns
from gexfaker.wire.tokens import session_id

EVENTS: Final = "text/event-stream"
NO_STORE: Final = {"Cache-Control": "no-store"}

MAX_SAID: Final = 20
"""Different reasons and refusals that one message tells; more are nothing to read."""

SEND_SECONDS: Final = 10.0
"""A follower that has not read for so long is cut off: it would keep a place of MAX_SYNC_STREAMS for ever."""

LOOK_SECONDS: Final = 0.25
"""How often a waiting stream looks whether the server stops."""


def _broadcast_of(request: Request) -> Broadcast:
    """The server's broadcast, made at first use."""
    state = request.app.state
    if not hasattr(state, "broadcast"):
        state.broadcast = Broadcast(state.service)
    found: Broadcast = state.broadcast
    return found


async def _stream(request: Request) -> Response:
    if not service_of(request).settings.sync_broadcast_system_enabled:
        return error("The sync stream is off: start with SYNC_BROADCAST_SYSTEM_ENABLED=true.", 404)
    key = request.query_params.get("key") or None
    if request.method == "HEAD":
        return StreamingResponse([], headers=NO_STORE, media_type=EVENTS)
    return _Stream(service_of(request), _broadcast_of(request), key)


class _Stream(StreamingResponse):
    """A follower's stream; it has one of the MAX_SYNC_STREAMS places from its start to its end, however it ends."""

    def __init__(self, service: Service, broadcast: Broadcast, key: str | None) -> None:
        super().__init__(_events(service, broadcast, key), headers=NO_STORE, media_type=EVENTS)
        self._service: Final = service
        self._broadcast: Final = broadcast
        self._key: Final = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._service.sync_streams >= MAX_SYNC_STREAMS:
            full = error(f"There are {MAX_SYNC_STREAMS} sync streams already.", 503)
            return await full(scope, receive, send)
        self._service.sync_streams += 1  # nothing gives way between the look and this
        self._broadcast.follow(self._key)
        try:
            await super().__call__(scope, receive, self._patient(receive, send))
        finally:
            self._broadcast.leave(self._key)
            self._service.sync_streams -= 1

    def _patient(self, receive: Receive, send: Send) -> Send:
        """``send``, which aborts the connection of who does not read in time, or not at all when the server stops."""

        async def patient(message: Message) -> None:
            waited, sending = 0.0, asyncio.ensure_future(send(message))
            try:
                while not (await asyncio.wait((sending,), timeout=LOOK_SECONDS))[0]:
                    waited += LOOK_SECONDS
                    if waited >= SEND_SECONDS or self._service.draining:
                        _abort(receive)
                        break
                await sending
            finally:
                sending.cancel()

        return patient


def _abort(receive: Receive) -> None:
    """End a request's TCP connection at once: its transport is uvicorn's, whose ``receive`` comes here unwrapped."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()


async def _events(service: Service, broadcast: Broadcast, key: str | None) -> AsyncIterator[bytes]:
    number, at = 0, service.clock()
    while not service.draining:
        event = "batch" if number else "snapshot"
        yield b"event: %s\ndata: %s\n\n" % (event.encode(), await broadcast.event(key, number))
        number += 1
        at = max(at + service.settings.sync_broadcast_system_interval, service.clock())
        while not service.draining and at > service.clock():
            await asyncio.sleep(min(at - service.clock(), LOOK_SECONDS))


def _targets(service: Service, key: object) -> list[str]:
    """The session of a key, or all of them without one. Raises ControlError: not a key."""
    if key is None or key == "":
        return session_ids(service)
    if not isinstance(key, str):
        raise ControlError("key is text, such as demo; leave it out to mean all sessions")
    return [session_id(key)]


async def _reset_cache(request: Request) -> Response:
    service = service_of(request)
    owners = _targets(service, request.query_params.get("key"))
    sessions = [session for session in map(service.sessions.peek, owners) if session is not None]
    count = 0
    async for session in in_turns(sessions):
        count += len(session.used())
        change(service, session.id, "reset", {})
    return reply({"status": "success", "message": f"{len(sessions)} sessions start anew", "count": count})


async def _seek_to_timestamp(request: Request) -> Response:
    """All that can go there go; what the others say is in the message, or the answer when there are none but those."""
    service, asked = service_of(request), await read_object(request)
    if not isinstance(asked.get("timestamp"), int):
        raise ControlError('name the time: {"timestamp":1784295002}, with "key" for one key only')
    details: list[dict[str, Any]] = []
    said: set[str] = set()
    refused = done = 0
    async for owner in in_turns(_targets(service, asked.get("key"))):
        try:
            reason, places = _sought(service, owner, asked["timestamp"])
        except (ControlError, DataError) as problem:
            refused += 1
            said.add(f"not done to {owner}: {problem}")
            continue
        done += 1
        details += places
        said |= {reason} if reason else set()
    message = "; ".join(sorted(said)[:MAX_SAID]) or "positions set"
    if refused and not done:
        return error(f"{message.removesuffix('.')}.", 400)
    return reply({"status": "success", "message": message, "positions_set": len(details), "details": details})


def _sought(service: Service, owner: str, timestamp: int) -> tuple[str | None, list[dict[str, Any]]]:
    """Send a session to a time: why it is not quite there, and where each feed that it uses is now."""
    session = service.sessions.peek(owner)
    used = [] if session is None else sorted(session.used())
    effect = told(service, owner, "seek", {"time": timestamp})
    found, session = effect.resolved, service.sessions.get(owner)
    details = {name: found[name] for name in ("data_key", "index", "timestamp")}
    others = (_detail(session, feed, found["market_time"]) for feed in used if data_key(feed) != found["data_key"])
    return effect.reason, [details, *others]


def _detail(session: Session, feed: Feed, market: float) -> dict[str, Any]:
    """Where a feed is at a market time: its newest record then, or in step mode the one that comes next."""
    tape = session.library.tape(feed)
    index, stamp = -1, None
    if tape is not None:
        at = tape.index_at(math.ceil(market) - 1) + 1 if session.is_stepped else tape.index_at(math.floor(market))
        index, stamp = at, stamp_of(tape, at) if tape.has(at) else None
    return {"data_key": data_key(feed), "index": index, "timestamp": stamp}


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
    async for owner in in_turns([session.id for session in service.sessions.all()]):
        change(service, owner, "day", {"date": service.days.first})
    return reply(
        {
            "status": "success",
            "previous_date": previous,
            "new_date": service.days.first,
            "loaded_at": utc(service.clock()),
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

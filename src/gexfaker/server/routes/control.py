"""The control plane, ``/_gexfaker/...``: list, show, create and change sessions. Every answer tells the effect."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gexfaker.errors import ControlError, DataError
from gexfaker.limits import MAX_CONTROL_BYTES, MAX_SESSIONS
from gexfaker.playback.actions import ACTIONS, Effect, apply
from gexfaker.playback.session import Session
from gexfaker.server.http.controlguard import Handler, guarded
from gexfaker.server.http.replies import encoded, error, read_body, reply, sentence, service_of
from gexfaker.server.routes.status import (
    close_session,
    is_connected,
    is_known,
    playback_status,
    session_ids,
    session_status,
)
from gexfaker.server.service import Service
from gexfaker.server.slices import in_turns
from gexfaker.wire.tokens import session_id

log: Final = logging.getLogger(__name__)
ALL: Final = "all"
"""Instead of a session: every one there is."""

BY_KEY: Final = "by-key"
"""Instead of a session: the one of the API key in the query, which may be any text, even a word of ours."""

FIRST_USE: Final = "first use of this key"
NO_SESSION: Final = "There is no such session."

PAGE: Final = 1000
"""Sessions listed at once unless told otherwise: 1 MB."""

MAX_PAGE: Final = 10_000
"""Sessions listed at once at the most: 10 MB, made in some 0.5 s of slices."""


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body; an empty body counts as an empty one. Raises ControlError."""
    body = await read_body(request, MAX_CONTROL_BYTES)
    if body is None:
        raise ControlError(f"the body is longer than {MAX_CONTROL_BYTES} bytes")
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ControlError(f"the body is not a JSON object: {problem}") from None


def change(service: Service, owner: str, action: str, arguments: dict[str, Any]) -> Effect:
    """Do something to a session, come to rest for it: nothing of its old timeline is sent after this.

    Raises:
        ControlError, DataError: it cannot be done.
    """
    now = service.clock()
    if action == "pause" and not service.silent:
        service.streamer.finish(owner, now)
    service.streamer.settle(owner)
    effect = apply(service.sessions.get(owner), action, arguments, service.sessions.options, now)
    service.alarm.ring()
    log.info("%s %s: %s", owner, action, msgspec.json.encode(effect.resolved).decode())
    return effect


def told(service: Service, owner: str, action: str, arguments: dict[str, Any]) -> Effect:
    """``change``, which says so when the key had not been used yet: it may be a typing error."""
    is_new = service.sessions.peek(owner) is None and not is_connected(service, owner)
    effect = change(service, owner, action, arguments)
    return effect._replace(reason="; ".join(filter(None, (effect.reason, FIRST_USE)))) if is_new else effect


def owner_of(request: Request) -> str:
    """The session that a path means: its id, an API key, or ``by-key`` and the key in the query.

    Raises:
        ControlError, DataError: it says both, or the half of it; there is no such session.
    """
    name, key = request.path_params["session"], request.query_params.get("key")
    if (name == BY_KEY) != (key is not None):
        raise ControlError(f"a key in the query goes with /sessions/{BY_KEY}: /_gexfaker/sessions/{BY_KEY}?key=KEY")
    if key is not None:
        return session_id(key)
    known = is_known(service_of(request), name)
    if name.startswith("key-") and not known:
        raise DataError(f"there is no session {name[:40]}; a key of that name is /sessions/{BY_KEY}?key=KEY")
    return name if known else session_id(name)


async def _list(request: Request) -> Response:
    """The sessions, a page of them."""
    service = service_of(request)
    limit, offset = _whole(request, "limit", PAGE, MAX_PAGE), _whole(request, "offset", 0, MAX_SESSIONS)
    known = session_ids(service)
    told = [encoded(session_status(service, o)) async for o in in_turns(known[offset : offset + limit])]
    return reply({"sessions": told, "total": len(known)})


def _whole(request: Request, name: str, default: int, most: int) -> int:
    """A whole number of the query. Raises ControlError."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most):
        raise ControlError(f"{name} is a whole number up to {most}")
    return int(text)


async def _show(request: Request) -> Response:
    if request.path_params["session"] == ALL:
        return await _list(request)
    service, owner = service_of(request), owner_of(request)
    return reply(session_status(service, owner)) if is_known(service, owner) else error(NO_SESSION, 404)


async def _create(request: Request) -> Response:
    """A session for a key, with explicit settings: any argument of ``day``, ``mode``, ``speed``, ``seek``."""
    service, wanted = service_of(request), await read_object(request)
    key = wanted.pop("key", None)
    if not isinstance(key, str) or not key:
        raise ControlError('name the API key: {"key":"demo", ...}')
    owner = session_id(key)
    actions = {"day": {"date"}, "speed": {"speed"}, "seek": {"time", "index", "feed"}}
    steps: dict[str, dict[str, Any]] = {name: {} for name in ("reset", "day", "mode", "speed", "seek")}
    for name, value in wanted.items():
        steps[next((action for action, names in actions.items() if name in names), "mode")][name] = value
    steps = {name: values for name, values in steps.items() if values or name == "reset"}
    trial = Session(owner, service.days, service.sessions.options)
    for name, values in steps.items():  # refused as a whole, or done as a whole
        apply(trial, name, values, service.sessions.options, service.clock())
    effects = {name: change(service, owner, name, values)._asdict() for name, values in steps.items()}
    return reply(_answer(service, owner) | {"effects": effects}, 201)


async def _act(request: Request) -> Response:
    service, action = service_of(request), request.path_params["action"]
    if action not in ACTIONS:
        return error(f"There is no action {action[:40]!r}: one of {', '.join(ACTIONS)}.", 404)
    arguments = await read_object(request)
    if request.path_params["session"] == ALL:
        return await _act_on_all(service, action, arguments)
    owner = owner_of(request)
    effect = told(service, owner, action, arguments)
    return reply(_answer(service, owner) | {"action": action, **effect._asdict()})


async def _act_on_all(service: Service, action: str, arguments: dict[str, Any]) -> Response:
    """One that is refused does not keep it from the others; 400 when all refuse."""
    answers, refused = [], []
    async for owner in in_turns(session_ids(service)):
        done: dict[str, Any]
        try:
            done = change(service, owner, action, arguments)._asdict()
        except (ControlError, DataError) as problem:
            done = {"error": sentence(problem)}
            refused.append(done["error"])
        answers.append(encoded(_answer(service, owner) | {"action": action, **done}))
    if refused and len(refused) == len(answers):
        return error(refused[0], 400)
    return reply({"sessions": answers})


async def _close(request: Request) -> Response:
    service = service_of(request)
    if request.path_params["session"] == ALL:
        name, known = ALL, session_ids(service)
    else:
        name = owner_of(request)
        known = [name] if is_known(service, name) else []
    if not known:
        return error(NO_SESSION, 404)
    closed = [close_session(service, owner) async for owner in in_turns(known)]
    return reply({"session": name, "closed": sum(closed)})


def _answer(service: Service, owner: str) -> dict[str, Any]:
    session = service.sessions.get(owner)
    return {"session": owner, "playback": playback_status(session, service.clock())}


def control_routes() -> list[Route]:
    """All routes of the control plane; one for each path, so that a wrong method is told all right ones."""
    routes: dict[str, dict[str, Handler]] = {
        "/_gexfaker/sessions": {"GET": _list, "POST": _create},
        "/_gexfaker/sessions/{session}": {"GET": _show, "DELETE": _close},
        "/_gexfaker/sessions/{session}/{action}": {"POST": _act},
    }
    return [Route(path, guarded(_chosen(handlers)), methods=list(handlers)) for path, handlers in routes.items()]


def _chosen(handlers: Mapping[str, Handler]) -> Handler:
    async def handle(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return handle


async def control_error(_request: Request, exception: Exception) -> Response:
    """The answer to ControlError and DataError."""
    status = 404 if isinstance(exception, DataError) else 400
    return error(sentence(exception), status)

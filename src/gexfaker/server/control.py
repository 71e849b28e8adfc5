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
from gexfaker.limits import MAX_CONTROL_BYTES
from gexfaker.playback.control import ACTIONS, Effect, apply
from gexfaker.playback.session import Session
from gexfaker.server.guard import Handler, guarded
from gexfaker.server.replies import error, reply, service_of
from gexfaker.server.service import Service
from gexfaker.server.status import close_session, playback_status, session_ids, session_status
from gexfaker.wire.tokens import session_id

log: Final = logging.getLogger(__name__)
ALL: Final = "all"
"""Instead of a session: every one there is."""


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body; an empty body counts as an empty one. Raises ControlError."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_CONTROL_BYTES:
            raise ControlError(f"the body is longer than {MAX_CONTROL_BYTES} bytes")
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ControlError(f"the body is not a JSON object: {problem}") from None


def change(service: Service, owner: str, action: str, arguments: dict[str, Any]) -> Effect:
    """Do something to a session: what was due before goes out first, and nothing of the old timeline afterwards.

    Raises:
        ControlError, DataError: it cannot be done.
    """
    _drain(service)
    session, now = service.sessions.get(owner), service.clock()
    effect = apply(session, action, arguments, service.sessions.options, now)
    if action == "pause":  # what was due until now goes out before the answer, not after it
        service.streamer.settle(owner, now)
        _drain(service)
    log.info("%s %s: %s -> %s", owner, action, effect.requested, effect.resolved)
    return effect


def _drain(service: Service) -> None:
    for hub in service.hubs.values():
        hub.drain()


def owners(service: Service, name: str) -> list[str]:
    """The sessions a path means: ``all``, a session's id, or an API key. Raises DataError: no such session."""
    known = session_ids(service)
    if name == ALL:
        return known
    if name.startswith("key-") and name not in known:
        raise DataError(f"there is no session {name[:40]}")
    return [name if name in known else session_id(name)]


async def _list(request: Request) -> Response:
    service = service_of(request)
    return reply({"sessions": [session_status(service, owner) for owner in session_ids(service)]})


async def _show(request: Request) -> Response:
    service, name = service_of(request), request.path_params["session"]
    if name == ALL:
        return await _list(request)
    [owner] = owners(service, name)
    if owner not in session_ids(service):
        return error("There is no such session.", 404)
    return reply(session_status(service, owner))


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
    name = request.path_params["session"]
    if name == ALL:
        answers = [_done(service, owner, action, arguments) for owner in owners(service, name)]
        refused = [answer["error"] for answer in answers if "error" in answer]
        return error(refused[0], 400) if refused and len(refused) == len(answers) else reply({"sessions": answers})
    [owner] = owners(service, name)
    effect = change(service, owner, action, arguments)
    return reply(_answer(service, owner) | {"action": action, **effect._asdict()})


def _done(service: Service, owner: str, action: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What came of an action on one of all sessions; one that is refused does not keep it from the others."""
    try:
        told = change(service, owner, action, arguments)._asdict()
    except (ControlError, DataError) as problem:
        told = {"error": f"{problem}."}
    return _answer(service, owner) | {"action": action, **told}


async def _close(request: Request) -> Response:
    service, name = service_of(request), request.path_params["session"]
    known = [owner for owner in owners(service, name) if owner in session_ids(service)]
    if not known:
        return error("There is no such session.", 404)
    return reply(
        {"session": name if name == ALL else known[0], "closed": sum(close_session(service, o) for o in known)}
    )


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
    return error(f"{exception}.", status)

"""Whose faults and journal a request is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.requests import Request

from gexfaker.contract.operations import CONTROLLED, Operation
from gexfaker.errors import ControlError, DataError
from gexfaker.limits import MAX_REQUEST_BYTES
from gexfaker.server.http.replies import read_at_most, service_of
from gexfaker.server.service import Service
from gexfaker.wire.tokens import is_world_id, world_id
from gexfaker.worlds.world import World

if TYPE_CHECKING:
    from gexfaker.journal.journal import Journal

WHOSE: Final = "say whose: ?key=KEY with an API key, or ?session=ID with a session's id"


def operation(
    method: str, path: str, summary: str, answers: Mapping[int, str], body: str | None = None, query: Sequence[str] = ()
) -> Operation:
    """An operation about one key, which the query names."""
    told = {**answers, **CONTROLLED}
    return Operation(method, path, summary, told, ("",), body, ("key*", "session", *query), "control", "test")


async def world_asked(request: Request, key: str | None = None) -> tuple[Service, World]:
    """The server, and the world of the key or the session in the query, or of a key that the body names.

    Raises:
        ControlError, DataError: nobody is named, or two are; there is no such session.
    """
    service, query = service_of(request), request.query_params
    given = {value for value in (query.get("key"), key) if value}
    session = query.get("session")
    if len(given) > 1:
        raise ControlError("the body is for another key than ?key= names: one request is for one key")
    if len(given) + (session is not None) != 1:
        raise ControlError(WHOSE)
    if session is not None and (not is_world_id(session) or service.worlds.peek(session) is None):
        raise DataError(f"there is no session {session[:40]}")
    world = service.worlds.get(session if session is not None else world_id(given.pop()))
    if service.cluster is not None:
        await service.cluster.arrive(world)
    return service, world


def journal_of(world: World) -> Journal:
    """The journal of a world; asking begins it. Raises ControlError: too many keys are watched."""
    return world.watched().record()


async def read_json(request: Request) -> Any:
    """The JSON in a request's body. Raises ControlError."""
    body = await read_at_most(request, MAX_REQUEST_BYTES)
    try:
        return msgspec.json.decode(body or b"null")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ControlError(f"the body is no JSON: {problem}") from None

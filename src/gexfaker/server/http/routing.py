"""Routes: an operation of the API and its handler are declared together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gexfaker.contract.operations import Operation
from gexfaker.server.http.controlguard import Handler, guarded


class Endpoint(NamedTuple):
    """One operation, and what answers it."""

    operation: Operation
    handler: Handler


def routes_of(endpoints: Iterable[Endpoint]) -> list[Route]:
    """The routes of these endpoints; one for each path, so that a wrong method is told all right ones."""
    paths: dict[str, dict[str, Handler]] = {}
    for operation, handler in endpoints:
        allowed = guarded(handler) if operation.key == "control" else handler
        for base in operation.bases:
            paths.setdefault(base + operation.path, {})[operation.method.upper()] = allowed
    return [Route(path, _chosen(path, handlers), methods=list(handlers)) for path, handlers in paths.items()]


def _chosen(path: str, handlers: Mapping[str, Handler]) -> Handler:
    async def handle(request: Request) -> Response:
        request.state.route = path
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return handle

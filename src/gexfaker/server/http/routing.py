"""Routes: an operation of the API and its handler are declared together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from gexfaker.contract.operations import Operation
from gexfaker.errors import ControlError
from gexfaker.nearest import nearest
from gexfaker.server.http.controlguard import Handler, guarded


class Endpoint(NamedTuple):
    """One operation, and what answers it."""

    operation: Operation
    handler: Handler


class LateRoute(Route):
    """A route whose pattern is compiled when a request has its beginning: to compile all takes 12 ms of every start."""

    def __init__(self, path: str, endpoint: Handler, methods: list[str]) -> None:
        self.path, self.methods = path, set(methods)
        self._begin: Final = path.partition("{")[0]
        self._compile: Callable[[], None] | None = lambda: Route.__init__(self, path, endpoint, methods=methods)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Route does it, for paths that begin as this one."""
        if not scope["path"].startswith(self._begin):
            return Match.NONE, {}
        if self._compile is not None:
            compile_now, self._compile = self._compile, None
            compile_now()
        return super().matches(scope)


def routes_of(endpoints: Iterable[Endpoint]) -> list[Route]:
    """The routes of these endpoints; one for each path, so that a wrong method is told all right ones."""
    paths: dict[str, dict[str, Handler]] = {}
    for operation, handler in endpoints:
        allowed = guarded(_asked_rightly(operation, handler)) if operation.key == "control" else handler
        for base in operation.bases:
            paths.setdefault(base + operation.path, {})[operation.method.upper()] = allowed
    return [LateRoute(path, _chosen(path, handlers), list(handlers)) for path, handlers in paths.items()]


def _asked_rightly(operation: Operation, handler: Handler) -> Handler:
    """A handler that a query reaches only when all its names are known: a misspelt one would be passed over."""
    names = tuple(name.rstrip("*") for name in operation.query)

    async def handle(request: Request) -> Response:
        # Some clients put a key behind every address, and browsers a name with _ that keeps an answer from being old.
        known = (*names, "key")
        wrong = next((name for name in request.query_params if name not in known and name[:1] != "_"), None)
        if wrong is not None:
            close = nearest(wrong.lower(), known)
            there_are = f"there are {', '.join(names)}" if names else "there are none"
            raise ControlError(
                f"there is no {wrong[:40]!r} in the query of this; {f'did you mean {close}?' if close else there_are}"
            )
        return await handler(request)

    return handle


def _chosen(path: str, handlers: Mapping[str, Handler]) -> Handler:
    async def handle(request: Request) -> Response:
        request.state.route = path
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return handle

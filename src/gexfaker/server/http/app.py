"""The HTTP application: all routes, put together."""

from __future__ import annotations

import logging
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ExceptionHandler

from gexfaker.errors import ControlError, DataError, UndecidedError
from gexfaker.server.http.counted import Counted
from gexfaker.server.http.faulted import Faulted
from gexfaker.server.http.marked import Marked
from gexfaker.server.http.replies import error, unavailable
from gexfaker.server.http.requestids import Identified, ids_for
from gexfaker.server.http.routing import routes_of
from gexfaker.server.http.targets import Targets
from gexfaker.server.http.watched import Watched
from gexfaker.server.rarely import Rarely
from gexfaker.server.routes.control import FALLBACK, control_error
from gexfaker.server.routes.data import DataRoutes
from gexfaker.server.routes.table import ENDPOINTS, OPERATIONS
from gexfaker.server.service import Service

log: Final = logging.getLogger(__name__)

SHOWN_PATH: Final = 80
"""Characters of a path that the log shows."""


async def _http_error(_request: Request, exception: Exception) -> Response:
    if not isinstance(exception, HTTPException):
        raise exception
    response = error(exception.detail, exception.status_code)
    response.headers.update(exception.headers or {})
    return response


async def _gone(_request: Request, _exception: Exception) -> Response:
    """The client left while it sent its request: nobody reads this."""
    return Response(status_code=400)


async def _undecided(_request: Request, _exception: Exception) -> Response:
    """Another server of the cluster has changed the key just now."""
    return unavailable("This key was changed at this very moment: try again.")


async def _system(request: Request, exception: Exception) -> Response:
    """The system cannot do it at the moment, such as open one more file."""
    told: Rarely = request.app.state.told
    told.tell("system", "%s was answered 503: %s", request.scope["path"][:SHOWN_PATH], exception)
    return unavailable("The server's system cannot do that at the moment.")


def create_app(service: Service) -> Starlette:
    """The ASGI application over ``service``."""
    # The data routes come first: they are asked most, and claim nothing but their own paths.
    routes: list[BaseRoute] = [DataRoutes(), *routes_of(ENDPOINTS), FALLBACK]
    # Dashboards in a browser come from another origin. That they may not use the control plane is the guard's doing;
    # DELETE is on the control plane only, so no page is even told that it may.
    cors = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST", "PATCH"],
        allow_headers=["*"],
        allow_private_network=True,  # this is what browsers ask for before a page of the internet may use localhost
    )
    handlers: dict[Any, ExceptionHandler] = {
        HTTPException: _http_error,
        ControlError: control_error,
        DataError: control_error,
        UndecidedError: _undecided,
        ClientDisconnect: _gone,
        OSError: _system,
    }
    watched = [] if service.access is None else [Middleware(Watched, service.access)]
    marked = [Middleware(Marked, service)] if service.settings.mark else []
    identified = Middleware(Identified, ids_for(service.settings))
    faulted = Middleware(Faulted, service, OPERATIONS)
    middleware = [
        Middleware(Counted, service.counts),
        identified,
        *marked,
        *watched,
        cors,
        Middleware(Targets),
        faulted,
    ]
    app = Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)
    app.router.redirect_slashes = False
    app.state.service, app.state.operations, app.state.told = service, OPERATIONS, Rarely(log)
    app.state.documents = {}
    return app

"""The HTTP application: all routes, put together."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gexfaker.errors import ControlError, DataError
from gexfaker.server.http.replies import error
from gexfaker.server.http.routing import routes_of
from gexfaker.server.routes.control import FALLBACK, control_error
from gexfaker.server.routes.data import DataRoutes
from gexfaker.server.routes.table import ENDPOINTS, OPERATIONS
from gexfaker.server.service import Service


async def _http_error(_request: Request, exception: Exception) -> Response:
    if not isinstance(exception, HTTPException):
        raise exception
    response = error(exception.detail, exception.status_code)
    response.headers.update(exception.headers or {})
    return response


def create_app(service: Service) -> Starlette:
    """The ASGI application over ``service``."""
    # The data routes come first: they are asked most, and claim nothing but their own paths.
    routes: list[BaseRoute] = [DataRoutes(), *routes_of(ENDPOINTS), FALLBACK]
    # Dashboards in a browser come from another origin. That they may not use the control plane is the guard's doing;
    # DELETE is on the control plane only, so no page is even told that it may.
    cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST", "PATCH"], allow_headers=["*"])
    handlers = {HTTPException: _http_error, ControlError: control_error, DataError: control_error}
    app = Starlette(routes=routes, middleware=[cors], exception_handlers=handlers)
    app.state.service, app.state.operations = service, OPERATIONS
    return app

"""The HTTP application: all routes, put together."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gexfaker.errors import ControlError, DataError
from gexfaker.server.http.replies import error, reply, service_of
from gexfaker.server.routes.control import control_error, control_routes
from gexfaker.server.routes.data import DataRoutes
from gexfaker.server.routes.earlier import earlier_routes
from gexfaker.server.routes.history import history_routes
from gexfaker.server.routes.negotiate import feed_routes
from gexfaker.server.routes.sync import sync_routes
from gexfaker.server.service import Service

WELCOME: Final = (
    "gexfaker is running. Negotiate at /negotiate, state at /health, and try: gexfaker listen orderflow SPX\n"
)


async def _health(request: Request) -> Response:
    service = service_of(request)
    settings = service.settings
    return reply(
        {
            "status": "ok",
            "data_date": service.day.date,
            "data_mode": settings.data_mode,
            "cache_mode": settings.cache_mode.value,
            "data_origin": service.day.origin,
            "playback": settings.playback.value,
            "sessions": len(service.worlds),
            "connections": sum(len(hub.connections) for hub in service.hubs.values()),
            "messages_sent": service.streamer.sent,
            "records_skipped": service.streamer.encoded.skipped,
            "records_passed_over": service.bodies.skipped,
            "values_saturated": service.streamer.encoded.saturated,
            "clients_cut": sum(hub.overflows for hub in service.hubs.values()),
        }
    )


async def _ready(request: Request) -> Response:
    ready = service_of(request).life.ready
    return reply({"status": "ready" if ready else "stopping"}, 200 if ready else 503)


async def _not_a_websocket(_request: Request) -> Response:
    return error("This is a WebSocket endpoint: connect with a WebSocket client.", 400)


async def _welcome(_request: Request) -> Response:
    return Response(WELCOME, media_type="text/plain; charset=utf-8")


async def _contract(_request: Request) -> Response:
    from gexfaker.contract.document import document

    return reply(document())


async def _yaml(_request: Request) -> Response:
    """The same under the name the earlier tool has: JSON is YAML."""
    from gexfaker.contract.document import document

    return Response(msgspec.json.encode(document()), media_type="application/yaml")


async def _docs(_request: Request) -> Response:
    from gexfaker.contract.document import document
    from gexfaker.contract.page import page

    return Response(page(document()), media_type="text/html; charset=utf-8")


async def _http_error(_request: Request, exception: Exception) -> Response:
    if not isinstance(exception, HTTPException):
        raise exception
    response = error(exception.detail, exception.status_code)
    response.headers.update(exception.headers or {})
    return response


def create_app(service: Service) -> Starlette:
    """The ASGI application over ``service``."""
    routes: list[BaseRoute] = [
        DataRoutes(),  # first: they are asked most, and claim nothing but their own paths
        Route("/", _welcome),
        Route("/health", _health),
        Route("/ready", _ready),
        Route("/docs", _docs),
        Route("/openapi.json", _contract),
        Route("/openapi.yaml", _yaml),
        Route("/client/hubs/{hub}", _not_a_websocket),
        Route("/client/", _not_a_websocket),
        Route("/ws/{hub}", _not_a_websocket),
        *control_routes(),
        *sync_routes(),
        *feed_routes(),
        *history_routes(),
        *earlier_routes(),
    ]
    # Dashboards in a browser come from another origin. That they may not use the control plane is the guard's doing;
    # DELETE is on the control plane only, so no page is even told that it may.
    cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST", "PATCH"], allow_headers=["*"])
    handlers = {HTTPException: _http_error, ControlError: control_error, DataError: control_error}
    app = Starlette(routes=routes, middleware=[cors], exception_handlers=handlers)
    app.state.service = service
    return app

"""The HTTP routes."""

from __future__ import annotations

import logging
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gexfaker.server.negotiate import NO_KEY, api_key, base_url, negotiate
from gexfaker.server.service import Service
from gexfaker.server.status import close_session, sessions
from gexfaker.wire.tokens import mask

log: Final = logging.getLogger(__name__)
WELCOME: Final = (
    "gexfaker is running. Negotiate at /negotiate, state at /health, and try: gexfaker listen orderflow SPX\n"
)


def reply(content: Any, status: int = 200) -> Response:
    """Compact JSON, as the service writes it."""
    return Response(msgspec.json.encode(content), status, media_type="application/json; charset=utf-8")


def error(text: str, status: int) -> Response:
    """An error body of the service's shape."""
    return reply({"error": text}, status)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _negotiate(request: Request) -> Response:
    service = _service(request)
    key = api_key(request.headers, request.query_params)
    if key is None:
        return error(NO_KEY, 400)
    if not service.settings.ws_enabled:
        return error("The real-time feed is off: start with WS_ENABLED=true.", 404)
    base = base_url(service, request.headers, request.url.scheme)
    if base is None:
        return error("The Host header is not a host name.", 400)
    log.info("negotiated for key %s", mask(key))
    return reply(negotiate(service, key, base))


async def _health(request: Request) -> Response:
    service = _service(request)
    settings = service.settings
    return reply(
        {
            "status": "ok",
            "data_date": service.library.date,
            "data_mode": settings.data_mode,
            "cache_mode": settings.cache_mode.value,
            "data_origin": service.library.origin,
            "connections": sum(len(hub.connections) for hub in service.hubs.values()),
            "messages_sent": service.streamer.sent,
            "records_skipped": service.payloads.skipped,
            "values_saturated": service.payloads.saturated,
            "clients_cut": sum(hub.overflows for hub in service.hubs.values()),
        }
    )


async def _ready(request: Request) -> Response:
    ready = _service(request).ready
    return reply({"status": "ready" if ready else "stopping"}, 200 if ready else 503)


async def _sessions(request: Request) -> Response:
    return reply(sessions(_service(request)))


async def _close_session(request: Request) -> Response:
    session = request.path_params["session"]
    closed = close_session(_service(request), session)
    return reply({"session": session, "closed": closed}) if closed else error("There is no such session.", 404)


async def _not_a_websocket(_request: Request) -> Response:
    return error("This is a WebSocket endpoint: connect with a WebSocket client.", 400)


async def _welcome(_request: Request) -> Response:
    return Response(WELCOME, media_type="text/plain; charset=utf-8")


async def _http_error(_request: Request, exception: Exception) -> Response:
    if not isinstance(exception, HTTPException):
        raise exception
    return error(exception.detail, exception.status_code)


def create_app(service: Service) -> Starlette:
    """The ASGI application over ``service``."""
    routes = [
        Route("/", _welcome),
        Route("/health", _health),
        Route("/ready", _ready),
        Route("/_gexfaker/sessions", _sessions),
        Route("/_gexfaker/sessions/{session}", _close_session, methods=["DELETE"]),
        Route("/negotiate", _negotiate),
        Route("/v2/negotiate", _negotiate),
        Route("/client/hubs/{hub}", _not_a_websocket),
        Route("/client/", _not_a_websocket),
        Route("/ws/{hub}", _not_a_websocket),
    ]
    # Dashboards in a browser come from another origin. Only to read: no foreign page may close a session.
    cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET"], allow_headers=["*"])
    app = Starlette(routes=routes, middleware=[cors], exception_handlers={HTTPException: _http_error})
    app.state.service = service
    return app

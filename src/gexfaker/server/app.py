"""The HTTP routes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gexfaker.catalog import QUANT_INDEXES, QUANT_STOCKS
from gexfaker.errors import NegotiationError
from gexfaker.limits import MAX_REQUEST_BYTES
from gexfaker.server.negotiate import (
    NO_KEY,
    api_key,
    base_url,
    get_negotiate,
    option_expiries,
    patch_negotiate,
    post_negotiate,
)
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
    try:
        return reply(await _NEGOTIATIONS[request.method](service, key, base, request))
    except NegotiationError as refused:
        log.info("%s negotiation of key %s refused: %s", request.method, mask(key), refused)
        return error(str(refused), refused.status)


async def _get(service: Service, key: str, base: str, _request: Request) -> dict[str, Any]:
    log.info("negotiated for key %s", mask(key))
    return get_negotiate(service, key, base)


async def _post(service: Service, key: str, base: str, request: Request) -> dict[str, Any]:
    made = post_negotiate(service, key, base, await _body(request))
    log.info("negotiated by POST for key %s", mask(key))
    return made


async def _patch(service: Service, key: str, _base: str, request: Request) -> dict[str, Any]:
    return patch_negotiate(service, key, await _body(request))


_NEGOTIATIONS: Final = {"GET": _get, "HEAD": _get, "POST": _post, "PATCH": _patch}


async def _body(request: Request) -> bytes:
    """The body, read no further than it may be long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REQUEST_BYTES:
            raise NegotiationError(400, f"Send a shorter body: at most {MAX_REQUEST_BYTES} bytes.")
    return bytes(body)


async def _quant_tickers(_request: Request) -> Response:
    return reply({"stocks": QUANT_STOCKS, "indexes": QUANT_INDEXES})


async def _expiries(request: Request) -> Response:
    key = api_key(request.headers, request.query_params)
    if key is None:
        return error(NO_KEY, 400)
    try:
        return reply(option_expiries(_service(request), key, request.path_params["ticker"]))
    except NegotiationError as refused:
        return error(str(refused), refused.status)


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


def _both(path: str, handler: Callable[[Request], Awaitable[Response]], methods: list[str]) -> list[Route]:
    """A route of the service under both of its base paths."""
    return [Route(base + path, handler, methods=methods) for base in ("", "/v2")]


def create_app(service: Service) -> Starlette:
    """The ASGI application over ``service``."""
    routes = [
        Route("/", _welcome),
        Route("/health", _health),
        Route("/ready", _ready),
        Route("/_gexfaker/sessions", _sessions),
        Route("/_gexfaker/sessions/{session}", _close_session, methods=["DELETE"]),
        *_both("/negotiate", _negotiate, ["GET", "POST", "PATCH"]),
        *_both("/tickers/quant", _quant_tickers, ["GET"]),
        *_both("/options/{ticker}/expiries", _expiries, ["GET"]),
        Route("/client/hubs/{hub}", _not_a_websocket),
        Route("/client/", _not_a_websocket),
        Route("/ws/{hub}", _not_a_websocket),
    ]
    # Dashboards in a browser come from another origin. To use the API only: no foreign page may close a session.
    cors = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST", "PATCH"], allow_headers=["*"])
    app = Starlette(routes=routes, middleware=[cors], exception_handlers={HTTPException: _http_error})
    app.state.service = service
    return app

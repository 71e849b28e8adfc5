"""The routes around the feed: negotiation, expiries, the tickers that only the feed has."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gexfaker.catalog import QUANT_INDEXES, QUANT_STOCKS
from gexfaker.errors import NegotiationError
from gexfaker.limits import MAX_REQUEST_BYTES
from gexfaker.rest.routes import BASES
from gexfaker.server.http.gate import gate_of
from gexfaker.server.http.replies import error, read_body, reply, service_of
from gexfaker.server.routes.negotiate import (
    base_url,
    get_negotiate,
    option_expiries,
    patch_negotiate,
    post_negotiate,
)
from gexfaker.server.service import Service
from gexfaker.wire.tokens import mask

log: Final = logging.getLogger(__name__)


async def _negotiate(request: Request) -> Response:
    service = service_of(request)
    key = gate_of(request).key(service, request, user_agent=False)
    if isinstance(key, Response):
        return key
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
    """The body, read no further than it may be long. Raises NegotiationError."""
    body = await read_body(request, MAX_REQUEST_BYTES)
    if body is None:
        raise NegotiationError(400, f"Send a shorter body: at most {MAX_REQUEST_BYTES} bytes.")
    return body


async def _quant_tickers(_request: Request) -> Response:
    return reply({"stocks": QUANT_STOCKS, "indexes": QUANT_INDEXES})


async def _expiries(request: Request) -> Response:
    service = service_of(request)
    key = gate_of(request).key(service, request, user_agent=False)
    if isinstance(key, Response):
        return key
    try:
        return reply(option_expiries(service, key, request.path_params["ticker"]))
    except NegotiationError as refused:
        return error(str(refused), refused.status)


def feed_routes() -> list[Route]:
    """All of them, under all base paths of the service."""
    routes: tuple[tuple[str, Callable[[Request], Awaitable[Response]], list[str]], ...] = (
        ("/negotiate", _negotiate, ["GET", "POST", "PATCH"]),
        ("/tickers/quant", _quant_tickers, ["GET"]),
        ("/options/{ticker}/expiries", _expiries, ["GET"]),
    )
    return [Route(base + path, handler, methods=methods) for path, handler, methods in routes for base in BASES]

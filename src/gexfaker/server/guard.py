"""Who may use the control plane: everybody on this machine, or who has the token; no web page of another origin."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from gexfaker.server.replies import error, service_of

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""Addresses at which only this machine can reach the server."""

Handler = Callable[[Request], Awaitable[Response]]


def guarded(handler: Handler) -> Handler:
    """A handler of the control plane, which refuses whoever may not use it."""

    async def guard(request: Request) -> Response:
        return _refusal(request) or await handler(request)

    return guard


def _refusal(request: Request) -> Response | None:
    settings = service_of(request).settings
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return error("The control plane is not open to pages of another origin.", 403)
    if settings.control_token is None:
        if settings.host not in LOOPBACK:
            return error("The control plane needs CONTROL_TOKEN when the server listens beyond this machine.", 403)
        # A name that a foreign page has made to point here (DNS rebinding) is in Host then.
        if urlsplit(f"//{request.headers.get('host', '')}").hostname not in LOOPBACK:
            return error("Without CONTROL_TOKEN the control plane is used at 127.0.0.1 or localhost only.", 403)
        return None
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), settings.control_token.encode()):
        return None
    return error("Send the control token: Authorization: Bearer CONTROL_TOKEN.", 401)

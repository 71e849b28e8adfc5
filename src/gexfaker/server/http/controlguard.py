"""Who may use the control plane: everybody on this machine, or who has the token; no web page of another origin.

The studio's page has a cookie instead of the token, which no script can read and no other site can use.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from gexfaker.server.http.replies import error, service_of
from gexfaker.server.service import Service
from gexfaker.settings import LOOPBACK

NO_ADDRESS: Final = "-"
"""Stands for a Host header that is missing: no page comes from there."""

PROXY_MARKS: Final = ("forwarded", "via", "x-real-ip", "x-client-ip", "cf-connecting-ip", "true-client-ip")
"""Headers that proxies add; those that begin with x-forwarded- are not listed."""

COOKIE: Final = "gexfaker_studio"
"""What a browser has that has sent the control token; it is good until the server is started again."""

OWN_SITE: Final = ("same-origin", "none")
"""What browsers say in Sec-Fetch-Site of a request of our own page, and of an address that was typed."""

Handler = Callable[[Request], Awaitable[Response]]


def guarded(handler: Handler) -> Handler:
    """A handler of the control plane, which refuses whoever may not use it."""

    async def guard(request: Request) -> Response:
        return admits(request) or await handler(request)

    return guard


def cookie_of(service: Service) -> str:
    """The cookie for who has the control token."""
    text = f"studio {service.settings.control_token}"
    return hmac.new(service.secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def cookie_name(request: Request) -> str:
    """What the cookie is called: a browser keeps one for all ports of a host, of which each may have a server."""
    _, _, port = request.headers.get("host", "").rpartition(":")
    return f"{COOKIE}_{port}" if port.isascii() and port.isdigit() else COOKIE


def _has_cookie(request: Request) -> bool:
    """Whether it is our own page that asks, with its cookie."""
    given = request.cookies.get(cookie_name(request), "")
    site = request.headers.get("sec-fetch-site", "same-origin")
    return site in OWN_SITE and hmac.compare_digest(given.encode(), cookie_of(service_of(request)).encode())


def _parts(address: str) -> SplitResult:
    """An address in its parts; without any when it is none, such as ``http://[``."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")


def _is_forwarded(headers: Mapping[str, str]) -> bool:
    """Whether a reverse proxy passed the request on for somebody, who may be anywhere."""
    return any(name in PROXY_MARKS or name.startswith("x-forwarded-") for name in headers)


def admits(request: Request) -> Response | None:
    """Why who asks may not use the control plane; None when they may."""
    settings, headers = service_of(request).settings, request.headers
    origin = headers.get("origin")
    if origin is not None and _parts(origin).netloc != headers.get("host", NO_ADDRESS):
        return error("The control plane is not open to pages of another origin.", 403)
    if settings.control_token is None:
        if settings.host not in LOOPBACK:
            return error("The control plane needs CONTROL_TOKEN when the server listens beyond this machine.", 403)
        if settings.public_url is not None or settings.trust_forwarded or _is_forwarded(headers):
            return error("The control plane needs CONTROL_TOKEN behind a proxy, where everybody seems to be here.", 403)
        # A name that a foreign page has made to point here (DNS rebinding) is in Host then.
        if _parts(f"//{headers.get('host', '')}").hostname not in LOOPBACK:
            return error("Without CONTROL_TOKEN the control plane is used at 127.0.0.1 or localhost only.", 403)
        return None
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), settings.control_token.encode()):
        return None
    if _has_cookie(request):
        return None
    what = "That is not the control token" if given.strip() else "The control token is missing"
    return error(f"{what}: send Authorization: Bearer TOKEN; gexfaker ctl takes --token or GEXFAKER_TOKEN.", 401)

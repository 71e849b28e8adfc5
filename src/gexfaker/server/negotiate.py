"""Where a client connects: the URLs of the hubs, with a token each (`GET /negotiate`, `GET /v2/negotiate`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gexfaker.server.service import Service
from gexfaker.wire.tokens import JOIN_LEAVE, Grant, mint, session_id

NO_KEY: Final = "Authorization header not found."
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


def api_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The caller's key: ``Authorization: Bearer KEY`` or ``Basic KEY`` (the raw key), or ``?key=``; None without."""
    scheme, _, key = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() in ("bearer", "basic") and key.strip():
        return key.strip()
    return query.get("key", "").strip() or None


def base_url(service: Service, headers: Mapping[str, str], scheme: str) -> str | None:
    """``http(s)://host[:port]`` as the caller sees this server; None when its Host header is unusable.

    The public-URL setting wins; forwarded headers count only when a setting trusts them.
    """
    settings = service.settings
    if settings.public_url is not None:
        return settings.public_url
    host = headers.get("host", "")
    if settings.trust_forwarded:
        scheme = headers.get("x-forwarded-proto", scheme).split(",")[0].strip().lower()
        host = headers.get("x-forwarded-host", host).split(",")[0].strip()
    if scheme not in ("http", "https") or not _HOST.fullmatch(host):
        return None
    return f"{scheme}://{host}"


def negotiate(service: Service, key: str, base: str) -> dict[str, Any]:
    """The reply for a caller with ``key`` who reaches this server at ``base``."""
    grant = Grant(session_id(key), roles=(JOIN_LEAVE,))
    now, lifetime = service.clock(), service.settings.token_lifetime
    urls = {}
    for hub in service.hubs:
        token = mint(grant, f"{base}/client/hubs/{hub}", service.secret, now, lifetime)
        urls[hub] = f"ws{base.removeprefix('http')}/client/hubs/{hub}?access_token={token}"
    return {"websocket_urls": urls, "prefix": service.settings.ws_group_prefix}

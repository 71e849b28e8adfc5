"""The id of a request: taken over from a client or a proxy, answered, and told in the log, with the trace it is of."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from itertools import count
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gexfaker.settings import Settings

ID_HEADER: Final = "x-request-id"
TRACE_HEADER: Final = "traceparent"
_RAW_HEADER: Final = ID_HEADER.encode()
_ID: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
"""What proxies send: UUIDs, hexadecimal digits, base64, ids of traces. Anything else is not taken over."""

_TRACE: Final = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
"""W3C Trace Context, section 3.2."""


class RequestIds:
    """Makes ids: a part of its own by chance, and a number."""

    def __init__(self) -> None:
        self._start: Final = secrets.token_hex(4)
        self._numbers: Final = count(1)

    def new(self) -> str:
        """One that no other request has."""
        return f"{self._start}-{next(self._numbers):x}"


def ids_for(settings: Settings) -> RequestIds | None:
    """What makes ids for requests that bring none; None where the log has no place for them."""
    return RequestIds() if settings.log_format == "json" else None


def id_given(headers: Mapping[str, str]) -> str | None:
    """The id that a request brings; None without one, or when it is none."""
    given = headers.get(ID_HEADER, "")
    return given if _ID.fullmatch(given) else None


def trace_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The trace that a request is of, as fields for the log; none without a valid ``traceparent``."""
    match = _TRACE.fullmatch(headers.get(TRACE_HEADER, ""))
    if match is None or not int(match["trace"], 16) or not int(match["span"], 16):
        return {}
    return {"trace_id": match["trace"], "span_id": match["span"]}


class Identified:
    """Answers each request with its id, and leaves it in ``scope["state"]`` for the log.

    Args:
        app: the application.
        ids: makes one for a request that brings none; None: it gets none.
    """

    def __init__(self, app: ASGIApp, ids: RequestIds | None) -> None:
        self._app: Final = app
        self._ids: Final = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        raw = scope.get("headers", ())
        if scope["type"] != "http" or (self._ids is None and all(name != _RAW_HEADER for name, _ in raw)):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
        known = id_given(headers) or (self._ids.new() if self._ids is not None else None)
        if known is None:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["request"] = {"request_id": known, **trace_of(headers)}

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (_RAW_HEADER, known.encode())]
            await send(message)

        await self._app(scope, receive, send_with_id)

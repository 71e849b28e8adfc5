"""Each request as a number: which route answered with which status, and how long it took."""

from __future__ import annotations

from time import perf_counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gexfaker.server.metrics.counts import NO_ROUTE, Counts


class Counted:
    """Counts the requests that come the ordinary way; the fast path counts its own.

    Args:
        app: the application.
        counts: where they are counted.
    """

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app: Final = app
        self._counts: Final = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 0

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        except Exception:
            status = status or 500  # the server answers for the application
            raise
        finally:
            route = scope.get("state", {}).get("route", NO_ROUTE)
            if status:
                self._counts.request(route, status, perf_counter() - began)

"""The mark on each answer: that it is gexfaker's, and whether its prices are simulated or recorded."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gexfaker.server.service import Service

MARK_HEADER: Final = b"x-gexfaker"


class Marked:
    """Puts the mark of a key's day on what it is answered.

    Args:
        app: the application.
        service: knows the day.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app: Final = app
        self._service: Final = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                owner = scope.get("state", {}).get("owner")
                mark = self._service.mark(None if owner is None else self._service.worlds.peek(owner))
                if mark is not None:
                    message["headers"] = [*message.get("headers", ()), (MARK_HEADER, mark)]
            await send(message)

        await self._app(scope, receive, send_marked)

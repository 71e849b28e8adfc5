"""Server-sent events: a bounded number of followers, of whom none who does not read keeps its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from gexfaker.limits import MAX_SYNC_STREAMS
from gexfaker.server.http.downloads import cut_off
from gexfaker.server.http.replies import error
from gexfaker.server.service import Service

EVENTS: Final = "text/event-stream"
NO_STORE: Final = {"Cache-Control": "no-store"}

SEND_SECONDS: Final = 10.0
"""A follower that has not read for so long is cut off: it would keep a place of MAX_SYNC_STREAMS for ever."""

LOOK_SECONDS: Final = 0.25
"""How often a waiting stream looks whether the server stops."""


class EventStream(StreamingResponse):
    """A follower's stream; it has one of the MAX_SYNC_STREAMS places from its start to its end, however it ends.

    Args:
        service: the server.
        events: what is sent.
        began, ended: called when the follower has its place, and when it has it no more.
    """

    def __init__(
        self,
        service: Service,
        events: AsyncIterator[bytes],
        began: Callable[[], None] = lambda: None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(events, headers=NO_STORE, media_type=EVENTS)
        self._service: Final = service
        self._began: Final = began
        self._ended: Final = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until the follower goes or the server stops; 503 when there are too many followers."""
        if self._service.life.sync_streams >= MAX_SYNC_STREAMS:
            full = error(f"There are {MAX_SYNC_STREAMS} event streams already.", 503)
            return await full(scope, receive, send)
        self._service.life.sync_streams += 1  # nothing gives way between the look and this
        self._began()
        try:
            await super().__call__(scope, receive, self._patient(receive, send))
        finally:
            self._ended()
            self._service.life.sync_streams -= 1

    def _patient(self, receive: Receive, send: Send) -> Send:
        """``send``, which aborts the connection of who does not read in time, or not at all when the server stops."""

        async def patient(message: Message) -> None:
            waited, sending = 0.0, asyncio.ensure_future(send(message))
            try:
                while not (await asyncio.wait((sending,), timeout=LOOK_SECONDS))[0]:
                    waited += LOOK_SECONDS
                    if waited >= SEND_SECONDS or self._service.life.draining:
                        cut_off(receive)
                        break
                await sending
            finally:
                sending.cancel()

        return patient

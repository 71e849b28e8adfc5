"""Each request as a line of the access log: who asked for what, the answer, why it was refused, how long it took."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gexfaker.playback.actions import ACTIONS
from gexfaker.rest.nearmiss import meant_path
from gexfaker.server.access.log import NO_KEY, NOTED, AccessLog
from gexfaker.server.http.eventstreams import EVENTS
from gexfaker.server.http.gate import owner_of
from gexfaker.server.http.targets import plain_path
from gexfaker.wire.tokens import is_world_id, world_id

SHOWN_PATH: Final = 120
"""Characters of a path that are shown."""

SHOWN_REASON: Final = 300
"""Characters of a refusal's reason that are shown."""

PLANE: Final = "/_gexfaker"

STUDIO: Final = ("/studio", "/_gexfaker/studio")
"""Of what the studio asks for, only what is refused is told: its page is open all day beside the clients."""

SESSIONS: Final = f"{PLANE}/sessions/"
PLAIN: Final = ("", "all", "by-key")
"""What stands behind it and is no key."""

MAX_REASON_BYTES: Final = 2048
"""What is kept of the body of a refusal, to show its reason."""


class Watched:
    """Tells the access log of each request when its answer is complete.

    Args:
        app: the application.
        access: the log.
    """

    def __init__(self, app: ASGIApp, access: AccessLog) -> None:
        self._app: Final = app
        self._access: Final = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            answer.failed()
            raise
        finally:
            self._tell(scope, answer)

    def _tell(self, scope: Scope, answer: _Answer) -> None:
        path, said = without_key(plain_path(scope["path"]), answer.shown())
        owner = scope.get("state", {}).get("owner") or _asks(scope)
        path = path[:SHOWN_PATH]
        if path.startswith(STUDIO) and answer.is_good:
            return

        def fields() -> dict[str, Any]:
            request: dict[str, Any] = scope.get("state", {}).get("request", {})
            return {"method": scope["method"], "path": path, **answer.numbers(), **request}

        said += f"; {meant_path(path)}" if said == BARE else ""
        level = logging.INFO if answer.is_good else NOTED
        self._access.tell(owner, "request", f"{scope['method']} {path} {said}", answer.detail, level, fields)


BARE: Final = "404: Not Found"
"""As the service answers where there is no such path, without a word what there is."""


def _asks(scope: Scope) -> str:
    """Whose key a request carries that asks for something where no key is needed, or for nothing that there is."""
    if plain_path(scope["path"]).startswith(PLANE):  # the token of the control plane comes by the same header
        return NO_KEY
    request = Request(scope)
    return owner_of(request.headers, request.query_params) or NO_KEY


def without_key(path: str, said: str) -> tuple[str, str]:
    """A path and what was answered, both without the API key that may stand for a session there."""
    before, found, rest = path.partition(SESSIONS)
    given, slash, action = rest.rpartition("/") if rest.rpartition("/")[2] in ACTIONS else (rest, "", "")
    if before or not found or given in PLAIN or is_world_id(given):
        return path, said
    shown = world_id(given)
    return f"{SESSIONS}{shown}{slash}{action}", said.replace(given, shown)


class _Answer:
    """What a client was answered."""

    def __init__(self, send: Send) -> None:
        self._send: Final = send
        self._began: Final = perf_counter()
        self._status = 0
        self._bytes = 0
        self._is_whole = self._is_endless = False
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._is_endless = any(value.startswith(EVENTS.encode()) for _, value in message["headers"])
        else:
            body = message.get("body", b"")
            self._bytes += len(body)
            self._is_whole = not message.get("more_body", False)
            if self._status >= 400 and len(self._body) < MAX_REASON_BYTES:
                self._body += body[:MAX_REASON_BYTES]
        await self._send(message)

    def failed(self) -> None:
        """There was none from the application: the server answers for it."""
        self._status = self._status or 500

    @property
    def is_good(self) -> bool:
        """Whether it was answered to its end, and not refused."""
        return 0 < self._status < 400 and (self._is_whole or self._is_endless)

    def shown(self) -> str:
        """The status, and why if it is a refusal."""
        if not self._status:
            return "was not answered"
        reason = _reason(bytes(self._body)) if self._status >= 400 else ""
        gone = "" if self._is_whole or self._is_endless else ": broken off before its end"
        return f"{self._status}: {reason}" if reason else f"{self._status}{gone}"

    def detail(self) -> str:
        """How much was sent in which time."""
        return f", {self._bytes:,} bytes in {self._milliseconds():.1f} ms"

    def numbers(self) -> dict[str, float]:
        """The same, and the status, for programs."""
        return {"status": self._status, "bytes": self._bytes, "ms": round(self._milliseconds(), 1)}

    def _milliseconds(self) -> float:
        return 1000 * (perf_counter() - self._began)


def _reason(body: bytes) -> str:
    """The text of an error, in any of the shapes that errors have here."""
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ""
    said = found.get("error") or found.get("detail") if isinstance(found, dict) else None
    return said[:SHOWN_REASON] if isinstance(said, str) else ""

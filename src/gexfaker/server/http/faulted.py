"""Requests of keys that are watched: written into the journal, and spoiled where a rule hits them.

While no key is watched, a request passes by for the price of one look.
"""

from __future__ import annotations

import asyncio
import gzip
import math
import re
from collections import Counter
from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gexfaker.allowances import Period
from gexfaker.archive.names import FILES, parse_file
from gexfaker.archive.signing import EXPIRED, OWNER, refusal
from gexfaker.contract.operations import Operation
from gexfaker.rest.paths import Found, resolve
from gexfaker.server.http.gate import NO_USER_AGENT, OVER_QUOTA, name_given, owner_of
from gexfaker.server.http.replies import error, wants_gzip
from gexfaker.server.http.sockets import reset, transport_of
from gexfaker.server.http.targets import plain_path
from gexfaker.server.service import Service
from gexfaker.wire.tokens import PREFIX, is_world_id
from gexfaker.worlds.quota import end_of

if TYPE_CHECKING:
    from gexfaker.faults.kinds import Fault
    from gexfaker.faults.matching import Happening, Run
    from gexfaker.worlds.watch import Watch
    from gexfaker.worlds.world import World

MAX_SPOILED_BYTES: Final = 32 << 20
"""A body that is cut is collected first; a longer one is cut after so much."""

MAX_SPOILED: Final = 1000
"""Requests that faults hold up at once; beyond it they are reset instead."""

MAX_SPOILED_OF_KEY: Final = 200
"""The same of one key, so that one does not take what others need."""

LOOK_SECONDS: Final = 0.25
"""How often a request that is held up looks whether its client has gone, or the server stops."""

OWN_ERRORS: Final = {401: "Unauthorized", 403: "Forbidden", 429: OVER_QUOTA, 400: NO_USER_AGENT}
"""What a status says by default; others say their number."""

WITHOUT_BODY: Final = (204, 205, 304)
"""Statuses of answers that have none. Source: RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5."""


class Faulted:
    """Writes down and spoils the requests that a key sends to the service's own routes.

    Args:
        app: the application.
        service: knows who is watched.
        operations: of the API, which tell whose routes need a key.
    """

    def __init__(self, app: ASGIApp, service: Service, operations: Iterable[Operation]) -> None:
        self._app: Final = app
        self._service: Final = service
        self._paths: Final = _pattern(operations)
        self._held: Counter[Watch] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        watching = self._service.worlds.watching
        is_idle = scope["type"] != "http" or not (watching.pinned or watching.first)
        watch = None if is_idle else self._watch_of(scope)
        if watch is None:
            await self._app(scope, receive, send)
            return
        answer = _Noted(send)
        try:
            await self._handle(watch, scope, receive, answer)
        finally:
            client = watch.names(_named(scope))[0:1] or ("",)
            watch.note("request", method=scope["method"], path=scope["path"][:200], **answer.fields(), client=client[0])

    def _watch_of(self, scope: Scope) -> Watch | None:
        """Who watches the key of a request to one of the service's own routes."""
        path = plain_path(scope["path"])
        request, worlds = Request(scope), self._service.worlds
        if path.startswith(FILES):  # a signed link needs no key, but says whose it is
            owner = self._owner_of_link(path, request)
        elif resolve(path) is None and self._paths.fullmatch(path) is None:
            return None
        else:
            owner = owner_of(request.headers, request.query_params)
        if owner is None or not is_world_id(owner):
            return None
        world: World | None = worlds.peek(owner) if worlds.watching.first is None else worlds.get(owner)
        return None if world is None else world.watch

    def _owner_of_link(self, path: str, request: Request) -> str | None:
        """Whose link it is, if it was signed here; one that has expired is his, too."""
        service, query = self._service, request.query_params
        refused = refusal(path.removeprefix(FILES), query, service.secret, service.clock())
        return PREFIX + query.get(OWNER, "") if refused in (None, EXPIRED) else None

    async def _handle(self, watch: Watch, scope: Scope, receive: Receive, answer: _Noted) -> None:
        from gexfaker.faults.kinds import Point

        if not watch.faults.has(Point.REQUEST):
            await self._app(scope, receive, answer.send)
            return
        happening = _happening(watch, scope)
        run = watch.choose(
            Point.REQUEST, happening, *_kinds_for(happening), hit=f"{scope['method']} {scope['path'][:200]}"
        )
        if run is None:
            await self._app(scope, receive, answer.send)
        elif self._held.total() >= MAX_SPOILED or self._held[watch] >= MAX_SPOILED_OF_KEY:
            await _Line(receive, self._service).reset()
        else:
            self._held[watch] += 1
            try:
                await self._spoil(run, scope, receive, answer)
            finally:
                self._held[watch] -= 1
                self._held += Counter()  # which lets go whose count is 0

    async def _spoil(self, run: Run, scope: Scope, receive: Receive, answer: _Noted) -> None:
        from gexfaker.faults import kinds as k
        from gexfaker.worlds.shaping import seconds_of

        line, state = _Line(receive, self._service), scope.setdefault("state", {})
        match run.fault:
            case k.Status() | k.Quota():
                await _refused(run.fault, self._service.clock())(scope, receive, answer.send)
            case k.Timeout(timeout=timeout):
                await line.rest(timeout / 1000 or None, answers=False)
                await line.close()
            case k.ResetPeer(timeout=timeout):
                await line.rest(timeout / 1000, answers=False)
                await line.reset()
            case k.Empty():
                await line.close()
            case k.Latency() as latency:
                await line.rest(seconds_of(latency, run))
                await self._app(scope, receive, answer.send)
            case k.Stale(records=records):
                state["back"] = records
                await self._app(scope, receive, answer.send)
            case k.ExpireToken(lifetime=lifetime):
                state["token_lifetime"] = lifetime / 1000
                await self._app(scope, receive, answer.send)
            case k.Malformed(part=part):
                body = _Cut(answer, line, part, zips=wants_gzip(Request(scope).headers))
                await self._app(scope, receive, body.send)
                await body.end()
            case _:
                await self._app(scope, receive, _Paced(answer, line, run).send)


class _Noted:
    """An answer on its way, with what the journal tells of it."""

    def __init__(self, send: Send) -> None:
        self._send: Final = send
        self._began: Final = perf_counter()
        self._status = self._bytes = 0

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
        else:
            self._bytes += len(message.get("body", b""))
        await self._send(message)

    def fields(self) -> dict[str, Any]:
        """Status (0 for no answer), bytes and milliseconds."""
        milliseconds = round(1000 * (perf_counter() - self._began), 1)
        return {"status": self._status, "bytes": self._bytes, "ms": milliseconds}


class _Line:
    """The TCP connection of a request."""

    def __init__(self, receive: Receive, service: Service) -> None:
        self._receive: Final = receive
        self._service: Final = service
        self._transport: Final = transport_of(receive)

    async def rest(self, seconds: float | None, *, answers: bool = True) -> None:
        """Do nothing for so long (None: for ever), while the client is there and the server does not stop.

        A client that sends no more is there still if the server ``answers`` afterwards; else it has given up.
        """
        loop = asyncio.get_running_loop()
        until = None if seconds is None else loop.time() + seconds
        while not self._service.life.draining and not self._is_gone(answers):
            left = LOOK_SECONDS if until is None else min(LOOK_SECONDS, until - loop.time())
            if left <= 0:
                return
            await asyncio.sleep(left)

    def _is_gone(self, answers: bool) -> bool:
        if self._transport is None or self._transport.is_closing():
            return True
        return not answers and getattr(self._transport.get_protocol(), "is_half_closed", False)

    async def close(self) -> None:
        """End the connection after what was written, and wait until it is gone: nothing more is said on it."""
        if self._transport is not None:
            self._transport.close()
        await self._gone()

    async def reset(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            reset(self._transport)
        await self._gone()

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


class _Cut:
    """A body of which half is missing, in one of the ways of ``malformed``."""

    def __init__(self, answer: _Noted, line: _Line, part: str, *, zips: bool) -> None:
        self._answer: Final = answer
        self._line: Final = line
        self._part: Final = part
        self._zips: Final = zips
        self._start: Message = {}
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        """Keep a part of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
        elif len(self._body) < MAX_SPOILED_BYTES:
            self._body += message.get("body", b"")

    async def end(self) -> None:
        """Send the answer, cut."""
        headers = [(name, value) for name, value in self._start["headers"] if name.lower() != b"content-length"]
        body, is_zipped = bytes(self._body), any(name.lower() == b"content-encoding" for name, _ in headers)
        length = None
        if self._part == "length":
            length, body = len(body), body[: len(body) // 2]
        elif self._part == "json":
            plain = gzip.decompress(body) if is_zipped else body
            half = plain[: len(plain) // 2]
            body = gzip.compress(half, mtime=0) if is_zipped else half
        else:
            if not is_zipped and self._zips:
                body, headers = gzip.compress(body, mtime=0), [*headers, (b"content-encoding", b"gzip")]
            body = body[: len(body) // 2]
        headers.append((b"content-length", b"%d" % (len(body) if length is None else length)))
        await self._answer.send({**self._start, "headers": headers})
        await self._answer.send({"type": "http.response.body", "body": body, "more_body": length is not None})
        if length is not None:
            await self._line.close()


class _Paced:
    """A body that comes slowly, in pieces, or not to its end."""

    def __init__(self, answer: _Noted, line: _Line, run: Run) -> None:
        self._answer: Final = answer
        self._line: Final = line
        self._run: Final = run
        self._sent = 0

    async def send(self, message: Message) -> None:
        """Send a part of the answer at its pace."""
        if message["type"] == "http.response.start":
            await self._answer.send(message)
            return
        body: bytes = message.get("body", b"")
        at = 0
        for size, pause in self._pieces(len(body)):
            await self._answer.send({**message, "body": body[at : at + size], "more_body": True})
            at += size
            self._sent += size
            await self._line.rest(pause)
        if at < len(body):
            await self._line.close()
        else:
            await self._answer.send({**message, "body": b""})

    def _pieces(self, length: int) -> list[tuple[int, float]]:
        """The pieces of so many bytes, each with the seconds after it."""
        from gexfaker.faults import kinds as k
        from gexfaker.worlds.shaping import KB, even, pieces_of

        match self._run.fault:
            case k.Bandwidth(rate=rate):
                return [(size, size / (rate * KB)) for size in even(length, rate * KB)]
            case k.Slicer() as slicer:
                return [(size, slicer.delay / 1000) for size in pieces_of(length, slicer, self._run)]
            case k.LimitData(bytes=most):
                return [(min(length, max(0, most - self._sent)), 0.0)]
            case _:
                return [(length, 0.0)]


def _refused(fault: Any, now: float) -> Response:
    """The answer of a rule; with the service's own words where the rule has none."""
    from gexfaker.faults import kinds as k

    if isinstance(fault, k.Quota):
        response = error(OVER_QUOTA, 429)
        response.headers["Retry-After"] = str(max(1, math.ceil(end_of(Period(fault.pool), now) - now)))
        return response
    if fault.code in WITHOUT_BODY:
        response = Response(status_code=fault.code)
    elif fault.body is None:
        response = error(
            OWN_ERRORS.get(fault.code, f"gexfaker answers {fault.code}, as a fault of this key says."), fault.code
        )
    else:
        response = Response(fault.body, fault.code, media_type="application/json")
    if fault.code == 429:
        response.headers["Retry-After"] = "1"
    response.headers.update(fault.headers)
    return response


def _kinds_for(happening: Happening) -> list[type[Fault]]:
    """The kinds that can hit a request: an old record needs a feed, tokens need a negotiation."""
    from gexfaker.faults import kinds as k

    route = happening.route or ""
    is_negotiation = route.rstrip("/").endswith("/negotiate")
    has_record = happening.ticker is not None and not route.startswith(FILES)
    return [
        kind
        for kind in k.KINDS.values()
        if (kind is not k.Stale or has_record) and (kind is not k.ExpireToken or is_negotiation)
    ]


def _named(scope: Scope) -> str:
    """What a client calls itself: by the name that it gives, or by its User-Agent."""
    request = Request(scope)
    return name_given(request) or request.headers.get("user-agent", "")[:100]


def _happening(watch: Watch, scope: Scope) -> Happening:
    """A request in the words of rules."""
    from gexfaker.faults.matching import Happening

    path = plain_path(scope["path"])
    found = resolve(path)
    feed = found.feed if isinstance(found, Found) else None
    if path.startswith(FILES) and (file := parse_file(path.removeprefix(FILES))) is not None:
        feed = file.feed
    clients = (*watch.names(Request(scope).headers.get("user-agent", "")), _named(scope))
    if feed is None:
        return Happening(route=path, clients=clients, market=watch.market())
    return Happening(path, feed.ticker, feed.package, feed.category, clients=clients, market=watch.market())


def _pattern(operations: Iterable[Operation]) -> re.Pattern[str]:
    """The paths of the operations that need an API key."""
    paths = [base + operation.path for operation in operations if operation.key == "api" for base in operation.bases]
    return re.compile("|".join(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)) for path in paths) or "(?!)")

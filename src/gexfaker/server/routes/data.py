"""The REST data routes: thin handlers between the gate, the routes table and the session's place in the day."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from gexfaker.catalog import CATEGORIES, FUTURES, INDEXES, STOCKS, TIERS, Feed
from gexfaker.errors import DataError, ExhaustedError, RecordError
from gexfaker.hubs.tiers import includes, tier_of
from gexfaker.playback.day import Library
from gexfaker.playback.options import Timestamps
from gexfaker.playback.session import Session
from gexfaker.playback.stamps import restamped
from gexfaker.rest.bodies import GZIP_MAGIC, Bodies
from gexfaker.rest.paths import Found, Wrong, is_rest_ticker, quoted, resolve
from gexfaker.rest.routes import Answer
from gexfaker.server.http.gate import Gate, forbidden
from gexfaker.server.http.replies import JSON, error, reply, service_of, wants_gzip
from gexfaker.server.routes.conversion import conversion
from gexfaker.server.service import Service
from gexfaker.tapes.tape import Tape
from gexfaker.wire.tokens import mask, session_id

METHODS: Final = ("GET", "HEAD")
GEX_ONLY: Final = "Category must be one of gex_full, gex_one or gex_zero"
"""The service's own words."""


class DataRoutes(BaseRoute):
    """All routes of ``rest.routes`` as one, so that a request is matched by looking up, not by trying patterns."""

    def __init__(self, gate: Gate) -> None:
        self._gate: Final = gate
        self._bodies: Final = Bodies()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the path is one of the table's, or nearly."""
        found = resolve(scope["path"]) if scope["type"] == "http" else None
        return (Match.NONE, {}) if found is None else (Match.FULL, {"gexfaker.found": found})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that matched."""
        request = Request(scope, receive, send)
        await self._answer(request, scope["gexfaker.found"])(scope, receive, send)

    def _answer(self, request: Request, found: Found | Wrong) -> Response:
        if request.method not in METHODS:
            response = error("Method Not Allowed", 405)
            response.headers["Allow"] = ", ".join(METHODS)
            return response
        if isinstance(found, Found) and found.route.public:
            return _PUBLIC[found.route.answer](found)
        service = service_of(request)
        key = self._gate.key(service, request)
        if isinstance(key, Response):
            return key
        if isinstance(found, Wrong):
            return error(found.text, 404)
        try:
            return self._protected(service, request, key, found)
        except (ExhaustedError, DataError, RecordError) as problem:
            return error(str(problem), 404)

    def _protected(self, service: Service, request: Request, key: str, found: Found) -> Response:
        if found.feed is not None:
            zipped = wants_gzip(request.headers)
            return self._record(service, session_id(key), found.feed, found.route.answer, zipped)
        if found.route.answer is Answer.WHOAMI:
            return _whoami(service, key)
        session = service.sessions.get(session_id(key))
        session.roll()
        return conversion(session, request.query_params, service.clock())

    def _record(self, service: Service, owner: str, feed: Feed, answer: Answer, zipped: bool) -> Response:
        """A record of a feed, or what is made of it, at the session's place in the day."""
        made = self._made(service, owner, feed, answer, zipped)
        if isinstance(made, Response):
            return made
        response = Response(made[0])
        response.raw_headers = body_headers(len(made[0]), made[1])
        return response

    def body(self, service: Service, owner: str, feed: Feed, answer: Answer, zipped: bool) -> tuple[bytes, bool] | None:
        """The body of a data route and whether it is gzipped; None when there is another answer than 200.

        Raises:
            ExhaustedError, DataError, RecordError: there is no such record.
        """
        made = self._made(service, owner, feed, answer, zipped)
        return None if isinstance(made, Response) else made

    def _made(
        self, service: Service, owner: str, feed: Feed, answer: Answer, zipped: bool
    ) -> tuple[bytes, bool] | Response:
        session = service.sessions.get(owner)
        session.roll()
        library = session.library
        if not is_rest_ticker(feed.ticker, library.tickers):
            return error(f"There is no ticker {quoted(feed.ticker)}: /tickers lists them.", 404)
        refused = forbidden(service, owner, tier_of(feed), f"{feed.package} {feed.category}")
        if refused is not None:
            return refused
        if answer is Answer.GEX_ONLY:
            return error(GEX_ONLY, 400)
        tape = library.tape(feed)
        if tape is None:
            return error(_missing(feed, library), 404)
        now = service.clock()
        live = session.options.timestamps is Timestamps.LIVE
        index, body = self._bodies.newest(tape, session.snapshot(tape, answer, now), answer, zipped and not live)
        if live:
            return restamped(body, _live(session, tape, index, now)), False
        return body, zipped and body[:2] == GZIP_MAGIC


def body_headers(length: int, zipped: bool, vary: bytes = b"Accept-Encoding") -> list[tuple[bytes, bytes]]:
    """The headers of a data route's answer."""
    headers = [(b"content-type", JSON.encode()), (b"content-length", b"%d" % length), (b"vary", vary)]
    return [*headers, (b"content-encoding", b"gzip")] if zipped else headers


def _live(session: Session, tape: Tape, index: int, now: float) -> int:
    """When a record is, or was, due in real time: the timestamp that makes it look live."""
    at = None if session.clock is None else session.clock.real(tape.timestamp(index))
    return math.floor(now if at is None else at)


def _missing(feed: Feed, library: Library) -> str:
    """Why the day has no such feed, and what it has."""
    own = sorted(f"{other.package} {other.category}" for other in library.feeds if other.ticker == feed.ticker)
    has = f"of {feed.ticker} it has {', '.join(own)}" if own else f"it has {', '.join(sorted(library.tickers))}"
    return f"{library.date} has no {feed.ticker} {feed.package} {feed.category}; {has}."


def _tickers(_found: Found) -> Response:
    return reply({"stocks": STOCKS, "indexes": INDEXES, "futures": FUTURES})


def _categories(found: Found) -> Response:
    return reply(CATEGORIES[found.route.package])


_PUBLIC: Final[dict[Answer, Callable[[Found], Response]]] = {
    Answer.TICKERS: _tickers,
    Answer.CATEGORIES: _categories,
}


def _whoami(service: Service, key: str) -> Response:
    """What the caller has. The service documents what it tells, but not the names of the fields."""
    tier = service.tier(session_id(key))
    levels = [level for level in TIERS if includes(tier, level)]
    packages = [level for level in levels if level in CATEGORIES]
    permissions = ["rest", "websocket"] + ["history", "expiries", "negotiate_post"] * (tier == TIERS[-1])
    return reply(
        {
            "key": mask(key),
            "tier": tier,
            "subscriptions": levels,
            "addons": [],
            "entitlements": {package: CATEGORIES[package] for package in packages},
            "permissions": permissions,
            "flags": {"active": True},
        }
    )

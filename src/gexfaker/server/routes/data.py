"""The REST data routes: thin handlers between the gate, the table of routes and the key's place in the day."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from gexfaker.allowances import OTHER, POOLS
from gexfaker.catalog import CATEGORIES, FUTURES, INDEXES, QUANT_TICKERS, STOCKS, TIERS, Feed, meant_ticker
from gexfaker.errors import DataError, ExhaustedError, RecordError, UnavailableError
from gexfaker.hubs.tiers import includes, tier_of, why_no_feed
from gexfaker.playback.day import Day
from gexfaker.playback.options import Timestamps
from gexfaker.playback.play import Play
from gexfaker.playback.stamps import restamped
from gexfaker.rest.bodies import GZIP_MAGIC
from gexfaker.rest.paths import Found, Wrong, is_rest_ticker, quoted, resolve
from gexfaker.rest.routes import Answer
from gexfaker.server.http import warmup
from gexfaker.server.http.gate import admit, forbidden
from gexfaker.server.http.replies import JSON, error, reply, sentence, service_of, unavailable, wants_gzip
from gexfaker.server.routes.conversion import conversion
from gexfaker.server.service import Service
from gexfaker.server.slices import in_slices
from gexfaker.tapes.tape import Tape
from gexfaker.wire.tokens import mask
from gexfaker.worlds.change import answer as take_answer
from gexfaker.worlds.change import roll
from gexfaker.worlds.world import World

MAX_SHOWN_TICKERS: Final = 100
"""Tickers that an answer lists."""

FEW_STEPS: Final = 3
"""Steps of a search, a millisecond each, that a request takes at once: for where its key starts, and for its place."""

METHODS: Final = ("GET", "HEAD")
GEX_ONLY: Final = "Category must be one of gex_full, gex_one or gex_zero"
"""The service's own words."""


class Asked(NamedTuple):
    """What a data request asks for: a feed's record, or what is made of it; ``back`` records before the right one."""

    feed: Feed
    answer: Answer
    gzip: bool
    back: int = 0


class Body(NamedTuple):
    """The body of an answer 200."""

    content: bytes
    gzipped: bool


class Unread(NamedTuple):
    """A tape has to be read on before there is an answer."""

    steps: Iterator[None]


class DataRoutes(BaseRoute):
    """All routes of ``rest.routes`` as one, so that a request is matched by looking up, not by trying patterns."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the path is one of the table's, or nearly."""
        found = resolve(scope["path"]) if scope["type"] == "http" else None
        return (Match.NONE, {}) if found is None else (Match.FULL, {"gexfaker.found": found})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that matched."""
        request = Request(scope, receive, send)
        found = scope["gexfaker.found"]
        if isinstance(found, Found):
            request.state.route = found.route.pattern
        response = await _respond(request, found)
        await response(scope, receive, send)


async def _respond(request: Request, found: Found | Wrong) -> Response:
    if request.method not in METHODS:
        response = error("Method Not Allowed", 405)
        response.headers["Allow"] = ", ".join(METHODS)
        return response
    if isinstance(found, Found) and found.route.public:
        return _PUBLIC[found.route.answer](found)
    service = service_of(request)
    key = await admit(service, request, _pool(found))
    if isinstance(key, Response):
        return key
    if isinstance(found, Wrong):
        return error(found.text, 404)
    try:
        return await _protected(service, request, key, found)
    except UnavailableError as problem:
        return unavailable(sentence(problem))
    except (ExhaustedError, DataError, RecordError) as problem:
        return error(str(problem), 404)


def _pool(found: Found | Wrong) -> str:
    """What a request counts for: the package of its feed."""
    package = found.feed.package if isinstance(found, Found) and found.feed is not None else OTHER
    return package if package in POOLS else OTHER


async def _protected(service: Service, request: Request, key: str, found: Found) -> Response:
    world = service.world(key)
    if found.route.answer is Answer.WHOAMI:
        return _whoami(service, world, key)
    if found.feed is None:
        roll(world, service.clock())
        await use(service, world)
        return await conversion(world, request.query_params, service.clock())
    back = getattr(request.state, "back", 0)  # a fault has it
    made = await _read(service, world, Asked(found.feed, found.route.answer, wants_gzip(request.headers), back))
    if isinstance(made, Response):
        return made
    response = Response(made.content)
    response.raw_headers = body_headers(len(made.content), made.gzipped)
    return response


async def _read(service: Service, world: World, asked: Asked) -> Body | Response:
    """The answer; a tape that is not known up to market time is read on in slices before."""
    if not service.days.stored:
        await warmup.load(*warmup.MARKET)
    await use(service, world)
    made = look_up(service, world, asked)
    while isinstance(made, Unread):
        async for _ in in_slices(made.steps):
            pass
        made = look_up(service, world, asked)
    return made


async def use(service: Service, world: World) -> None:
    """In a cluster, have it decided that a key is in use; a server that stands alone does so by answering."""
    if service.cluster is not None and world.play.is_new:
        await service.cluster.begin(world)


def look_up(service: Service, world: World, asked: Asked) -> Body | Unread | Response:
    """What a data request gets at the key's place in the day; a Response is another answer than 200.

    Raises:
        ExhaustedError, DataError, RecordError: there is no such record.
    """
    now = service.clock()
    roll(world, now)
    play = world.play
    day = play.day
    tape = _tape(service, world, asked, day)
    if isinstance(tape, Response):
        return tape
    unread = _unread(play, tape, asked, now)
    if unread is not None:
        return unread
    live = play.options.timestamps is Timestamps.LIVE
    index = max(take_answer(world, tape, asked.answer, now) - asked.back, 0)
    index, body = service.bodies.newest(tape, index, asked.answer, asked.gzip and not live)
    if live:
        return Body(restamped(body, _live(world, tape, index, now)), False)
    return Body(body, asked.gzip and body[:2] == GZIP_MAGIC)


def no_ticker(ticker: str) -> str:
    """That a ticker is none, with the one that is meant."""
    if ticker in QUANT_TICKERS:
        return f"{ticker} is on the real-time feed only: it has no REST."
    meant = f"; did you mean {whole}?" if (whole := meant_ticker(ticker)) else ""
    return f"There is no ticker {quoted(ticker)}{meant or ': /tickers lists them.'}"


def _unread(play: Play, tape: Tape, asked: Asked, now: float) -> Unread | None:
    """The reading that a tape needs before; None when it is done, or little, and then it is done here."""
    steps = iter(play.steps_to_answer(tape, asked.answer, now))
    taken = sum(1 for _ in islice(steps, FEW_STEPS))
    return Unread(steps) if taken == FEW_STEPS else None


def _tape(service: Service, world: World, asked: Asked, day: Day) -> Tape | Response:
    """The records that an answer is made of, or why there is none for this key."""
    feed = asked.feed
    if not is_rest_ticker(feed.ticker, day.tickers):
        return error(no_ticker(feed.ticker), 404)
    refused = forbidden(service, world, tier_of(feed), f"{feed.package} {feed.category}")
    if refused is not None:
        return refused
    if asked.answer is Answer.GEX_ONLY:
        return error(GEX_ONLY, 400)
    tape = day.tape(feed)
    return error(_missing(feed, day), 404) if tape is None else tape


def body_headers(length: int, zipped: bool, vary: bytes = b"Accept-Encoding") -> list[tuple[bytes, bytes]]:
    """The headers of a data route's answer."""
    headers = [(b"content-type", JSON.encode()), (b"content-length", b"%d" % length), (b"vary", vary)]
    return [*headers, (b"content-encoding", b"gzip")] if zipped else headers


def _live(world: World, tape: Tape, index: int, now: float) -> int:
    """When a record is, or was, due in real time: the timestamp that makes it look live."""
    at = world.play.real_time(tape.timestamp(index))
    return math.floor(now if at is None else at)


def _missing(feed: Feed, day: Day) -> str:
    """Why the day has no such feed, and what it has."""
    own = sorted(f"{other.package} {other.category}" for other in day.feeds if other.ticker == feed.ticker)
    has = f"of {feed.ticker} it has {', '.join(own)}" if own else f"it has {_some(day.tickers)}"
    adds = f"; --tickers {feed.ticker} adds it" if day.is_simulated and feed.ticker not in day.tickers else ""
    return f"{day.date} has no {feed.ticker} {feed.package} {feed.category}; {has}{adds}."


def _some(names: Collection[str]) -> str:
    """Names for a sentence, not all of very many."""
    shown = ", ".join(sorted(names)[:MAX_SHOWN_TICKERS])
    more = len(names) - MAX_SHOWN_TICKERS
    return f"{shown} and {more:,} more" if more > 0 else shown


def _tickers(_found: Found) -> Response:
    return reply({"stocks": STOCKS, "indexes": INDEXES, "futures": FUTURES})


def _categories(found: Found) -> Response:
    return reply(CATEGORIES[found.route.package])


_PUBLIC: Final[dict[Answer, Callable[[Found], Response]]] = {
    Answer.TICKERS: _tickers,
    Answer.CATEGORIES: _categories,
}


def _whoami(service: Service, world: World, key: str) -> Response:
    """What the caller has. The service documents what it tells, but not the names of the fields."""
    tier = world.tier
    levels = [level for level in TIERS if includes(tier, level)]
    packages = [level for level in levels if level in CATEGORIES]
    feed = ["websocket"] * (why_no_feed(tier, "GET") is None)
    permissions = ["rest", "eod_report", *feed] + ["history", "expiries", "negotiate_post"] * (tier == TIERS[-1])
    return reply(
        {
            "key": mask(key),
            "tier": tier,
            "subscriptions": levels,
            "addons": [],
            "entitlements": {package: CATEGORIES[package] for package in packages},
            "permissions": permissions,
            "flags": {"active": True},
            **({} if (mark := service.mark(world)) is None else {"gexfaker": mark.decode()}),
        }
    )

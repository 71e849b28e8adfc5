"""The levels of a gex feed as a chart plug-in of the vendor asks for them."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.archive.levels import MAX_MASK, masked, rows
from gexfaker.catalog import Feed
from gexfaker.contract.operations import BUSY, KEYED, Operation
from gexfaker.hubs.tiers import tier_of
from gexfaker.limits import KIB
from gexfaker.rest.routes import V2
from gexfaker.server.http.downloads import busy, downloads_of, turn
from gexfaker.server.http.gate import admit, forbidden
from gexfaker.server.http.replies import read_body, reply, service_of
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.data import GEX_ONLY
from gexfaker.server.routes.history import feed_of, shelf_of

MAX_SPAN_BYTES: Final = 4 * KIB
"""A body has two numbers."""

LAST_SECOND: Final = 100_000_000_000
"""Beyond all days."""


class Span(msgspec.Struct):
    """From when to when, epoch seconds."""

    start: int
    end: int


async def _levels(request: Request) -> Response:
    service, feed, mask = service_of(request), _feed(request), _mask(request)
    key = await admit(service, request, "history")
    if isinstance(key, Response):
        return key
    refused = forbidden(service, service.world(key), tier_of(feed), f"{feed.package} {feed.category}")
    if refused is not None:
        return refused
    span, made = await _span(request), list[dict[str, Any]]()
    last = min(span.end, int(_now(request, key)))
    async with downloads_of(request).reserve(request) as slot:
        if slot is None:
            return busy()
        work = rows(shelf_of(request), feed, span.start, last, masked(mask))
        while some := await turn(request, work):
            made += some
            if await request.is_disconnected():
                return Response(status_code=499)
    return reply(made)


def _now(request: Request, key: str) -> float:
    """Market time of a key: a chart does not show what is still to come."""
    service = service_of(request)
    world = service.world(key)
    market = world.play.market_time(service.clock()) if world.is_used else None
    return service.clock() if market is None else market


def _feed(request: Request) -> Feed:
    """The feed of the path. Raises HTTPException: there is none, or it has no levels."""
    feed = feed_of(request)
    if not feed.category.startswith("gex_"):
        raise HTTPException(400, GEX_ONLY)
    return feed


def _mask(request: Request) -> int:
    """The mask of the path. Raises HTTPException."""
    text = request.path_params["mask"]
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MAX_MASK):
        raise HTTPException(400, f"The mask is a number from 1 to {MAX_MASK}.")
    return int(text)


async def _span(request: Request) -> Span:
    """The stretch that the body asks for. Raises HTTPException."""
    body = await read_body(request, MAX_SPAN_BYTES)
    try:
        span = msgspec.json.decode(body or b"", type=Span)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        span = None
    if span is None or not 0 <= span.start <= span.end < LAST_SECOND:
        raise HTTPException(400, 'Send {"start":1784295000,"end":1784298600}: epoch seconds, the start first.')
    return span


ENDPOINTS: Final = (
    Endpoint(
        Operation(
            "post",
            "/tradingview/hist/{ticker}/{package}/{category}/majors/{mask}",
            "Levels from `start` to `end`, by the bits of the mask: major_pos_vol 1, major_neg_vol 2, zero_gamma 4.",
            {200: "LevelRows", **KEYED, 404: "Error", **BUSY},
            (V2,),
            body="Span",
            key="api",
            tag="history",
            note="of a chart plug-in of the vendor; at most 2,000 rows of 31 days, none after the key's market time",
        ),
        _levels,
    ),
)
"""The routes of this module."""

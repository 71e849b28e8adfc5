"""Recorded days for download: signed links to single files, the files themselves, and a ticker's end-of-day report.

A file is behind a signed link: no key is asked for, and none is wanted. It is sent plain, or gzipped with
``Content-Encoding: gzip`` to a client that accepts that: a client that unpacks by itself sees JSON, one that does not
sees 1f 8b, and there are both kinds. Ranges are of the plain array, and are served plain.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gexfaker.archive.framing import Measured, pieces
from gexfaker.archive.names import FILES, File, parse_category, parse_date, parse_file, report_name, standard_feeds
from gexfaker.archive.packing import zipped
from gexfaker.archive.ranges import Wanted, content_range, parse_range, resolve
from gexfaker.archive.shelf import Content, Shelf, content, members
from gexfaker.archive.signing import refusal, sign
from gexfaker.catalog import QUANT_TICKERS, STORED_CATEGORIES, Feed
from gexfaker.contract.operations import BUSY, KEYED, XML, Operation
from gexfaker.contract.operations import JSON as PLAIN_JSON
from gexfaker.errors import DataError, UnavailableError
from gexfaker.exchange.hours import date_at, epoch
from gexfaker.hubs.tiers import includes, tier_of
from gexfaker.playback.simulated import SimulatedDays
from gexfaker.rest.paths import is_rest_ticker, quoted
from gexfaker.rest.routes import BASES
from gexfaker.server.http.addresses import base_url
from gexfaker.server.http.downloads import Slot, busy, download, downloads_of, in_thread, turn
from gexfaker.server.http.gate import admit, api_key, forbidden
from gexfaker.server.http.replies import JSON, reply, service_of, wants_gzip
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.data import no_ticker
from gexfaker.server.service import Service
from gexfaker.tapes.tape import Tape
from gexfaker.wire.tokens import PREFIX, mask, world_id
from gexfaker.worlds.world import World

log: Final = logging.getLogger(__name__)

TIER: Final = "quant"
"""The subscription that history needs."""

EXPORT: Final = datetime.time(17)
"""When the service has exported a day, in New York; about, by what users saw."""

WINDOW: Final = datetime.timedelta(days=90)
"""How far back the service's history goes. Here only on request (setting): whoever has older days wants them."""


async def _link(request: Request) -> Response:
    """302 to the signed link of a file; with ``noredirect`` in the query 200 and the link as JSON."""
    key = await _admit(request)
    if isinstance(key, Response):
        return key
    file = _file(request)
    shelf = shelf_of(request)
    if not await in_thread(request, lambda: shelf.holds(file.date, file.feed)):
        if not is_rest_ticker(file.feed.ticker, service_of(request).day.tickers):
            raise HTTPException(404, no_ticker(file.feed.ticker))
        raise HTTPException(404, f"There is no history of {file.feed.group} on {file.date}{shelf.why_none(file.date)}.")
    link = _signed(request, file, world_id(key).removeprefix(PREFIX))
    if "noredirect" in request.query_params:
        return reply({"url": link})
    return RedirectResponse(link, 302)


async def _report(request: Request) -> Response:
    """A ticker's end-of-day report: the files of the key's market day that its tier has, in one zip."""
    service = service_of(request)
    key = await admit(service, request, "history")
    if isinstance(key, Response):
        return key
    ticker, world = _ticker(request), service.world(key)
    shelf, feeds = shelf_of(request), [feed for feed in standard_feeds(ticker) if includes(world.tier, tier_of(feed))]
    market_day, is_exported = service.day_of(world).date, _is_exported(service, world)
    date = await in_thread(request, lambda: _report_day(shelf, feeds, market_day, is_exported))
    if date is None:
        raise HTTPException(404, f"There is no end-of-day report of {quoted(ticker)}.")
    headers = {"Content-Disposition": f"attachment; filename={report_name(date, ticker)}"}
    async with downloads_of(request).reserve(request) as slot:
        if slot is None:
            return busy()
        content = zipped(members(shelf, date, feeds), datetime.date.fromisoformat(date))
        return download(request, content, headers, "application/zip", slot=slot)


def _is_exported(service: Service, world: World) -> bool:
    """Whether the report of a key's market day is there, or still that of the day before."""
    if not service.settings.is_real("eod-export"):
        return True
    market = world.play.market_time(service.clock()) if world.is_used else None
    return market is not None and market >= epoch(service.day_of(world).calendar_date, EXPORT)


def _report_day(shelf: Shelf, feeds: list[Feed], market_day: str, is_exported: bool) -> str | None:
    with contextlib.suppress(DataError):
        date = market_day if is_exported else shelf.before(market_day)
        if any(shelf.holds(date, feed) for feed in feeds):
            return date
    return None


async def _admit(request: Request) -> str | Response:
    """The caller's key if it opens the history, or why it does not."""
    service = service_of(request)
    key = await admit(service, request, "history")
    if isinstance(key, Response):
        return key
    return forbidden(service, service.world(key), TIER, "History") or key


def _ticker(request: Request) -> str:
    """The ticker of the path. Raises HTTPException for one of the real-time feed only."""
    ticker: str = request.path_params["ticker"].upper()
    if ticker in QUANT_TICKERS:
        raise HTTPException(404, f"{ticker} is on the real-time feed only: it has no history.")
    return ticker


def feed_of(request: Request) -> Feed:
    """The feed of the path. Raises HTTPException: there is no such category, or no history of the ticker."""
    ticker, path = _ticker(request), request.path_params
    package = path["package"].lower()
    category = parse_category(package, path["category"].lower())
    if category is None:
        known = STORED_CATEGORIES.get(package)
        if known is None:
            packages = ", ".join(STORED_CATEGORIES)
            raise HTTPException(404, f"There is no package {quoted(path['package'])}: there are {packages}.")
        said = f"There is no category {quoted(path['category'])} of {package}: there are {', '.join(known)}."
        raise HTTPException(404, said)
    return Feed(ticker, package, category)


def _file(request: Request) -> File:
    """The file that the path asks for, if it names one. Raises HTTPException."""
    feed, path = feed_of(request), request.path_params
    date = parse_date(path["date"])
    if date is None:
        raise HTTPException(404, f"{quoted(path['date'])} is not a date: write YYYY-MM-DD.")
    if service_of(request).settings.is_real("history-window") and not _is_recent(request, date):
        raise HTTPException(404, f"{date} is more than {WINDOW.days} days ago.")
    return File(date, feed)


def _is_recent(request: Request, date: str) -> bool:
    today = date_at(service_of(request).clock())
    return today - datetime.date.fromisoformat(date) <= WINDOW


def _signed(request: Request, file: File, owner: str) -> str:
    """The link of a key to a file, on the host the client knows us by. Raises HTTPException."""
    service = service_of(request)
    base = base_url(service, request.headers, request.url.scheme)
    if base is None:
        raise HTTPException(400, "The Host header is not a host name.")
    expires = int(service.clock() + service.settings.history_url_lifetime)
    return f"{base}{FILES}{file.name}?{sign(file.name, service.secret, expires, owner)}"


# --- files ---------------------------------------------------------------------------------------


def shelf_of(request: Request) -> Shelf:
    """The days that can be downloaded."""
    service, downloads = service_of(request), downloads_of(request)
    played = service.days.simulation
    market = (played.seed, played.tickers, played.scenario, played.feedback)
    if downloads.days is None or downloads.days.market != market:
        downloads.days = SimulatedDays(*market)
    return Shelf(service.days, downloads.days, service.clock())


async def _serve(request: Request) -> Response:
    """A file, whole or in part, if the link is signed and still good."""
    service, name = service_of(request), request.path_params["name"]
    refused = refusal(name, request.query_params, service.secret, service.clock())
    if refused is not None:
        return _xml(403, "AuthenticationFailed", refused)
    file = parse_file(name)
    _note_key(request, name)
    async with downloads_of(request).reserve(request) as slot:
        if slot is None:
            return busy()
        try:
            tape = await in_thread(
                request, lambda: None if file is None else shelf_of(request).open(file.date, file.feed)
            )
        except UnavailableError:
            raise
        except DataError:
            tape = None
        if file is None or tape is None:
            return _xml(404, "BlobNotFound", "The file is not there (any more).")
        wanted = None if "if-range" in request.headers else parse_range(request.headers.get("range"))
        return _whole(request, tape, slot) if wanted is None else await _part(request, file, tape, wanted, slot)


def _whole(request: Request, tape: Tape, slot: Slot) -> Response:
    headers = {"Vary": "Accept-Encoding"}
    if wants_gzip(request.headers):
        headers |= {"Content-Encoding": "gzip", "Accept-Ranges": "none"}
        return download(request, content(tape, pieces, packed=True), headers, JSON, slot=slot)
    return download(request, content(tape, pieces), headers | {"Accept-Ranges": "bytes"}, JSON, slot=slot)


async def _part(request: Request, file: File, tape: Tape, wanted: Wanted, slot: Slot) -> Response:
    """206 with a part of the array, or 416; the array is read once before, as its length is not known."""
    with contextlib.ExitStack() as unless_sent:
        unless_sent.callback(tape.close)
        measured = await _measured(request, file, tape)
        if measured is None:
            return Response(status_code=499)
        part = resolve(wanted, measured.total)
        headers = {"Content-Range": content_range(part, measured.total), "Accept-Ranges": "bytes"}
        if part is None:
            return _xml(416, "InvalidRange", "The range is beyond the end of the file.", headers)
        headers |= {"Content-Length": str(len(part)), "Vary": "Accept-Encoding"}
        unless_sent.pop_all()
    return download(request, Content(tape, measured.part(tape, part)), headers, JSON, 206, slot=slot)


async def _measured(request: Request, file: File, tape: Tape) -> Measured | None:
    """The length of a file, remembered for the next range of it; None when the connection was reset meanwhile."""
    downloads, shelf = downloads_of(request), shelf_of(request)
    version = await in_thread(request, lambda: shelf.version(file.date, file.feed))
    measured = downloads.measured.get(version)
    if measured is None:
        measured = Measured()
        steps = measured.steps(tape)
        while await turn(request, steps):
            if await request.is_disconnected():
                return None
        downloads.measured[version] = measured
    return measured


def _note_key(request: Request, name: str) -> None:
    """Say so when a client sends its key along: the service's storage is another host, which must not get it."""
    key = api_key(request.headers, request.query_params)
    if key is not None:
        log.info("key %s was sent with the signed link of %s, which needs none", mask(key), name)


def _xml(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Response:
    """An error as the service's storage words it, which is not JSON."""
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{text}</Message></Error>'
    return Response(body, status, headers, media_type="application/xml")


# --- the routes ----------------------------------------------------------------------------------

ENDPOINTS: Final = (
    Endpoint(
        Operation(
            "get",
            "/hist/eod/{ticker}",
            "A ticker's files of the market day that the key plays, as far as its tier has them.",
            {200: "application/zip", **KEYED, 404: "Error", **BUSY},
            BASES,
            key="api",
            tag="history",
            note="made and packed while it is sent: it begins at once, has no Content-Length, and is larger than "
            "a real one",
        ),
        _report,
    ),
    Endpoint(
        Operation(
            "get",
            "/hist/{ticker}/{package}/{category}/{date}",
            "The signed link to a recorded day: 302, or with noredirect 200.",
            {200: "Link", 302: "", **KEYED, 404: "Error"},
            BASES,
            query=("noredirect",),
            key="api",
            tag="history",
            note="the link leads to this server; days of any age, with the realism switch history-window 90 days",
        ),
        _link,
    ),
    Endpoint(
        Operation(
            "get",
            "/_files/{name}",
            "A recorded day as a JSON array, by a signed link; ranges of it.",
            {200: "Snapshots", 206: PLAIN_JSON, 403: XML, 404: f"Error|{XML}", 416: XML, **BUSY},
            query=("se*", "sp", "skoid*", "sig*"),
            tag="history",
        ),
        _serve,
    ),
)
"""The routes of this module."""

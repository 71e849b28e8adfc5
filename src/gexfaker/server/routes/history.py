"""Recorded days for download: links to single files, and a ticker's end-of-day report. The files are in ``files``."""

from __future__ import annotations

import contextlib
import datetime
import logging
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gexfaker.archive.names import File, parse_category, parse_date, report_name, standard_feeds
from gexfaker.archive.packing import zipped
from gexfaker.archive.shelf import Shelf, members
from gexfaker.archive.signing import sign
from gexfaker.catalog import QUANT_TICKERS, Feed
from gexfaker.errors import DataError
from gexfaker.exchange.times import NEW_YORK
from gexfaker.rest.paths import quoted
from gexfaker.rest.routes import BASES
from gexfaker.server.http.downloads import download, in_thread
from gexfaker.server.http.gate import forbidden, gate_of
from gexfaker.server.http.replies import reply, service_of
from gexfaker.server.routes.files import FILES, file_route, shelf_of
from gexfaker.server.routes.negotiate import base_url
from gexfaker.wire.tokens import mask, session_id

log: Final = logging.getLogger(__name__)

TIER: Final = "quant"
"""The subscription that history needs."""

WINDOW: Final = datetime.timedelta(days=90)
"""How far back the service's history goes. Here only on request (setting): whoever has older days wants them."""


def history_routes() -> list[Route]:
    """The routes of the history, and the one its links lead to."""
    routes = [file_route()]
    for base in BASES:
        routes.append(Route(base + "/hist/eod/{ticker}", _report))
        routes.append(Route(base + "/hist/{ticker}/{package}/{category}/{date}", _link))
    return routes


async def _link(request: Request) -> Response:
    """302 to the signed link of a file; with ``noredirect`` in the query 200 and the link as JSON."""
    key = _admit(request)
    if isinstance(key, Response):
        return key
    file = _file(request)
    shelf = shelf_of(request)
    if not await in_thread(request, lambda: shelf.holds(file.date, file.feed)):
        raise HTTPException(404, f"There is no history of {file.feed.group} on {file.date}.")
    link = _signed(request, file)
    log.info("history of %s on %s for key %s", file.feed.group, file.date, mask(key))
    if "noredirect" in request.query_params:
        return reply({"url": link})
    return RedirectResponse(link, 302)


async def _report(request: Request) -> Response:
    """A ticker's end-of-day report: all its files of the latest completed day in one zip."""
    key = _admit(request)
    if isinstance(key, Response):
        return key
    ticker = _ticker(request)
    shelf = shelf_of(request)
    date = await in_thread(request, lambda: _report_day(shelf, ticker))
    if date is None:
        raise HTTPException(404, f"There is no end-of-day report of {quoted(ticker)}.")
    log.info("end-of-day report of %s, %s, for key %s", ticker, date, mask(key))
    content = zipped(members(shelf, date, ticker), datetime.date.fromisoformat(date))
    disposition = f"attachment; filename={report_name(date, ticker)}"
    return download(request, content, {"Content-Disposition": disposition}, "application/zip")


def _report_day(shelf: Shelf, ticker: str) -> str | None:
    with contextlib.suppress(DataError):
        date = shelf.latest()
        if any(shelf.holds(date, feed) for feed in standard_feeds(ticker)):
            return date
    return None


def _admit(request: Request) -> str | Response:
    """The caller's key if it opens the history, or why it does not."""
    service = service_of(request)
    key = gate_of(request).key(service, request)
    if isinstance(key, Response):
        return key
    return forbidden(service, session_id(key), TIER, "History") or key


def _ticker(request: Request) -> str:
    """The ticker of the path. Raises HTTPException for one of the real-time feed only."""
    ticker: str = request.path_params["ticker"].upper()
    if ticker in QUANT_TICKERS:
        raise HTTPException(404, f"{ticker} is on the real-time feed only: it has no history.")
    return ticker


def _file(request: Request) -> File:
    """The file that the path asks for, if it names one. Raises HTTPException."""
    ticker, path = _ticker(request), request.path_params
    category = parse_category(path["package"], path["category"])
    date = parse_date(path["date"])
    if category is None:
        raise HTTPException(404, f"There is no category {quoted(path['package'] + '/' + path['category'])}.")
    if date is None:
        raise HTTPException(404, f"{quoted(path['date'])} is not a date: write YYYY-MM-DD.")
    if service_of(request).settings.history_window and not _is_recent(request, date):
        raise HTTPException(404, f"{date} is more than {WINDOW.days} days ago.")
    return File(date, Feed(ticker, path["package"], category))


def _is_recent(request: Request, date: str) -> bool:
    today = datetime.datetime.fromtimestamp(service_of(request).clock(), NEW_YORK).date()
    return today - datetime.date.fromisoformat(date) <= WINDOW


def _signed(request: Request, file: File) -> str:
    """The link to a file, on the host the client knows us by. Raises HTTPException."""
    service = service_of(request)
    base = base_url(service, request.headers, request.url.scheme)
    if base is None:
        raise HTTPException(400, "The Host header is not a host name.")
    expires = int(service.clock() + service.settings.history_url_lifetime)
    return f"{base}{FILES}/{file.name}?{sign(file.name, service.secret, expires)}"

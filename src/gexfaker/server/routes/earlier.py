"""The routes for days and downloads that users of the earlier tool know; open to everybody, as they were there."""

from __future__ import annotations

import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.archive.framing import lines
from gexfaker.archive.names import parse_date, parse_stored_category, short_category
from gexfaker.archive.shelf import content
from gexfaker.catalog import STORED_CATEGORIES, Feed
from gexfaker.contract.operations import BUSY, Operation
from gexfaker.errors import DataError, UnavailableError
from gexfaker.server.http.downloads import busy, download, downloads_of, in_thread
from gexfaker.server.http.replies import reply, service_of, utc
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.history import shelf_of

if TYPE_CHECKING:
    from gexfaker.inspection.coverage import Row

MAX_COVERED_DAYS: Final = 366
"""Days that one answer tells of: a year of ten tickers is 1 MB."""

JSON_LINES: Final = "application/x-ndjson"


async def _dates(request: Request) -> Response:
    dates = service_of(request).days.dates()
    return reply({"dates": dates, "count": len(dates)})


async def _current(request: Request) -> Response:
    """The day that keys start with, since when, and how many files it has."""
    service = service_of(request)
    date = service.days.first
    return reply(
        {
            "current_date": date,
            "loaded_at": utc(service.life.loaded_at),
            "files_loaded": len(service.days.day(date).feeds),
        }
    )


async def _data(request: Request) -> Response:
    """What a day has, ticker by ticker; nothing of an unknown day."""
    date = parse_date(request.path_params["date"]) or ""
    only = request.query_params.get("ticker", "").upper()
    feeds = [feed for feed in await _feeds(request, date) if only in ("", feed.ticker)]
    tickers = [{"symbol": ticker, "packages": _packages(list(of))} for ticker, of in groupby(feeds, lambda f: f.ticker)]
    summary = {"total_tickers": len(tickers), "total_files": len(feeds)}
    return reply({"date": request.path_params["date"], "tickers": tickers, "summary": summary})


def _packages(feeds: list[Feed]) -> list[dict[str, Any]]:
    return [{"name": name, "categories": found} for name in STORED_CATEGORIES if (found := _of_package(feeds, name))]


def _of_package(feeds: list[Feed], package: str) -> list[str]:
    """The categories there are of a package, in the order of the catalog."""
    there = {feed.category for feed in feeds if feed.package == package}
    return [category for category in STORED_CATEGORIES[package] if category in there]


async def _feeds(request: Request, date: str) -> list[Feed]:
    shelf = shelf_of(request)
    return await in_thread(request, lambda: shelf.feeds(date))


async def _links(request: Request) -> Response:
    """Where a ticker's files of a day are, by package."""
    date, ticker = parse_date(request.path_params["date"]) or "", request.path_params["ticker"].upper()
    feeds = [feed for feed in await _feeds(request, date) if feed.ticker == ticker]
    if not feeds:
        raise HTTPException(404, f"There is no data of {ticker[:40]!r} on {date or 'that date'}.")
    base = f"/download/{date}/{ticker}"
    links = {
        package: [_link(base, package, name) for name in _of_package(feeds, package)] for package in STORED_CATEGORIES
    }
    return reply({"date": date, "ticker": ticker, "links": links, "summary": {"total_links": len(feeds)}})


def _link(base: str, package: str, category: str) -> str:
    return f"{base}/{package}" if package == category else f"{base}/{package}/{short_category(category)}"


async def _lines(request: Request) -> Response:
    """A file as lines of JSON."""
    path = request.path_params
    package = path.get("package", "orderflow")
    category = parse_stored_category(package, path.get("category", "orderflow"))
    date, ticker = parse_date(path["date"]), path["ticker"].upper()
    if category is None or date is None:
        raise HTTPException(404, "There is no such file: see /download/{date}/{ticker}/links.")
    shelf, feed = shelf_of(request), Feed(ticker, package, category)
    async with downloads_of(request).reserve(request) as slot:
        if slot is None:
            return busy()
        try:
            tape = await in_thread(request, lambda: shelf.open(date, feed))
        except UnavailableError:
            raise
        except DataError:
            text = f"There is no {package} {category} of {ticker[:40]!r} on {date}: see its links."
            raise HTTPException(404, text) from None
        return download(request, content(tape, lines), {}, JSON_LINES, slot=slot)


async def _load(request: Request) -> Response:
    """The same, as the later generation tells it: the days that are loaded are those that can be played."""
    service = service_of(request)
    date, dates = service.days.first, service.days.dates()
    return reply(
        {
            "date": date,
            "from": dates[0] if dates else date,
            "to": dates[-1] if dates else date,
            "loaded_at": utc(service.life.loaded_at),
            "files_loaded": len(service.days.day(date).feeds),
        }
    )


async def _coverage(request: Request) -> Response:
    """Which tickers each recorded day has, and what is known of them; nothing is looked through for it."""
    from gexfaker.inspection.coverage import Coverage

    service, query = service_of(request), request.query_params
    folder = service.data_folder()
    known = await in_thread(request, lambda: folder.dates() if folder.root.is_dir() else [])
    begin = _date_of(query.get("from"), known[0] if known else service.day.date)
    end = _date_of(query.get("to"), known[-1] if known else service.day.date)
    if (end - begin).days > MAX_COVERED_DAYS:
        raise HTTPException(400, f"Ask for {MAX_COVERED_DAYS} days at most.")
    rows: list[Row] = []
    if known:
        rows = await in_thread(request, lambda: Coverage(folder, looks=False).rows(begin, end))
    days = {date: [row for row in rows if row.date == date] for date in sorted({row.date for row in rows})}
    tickers = [{row.ticker for row in of_day if row.feeds} for of_day in days.values()]
    there = [found for found in tickers if found]
    return reply(
        {
            "from": begin.isoformat(),
            "to": end.isoformat(),
            "days": [_covered(date, of_day) for date, of_day in days.items()],
            "union": sorted(set().union(*there)),
            "intersection": sorted(set.intersection(*there)) if there else [],
        }
    )


def _covered(date: str, rows: list[Row]) -> dict[str, Any]:
    return {
        "date": date,
        "tickers": [row.ticker for row in rows if row.feeds],
        "details": [row.as_json() for row in rows],
    }


def _date_of(text: str | None, otherwise: str) -> datetime.date:
    date = otherwise if text is None else parse_date(text)
    if date is None:
        raise HTTPException(400, "from and to are days, YYYY-MM-DD.")
    return datetime.date.fromisoformat(date)


ENDPOINTS: Final = (
    Endpoint(
        Operation("get", "/dates", "As `/available-dates`.", {200: "Dates"}, tag="earlier tool"),
        _dates,
    ),
    Endpoint(
        Operation("get", "/current-load", "The day keys start with, and all days.", {200: "Load"}, tag="earlier tool"),
        _load,
    ),
    Endpoint(
        Operation(
            "get",
            "/available/{date}",
            "As `/available-data/{date}`.",
            {200: "AvailableData"},
            query=("ticker",),
            tag="earlier tool",
        ),
        _data,
    ),
    Endpoint(
        Operation(
            "get",
            "/coverage",
            "Which tickers each recorded day has, and what `gexfaker coverage` has seen of them.",
            {200: "Coverage", 400: "Error"},
            query=("from", "to"),
            tag="earlier tool",
        ),
        _coverage,
    ),
    Endpoint(
        Operation(
            "get",
            "/available-dates",
            "The recorded days; of a simulated market those that were played.",
            {200: "Dates"},
            tag="earlier tool",
        ),
        _dates,
    ),
    Endpoint(
        Operation("get", "/current-date", "The day keys start with.", {200: "CurrentDate"}, tag="earlier tool"),
        _current,
    ),
    Endpoint(
        Operation(
            "get",
            "/available-data/{date}",
            "What a day has.",
            {200: "AvailableData"},
            query=("ticker",),
            tag="earlier tool",
        ),
        _data,
    ),
    Endpoint(
        Operation(
            "get",
            "/download/{date}/{ticker}/links",
            "The downloads of a ticker-day.",
            {200: "Links", 404: "Error"},
            tag="earlier tool",
        ),
        _links,
    ),
    Endpoint(
        Operation(
            "get",
            "/download/{date}/{ticker}/orderflow",
            "Recorded orderflow, a snapshot a line.",
            {200: "application/x-ndjson", 404: "Error", **BUSY},
            tag="earlier tool",
        ),
        _lines,
    ),
    Endpoint(
        Operation(
            "get",
            "/download/{date}/{ticker}/{package}/{category}",
            "A recorded category, a snapshot a line.",
            {200: "application/x-ndjson", 404: "Error", **BUSY},
            tag="earlier tool",
        ),
        _lines,
    ),
)
"""The routes of this module."""

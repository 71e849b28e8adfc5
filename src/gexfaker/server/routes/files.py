"""The files of the history, behind signed links: no key is asked for, and none is wanted.

A file is sent plain, or gzipped with ``Content-Encoding: gzip`` to a client that accepts that: a client that unpacks
by itself sees JSON, one that does not sees 1f 8b, and there are both kinds. Ranges are of the plain array, and are
served plain.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gexfaker.archive.framing import Measured, pieces
from gexfaker.archive.names import parse_file
from gexfaker.archive.ranges import Wanted, content_range, parse_range, resolve
from gexfaker.archive.shelf import Content, Shelf, content
from gexfaker.archive.signing import refusal
from gexfaker.errors import DataError
from gexfaker.playback.day import Library
from gexfaker.playback.simulated import simulated_day
from gexfaker.server.http.downloads import download, in_thread, turn
from gexfaker.server.http.replies import JSON, service_of, wants_gzip
from gexfaker.server.routes.negotiate import api_key
from gexfaker.tapes.tape import Tape
from gexfaker.wire.tokens import mask

log: Final = logging.getLogger(__name__)

FILES: Final = "/_files"
"""Where the signed links lead."""


def file_route() -> Route:
    """The route of the files."""
    return Route(FILES + "/{name}", _serve)


def shelf_of(request: Request) -> Shelf:
    """The days that can be downloaded."""
    service = service_of(request)
    settings = service.settings

    def simulated(date: str) -> Library:
        return simulated_day(date, settings.seed, settings.tickers, settings.scenario)

    return Shelf(service.days, Path(settings.data_dir).expanduser(), simulated, service.clock())


async def _serve(request: Request) -> Response:
    """A file, whole or in part, if the link is signed and still good."""
    service, name = service_of(request), request.path_params["name"]
    refused = refusal(name, request.query_params, service.secret, service.clock())
    if refused is not None:
        return _xml(403, "AuthenticationFailed", refused)
    file = parse_file(name)
    try:
        tape = await in_thread(request, lambda: None if file is None else shelf_of(request).open(file.date, file.feed))
    except DataError:
        tape = None
    if file is None or tape is None:
        return _xml(404, "BlobNotFound", "The file is not there (any more).")
    _note_key(request, name)
    wanted = None if "if-range" in request.headers else parse_range(request.headers.get("range"))
    return _whole(request, tape) if wanted is None else await _part(request, tape, wanted)


def _whole(request: Request, tape: Tape) -> Response:
    headers = {"Vary": "Accept-Encoding"}
    if wants_gzip(request.headers):
        headers |= {"Content-Encoding": "gzip", "Accept-Ranges": "none"}
        return download(request, content(tape, pieces, packed=True), headers, JSON)
    return download(request, content(tape, pieces), headers | {"Accept-Ranges": "bytes"}, JSON)


async def _part(request: Request, tape: Tape, wanted: Wanted) -> Response:
    """206 with a part of the array, or 416; the array is read once before, as its length is not known."""
    with contextlib.ExitStack() as unless_sent:
        unless_sent.callback(tape.close)
        measured = Measured(tape)
        steps = measured.steps()
        while await turn(request, steps):
            if await request.is_disconnected():
                return Response(status_code=499)
        part = resolve(wanted, measured.total)
        headers = {"Content-Range": content_range(part, measured.total), "Accept-Ranges": "bytes"}
        if part is None:
            return _xml(416, "InvalidRange", "The range is beyond the end of the file.", headers)
        headers |= {"Content-Length": str(len(part)), "Vary": "Accept-Encoding"}
        unless_sent.pop_all()
    return download(request, Content(tape, measured.part(part)), headers, JSON, 206)


def _note_key(request: Request, name: str) -> None:
    """Say so when a client sends its key along: the service's storage is another host, which must not get it."""
    key = api_key(request.headers, request.query_params)
    if key is not None:
        log.info("key %s was sent with the signed link of %s, which needs none", mask(key), name)


def _xml(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Response:
    """An error as the service's storage words it, which is not JSON."""
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{text}</Message></Error>'
    return Response(body, status, headers, media_type="application/xml")

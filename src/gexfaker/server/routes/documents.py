"""The routes that people and programs read: the first page, the contract in its forms, and the documents of docs/."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gexfaker import __version__
from gexfaker.contract.operations import JSON, Operation
from gexfaker.server.access.events import log_schema
from gexfaker.server.http.addresses import base_url
from gexfaker.server.http.downloads import limiter
from gexfaker.server.http.replies import reply, service_of
from gexfaker.server.http.routing import Endpoint

if TYPE_CHECKING:
    from anyio import CapacityLimiter

T = TypeVar("T")

HTML: Final = "text/html; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
MARKDOWN: Final = "text/markdown; charset=utf-8"
YAML: Final = "application/yaml"
SVG: Final = "image/svg+xml"

FAVICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0b3d5c"/>'
    '<path d="M8 3h5v2H8zM8 7h3v2H8z" fill="#5fd3a0"/><path d="M4 11h4v2H4zM6 7h2v2H6z" fill="#f2867e"/></svg>'
)
"""Exposure by strike, as everybody draws it."""


@cache
def _maker() -> CapacityLimiter:
    """What is made for all who ask is made one after the other, so that the thread leaves the loop its turn."""
    return limiter(1)


async def _kept(request: Request, name: str, make: Callable[[], T]) -> T:
    """What is made once, in a thread, for all who ask: it takes up to 0.1 s to make, and does not change.

    Who asks meanwhile waits for the same; ``name`` is one of few, never what a client says.
    """
    kept: dict[str, asyncio.Future[Any]] = request.app.state.documents
    if name not in kept:
        kept[name] = asyncio.ensure_future(to_thread.run_sync(make, limiter=_maker()))
    try:
        found: T = await asyncio.shield(kept[name])
    except Exception:
        kept.pop(name, None)  # it may do better the next time
        raise
    return found


def _origin(request: Request) -> str:
    """The address by which the client has found the server; the plain one if what the client says is none."""
    said = base_url(service_of(request), request.headers, request.url.scheme)
    return said or f"http://127.0.0.1:{request.scope['server'][1]}"


async def _openapi(request: Request) -> dict[str, Any]:
    from gexfaker.contract.document import document

    return await _kept(request, "openapi.json", lambda: document(request.app.state.operations))


async def _asyncapi(request: Request) -> dict[str, Any]:
    from gexfaker.contract.asyncapi import asyncapi

    return await _kept(request, "asyncapi.json", asyncapi)


def _as_yaml(content: Any) -> str:
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """Writes a thing twice that is meant twice: readers need not follow references."""

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    text: str = yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


async def _openapi_json(request: Request) -> Response:
    return reply(await _openapi(request) | {"servers": _servers(request)})


async def _openapi_yaml(request: Request) -> Response:
    made = await _openapi(request)
    text = await _kept(request, "openapi.yaml", lambda: _as_yaml(made))
    return Response(text + _as_yaml({"servers": _servers(request)}), media_type=YAML)


def _servers(request: Request) -> list[dict[str, str]]:
    """Where this server is, as OpenAPI says it: at the address that the client uses."""
    return [{"url": _origin(request), "description": "this server"}]


async def _asyncapi_json(request: Request) -> Response:
    return reply(await _asyncapi(request) | {"servers": {"here": _server(request)}})


async def _asyncapi_yaml(request: Request) -> Response:
    made = await _asyncapi(request)
    text = await _kept(request, "asyncapi.yaml", lambda: _as_yaml(made))
    return Response(text + _as_yaml({"servers": {"here": _server(request)}}), media_type=YAML)


def _server(request: Request) -> dict[str, str]:
    """Where the WebSockets are, as AsyncAPI says it."""
    scheme, _, rest = _origin(request).partition("://")
    host, slash, path = rest.partition("/")
    secure = "s" * (scheme == "https")
    return {"host": host, "protocol": f"ws{secure}", **({"pathname": slash + path} if path else {})}


async def _docs(request: Request) -> Response:
    from gexfaker.contract.page import SCRIPT, addressed, page

    contract, feed = await _openapi(request), await _asyncapi(request)
    made = await _kept(request, "docs", lambda: page(contract, feed))
    text = addressed(made, _origin(request), service_of(request).day.date)
    return _page(text, SCRIPT)


def _page(text: str, script: str = "") -> Response:
    """A page that loads nothing from elsewhere, and runs no script but its own."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"'sha256-{digest}'" if script else "'none'"
    policy = (
        f"default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; script-src {allowed}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
    return Response(text, media_type=HTML, headers=headers)


async def _welcome(request: Request) -> Response:
    """A page where a page is asked for, as browsers do; an object for programs."""
    service, origin = service_of(request), _origin(request)
    day = service.day
    if "text/html" in request.headers.get("accept", ""):
        from gexfaker.contract.welcome import welcome

        page = _page(welcome(origin, day.date, day.origin, len(day.feeds)))
        page.headers["Vary"] = "Accept"
        return page
    links = {"negotiate": "/negotiate", "docs": "/docs", "openapi": "/openapi.json", "asyncapi": "/asyncapi.json"}
    return reply(
        {
            "name": "gexfaker",
            "version": __version__,
            "what": "a local stand-in for the GexBot market-data API; not the service",
            "day": day.date,
            "origin": day.origin,
            "links": {name: origin + path for name, path in (links | {"health": "/health"}).items()},
        }
    )


async def _document(request: Request) -> Response:
    from gexfaker.contract.documents import NAMES, as_page, markdown

    name = request.path_params["document"]
    title = name.removesuffix(".md")
    if title not in NAMES:
        raise HTTPException(404, f"There is no such document: /docs has {', '.join(NAMES)}.")
    if name.endswith(".md"):
        return Response(await _kept(request, name, lambda: markdown(title)), media_type=MARKDOWN)
    return _page(await _kept(request, f"page {title}", lambda: as_page(title)))


async def _picture(request: Request) -> Response:
    from gexfaker.contract.documents import pictures

    found = await _kept(request, "pictures", pictures)
    name = request.path_params["picture"]
    if name not in found:
        raise HTTPException(404, "There is no such picture.")
    return Response(found[name], media_type="image/png")


async def _llms(request: Request) -> Response:
    from gexfaker.contract.documents import index

    return Response(index(_origin(request)), media_type=PLAIN)


async def _llms_full(request: Request) -> Response:
    from gexfaker.contract.documents import everything

    return Response(await _kept(request, "llms-full.txt", everything), media_type=PLAIN)


async def _favicon(_request: Request) -> Response:
    return Response(FAVICON, media_type=SVG, headers={"Cache-Control": "max-age=86400"})


async def _log_schema(_request: Request) -> Response:
    return reply(log_schema())


ENDPOINTS: Final = (
    Endpoint(
        Operation("get", "/", "What this is: a page, or JSON for programs.", {200: "Welcome|text/html"}), _welcome
    ),
    Endpoint(Operation("get", "/docs", "This contract, to read and to try.", {200: "text/html"}), _docs),
    Endpoint(
        Operation("get", "/docs/log.schema.json", "The JSON Schema of a line of the JSON log.", {200: JSON}),
        _log_schema,
    ),
    Endpoint(
        Operation(
            "get",
            "/docs/{document}",
            "A document, as a page; as Markdown with `.md`.",
            {200: "text/html|text/markdown", 404: "Error"},
        ),
        _document,
    ),
    Endpoint(
        Operation("get", "/docs/pictures/{picture}", "A picture of a document.", {200: "image/png", 404: "Error"}),
        _picture,
    ),
    Endpoint(Operation("get", "/openapi.json", "This contract, for programs.", {200: JSON}), _openapi_json),
    Endpoint(Operation("get", "/openapi.yaml", "The same in YAML.", {200: YAML}), _openapi_yaml),
    Endpoint(Operation("get", "/asyncapi.json", "The contract of the WebSocket.", {200: JSON}), _asyncapi_json),
    Endpoint(Operation("get", "/asyncapi.yaml", "The same in YAML.", {200: YAML}), _asyncapi_yaml),
    Endpoint(Operation("get", "/llms.txt", "Where what is said, for language models.", {200: "text/plain"}), _llms),
    Endpoint(Operation("get", "/llms-full.txt", "All documents in one text.", {200: "text/plain"}), _llms_full),
    *(
        Endpoint(Operation("get", path, "The icon of the pages.", {200: SVG}), _favicon)
        for path in ("/favicon.svg", "/favicon.ico")
    ),
)
"""The routes of this module."""

"""What all routes answer with: compact JSON, and errors of the service's shape."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.errors import ControlError
from gexfaker.server.service import Service

T = TypeVar("T")

JSON: Final = "application/json; charset=utf-8"


def reply(content: Any, status: int = 200) -> Response:
    """Compact JSON, as the service writes it."""
    return Response(_json(content), status, media_type=JSON)


def encoded(content: Any) -> msgspec.Raw:
    """A part of an answer, encoded beforehand: a long answer is put together quickly then."""
    return msgspec.Raw(_json(content))


def _json(content: Any) -> bytes:
    try:
        return msgspec.json.encode(content)
    except UnicodeEncodeError:  # the name of a file that is not UTF-8
        return msgspec.json.encode(_readable(content))


def _readable(content: Any) -> Any:
    """The same with what no JSON can hold escaped."""
    if isinstance(content, str):
        return content.encode("utf-8", "backslashreplace").decode()
    if isinstance(content, dict):
        return {_readable(name): _readable(value) for name, value in content.items()}
    return [_readable(value) for value in content] if isinstance(content, list | tuple) else content


def error(text: str, status: int) -> Response:
    """An error body of the service's shape."""
    return reply({"error": text}, status)


def unavailable(text: str) -> Response:
    """503 for what may be had again in a moment."""
    response = error(text, 503)
    response.headers["Retry-After"] = "1"
    return response


def sentence(problem: Exception) -> str:
    """What an exception says, as a sentence: with a period at its end unless it has one."""
    return f"{str(problem).removesuffix('.')}."


def utc(moment: float) -> str:
    """Epoch seconds as the earlier tool writes them: ``2026-07-17T13:30:02Z``."""
    return f"{datetime.datetime.fromtimestamp(moment, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"


async def read_body(request: Request, limit: int) -> bytes | None:
    """A request's body; None when it is longer than ``limit`` bytes, of which no more is read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


async def read_at_most(request: Request, limit: int) -> bytes:
    """A request's body. Raises ControlError: it is longer than ``limit`` bytes."""
    body = await read_body(request, limit)
    if body is None:
        raise ControlError(f"the body is longer than {limit} bytes")
    return body


def wants_gzip(headers: Mapping[str, str]) -> bool:
    """Whether a client takes gzip: it is among what it accepts, and not with a quality of 0."""
    for offer in headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = offer.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return quality.replace(" ", "").rstrip("0.") != "q="
    return False


def service_of(request: Request) -> Service:
    """The running service."""
    service: Service = request.app.state.service
    return service


def made_once(request: Request, name: str, make: Callable[[], T]) -> T:
    """What the server keeps under a name, made at first use."""
    state = request.app.state
    if not hasattr(state, name):
        setattr(state, name, make())
    found: T = getattr(state, name)
    return found

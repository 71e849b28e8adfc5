"""What all routes answer with: compact JSON, and errors of the service's shape."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.server.service import Service

JSON: Final = "application/json; charset=utf-8"


def reply(content: Any, status: int = 200) -> Response:
    """Compact JSON, as the service writes it."""
    return Response(msgspec.json.encode(content), status, media_type=JSON)


def error(text: str, status: int) -> Response:
    """An error body of the service's shape."""
    return reply({"error": text}, status)


def service_of(request: Request) -> Service:
    """The running service."""
    service: Service = request.app.state.service
    return service

"""The routes of the server's state, and what a WebSocket's address answers else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response

from gexfaker.contract.operations import Operation
from gexfaker.limits import MAX_SYNC_STREAMS, MAX_WORLDS
from gexfaker.server.http.downloads import MAX_DOWNLOADS, downloads_of
from gexfaker.server.http.replies import error, reply, service_of
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.service import Service
from gexfaker.tapes.files import OPEN_FILES

if TYPE_CHECKING:
    from gexfaker.server.transport.doors import Doors


async def _health(request: Request) -> Response:
    service = service_of(request)
    settings = service.settings
    return reply(
        {
            "status": "ok",
            "data_date": service.day.date,
            "data_mode": settings.data_mode,
            "cache_mode": settings.cache_mode.value,
            "data_origin": service.day.origin,
            "playback": settings.playback.value,
            "sessions": len(service.worlds),
            "connections": sum(len(hub.connections) for hub in service.hubs.values()),
            "messages_sent": service.streamer.sent,
            "records_skipped": service.streamer.encoded.skipped,
            "records_passed_over": service.bodies.skipped,
            "values_saturated": service.streamer.encoded.saturated,
            "clients_cut": sum(hub.overflows for hub in service.hubs.values()),
            "bounds": {
                name: {"used": used, "most": most} for name, (used, most) in bounds_of(request, service).items()
            },
        }
    )


def bounds_of(request: Request, service: Service) -> dict[str, tuple[int, int]]:
    """What is bounded for all clients together: what is used, and the most there may be."""
    kept = next(iter(service.hubs.values())).bounds.kept
    bounds = {
        "kept_bytes": (kept.total, kept.most),
        "sessions": (len(service.worlds), MAX_WORLDS),
        "downloads": (len(downloads_of(request).slots), MAX_DOWNLOADS),
        "sync_streams": (service.life.sync_streams, MAX_SYNC_STREAMS),
        "open_files": (len(OPEN_FILES), OPEN_FILES.most),
    }
    doors: Doors | None = getattr(request.app.state, "doors", None)
    if doors is not None:
        waiting = doors.intake.waiting
        bounds["waiting_bytes"] = waiting.total, waiting.most
        bounds["tcp_connections"] = doors.count, doors.most
    return bounds


async def _ready(request: Request) -> Response:
    ready = service_of(request).life.ready
    return reply({"status": "ready" if ready else "stopping"}, 200 if ready else 503)


async def _not_a_websocket(_request: Request) -> Response:
    return error("This is a WebSocket endpoint: connect with a WebSocket client.", 400)


ENDPOINTS: Final = (
    Endpoint(Operation("get", "/health", "The day that is played, and counters.", {200: "Health"}), _health),
    Endpoint(Operation("get", "/ready", "Whether clients may come.", {200: "Ready", 503: "Ready"}), _ready),
    *(
        Endpoint(Operation("get", path, "The WebSocket; 400 to anything else.", {400: "Error"}), _not_a_websocket)
        for path in ("/client/hubs/{hub}", "/client/", "/ws/{hub}")
    ),
)
"""The routes of this module."""

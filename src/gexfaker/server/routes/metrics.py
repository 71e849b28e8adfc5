"""What happens, for a monitoring system."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gexfaker.contract.operations import CONTROLLED, Operation
from gexfaker.server.http import warmup
from gexfaker.server.http.replies import service_of
from gexfaker.server.http.routing import Endpoint
from gexfaker.server.routes.state import bounds_of


async def _metrics(request: Request) -> Response:
    await warmup.load("gexfaker.server.metrics.exposition")
    from gexfaker.server.metrics.exposition import exposed
    from gexfaker.server.metrics.table import Seen

    service = service_of(request)
    body, media_type = exposed(Seen(service, bounds_of(request, service)), request.headers.get("accept", ""))
    return Response(body, media_type=media_type)


ENDPOINTS: Final = (
    Endpoint(
        Operation(
            "get",
            "/metrics",
            "Counters and gauges in the formats of Prometheus and OpenMetrics.",
            {200: "text/plain", **CONTROLLED},
            key="control",
        ),
        _metrics,
    ),
)
"""The routes of this module."""

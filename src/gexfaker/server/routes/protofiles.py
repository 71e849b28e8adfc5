"""The .proto files of the messages on the wire, for clients that have none of their own."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gexfaker.contract.operations import Operation
from gexfaker.server.http.replies import reply
from gexfaker.server.http.routing import Endpoint

FOLDER: Final = "gexfaker.wire.generated"
NAMES: Final = ("gex.proto", "greeks.proto", "orderflow.proto", "spot.proto", "webpubsub.proto")
"""The messages of the four kinds of feeds, and the protobuf subprotocol of Azure Web PubSub."""


async def _list(_request: Request) -> Response:
    return reply({"files": [f"/proto/{name}" for name in NAMES]})


async def _file(request: Request) -> Response:
    name = request.path_params["message"]
    if name not in NAMES:
        raise HTTPException(404, f"There is no such file: /proto has {', '.join(NAMES)}.")
    from importlib.resources import files

    return Response(files(FOLDER).joinpath(name).read_bytes(), media_type="text/plain; charset=utf-8")


ENDPOINTS: Final = (
    Endpoint(Operation("get", "/proto", "The .proto files there are.", {200: "ProtoFiles"}), _list),
    Endpoint(Operation("get", "/proto/{message}", "A .proto file.", {200: "text/plain", 404: "Error"}), _file),
)
"""The routes of this module."""

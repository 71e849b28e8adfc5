"""The REST data routes: thin handlers between the gate, the routes table and the session's place in the day."""

from __future__ import annotations

from starlette.routing import Route


def data_routes() -> list[Route]:
    """The routes of the REST data, in the order they are matched."""
    return []

"""The routes that users of the earlier tool know."""

from __future__ import annotations

from starlette.routing import Route


def earlier_routes() -> list[Route]:
    """The earlier tool's routes."""
    return []

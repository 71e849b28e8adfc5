"""Recorded days for download, as the service hands them out."""

from __future__ import annotations

from starlette.routing import Route


def history_routes() -> list[Route]:
    """The routes of the history."""
    return []

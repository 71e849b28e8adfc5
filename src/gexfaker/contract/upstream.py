"""What of the service's API is served here, route by route, and what is not: the list of what is covered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from gexfaker.contract.operations import Operation
from gexfaker.rest.routes import ROUTES

NOT_SERVED: Final = {
    "/research/{ticker}/{metric}": "ready-made charts of their own research, from data that no recorded day holds",
}
"""Routes of the service that are not there, each with the reason."""

AS_UPSTREAM: Final = "as on the service"


class Covered(NamedTuple):
    """One line of the list.

    Attributes:
        upstream: the route of the service, after its base.
        path: the same here, after the base.
        bases: before which it is served.
        note: where it differs.
    """

    upstream: str
    path: str
    bases: tuple[str, ...]
    note: str


def covered(operations: Iterable[Operation]) -> list[Covered]:
    """The routes of the service that are served: data, and of these operations feed and history."""
    return list(_covered(operations))


def own(operations: Iterable[Operation]) -> list[Operation]:
    """The operations that the service has not."""
    return [operation for operation in operations if not _is_upstream(operation)]


def _is_upstream(operation: Operation) -> bool:
    return operation.tag in ("feed", "history") and not operation.path.startswith("/_")


def _covered(operations: Iterable[Operation]) -> Iterator[Covered]:
    lines: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for route in ROUTES:
        notes = lines.setdefault((route.upstream, route.pattern, route.bases), [])
        if route.note:
            notes.append(f"greeks: {route.note}" if route.names and "always" in route.note else route.note)
    for (upstream, path, bases), notes in lines.items():
        yield Covered(f"GET {upstream}", f"GET {path}", bases, "; ".join(notes) or AS_UPSTREAM)
    for operation in operations:
        if _is_upstream(operation):
            named = f"{operation.method.upper()} {operation.path}"
            yield Covered(named, named, operation.bases, operation.note or AS_UPSTREAM)

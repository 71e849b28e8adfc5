"""What an operation of the API is: a method of a path, as the API's description tells it.

The operations themselves stand beside their handlers, in ``server.routes``; the data routes are in ``rest.routes``.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gexfaker.playback.actions import Action

JSON: Final = "application/json"


class Operation(msgspec.Struct, frozen=True):
    """One method of one path.

    Attributes:
        bases: before which the path is served.
        answers: by status, the names of the schemas of what may come, ``|`` between them; of another media type than
            JSON, that type.
        body: the name of the schema of the request's body.
        query: names of the query parameters; a star marks one that is needed.
        key: whether it needs an API key, or the control plane's token.
        note: where it differs from the service.
    """

    method: str
    path: str
    summary: str
    answers: dict[int, str]
    bases: tuple[str, ...] = ("",)
    body: str | None = None
    query: tuple[str, ...] = ()
    key: str = ""
    tag: str = "service"
    note: str = ""


TAGS: Final = {
    "data": "The newest snapshot of every category, and what is made of it. Each key has its own place in the day.",
    "feed": "Where the WebSocket hubs are, and which groups there are.",
    "history": "Recorded days as files.",
    "control": "Move a session through its day. On this machine, or with the control token.",
    "test": "Break things on purpose for a key, and see what its clients did. Access as to the control plane.",
    "studio": "The page that shows and steers the market, and what it asks for. Access as to the control plane.",
    "earlier tool": "The names that users of the earlier open tool know.",
    "service": "The server itself.",
}
"""The sections, in order, each with what is in it."""

REFUSED: Final = {400: "Error", 401: "Error", 403: "Error"}
KEYED: Final = {**REFUSED, 429: "Error"}
BUSY: Final = {503: "Error"}
CONTROLLED: Final = {**REFUSED, 404: "Error", **BUSY}
XML: Final = "application/xml"
"""What many operations may answer besides: refusals, those of a key, those of the control plane, and more."""


def body_of(action: type[Action]) -> str:
    """The name of the schema of an action's arguments."""
    return f"{action.NAME.capitalize()}Arguments" if action.__struct_fields__ else "NoArguments"

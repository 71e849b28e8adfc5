"""The events of the JSON log: a closed list, so that a program can go by their names."""

from __future__ import annotations

from typing import Any, Final

EVENTS: Final = {
    "start": "The server answers from now on.",
    "stop": "The server has stopped.",
    "note": "Something about the settings or the data folder that a user should know.",
    "request": "A request was answered.",
    "connect": "A client has opened a WebSocket.",
    "join": "A client has joined a group; `level` is warning when nothing will come to it.",
    "refusal": "A client was refused something.",
    "wrong": "A client has sent what is no message of its subprotocol.",
    "recover": "A client has come back to its connection.",
    "replaced": "Older connections of a key were closed, as the service does.",
    "cut": "A client was cut because it reads or acknowledges too slowly.",
    "close": "A WebSocket has ended.",
    "day": "A key has come to the end of its day, or goes on with another.",
    "cluster": "The server has come into its cluster or has lost it, or hands connections over.",
    "collect": "What the collector beside the server does.",
    "control": "A session was changed by the control plane.",
    "summary": "What was only counted, because it came again and again or there was too much: `counts` has it.",
    "message": "Anything else, such as trouble with a file.",
}
"""By name what each means."""

_TEXT: Final = {"type": "string"}
_FIELDS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "time": ({"type": "string", "format": "date-time"}, "UTC."),
    "level": ({"enum": ["debug", "info", "warning", "error", "critical"]}, "How much it matters."),
    "logger": (_TEXT, "The part of the server that tells it."),
    "message": (_TEXT, "The sentence that the plain log has."),
    "event": ({"enum": list(EVENTS)}, "What it is about."),
    "session": ({"type": ["string", "null"]}, "The id of an API key's session; null without a key."),
    "name": ({"type": ["string", "null"]}, "The name of the client, if it has one."),
    "request_id": (_TEXT, "X-Request-Id of a request, or the one that it was given."),
    "trace_id": (_TEXT, "Of a request with a valid `traceparent`."),
    "span_id": (_TEXT, "The same."),
    "method": (_TEXT, "Of a request."),
    "path": (_TEXT, "Of a request, without its query; an API key that stands for a session in it is shown by its id."),
    "status": ({"type": "integer"}, "Of the answer; 0 when there was none."),
    "bytes": ({"type": "integer"}, "Of the answer's body."),
    "ms": ({"type": "number"}, "Milliseconds until the answer was complete."),
    "action": (_TEXT, "Of the control plane."),
    "resolved": ({}, "What came of it."),
    "counts": (
        {"type": "object", "additionalProperties": {"type": "integer"}},
        "How often each thing was done since it was told last.",
    ),
    "exception": (_TEXT, "A traceback, for a report."),
}
REQUIRED: Final = ("time", "level", "logger", "message", "event")


def log_schema() -> dict[str, Any]:
    """The JSON Schema of one line."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of the log of gexfaker serve --log-format json",
        "type": "object",
        "properties": {name: {**kind, "description": text} for name, (kind, text) in _FIELDS.items()},
        "required": list(REQUIRED),
        "additionalProperties": False,
    }

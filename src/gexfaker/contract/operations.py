"""Every operation of the API but the data routes, one line each; those come from the table of ``rest.routes``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gexfaker.contract.schemas import body_of
from gexfaker.playback.actions import ACTIONS
from gexfaker.rest.routes import BASES

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
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
    "earlier tool": "The names that users of the earlier open tool know.",
    "service": "The server itself.",
}
"""The sections, in order, each with what is in it."""

_REFUSED: Final = {400: "Error", 401: "Error", 403: "Error"}
_KEY: Final = {**_REFUSED, 429: "Error"}
_CONTROL: Final = {**_REFUSED, 404: "Error"}
_BUSY: Final = {503: "Error"}
_XML: Final = "application/xml"

FEED: Final = (
    Operation(
        "get",
        "/negotiate",
        "Where to connect; the client joins its groups itself, with the prefix.",
        {200: "Negotiated", **_KEY, 404: "Error"},
        BASES,
        key="api",
        tag="feed",
        note="the addresses lead to this server",
    ),
    Operation(
        "post",
        "/negotiate",
        "Where to connect for these groups, which the server joins; spot groups select the V2 hubs.",
        {200: "NegotiatedByPost", **_KEY, 404: "Error"},
        BASES,
        "Groups",
        key="api",
        tag="feed",
        note="the addresses lead to this server",
    ),
    Operation(
        "patch",
        "/negotiate",
        "Replace all memberships of the key at once.",
        {200: "Counts", **_KEY, 404: "Error"},
        BASES,
        "Memberships",
        key="api",
        tag="feed",
    ),
    Operation("get", "/tickers/quant", "The tickers that only the feed has.", {200: "QuantTickers"}, BASES, tag="feed"),
    Operation(
        "get",
        "/options/{ticker}/expiries",
        "The expiries of a ticker's options, for 90 days from the market day.",
        {200: "Expiries", **_KEY, 404: "Error"},
        BASES,
        key="api",
        tag="feed",
        note="by the rules of the exchange, without looking at what is listed",
    ),
)

HISTORY: Final = (
    Operation(
        "get",
        "/hist/{ticker}/{package}/{category}/{date}",
        "The signed link to a recorded day: 302, or with noredirect 200.",
        {200: "Link", 302: "", **_KEY, 404: "Error"},
        BASES,
        query=("noredirect",),
        key="api",
        tag="history",
        note="the link leads to this server; days of any age, with the realism switch history-window 90 days",
    ),
    Operation(
        "get",
        "/hist/eod/{ticker}",
        "All of a ticker's files of the latest completed day.",
        {200: "application/zip", **_KEY, 404: "Error", **_BUSY},
        BASES,
        key="api",
        tag="history",
    ),
    Operation(
        "get",
        "/_files/{name}",
        "A recorded day as a JSON array, by a signed link; ranges of it.",
        {200: "Snapshots", 206: JSON, 403: _XML, 404: f"Error|{_XML}", 416: _XML, **_BUSY},
        query=("se*", "sp", "sig*"),
        tag="history",
    ),
)

CONTROL: Final = (
    Operation(
        "get",
        "/_gexfaker/sessions",
        "All sessions, a page of them.",
        {200: "Sessions", **_CONTROL},
        query=("limit", "offset"),
        key="control",
        tag="control",
    ),
    Operation(
        "post",
        "/_gexfaker/sessions",
        "A session for a key, with explicit settings.",
        {201: "Created", **_CONTROL},
        body="NewSession",
        key="control",
        tag="control",
    ),
    Operation(
        "get",
        "/_gexfaker/sessions/{session}",
        "One session, by its id or its API key, or all.",
        {200: "Session|Sessions", **_CONTROL},
        query=("key", "limit", "offset"),
        key="control",
        tag="control",
    ),
    Operation(
        "delete",
        "/_gexfaker/sessions/{session}",
        "Close its connections, as the application server does.",
        {200: "Closed", **_CONTROL},
        query=("key",),
        key="control",
        tag="control",
    ),
    *(
        Operation(
            "post",
            f"/_gexfaker/sessions/{{session}}/{name}",
            (action.__doc__ or "").strip().replace("``", "`"),
            {200: "Effects", **_CONTROL},
            body=body_of(action),
            query=("key",),
            key="control",
            tag="control",
        )
        for name, action in ACTIONS.items()
    ),
    Operation(
        "get",
        "/_gexfaker/sync",
        "The positions, as server-sent events.",
        {200: "text/event-stream", **_CONTROL, 503: "Error"},
        query=("key",),
        key="control",
        tag="control",
    ),
)

EARLIER: Final = (
    Operation("get", "/available-dates", "The recorded days.", {200: "Dates"}, tag="earlier tool"),
    Operation("get", "/current-date", "The day keys start with.", {200: "CurrentDate"}, tag="earlier tool"),
    Operation(
        "get",
        "/available-data/{date}",
        "What a day has.",
        {200: "AvailableData"},
        query=("ticker",),
        tag="earlier tool",
    ),
    Operation(
        "get",
        "/download/{date}/{ticker}/links",
        "The downloads of a ticker-day.",
        {200: "Links", 404: "Error"},
        tag="earlier tool",
    ),
    Operation(
        "get",
        "/download/{date}/{ticker}/orderflow",
        "Recorded orderflow, a snapshot a line.",
        {200: "application/x-ndjson", 404: "Error", **_BUSY},
        tag="earlier tool",
    ),
    Operation(
        "get",
        "/download/{date}/{ticker}/{package}/{category}",
        "A recorded category, a snapshot a line.",
        {200: "application/x-ndjson", 404: "Error", **_BUSY},
        tag="earlier tool",
    ),
    Operation(
        "post",
        "/reset-cache",
        "As `reset`, for one key or all.",
        {200: "Reset", **_CONTROL},
        query=("key",),
        key="control",
        tag="earlier tool",
    ),
    Operation(
        "post",
        "/seek-to-timestamp",
        "As `seek`, for one key or all.",
        {200: "Sought", **_CONTROL},
        body="Timestamp",
        key="control",
        tag="earlier tool",
    ),
    Operation(
        "post",
        "/reload-date",
        "As `day`, for all, and for new keys.",
        {200: "Reloaded", **_CONTROL},
        body="Date",
        key="control",
        tag="earlier tool",
    ),
    Operation("get", "/openapi.yaml", "This contract.", {200: "application/yaml"}, tag="earlier tool"),
    Operation(
        "get",
        "/sync/stream",
        "As `/_gexfaker/sync`.",
        {200: "text/event-stream", **_CONTROL, 503: "Error"},
        query=("key",),
        key="control",
        tag="earlier tool",
    ),
)

SERVICE: Final = (
    Operation("get", "/", "A greeting.", {200: "text/plain"}),
    Operation("get", "/health", "The day that is played, and counters.", {200: "Health"}),
    Operation("get", "/ready", "Whether clients may come.", {200: "Ready", 503: "Ready"}),
    Operation("get", "/docs", "This contract, to read.", {200: "text/html"}),
    Operation("get", "/openapi.json", "This contract, for programs.", {200: JSON}),
    *(
        Operation("get", path, "The WebSocket; 400 to anything else.", {400: "Error"})
        for path in ("/client/hubs/{hub}", "/client/", "/ws/{hub}")
    ),
)

OPERATIONS: Final = (*FEED, *HISTORY, *CONTROL, *EARLIER, *SERVICE)

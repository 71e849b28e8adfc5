"""All settings, one line each: the source of the flags, of the settings file's names, and of the documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from gexfaker import parsing
from gexfaker.catalog import DEFAULT_TICKERS, TIERS
from gexfaker.limits import (
    ACK_DELAY_SECONDS,
    MAX_MEMBERSHIPS,
    MAX_QUEUED_BYTES,
    MAX_QUEUED_MESSAGES,
    PING_INTERVAL_SECONDS,
    RECOVERY_WINDOW_SECONDS,
)
from gexfaker.playback.options import CacheMode, EndpointCacheMode, Playback, Timestamps


class Setting(NamedTuple):
    """One setting: its name, how its text is read, its default as text ("" = unset), what is accepted, what it does.

    The value of a secret one is never shown.
    """

    name: str
    parse: Callable[[str], Any]
    default: str
    accepted: str
    help: str
    secret: bool = False


SETTINGS: Final = (
    Setting("HOST", parsing.text, "127.0.0.1", "an address or host name to bind", "Address to listen on."),
    Setting("PORT", parsing.port, "8080", "a number from 0 to 65535; 0 picks a free one", "Port to listen on."),
    Setting(
        "DATA_DIR", parsing.text, "./data", "a folder", "Recorded days: DATE/TICKER/package/category.jsonl[.gz|.zst]."
    ),
    Setting(
        "DATA_DATE", parsing.days, "latest", "latest, a date such as 2026-07-17, or a range A..B", "The day to play."
    ),
    Setting(
        "DATA_MODE", parsing.choice("memory", "stream"), "stream", "memory or stream", "Accepted; has no effect here."
    ),
    Setting(
        "CACHE_MODE",
        CacheMode,
        "",
        "hold, exhaust, rotation or next",
        "After the last record: it stays (default), 404 (default of step), again from the open, the next day.",
    ),
    Setting("WS_ENABLED", parsing.boolean, "true", "true or false", "Serve the real-time feed."),
    Setting(
        "PLAYBACK",
        Playback,
        "",
        "clock or step",
        "Records are due at their market time, or one by one; step when WS_STREAM_INTERVAL is set.",
    ),
    Setting("SPEED", parsing.speed, "1", "0, or 0.1 to 1000", "Market seconds a second; 0 as fast as clients take it."),
    Setting("START", parsing.start, "open", "open, now, or HH:MM[:SS]", "Market time (New York) at a key's first use."),
    Setting(
        "TIMESTAMPS", Timestamps, "recorded", "recorded or live", "Timestamps as recorded, or moved to the present."
    ),
    Setting(
        "ENDPOINT_CACHE_MODE",
        EndpointCacheMode,
        "shared",
        "shared or independent",
        "In step mode: one REST position for each ticker and package, or for each endpoint.",
    ),
    Setting(
        "WS_STREAM_INTERVAL",
        parsing.positive,
        "1s",
        "10ms or more: 500ms, 1s, 2m",
        "Step mode: time between two records of a group.",
    ),
    Setting("WS_GROUP_PREFIX", parsing.name, "blue", "letters, digits, dashes", "Prefix of group names on the wire."),
    Setting(
        "STRICT_GROUPS", parsing.boolean, "false", "true or false", "Refuse to join groups to which nothing will come."
    ),
    Setting(
        "TIERS",
        parsing.tiers,
        "*=quant",
        "KEY=TIER,...; * for all other keys; tiers: " + ", ".join(TIERS),
        "What each API key has subscribed to; a table [tiers] in the file.",
        True,
    ),
    Setting(
        "MEMBERSHIP_LIMIT",
        parsing.count,
        str(MAX_MEMBERSHIPS),
        "a number from 1",
        "Hub-and-group memberships a key may negotiate by POST or PATCH.",
    ),
    Setting("STRICT_KEYS", parsing.boolean, "false", "true or false", "Answer 401 to keys that TIERS does not name."),
    Setting("QUOTA", parsing.count, "", "a number from 1", "REST requests a minute for each key, 429 beyond."),
    Setting(
        "ORDERFLOW_ERROR_200",
        parsing.boolean,
        "false",
        "true or false",
        "Refuse orderflow to lower tiers inside a 200, as was once seen.",
    ),
    Setting(
        "MARKET_HOURS",
        parsing.boolean,
        "false",
        "true or false",
        "Keep the feed silent outside 09:30-16:00 New York, as the service does.",
    ),
    Setting(
        "OPEN_ROWS",
        parsing.boolean,
        "false",
        "true or false",
        "Begin simulated orderflow with a real open's stale row and reset row.",
    ),
    Setting("HISTORY_WINDOW", parsing.boolean, "false", "true or false", "History of the last 90 days only."),
    Setting("HISTORY_URL_LIFETIME", parsing.positive, "5m", "a time such as 5m", "How long a history URL works."),
    Setting("SEED", int, "1", "a whole number", "Seed of the simulated market."),
    Setting(
        "TICKERS",
        parsing.tickers,
        ",".join(DEFAULT_TICKERS),
        "tickers with commas between them, or all",
        "What is simulated.",
    ),
    Setting(
        "SCENARIO", parsing.text, "", "a name such as flash-crash, or a TOML file", "What happens on a simulated day."
    ),
    Setting(
        "PUBLIC_URL", parsing.url, "", "http(s)://host[:port][/path]", "Base of the URLs handed out, behind a proxy."
    ),
    Setting(
        "TRUST_FORWARDED", parsing.boolean, "false", "true or false", "Believe X-Forwarded-Proto and X-Forwarded-Host."
    ),
    Setting(
        "CONTROL_TOKEN",
        parsing.text,
        "",
        "any text",
        "Needed to use /_gexfaker when set; must be set to use it when HOST is not this machine, and behind a proxy.",
        True,
    ),
    Setting(
        "SYNC_BROADCAST_SYSTEM_ENABLED", parsing.boolean, "true", "true or false", "Serve the sync stream of positions."
    ),
    Setting("SYNC_BROADCAST_SYSTEM_ID", parsing.text, "", "any text", "Its broadcaster_id; the host name when unset."),
    Setting(
        "SYNC_BROADCAST_SYSTEM_INTERVAL", parsing.positive, "1s", "10ms or more", "Time between two of its events."
    ),
    Setting("STATE_FILE", parsing.text, "", "a file", "Where sessions' positions are kept, to survive a restart."),
    Setting(
        "TOKEN_SECRET",
        parsing.secret,
        "",
        "32 bytes or more",
        "Signs access tokens; random at each start when unset.",
        True,
    ),
    Setting(
        "TOKEN_LIFETIME",
        parsing.positive,
        "60m",
        "a time such as 60m",
        "How long an access token opens new connections.",
    ),
    Setting("TOKEN_AUDIENCE", parsing.boolean, "false", "true or false", "Refuse tokens made for another host or hub."),
    Setting(
        "ACK_DELAY",
        parsing.duration,
        f"{ACK_DELAY_SECONDS * 1000:g}ms",
        "a time such as 2ms",
        "Delay of acks and of the 101.",
    ),
    Setting(
        "PING_INTERVAL", parsing.positive, f"{PING_INTERVAL_SECONDS:g}s", "a time such as 20s", "Time between pings."
    ),
    Setting(
        "RECOVERY_WINDOW",
        parsing.duration,
        f"{RECOVERY_WINDOW_SECONDS:g}s",
        "a time such as 30s",
        "How long a lost client may return.",
    ),
    Setting(
        "RECOVERY_REJECT",
        parsing.choice("close1008", "http404"),
        "close1008",
        "close1008 or http404",
        "How a refused recovery is told.",
    ),
    Setting(
        "QUEUE_MESSAGES",
        parsing.count,
        str(MAX_QUEUED_MESSAGES),
        "a number from 1",
        "Messages waiting for a client before it is cut.",
    ),
    Setting("QUEUE_BYTES", parsing.count, str(MAX_QUEUED_BYTES), "a number from 1", "The same in bytes."),
    Setting(
        "LOG_LEVEL",
        parsing.choice("debug", "info", "warning", "error"),
        "info",
        "debug, info, warning or error",
        "How much to log.",
    ),
)

"""Settings: what can be set, and where a value comes from - flag > environment > gexfaker.toml > default.

In the environment a setting is ``GEXFAKER_<NAME>`` or plain ``<NAME>``; in the file it is its lower-case name;
as a flag of ``gexfaker serve`` it is ``--name-with-dashes``. The table SETTINGS is the one source of all of these
and of the documentation.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

from gexfaker import parsing
from gexfaker.catalog import TIERS
from gexfaker.errors import SettingError
from gexfaker.limits import (
    ACK_DELAY_SECONDS,
    MAX_MEMBERSHIPS,
    MAX_QUEUED_BYTES,
    MAX_QUEUED_MESSAGES,
    PING_INTERVAL_SECONDS,
    RECOVERY_WINDOW_SECONDS,
)
from gexfaker.playback.session import CacheMode

FILE: Final = "gexfaker.toml"


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
    Setting("DATA_DATE", parsing.day, "latest", "latest, or a date such as 2026-07-17", "The day to play."),
    Setting(
        "DATA_MODE", parsing.choice("memory", "stream"), "stream", "memory or stream", "Accepted; has no effect here."
    ),
    Setting(
        "CACHE_MODE", CacheMode, "exhaust", "exhaust or rotation", "At the end of the day: fall silent, or restart."
    ),
    Setting("WS_ENABLED", parsing.boolean, "true", "true or false", "Serve the real-time feed."),
    Setting(
        "WS_STREAM_INTERVAL",
        parsing.positive,
        "1s",
        "10ms or more: 500ms, 1s, 2m",
        "Time between two records of a group.",
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
    Setting("SEED", int, "1", "a whole number", "Seed of the simulated market."),
    Setting(
        "PUBLIC_URL", parsing.url, "", "http(s)://host[:port][/path]", "Base of the URLs handed out, behind a proxy."
    ),
    Setting(
        "TRUST_FORWARDED", parsing.boolean, "false", "true or false", "Believe X-Forwarded-Proto and X-Forwarded-Host."
    ),
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


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, read and checked. Durations are in seconds; an unset optional one is None."""

    host: str
    port: int
    data_dir: str
    data_date: str
    data_mode: str
    cache_mode: CacheMode
    ws_enabled: bool
    ws_stream_interval: float
    ws_group_prefix: str
    strict_groups: bool
    tiers: Mapping[str, str]
    membership_limit: int
    seed: int
    public_url: str | None
    trust_forwarded: bool
    token_secret: str | None
    token_lifetime: float
    token_audience: bool
    ack_delay: float
    ping_interval: float
    recovery_window: float
    recovery_reject: str
    queue_messages: int
    queue_bytes: int
    log_level: str
    sources: Mapping[str, str]


def load(flags: Mapping[str, str | None], environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """The settings from all their sources.

    Args:
        flags: by setting name; None where the flag was not given.
        environment: such as ``os.environ``.
        file: the settings file; a missing one counts as empty.

    Raises:
        SettingError: a value or a name in the file is not usable; says which, from where, and what is.
    """
    from_file = _read_file(file)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for setting in SETTINGS:
        text, source = _lookup(setting, flags, environment, from_file, file)
        values[setting.name.lower()] = _parse(setting, text, source)
        sources[setting.name] = source
    return Settings(**values, sources=sources)


def _lookup(
    setting: Setting,
    flags: Mapping[str, str | None],
    environment: Mapping[str, str],
    from_file: Mapping[str, str],
    file: Path | None,
) -> tuple[str, str]:
    name = setting.name
    flag = flags.get(name)
    if flag is not None:
        return flag, f"the flag {flag_of(name)}"
    for variable in (f"GEXFAKER_{name}", name):
        if variable in environment:
            return environment[variable], f"the environment variable {variable}"
    if name.lower() in from_file:
        return from_file[name.lower()], str(file)
    return setting.default, "the default"


def _parse(setting: Setting, text: str, source: str) -> Any:
    if source == "the default" and text == "":
        return None
    try:
        return setting.parse(text)
    except (ValueError, KeyError):
        shown = "***" if setting.secret else text
        raise SettingError(setting.name, shown, source, f"accepted: {setting.accepted}") from None


def _read_file(file: Path | None) -> dict[str, str]:
    if file is None or not file.is_file():
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingError("file", str(file), str(file), f"it must be readable TOML ({error})") from None
    known = {field.name for field in fields(Settings)} - {"sources"}
    for name, value in table.items():
        if name not in known or isinstance(value, list) or (isinstance(value, dict) and name != "tiers"):
            raise SettingError(name, "***", str(file), f"known settings: {', '.join(sorted(known))}")
    return {name: _as_text(value) for name, value in table.items()}


def _as_text(value: Any) -> str:
    """A value of the file as it would be written in the environment."""
    if isinstance(value, dict):
        return ",".join(f"{key}={tier}" for key, tier in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def flag_of(name: str) -> str:
    """The flag of a setting: ``--ws-stream-interval``."""
    return "--" + name.lower().replace("_", "-")

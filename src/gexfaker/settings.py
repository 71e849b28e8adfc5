"""Settings: what can be set, and where a value comes from - flag > environment > gexfaker.toml > default.

In the environment a setting is ``GEXFAKER_<NAME>`` or plain ``<NAME>``; in the file it is its lower-case name;
as a flag of ``gexfaker serve`` it is ``--name-with-dashes``. The table SETTINGS is the one source of all of these
and of the documentation.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from gexfaker.errors import SettingError
from gexfaker.limits import (
    ACK_DELAY_SECONDS,
    MAX_QUEUED_BYTES,
    MAX_QUEUED_MESSAGES,
    PING_INTERVAL_SECONDS,
    RECOVERY_WINDOW_SECONDS,
)
from gexfaker.playback.session import CacheMode

FILE: Final = "gexfaker.toml"
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")


def _duration(text: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError
    return float(match[1]) * _UNITS[match[2]]


def _positive(text: str) -> float:
    seconds = _duration(text)
    if seconds < 0.01:
        raise ValueError
    return seconds


def _boolean(text: str) -> bool:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.strip().lower()]


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _day(text: str) -> str:
    return text if text == "latest" else date.fromisoformat(text).isoformat()


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,32}", text):
        raise ValueError
    return text


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError
    return text


def _secret(text: str) -> str:
    if len(text.encode()) < 32:
        raise ValueError
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    return urlunsplit(parts._replace(scheme=parts.scheme.lower())).rstrip("/")


def _choice(*accepted: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in accepted:
            raise ValueError
        return text

    return parse


class Setting(NamedTuple):
    """One setting: its name, how its text is read, its default as text ("" = unset), what is accepted, what it does."""

    name: str
    parse: Callable[[str], Any]
    default: str
    accepted: str
    help: str


SETTINGS: Final = (
    Setting("HOST", _text, "127.0.0.1", "an address or host name to bind", "Address to listen on."),
    Setting("PORT", _port, "8080", "a number from 0 to 65535; 0 picks a free one", "Port to listen on."),
    Setting("DATA_DIR", _text, "./data", "a folder", "Recorded days: DATE/TICKER/package/category.jsonl[.gz|.zst]."),
    Setting("DATA_DATE", _day, "latest", "latest, or a date such as 2026-07-17", "The day to play."),
    Setting("DATA_MODE", _choice("memory", "stream"), "stream", "memory or stream", "Accepted; has no effect here."),
    Setting(
        "CACHE_MODE", CacheMode, "exhaust", "exhaust or rotation", "At the end of the day: fall silent, or restart."
    ),
    Setting("WS_ENABLED", _boolean, "true", "true or false", "Serve the real-time feed."),
    Setting(
        "WS_STREAM_INTERVAL", _positive, "1s", "10ms or more: 500ms, 1s, 2m", "Time between two records of a group."
    ),
    Setting("WS_GROUP_PREFIX", _name, "blue", "letters, digits, dashes", "Prefix of group names on the wire."),
    Setting("STRICT_GROUPS", _boolean, "false", "true or false", "Refuse to join groups to which nothing will come."),
    Setting("SEED", int, "1", "a whole number", "Seed of the simulated market."),
    Setting("PUBLIC_URL", _url, "", "http(s)://host[:port][/path]", "Base of the URLs handed out, behind a proxy."),
    Setting("TRUST_FORWARDED", _boolean, "false", "true or false", "Believe X-Forwarded-Proto and X-Forwarded-Host."),
    Setting("TOKEN_SECRET", _secret, "", "32 bytes or more", "Signs access tokens; random at each start when unset."),
    Setting(
        "TOKEN_LIFETIME", _positive, "60m", "a time such as 60m", "How long an access token opens new connections."
    ),
    Setting("TOKEN_AUDIENCE", _boolean, "false", "true or false", "Refuse tokens made for another host or hub."),
    Setting(
        "ACK_DELAY", _duration, f"{ACK_DELAY_SECONDS * 1000:g}ms", "a time such as 2ms", "Delay of acks and of the 101."
    ),
    Setting("PING_INTERVAL", _positive, f"{PING_INTERVAL_SECONDS:g}s", "a time such as 20s", "Time between pings."),
    Setting(
        "RECOVERY_WINDOW",
        _duration,
        f"{RECOVERY_WINDOW_SECONDS:g}s",
        "a time such as 30s",
        "How long a lost client may return.",
    ),
    Setting(
        "RECOVERY_REJECT",
        _choice("close1008", "http404"),
        "close1008",
        "close1008 or http404",
        "How a refused recovery is told.",
    ),
    Setting(
        "QUEUE_MESSAGES",
        _count,
        str(MAX_QUEUED_MESSAGES),
        "a number from 1",
        "Messages waiting for a client before it is cut.",
    ),
    Setting("QUEUE_BYTES", _count, str(MAX_QUEUED_BYTES), "a number from 1", "The same in bytes."),
    Setting(
        "LOG_LEVEL",
        _choice("debug", "info", "warning", "error"),
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
        shown = "***" if setting.name == "TOKEN_SECRET" else text
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
        if name not in known or isinstance(value, dict | list):
            raise SettingError(name, "***", str(file), f"known settings: {', '.join(sorted(known))}")
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in table.items()}


def flag_of(name: str) -> str:
    """The flag of a setting: ``--ws-stream-interval``."""
    return "--" + name.lower().replace("_", "-")

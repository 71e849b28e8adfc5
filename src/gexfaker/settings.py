"""Settings: what can be set, and where a value comes from - flag > environment > gexfaker.toml > default.

In the environment a setting is ``GEXFAKER_<NAME>`` or plain ``<NAME>``; in the file it is its lower-case name;
as a flag of ``gexfaker serve`` it is ``--name-with-dashes``. The table SETTINGS is the one source of all of these
and of the documentation.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from gexfaker.errors import SettingError
from gexfaker.playback.options import CacheMode, EndpointCacheMode, Playback, Timestamps
from gexfaker.settings_table import SETTINGS, Setting

__all__ = ["DEFAULT", "FILE", "SETTINGS", "Setting", "Settings", "flag_of", "load"]

FILE: Final = "gexfaker.toml"
DEFAULT: Final = "the default"
"""The source of a value nobody gave."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, read and checked. Durations are in seconds; an unset optional one is None."""

    host: str
    port: int
    data_dir: str
    data_date: str
    data_mode: str
    cache_mode: CacheMode
    playback: Playback
    speed: float
    start: str
    timestamps: Timestamps
    endpoint_cache_mode: EndpointCacheMode
    ws_enabled: bool
    ws_stream_interval: float
    ws_group_prefix: str
    strict_groups: bool
    tiers: Mapping[str, str]
    membership_limit: int
    strict_keys: bool
    quota: int | None
    orderflow_error_200: bool
    market_hours: bool
    open_rows: bool
    history_window: bool
    history_url_lifetime: float
    seed: int
    tickers: tuple[str, ...]
    scenario: str | None
    public_url: str | None
    trust_forwarded: bool
    control_token: str | None
    sync_broadcast_system_enabled: bool
    sync_broadcast_system_id: str | None
    sync_broadcast_system_interval: float
    state_file: str | None
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
    # As in the earlier tool, whose users set the interval: one record of every group each time.
    if values["playback"] is None:
        stepped = sources["WS_STREAM_INTERVAL"] != DEFAULT
        values["playback"] = Playback.STEP if stepped else Playback.CLOCK
    if values["cache_mode"] is None:
        values["cache_mode"] = CacheMode.EXHAUST if values["playback"] is Playback.STEP else CacheMode.HOLD
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
    return setting.default, DEFAULT


def _parse(setting: Setting, text: str, source: str) -> Any:
    if source == DEFAULT and text == "":
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

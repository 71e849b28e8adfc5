"""Settings: each is one declaration, from which its flag, its names in the environment and in the file, the checks,
the help and the documentation follow.

A value comes from its flag, else the environment, else the settings file, else its default; an empty one is none. In
the environment a setting is ``GEXFAKER_<NAME>``, and those of the earlier tool plain ``<NAME>``, too. In the file it is
its lower-case name, at the top or in a table of its section. As a flag of ``gexfaker serve`` it is
``--name-with-dashes``.

The annotations of this module are read when it is loaded, not kept as text: those of Settings are the declarations, and
to make them of texts takes five milliseconds of every start.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, get_type_hints

import msgspec

from gexfaker import parsing
from gexfaker.allowances import POOLS, Allowance
from gexfaker.catalog import TIERS
from gexfaker.environment import is_link, unknown_variables, variables_of
from gexfaker.errors import NoSettingError, SettingError
from gexfaker.limits import (
    ACK_DELAY_SECONDS,
    KEEP_ALIVE_SECONDS,
    KIB,
    MAX_MEMBERSHIPS,
    MAX_QUEUED_BYTES,
    MAX_QUEUED_MESSAGES,
    MIB,
    PING_INTERVAL_SECONDS,
    RECOVERY_WINDOW_SECONDS,
)
from gexfaker.nearest import nearest
from gexfaker.playback.options import SPEEDS, CacheMode, EndpointCacheMode, Playback, Timestamps
from gexfaker.shell import text_of

MOST_ACK_DELAY: Final = 10.0
"""Seconds; clients give up on an ack that comes later."""

LEAST_QUEUED_MESSAGES: Final = 10
LEAST_QUEUED_BYTES: Final = 64 * KIB
"""A client must be allowed to leave a few of the largest messages unread, or it is cut for nothing."""

FILE: Final = "gexfaker.toml"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""Addresses at which only this machine can reach the server."""

DEFAULT: Final = "the default"
"""The source of a value nobody gave."""

OWNED, INSIDE = "owned", "inside"
NO_CACHE: Final = "none"
SERVICE, RELAXED = "service", "relaxed"
TOKEN_SECONDS: Final = {SERVICE: 15 * 60.0, RELAXED: 60 * 60.0}
"""How long a token opens connections unless that is set, by the session rules: 15 minutes, by the vendor's guide."""


class Section(StrEnum):
    """The parts into which settings are put, in the order in which they are shown."""

    SERVER = "server"
    DAYS = "days"
    CLOCK = "clock"
    KEYS = "keys"
    WEBSOCKET = "websocket"
    TOKENS = "tokens"
    REALISM = "realism"
    TESTING = "testing"
    EARLIER = "earlier tool"


class Setting(NamedTuple):
    """What is declared of a setting.

    Attributes:
        parse: reads its text; raises ValueError or KeyError when it is not usable.
        default: as text; "" is unset.
        accepted: what is accepted, for people.
        help: what it does.
        secret: whether its value is never shown.
    """

    section: Section
    parse: Callable[[str], Any]
    default: str
    accepted: str
    help: str
    secret: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off; its bare flag means on."""
        return self.parse is parsing.boolean


class Settings(msgspec.Struct, frozen=True):
    """All settings, read and checked. Durations are in seconds; an unset optional one is None.

    Attributes:
        texts: by name, the value as it was given, or its default.
        sources: by name, from where the value is.
        notes: sentences about what was given and is not used.
        awaits_days: whether days are collected into the folder, which may be empty or missing until then.
    """

    host: Annotated[
        str,
        Setting(
            Section.SERVER,
            parsing.text,
            "localhost",
            "an address or host name to bind; localhost is 127.0.0.1 and ::1",
            "Address to listen on.",
        ),
    ]
    port: Annotated[
        int,
        Setting(
            Section.SERVER, parsing.port, "8080", "a number from 0 to 65535; 0 picks a free one", "Port to listen on."
        ),
    ]
    ws_enabled: Annotated[
        bool, Setting(Section.SERVER, parsing.boolean, "true", "true or false", "Serve the real-time feed.")
    ]
    public_url: Annotated[
        str | None,
        Setting(
            Section.SERVER,
            parsing.url,
            "",
            "http(s)://host[:port][/path]",
            "Base of the URLs handed out, behind a proxy.",
        ),
    ]
    trust_forwarded: Annotated[
        bool,
        Setting(
            Section.SERVER, parsing.boolean, "false", "true or false", "Believe X-Forwarded-Proto and X-Forwarded-Host."
        ),
    ]
    control_token: Annotated[
        str | None,
        Setting(
            Section.SERVER,
            parsing.text,
            "",
            "any text",
            "Needed to use /_gexfaker when set; must be set where HOST is not this machine, and behind a proxy.",
            secret=True,
        ),
    ]
    state_file: Annotated[
        str | None,
        Setting(
            Section.SERVER, parsing.text, "", "a file", "Where sessions' positions are kept, to survive a restart."
        ),
    ]
    workers: Annotated[
        int,
        Setting(
            Section.SERVER,
            parsing.workers,
            "1",
            "a number from 1 to 64",
            "Processes that serve on the port, as a cluster; without CLUSTER they have an engine of their own.",
        ),
    ]
    cluster: Annotated[
        str | None,
        Setting(
            Section.SERVER,
            parsing.engine,
            "",
            "redis://host:port/0, rediss:// for TLS, or unix:///path",
            "The Redis or Valkey through which several servers are one; they share keys, sessions and tokens.",
            secret=True,
        ),
    ]
    cluster_prefix: Annotated[
        str,
        Setting(
            Section.SERVER,
            parsing.text,
            "gexfaker",
            "any text",
            "What the names of all that a cluster keeps there begin with; another one is another cluster.",
        ),
    ]
    keep_alive: Annotated[
        float,
        Setting(
            Section.SERVER,
            parsing.positive,
            f"{KEEP_ALIVE_SECONDS:g}s",
            "a time such as 75s",
            "How long an HTTP connection stays open for the next request.",
        ),
    ]
    log_level: Annotated[
        str,
        Setting(
            Section.SERVER,
            parsing.level,
            "info",
            "debug, info, warning or error",
            "How much to log; info tells what clients do.",
        ),
    ]
    log_format: Annotated[
        str,
        Setting(
            Section.SERVER,
            parsing.choice("text", "json"),
            "text",
            "text or json",
            "Lines for people, or a JSON object a line for programs.",
        ),
    ]
    show_keys: Annotated[
        bool,
        Setting(
            Section.SERVER,
            parsing.boolean,
            "false",
            "true or false",
            "Name clients in the log and in lists by the start of their API key.",
        ),
    ]

    data_dir: Annotated[
        str,
        Setting(
            Section.DAYS,
            parsing.text,
            "./data",
            "a folder",
            "Recorded days: DATE/TICKER/package/category.jsonl[.gz|.zst], or arrays and reports as downloaded.",
        ),
    ]
    data_date: Annotated[
        str,
        Setting(
            Section.DAYS,
            parsing.days,
            "latest",
            "latest, today, a date such as 2026-07-17, several with commas between them, or a range A..B",
            "The day to play; today is the market of this moment: while it is closed REST stays at the last close "
            "and the feed is silent (START live, market-hours).",
        ),
    ]
    seed: Annotated[int, Setting(Section.DAYS, int, "1", "a whole number", "Seed of the simulated market.")]
    tickers: Annotated[
        tuple[str, ...],
        Setting(
            Section.DAYS,
            parsing.tickers,
            "all",
            "tickers with commas between them, or all",
            "What is simulated.",
        ),
    ]
    simulate: Annotated[
        bool,
        Setting(
            Section.DAYS,
            parsing.boolean,
            "false",
            "true or false",
            "Simulate a market even if there are recorded days.",
        ),
    ]
    scenario: Annotated[
        str | None,
        Setting(
            Section.DAYS,
            parsing.text,
            "",
            "a name such as flash-crash, or a TOML file",
            "What happens on a simulated day.",
        ),
    ]
    fill: Annotated[
        str | None,
        Setting(
            Section.DAYS,
            parsing.choice("simulated"),
            "",
            "simulated",
            "What plays instead of feeds that a recorded day has not: a simulated market, which knows nothing of it.",
        ),
    ]
    links: Annotated[
        str,
        Setting(
            Section.DAYS,
            parsing.choice(OWNED, INSIDE),
            OWNED,
            "owned or inside",
            "Which symbolic links in the data folder are followed: also those out of it that its owner has made, "
            "or those alone that stay in it.",
        ),
    ]
    cache_dir: Annotated[
        str | None,
        Setting(
            Section.DAYS,
            parsing.text,
            "",
            "a folder, or none",
            "Where indexes of large recorded files are kept, so that a later start finds any record at once; "
            "by default in the user's cache.",
        ),
    ]
    feedback: Annotated[
        float,
        Setting(
            Section.DAYS,
            parsing.share,
            "0.3",
            "a number from 0 to 1",
            "How strong the hedging of dealers moves a simulated price; 0 is not at all.",
        ),
    ]
    history_url_lifetime: Annotated[
        float, Setting(Section.DAYS, parsing.positive, "5m", "a time such as 5m", "How long a history URL works.")
    ]

    playback: Annotated[
        Playback,
        Setting(
            Section.CLOCK,
            parsing.one_of(Playback),
            "",
            "clock or step",
            "Records are due at their market time, or one by one; step when WS_STREAM_INTERVAL is set.",
        ),
    ]
    speed: Annotated[
        float,
        Setting(
            Section.CLOCK,
            parsing.speed,
            "1",
            SPEEDS,
            "Market seconds a second; 0 as fast as clients take it.",
        ),
    ]
    start: Annotated[
        str,
        Setting(
            Section.CLOCK,
            parsing.start,
            "open",
            "open, now, live, or HH:MM[:SS]",
            "Market time (New York) at a key's first use: now is the time of day it is there, live the same on the day "
            "that it is and the close on one that is over.",
        ),
    ]
    timestamps: Annotated[
        Timestamps,
        Setting(
            Section.CLOCK,
            parsing.one_of(Timestamps),
            "recorded",
            "recorded or live",
            "Timestamps as recorded, or moved to the present.",
        ),
    ]
    cache_mode: Annotated[
        CacheMode,
        Setting(
            Section.CLOCK,
            parsing.one_of(CacheMode),
            "",
            "hold, exhaust, rotation or next",
            "After the last record: it stays (default), 404 (default of step), again from the open, the next day.",
        ),
    ]
    endpoint_cache_mode: Annotated[
        EndpointCacheMode,
        Setting(
            Section.CLOCK,
            parsing.one_of(EndpointCacheMode),
            "shared",
            "shared or independent",
            "In step mode: one REST position for each ticker and package, or for each endpoint.",
        ),
    ]
    ws_stream_interval: Annotated[
        float,
        Setting(
            Section.CLOCK,
            parsing.positive,
            "1s",
            "10ms or more: 500ms, 1s, 2m",
            "Step mode: time between two records of a group.",
        ),
    ]

    tiers: Annotated[
        Mapping[str, str],
        Setting(
            Section.KEYS,
            parsing.tiers,
            "*=quant",
            "KEY=TIER,...; * for all other keys; tiers: " + ", ".join(TIERS),
            "What each API key has subscribed to; a table [tiers] in the file.",
            secret=True,
        ),
    ]
    strict_keys: Annotated[
        bool,
        Setting(
            Section.KEYS, parsing.boolean, "false", "true or false", "Answer 401 to keys that TIERS does not name."
        ),
    ]
    quota: Annotated[
        Mapping[str, tuple[Allowance, ...]],
        Setting(
            Section.KEYS,
            parsing.quota,
            "none",
            "[KEY=][POOL:]COUNT[/minute, /day or /month],...; pools: " + ", ".join(POOLS),
            "REST requests that a key has, 429 beyond; without KEY= for all keys that are not named.",
            secret=True,
        ),
    ]
    membership_limit: Annotated[
        int,
        Setting(
            Section.KEYS,
            parsing.count,
            str(MAX_MEMBERSHIPS),
            "a number from 1",
            "Hub-and-group memberships a key may negotiate by POST or PATCH.",
        ),
    ]

    ws_group_prefix: Annotated[
        str,
        Setting(
            Section.WEBSOCKET, parsing.name, "blue", "letters, digits, dashes", "Prefix of group names on the wire."
        ),
    ]
    v2_prefix: Annotated[
        bool,
        Setting(
            Section.WEBSOCKET,
            parsing.boolean,
            "true",
            "true or false",
            "Whether group names have the prefix on the V2 hubs, too, as the vendor's guide suggests.",
        ),
    ]
    strict_groups: Annotated[
        bool,
        Setting(
            Section.WEBSOCKET,
            parsing.boolean,
            "false",
            "true or false",
            "Refuse to join groups to which nothing will come.",
        ),
    ]
    ack_delay: Annotated[
        float | None,
        Setting(
            Section.WEBSOCKET,
            parsing.between(0, MOST_ACK_DELAY),
            "",
            f"a time such as 2ms, at most {MOST_ACK_DELAY:g}s",
            "Delay of acks and of the 101; unset, "
            f"{ACK_DELAY_SECONDS * 1000:g}ms for Azure's Python SDK, which loses earlier ones, and none for others.",
        ),
    ]
    ping_interval: Annotated[
        float,
        Setting(
            Section.WEBSOCKET,
            parsing.positive,
            f"{PING_INTERVAL_SECONDS:g}s",
            "a time such as 20s",
            "Time between pings.",
        ),
    ]
    recovery_window: Annotated[
        float,
        Setting(
            Section.WEBSOCKET,
            parsing.duration,
            f"{RECOVERY_WINDOW_SECONDS:g}s",
            "a time such as 30s",
            "How long a lost client may return.",
        ),
    ]
    recovery_reject: Annotated[
        str,
        Setting(
            Section.WEBSOCKET,
            parsing.choice("close1008", "http404"),
            "close1008",
            "close1008 or http404",
            "How a refused recovery is told.",
        ),
    ]
    queue_messages: Annotated[
        int,
        Setting(
            Section.WEBSOCKET,
            parsing.number_from(LEAST_QUEUED_MESSAGES),
            str(MAX_QUEUED_MESSAGES),
            f"a number from {LEAST_QUEUED_MESSAGES}",
            "Messages that a client has not read, or not acknowledged, before it is cut: so many times as many of the "
            "latter as its speed.",
        ),
    ]
    queue_bytes: Annotated[
        int,
        Setting(
            Section.WEBSOCKET,
            parsing.size_from(LEAST_QUEUED_BYTES),
            f"{MAX_QUEUED_BYTES // MIB}MiB",
            f"bytes, or a size such as 16MB, from {LEAST_QUEUED_BYTES // KIB}KB",
            "The same in bytes.",
        ),
    ]

    token_secret: Annotated[
        str | None,
        Setting(
            Section.TOKENS,
            parsing.secret,
            "",
            "32 bytes or more",
            "Signs access tokens; random at each start when unset.",
            secret=True,
        ),
    ]
    session_rules: Annotated[
        str,
        Setting(
            Section.TOKENS,
            parsing.choice(SERVICE, RELAXED),
            SERVICE,
            "service or relaxed",
            "As on the service, negotiating again ends what the key negotiated before, and a key has one connection "
            "on each hub; or neither.",
        ),
    ]
    token_lifetime: Annotated[
        float,
        Setting(
            Section.TOKENS,
            parsing.positive,
            "",
            "a time such as 15m",
            "How long an access token opens new connections; 15m, or 60m with SESSION_RULES=relaxed.",
        ),
    ]
    token_audience: Annotated[
        bool,
        Setting(
            Section.TOKENS,
            parsing.boolean,
            "false",
            "true or false",
            "Refuse tokens made for another host; those of another hub are refused in any case, as by the service.",
        ),
    ]

    realism: Annotated[
        frozenset[str],
        Setting(
            Section.REALISM,
            parsing.realism,
            "none",
            "none, all, or any of " + ", ".join(parsing.REALISM) + ", with commas between them",
            "What the service does and a stand-in need not, see below.",
        ),
    ]

    mark: Annotated[
        bool,
        Setting(
            Section.REALISM,
            parsing.boolean,
            "true",
            "true or false",
            "Say in the header X-Gexfaker of each answer, and in /whoami, whether prices are simulated or recorded.",
        ),
    ]

    faults: Annotated[
        str | None,
        Setting(
            Section.TESTING,
            parsing.text,
            "",
            "a preset such as flaky-feed, or a list of rules: a JSON file, or the list itself",
            "What is broken on purpose for every key, from its first request on.",
        ),
    ]
    journal: Annotated[
        bool,
        Setting(
            Section.TESTING,
            parsing.boolean,
            "false",
            "true or false",
            "Keep a journal of every key from its first request on, and not only once it is asked for.",
        ),
    ]

    data_mode: Annotated[
        str,
        Setting(
            Section.EARLIER,
            parsing.choice("memory", "stream"),
            "stream",
            "memory or stream",
            "Accepted; has no effect here.",
        ),
    ]
    sync_broadcast_system_enabled: Annotated[
        bool, Setting(Section.EARLIER, parsing.boolean, "true", "true or false", "Serve the sync stream of positions.")
    ]
    range_end_policy: Annotated[
        str,
        Setting(
            Section.EARLIER,
            parsing.choice("clamp", "error"),
            "clamp",
            "clamp or error",
            "What /seek does with a time before the first day or after the last: go to its end, or refuse.",
        ),
    ]
    sync_broadcast_system_id: Annotated[
        str | None,
        Setting(Section.EARLIER, parsing.text, "", "any text", "Its broadcaster_id; the host name when unset."),
    ]
    sync_broadcast_system_interval: Annotated[
        float, Setting(Section.EARLIER, parsing.positive, "1s", "10ms or more", "Time between two of its events.")
    ]

    texts: Mapping[str, str]
    sources: Mapping[str, str]
    notes: tuple[str, ...]
    awaits_days: bool = False

    @property
    def wants_days(self) -> bool:
        """Whether recorded days were asked for: a folder was named, and no simulated market."""
        return self.sources["DATA_DIR"] != DEFAULT and not self.simulate

    def is_real(self, switch: str) -> bool:
        """Whether one of the realism switches is on."""
        return switch in self.realism


def _declared() -> dict[str, Setting]:
    """Every setting by its name, in the order of the sections."""
    hints = get_type_hints(Settings, include_extras=True)
    found = {name.upper(): hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}
    order = list(Section)
    return dict(sorted(found.items(), key=lambda item: order.index(item[1].section)))


SETTINGS: Final = _declared()
"""All of them, by name."""

REPLACED: Final = {
    "MARKET_HOURS": "REALISM: --realism market-hours",
    "OPEN_ROWS": "REALISM: --realism open-rows",
    "HISTORY_WINDOW": "REALISM: --realism history-window",
    "ORDERFLOW_ERROR_200": "REALISM: --realism orderflow-error-200",
}
"""Settings that there were once, each with what to use now."""


class Sources(NamedTuple):
    """Where settings come from, the first that has one first.

    Attributes:
        flags: by setting name; None or empty where the flag was not given.
        environment: such as ``os.environ``.
        file: the settings file; a missing one counts as empty.
        flag: how an error names a flag, such as ``the flag {}``; what stands for it are arguments elsewhere.
    """

    flags: Mapping[str, str | None]
    environment: Mapping[str, str]
    file: Path | None = None
    flag: Callable[[str], str] = lambda name: f"the flag {flag_of(name)}"

    def texts(self) -> dict[str, tuple[str, str]]:
        """By name the text of each setting, replaced ones included, and where it is from.

        Raises:
            SettingError: the file cannot be used.
        """
        from_file = _read_file(self.file)
        return {name: self._look_up(name, from_file) for name in (*REPLACED, *SETTINGS)}

    def _look_up(self, name: str, from_file: Mapping[str, str]) -> tuple[str, str]:
        flag = self.flags.get(name)
        if flag:
            return flag, self.flag(name)
        for variable in variables_of(name):
            text = self.environment.get(variable, "")
            if text and not (name == "PORT" and is_link(text)):
                return text, f"the environment variable {variable}"
        if from_file.get(name.lower()):
            return from_file[name.lower()], str(self.file)
        return SETTINGS[name].default if name in SETTINGS else "", DEFAULT


def load(flags: Mapping[str, str | None], environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """The settings from these sources, see ``Sources``.

    Raises:
        SettingError: a value, or a name in the file or among the flags, is not usable; says which, from where, and
            what is.
    """
    for name in flags.keys() - SETTINGS.keys() - REPLACED.keys():
        raise no_setting(name, "load()")
    return load_from(Sources(flags, environment, file))


def no_setting(name: str, source: str, write: Callable[[str], str] = str) -> NoSettingError:
    """The error about a setting that does not exist, with the one that may be meant, as it is written there."""
    near = nearest(name.upper(), SETTINGS)
    meant = f"did you mean {write(near)}?" if near else "docs/settings.md has all settings"
    return NoSettingError(name, source, meant)


def load_from(given: Sources) -> Settings:
    """The settings from their sources. Raises SettingError, as ``load``."""
    texts = given.texts()
    for name, instead in REPLACED.items():
        text, source = texts[name]
        if source != DEFAULT:
            raise SettingError(name, text, source, f"it is now part of {instead}")
    values = {name.lower(): _parse(name, setting, *texts[name]) for name, setting in SETTINGS.items()}
    given_texts, sources = ({name: texts[name][part] for name in SETTINGS} for part in (0, 1))
    notes = (*unknown_variables(given.environment, (*SETTINGS, *REPLACED)), *idle_settings(values, sources))
    return Settings(**_implied(values, sources), texts=given_texts, sources=sources, notes=notes)


def rows(settings: Settings) -> Iterator[dict[str, str]]:
    """Each setting for people: its section, name, value and source. Secret values are hidden."""
    for name, setting in SETTINGS.items():
        source, value = settings.sources[name], getattr(settings, name.lower())
        shown = settings.texts[name] or ("unset" if value is None else _as_written(value))
        hidden = setting.secret and source != DEFAULT
        yield {
            "section": setting.section.value,
            "name": name,
            "value": "***" if hidden else shown,
            "source": source,
        }


def _as_written(value: Any) -> str:
    """What follows from other settings, as it would be written."""
    return parsing.shown_duration(value) if isinstance(value, float) else str(value)


def idle_settings(values: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[str]:
    """A sentence about each setting that was given and has no effect, because of others."""
    is_stepped = _implied(dict(values), sources)["playback"] is Playback.STEP
    reasons = {
        **dict.fromkeys(("SPEED", "START"), "there is no market clock in step mode" if is_stepped else ""),
        "ENDPOINT_CACHE_MODE": "" if is_stepped else "it is for step mode (--playback step)",
        "WS_STREAM_INTERVAL": "" if is_stepped else "it is for step mode, and PLAYBACK is clock",
        "DATA_MODE": "days are always read in place",
    }
    for name, reason in reasons.items():
        if reason and sources[name] != DEFAULT:
            yield f"{name} (from {sources[name]}) has no effect: {reason}"
    if values["strict_keys"] and set(values["tiers"]) <= {"*"}:
        yield f"STRICT_KEYS (from {sources['STRICT_KEYS']}) refuses every key, as TIERS names none: add TIERS=KEY=quant"


LIVE_HOURS: Final = frozenset({"market-hours"})
"""What is real by itself when the market of the moment is played."""


def _implied(values: dict[str, Any], sources: Mapping[str, str]) -> dict[str, Any]:
    """What follows from others where it is unset.

    As in the earlier tool, whose users set the interval: one record of every group each time, then 404.
    """
    stepped = sources["WS_STREAM_INTERVAL"] != DEFAULT
    playback = values["playback"] or (Playback.STEP if stepped else Playback.CLOCK)
    cache_mode = values["cache_mode"] or (CacheMode.EXHAUST if playback is Playback.STEP else CacheMode.HOLD)
    lifetime = values["token_lifetime"] or TOKEN_SECONDS[values["session_rules"]]
    implied = values | {"playback": playback, "cache_mode": cache_mode, "token_lifetime": lifetime}
    if values["data_date"] == "today":
        implied["realism"] = values["realism"] | (LIVE_HOURS if sources["REALISM"] == DEFAULT else frozenset())
        start = "live" if implied["realism"] >= LIVE_HOURS else "now"
        implied["start"] = start if sources["START"] == DEFAULT else values["start"]
    return implied


def idle_with(settings: Settings, *, is_stored: bool) -> Iterator[str]:
    """A sentence about each setting that was given and has no effect with what is played: recorded days or not."""
    simulation = () if is_stored and settings.fill is not None else ("SCENARIO", "TICKERS", "SEED", "FEEDBACK")
    recorded = () if settings.awaits_days else ("DATA_DIR",)
    if not is_stored and settings.fill is not None:
        yield f"FILL (from {settings.sources['FILL']}) has no effect: no recorded days are played"
    if is_stored:
        reason = f"the recorded days in {settings.data_dir} are played; --simulate plays a simulated market"
    else:
        reason = "a market is simulated (SIMULATE)"
    for name in simulation if is_stored else recorded if settings.simulate else ():
        if settings.sources[name] != DEFAULT:
            yield f"{name} (from {settings.sources[name]}) has no effect: {reason}"
    if is_stored and settings.is_real("open-rows"):
        yield f"open-rows of REALISM (from {settings.sources['REALISM']}) has no effect: {reason}"


def _parse(name: str, setting: Setting, text: str, source: str) -> Any:
    if source == DEFAULT and text == "":
        return None
    try:
        return setting.parse(text)
    except (ValueError, KeyError) as error:
        part = f"{error}; " if isinstance(error, parsing.PartError) else ""
        shown = "***" if setting.secret else text
        raise SettingError(name, shown, source, f"{part}accepted: {setting.accepted}") from None


def _read_file(file: Path | None) -> dict[str, str]:
    if file is None or not file.is_file():
        return {}
    import tomllib  # most have no settings file

    text = ""
    try:
        text = text_of(file)
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeError, OSError, RecursionError) as error:
        hint = "; a path with backslashes goes in single quotes" if "\\" in text else _unquoted(text, str(error))
        raise SettingError("file", str(file), str(file), f"it must be readable TOML ({error}){hint}") from None
    return {name: as_text(value) for name, value in _flat(table, file).items()}


_LINE: Final = re.compile(r"at line ([0-9]+)")
_UNQUOTED: Final = re.compile(r"\s*([a-z_]+)\s*=\s*[^\s\"'\[{].*")


def _unquoted(text: str, problem: str) -> str:
    """That a value needs quotes, where the reader of TOML stumbles over one without: times, lists and words do."""
    place = _LINE.search(problem)
    lines = text.splitlines()
    line = lines[int(place[1]) - 1] if place and 0 < int(place[1]) <= len(lines) else ""
    given = _UNQUOTED.fullmatch(line)
    return f'; put the value in quotes: {given[1]} = "..."' if given else ""


def _flat(table: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """The settings of a file, those in the tables of their sections put beside the others. Raises SettingError."""
    known = {name.lower() for name in (*SETTINGS, *REPLACED)}
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict) and name.replace("-", " ") in list(Section):
            inside = _flat(value, file)
            if twice := next((one for one in inside if one in found), None):
                raise _twice(twice, file)
            found |= inside
        elif name not in known or (isinstance(value, dict) and name != "tiers"):
            raise NoSettingError(*_not_known(name, known, str(file), is_table=isinstance(value, dict)))
        elif name in found:
            raise _twice(name, file)
        else:
            found[name] = value
    return found


def _twice(name: str, file: Path) -> SettingError:
    return SettingError("file", str(file), str(file), f"{name} stands in it twice, once in a table: keep one")


def _not_known(name: str, known: Collection[str], file: str, *, is_table: bool) -> tuple[str, str, str]:
    """A name in the file that is no setting, and what to do; it may be an API key, and is shown if it is like one."""
    if name in known and is_table:
        return repr(name), file, "it is no table; its value stands behind ="
    name = name.lower() if name.lower() in known else name  # as in the environment
    if name in known:
        return repr(name.upper()), file, f"it is written {name} here"
    sections = [str(section).replace(" ", "-") for section in Section]
    if is_table and (section := nearest(name.lower(), sections)):
        return f"table [{name}]", file, f"did you mean [{section}]?"
    close = nearest(name.replace("-", "_"), sorted(known))
    if close:
        return repr(name), file, f"did you mean {close}?"
    if is_table:
        tables = ", ".join(f"[{section}]" for section in sections)
        return "of one of its tables (hidden, as it may be an API key)", file, f"tables are [tiers], {tables}"
    remedy = "API keys go into [tiers]; `gexfaker settings` lists all settings"
    return "of one of its names (hidden, as it may be an API key)", file, remedy


def as_text(value: Any) -> str:
    """A value of the file, or of a program, as it would be written in the environment."""
    if isinstance(value, dict):
        return ",".join(f"{key}={tier}" for key, tier in value.items())
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return msgspec.json.encode(value).decode()
    if isinstance(value, list):
        return ",".join(map(as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def flag_of(name: str) -> str:
    """The flag of a setting: ``--ws-stream-interval``."""
    return "--" + name.lower().replace("_", "-")

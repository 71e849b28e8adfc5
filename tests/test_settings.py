"""Settings: their sources in order, and what is said about a value that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexfaker.allowances import Allowance, Period, parse_allowance
from gexfaker.catalog import TICKERS
from gexfaker.environment import EARLIER, PROTECTING, unknown_variables
from gexfaker.errors import SettingError
from gexfaker.parsing import REALISM
from gexfaker.playback.options import CacheMode, EndpointCacheMode, Playback, Timestamps
from gexfaker.settings import DEFAULT, REPLACED, SETTINGS, Section, Settings, flag_of, idle_with, load


def test_defaults_are_the_documented_ones() -> None:
    settings = load({}, {})
    assert (settings.host, settings.port, settings.data_dir) == ("localhost", 8080, "./data")
    assert (settings.data_date, settings.playback, settings.cache_mode) == ("latest", Playback.CLOCK, CacheMode.HOLD)
    assert (settings.speed, settings.start, settings.timestamps) == (1.0, "open", Timestamps.RECORDED)
    assert settings.endpoint_cache_mode is EndpointCacheMode.SHARED
    assert (settings.state_file, settings.control_token) == (None, None)
    assert settings.sync_broadcast_system_enabled is True
    assert (settings.sync_broadcast_system_id, settings.sync_broadcast_system_interval) == (None, 1.0)
    assert (settings.ws_enabled, settings.ws_stream_interval, settings.ws_group_prefix) == (True, 1.0, "blue")
    assert settings.token_secret is None
    assert settings.public_url is None
    assert (settings.ack_delay, settings.ping_interval, settings.recovery_window) == (None, 20.0, 30.0)
    assert (settings.queue_messages, settings.queue_bytes) == (1000, 16 * 1024 * 1024)


def test_a_flag_beats_the_environment_beats_the_file_beats_the_default(tmp_path: Path) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_text('port = 1\ncache_mode = "rotation"\nws_enabled = false\n')
    assert load({}, {}, file).port == 1
    assert load({}, {}, file).cache_mode is CacheMode.ROTATION
    assert load({}, {}, file).ws_enabled is False
    assert load({}, {"PORT": "2"}, file).port == 2
    assert load({}, {"PORT": "2", "GEXFAKER_PORT": "3"}, file).port == 3
    assert load({"PORT": "4"}, {"PORT": "2", "GEXFAKER_PORT": "3"}, file).port == 4
    assert load({"PORT": None}, {}, file).sources["PORT"] == str(file)


ONE_A_SECOND = Allowance("all", 60, Period.MINUTE)
WHEN_UNSET = {
    "FILL": "simulated",
    "ACK_DELAY": "7ms",
    "PUBLIC_URL": "https://x.example",
    "TOKEN_SECRET": "s" * 32,
    "CACHE_MODE": "rotation",
    "PLAYBACK": "step",
    "TOKEN_LIFETIME": "20m",
    "CONTROL_TOKEN": "hunter2",
    "SYNC_BROADCAST_SYSTEM_ID": "desk-3",
    "STATE_FILE": "state.json",
    "CLUSTER": "redis://engine:6379/0",
}
"""A value for settings that have none by default; the others take 7."""


@pytest.mark.parametrize(
    ("given", "playback", "cache_mode"),
    [
        ({}, "clock", "hold"),
        ({"WS_STREAM_INTERVAL": "1s"}, "step", "exhaust"),
        ({"WS_STREAM_INTERVAL": "250ms", "CACHE_MODE": "rotation"}, "step", "rotation"),
        ({"WS_STREAM_INTERVAL": "1s", "PLAYBACK": "clock"}, "clock", "hold"),
        ({"PLAYBACK": "step"}, "step", "exhaust"),
        ({"PLAYBACK": "step", "CACHE_MODE": "hold"}, "step", "hold"),
        ({"CACHE_MODE": "exhaust"}, "clock", "exhaust"),
        ({"CACHE_MODE": "next"}, "clock", "next"),
    ],
)
def test_the_interval_implies_step_mode_which_ends_with_404(
    given: dict[str, str], playback: str, cache_mode: str, tmp_path: Path
) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_text("".join(f'{name.lower()} = "{text}"\n' for name, text in given.items()))
    prefixed = {f"GEXFAKER_{name}": text for name, text in given.items()}
    for settings in (load(given, {}), load({}, prefixed), load({}, {}, file)):
        assert (settings.playback, settings.cache_mode) == (playback, cache_mode)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("SPEED", "0", 0.0),
        ("SPEED", "0.1", 0.1),
        ("SPEED", "1000", 1000.0),
        ("START", "open", "open"),
        ("START", "now", "now"),
        ("START", "9:30", "9:30"),
        ("START", "15:59:59", "15:59:59"),
        ("TIMESTAMPS", "live", Timestamps.LIVE),
        ("ENDPOINT_CACHE_MODE", "independent", EndpointCacheMode.INDEPENDENT),
        ("DATA_DATE", "2026-07-14..2026-07-17", "2026-07-14..2026-07-17"),
        ("DATA_DATE", "2026-07-14..latest", "2026-07-14..latest"),
        ("WS_STREAM_INTERVAL", "10ms", 0.01),
    ],
)
def test_what_is_accepted_of_playback(name: str, text: str, value: object) -> None:
    assert getattr(load({name: text}, {}), name.lower()) == value


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_can_come_from_everywhere(name: str, tmp_path: Path) -> None:
    text = SETTINGS[name].default or WHEN_UNSET.get(name, "7")
    file = tmp_path / "gexfaker.toml"
    file.write_text(f'{name.lower()} = "{text}"\n')
    expected = getattr(load({name: text}, {}), name.lower())
    assert expected is not None
    plain = load({}, {name: text})
    assert plain.sources[name] == (f"the environment variable {name}" if name in EARLIER else DEFAULT)
    if name in EARLIER:
        assert getattr(plain, name.lower()) == expected
    assert getattr(load({}, {f"GEXFAKER_{name}": text}), name.lower()) == expected
    assert getattr(load({}, {}, file), name.lower()) == expected


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_empty_is_unset(name: str, tmp_path: Path) -> None:
    """Compose files, .env files and CI hand such variables over."""
    file = tmp_path / "gexfaker.toml"
    file.write_text(f'{name.lower()} = ""\n')
    settings = load({name: ""}, {f"GEXFAKER_{name}": "", name: ""}, file)
    assert settings == load({}, {})
    assert settings.sources[name] == DEFAULT


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *(("LOG_LEVEL", text, "info") for text in ("INFO", "Info", " info ")),
        *(("LOG_LEVEL", text, "warning") for text in ("WARN", "warn", "WARNING")),
        *(("STRICT_KEYS", text, True) for text in ("TRUE", "True", "yes", "on", "1")),
        *(("STRICT_KEYS", text, False) for text in ("FALSE", "No", "off", "0")),
        ("CACHE_MODE", "Rotation", CacheMode.ROTATION),
        ("PLAYBACK", "STEP", Playback.STEP),
        ("TIMESTAMPS", "Live", Timestamps.LIVE),
        ("START", "NOW", "now"),
        ("DATA_DATE", "LATEST", "latest"),
        ("RECOVERY_REJECT", "HTTP404", "http404"),
        ("TICKERS", "ALL", tuple(sorted(TICKERS))),
        ("TICKERS", "spx, spy,", ("SPX", "SPY")),
        ("TIERS", "a=Classic", {"a": "classic"}),
        ("QUOTA", "none", {}),
        ("QUOTA", "k=Classic:100/Day, 60", {"k": (Allowance("classic", 100, Period.DAY),), "*": (ONE_A_SECOND,)}),
        *(("QUEUE_BYTES", text, 16 * 1024**2) for text in ("16777216", "16MB", "16 MiB", "16m", "16384K")),
        ("QUEUE_BYTES", "1.5G", 3 * 1024**3 // 2),
    ],
)
def test_words_are_taken_in_any_case_and_sizes_with_units(name: str, text: str, value: object) -> None:
    assert getattr(load({name: text}, {}), name.lower()) == value


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("TICKERS", "SPX,FOO", "there is no 'FOO'"),
        ("TICKERS", "SPXX", "did you mean SPX?"),
        ("TIERS", "a=gold,b=classic", "there is no tier 'gold'"),
        ("TIERS", "a=quants", "did you mean quant?"),
        ("TIERS", "a=classic,quant=hunter", "part 2 is the wrong way round: write KEY=quant"),
        ("TIERS", "quantt=hunter", "part 1 is the wrong way round: write KEY=quant"),
        ("QUEUE_BYTES", "9" * 400 + "G", "a size such as 16MB"),
        ("KEEP_ALIVE", "9" * 400 + "h", "that is more than a year"),
        ("RECOVERY_WINDOW", "9000h", "that is more than a year"),
        ("PUBLIC_URL", "https://user:pw@example.org", "it has a user or password"),
        ("TIERS", "a=hunter2", "there is no tier as in part 1"),
        ("TIERS", "=classic", "a part has no key before its '='"),
        ("QUOTA", "60,k=clasic:1/day", "part 2: there is no pool 'clasic'"),
        ("QUOTA", "1/week", "part 1: there is no period 'week'"),
        ("QUOTA", "0", "part 1: the count is from 1"),
        ("QUOTA", ",".join(["1"] * 65), "a key has 65 of them, and 64 at most"),
        ("DATA_DATE", "2026-07-19..2026-07-13", "goes backwards: write 2026-07-13..2026-07-19"),
        ("REALISM", "market-hour", "there is no 'market-hour' (did you mean market-hours?)"),
        ("QUEUE_BYTES", "1", "from 64KB"),
        ("QUEUE_BYTES", "16 apples", "a size such as 16MB"),
        ("QUEUE_MESSAGES", "1", "a number from 10"),
        ("ACK_DELAY", "1h", "at most 10s"),
    ],
)
def test_an_error_names_the_part_that_is_wrong(name: str, text: str, said: str) -> None:
    with pytest.raises(SettingError) as caught:
        load({name: text}, {})
    assert said in str(caught.value)
    assert SETTINGS[name].accepted in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_lists_are_lists_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_text('tickers = ["SPX", "ndx"]\n[realism]\nrealism = ["open-rows", "market-hours"]\n')
    settings = load({}, {}, file)
    assert settings.tickers == ("SPX", "NDX")
    assert settings.realism == {"open-rows", "market-hours"}


@pytest.mark.parametrize("text", ["tcp://10.0.0.5:8080", "udp://[fd00::1]:8080"])
def test_the_address_of_a_container_called_gexfaker_is_no_port(text: str) -> None:
    environment = {
        "GEXFAKER_PORT": text,
        "GEXFAKER_SERVICE_HOST": "10.0.0.5",
        "GEXFAKER_SERVICE_PORT_HTTP": "8080",
        "GEXFAKER_PORT_8080_TCP_ADDR": "10.0.0.5",
        "GEXFAKER_WEB_PORT": text,
        "GEXFAKER_WEB_SERVICE_HOST": "10.0.0.6",
        "GEXFAKER_WEB_PORT_80_TCP_PROTO": "tcp",
    }
    plain = load({}, {"PORT": text})
    assert (plain.port, plain.notes) == (8080, ("PORT is an address that Kubernetes or Docker has set, and not used",))
    settings = load({}, environment)
    assert settings.port == 8080
    assert settings.notes == ("GEXFAKER_PORT is an address that Kubernetes or Docker has set, and not used",)


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("GEXFAKER_PROT", "did you mean GEXFAKER_PORT?"),
        ("GEXFAKER_TICKER", "did you mean GEXFAKER_TICKERS?"),
        ("GEXFAKER_WHATEVER", "see gexfaker settings"),
        ("GEXFAKER_port", "did you mean GEXFAKER_PORT?"),
    ],
)
def test_a_misspelt_name_is_told(variable: str, said: str) -> None:
    [note] = load({}, {variable: "1", "GEXFAKER_URL": "x", "GEXFAKER_KEY": "y", "GEXFAKER_TOKEN": "z"}).notes
    assert note.startswith(f"the environment variable {variable} is no setting")
    assert said in note
    assert list(unknown_variables({}, SETTINGS)) == []


@pytest.mark.parametrize("name", PROTECTING)
def test_a_protecting_setting_without_its_prefix_is_told(name: str) -> None:
    [note] = load({}, {name: "x"}).notes
    assert note == f"the environment variable {name} is not used: GEXFAKER_{name} would be"
    value = SETTINGS[name].default or WHEN_UNSET[name]
    assert not [note for note in load({}, {name: "x", f"GEXFAKER_{name}": value}).notes if "not used" in note]


def test_an_api_key_at_the_wrong_place_of_the_file_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_text('[keys]\nsk_live_SECRET123 = "quant"\n')
    with pytest.raises(SettingError, match=r"API keys go into \[tiers\]") as caught:
        load({}, {}, file)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "there is no setting 'prot': did you mean port?"),
        ("data-dir = 'x'", "there is no setting 'data-dir': did you mean data_dir?"),
        ("PORT = 1", "there is no setting 'PORT': it is written port here"),
        ("[clocks]\nspeed = 5", "there is no setting table [clocks]: did you mean [clock]?"),
        ("[Clock]\nspeed = 5", "there is no setting table [Clock]: did you mean [clock]?"),
        (
            "[d41d8cd98f00]\nspeed = 5",
            "there is no setting of one of its tables (hidden, as it may be an API key): tables are [tiers], [server], "
            "[days], [clock], [keys], [websocket], [tokens], [realism], [testing], [earlier-tool]",
        ),
        ("[speed]\nx = 1", "there is no setting 'speed': it is no table; its value stands behind ="),
    ],
)
def test_a_misspelt_name_in_the_file_is_told_with_the_right_one(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_text(text)
    with pytest.raises(SettingError) as caught:
        load({}, {}, file)
    assert str(caught.value) == f"{file}: {said}"


@pytest.mark.parametrize(
    ("given", "is_stored", "idle"),
    [
        ({"SCENARIO": "flash-crash", "SEED": "3", "TICKERS": "TSLA"}, True, ["SCENARIO", "TICKERS", "SEED"]),
        ({"SCENARIO": "flash-crash", "SEED": "3", "TICKERS": "TSLA"}, False, []),
        ({"DATA_DIR": "days", "SIMULATE": "true"}, False, ["DATA_DIR"]),
        ({"DATA_DIR": "days"}, False, []),
        ({"REALISM": "open-rows"}, True, ["open-rows"]),
        ({"REALISM": "open-rows"}, False, []),
        ({"REALISM": "market-hours"}, True, []),
    ],
)
def test_a_setting_that_is_for_other_days_is_told(given: dict[str, str], is_stored: bool, idle: list[str]) -> None:
    notes = list(idle_with(load(given, {}), is_stored=is_stored))
    assert [note.split()[0] for note in notes] == idle


@pytest.mark.parametrize(
    ("given", "idle"),
    [
        ({}, []),
        ({"SPEED": "2"}, []),
        ({"SPEED": "2", "PLAYBACK": "step"}, ["SPEED"]),
        ({"START": "now", "WS_STREAM_INTERVAL": "1s"}, ["START"]),
        ({"ENDPOINT_CACHE_MODE": "shared"}, ["ENDPOINT_CACHE_MODE"]),
        ({"ENDPOINT_CACHE_MODE": "shared", "PLAYBACK": "step"}, []),
        ({"WS_STREAM_INTERVAL": "1s", "PLAYBACK": "clock"}, ["WS_STREAM_INTERVAL"]),
        ({"STRICT_KEYS": "true", "TIERS": "a=quant"}, []),
        ({"DATA_MODE": "memory"}, ["DATA_MODE"]),
    ],
)
def test_a_setting_without_effect_is_told(given: dict[str, str], idle: list[str]) -> None:
    notes = load(given, {}).notes
    assert [note.split()[0] for note in notes] == idle
    assert all("has no effect: " in note for note in notes)


@pytest.mark.parametrize("tiers", [{}, {"TIERS": "*=quant"}])
def test_strict_keys_without_a_named_key_is_told_as_what_it_is(tiers: dict[str, str]) -> None:
    [note] = load({"STRICT_KEYS": "true", **tiers}, {}).notes
    assert "refuses every key" in note
    assert "has no effect" not in note


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("1s", 1.0), ("2m", 120.0), ("1.5s", 1.5), ("1h", 3600.0), ("100 ms", 0.1)]
)
def test_durations(text: str, seconds: float) -> None:
    assert load({"WS_STREAM_INTERVAL": text}, {}).ws_stream_interval == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "abc"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("HOST", " "),
        ("CACHE_MODE", "loop"),
        ("DATA_DATE", "2026-02-30"),
        ("DATA_DATE", "yesterday"),
        ("DATA_DATE", "2026-07-17..2026-07-14"),
        ("DATA_DATE", "2026-07-14.."),
        ("DATA_DATE", "..2026-07-14"),
        ("PLAYBACK", "tape"),
        ("SPEED", "fast"),
        ("SPEED", "-1"),
        ("SPEED", "0.05"),
        ("SPEED", "1001"),
        ("SPEED", "nan"),
        ("START", "noon"),
        ("START", "24:00"),
        ("TIMESTAMPS", "now"),
        ("ENDPOINT_CACHE_MODE", "own"),
        ("STATE_FILE", " "),
        ("SYNC_BROADCAST_SYSTEM_INTERVAL", "1ms"),
        ("WS_ENABLED", "maybe"),
        ("WS_STREAM_INTERVAL", "1"),
        ("WS_STREAM_INTERVAL", "0s"),
        ("WS_STREAM_INTERVAL", "-1s"),
        ("WS_GROUP_PREFIX", "a_b"),
        ("TOKEN_SECRET", "short"),
        ("PUBLIC_URL", "example.org"),
        ("PUBLIC_URL", "ftp://example.org"),
        ("QUEUE_MESSAGES", "0"),
        ("SEED", "x"),
    ],
)
def test_a_bad_value_names_the_setting_its_source_and_what_is_accepted(name: str, text: str) -> None:
    accepted = SETTINGS[name].accepted
    with pytest.raises(SettingError) as caught:
        load({}, {f"GEXFAKER_{name}": text})
    message = str(caught.value)
    assert name in message
    assert f"GEXFAKER_{name}" in message
    assert accepted in message
    assert "\n" not in message
    with pytest.raises(SettingError, match=f"flag {flag_of(name)}"):
        load({name: text}, {})


def test_a_bad_secret_is_not_shown() -> None:
    with pytest.raises(SettingError) as caught:
        load({"TOKEN_SECRET": "hunter2"}, {})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SettingError) as caught:
        load({"TIERS": "hunter2=gold"}, {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ['token-secret = "hunter2-hunter2"', 'token_secret = ["hunter2-hunter2"]'])
def test_a_secret_in_a_bad_file_is_not_shown(text: str, tmp_path: Path) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_text(text)
    with pytest.raises(SettingError) as caught:
        load({}, {}, file)
    assert "hunter2" not in str(caught.value)


def test_a_public_url_is_normalised() -> None:
    assert load({"PUBLIC_URL": "HTTPS://Example.org:8443/base/"}, {}).public_url == "https://Example.org:8443/base"


@pytest.mark.parametrize(
    "text",
    [
        "port = ",
        "prot = 1",
        "port = [1, 2]",
        "port = " + "[" * 5000,
        "[server.port]",
        "port = 1\nport = 2",
        "\xff\xfe\x00",
    ],
)
def test_a_bad_file_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingError, match=r"gexfaker\.toml"):
        load({}, {}, file)


def test_every_field_of_the_class_is_declared() -> None:
    others = {"texts", "sources", "notes", "awaits_days"}
    assert {name.lower() for name in SETTINGS} | others == set(Settings.__struct_fields__)
    assert [setting.section for setting in SETTINGS.values()] == sorted(
        (setting.section for setting in SETTINGS.values()), key=list(Section).index
    )


@pytest.mark.parametrize(
    ("text", "switches"),
    [
        ("none", set()),
        ("all", set(REALISM)),
        ("open-rows", {"open-rows"}),
        (" Market-Hours , open-rows", {"market-hours", "open-rows"}),
    ],
)
def test_realism_is_a_list_of_switches(text: str, switches: set[str]) -> None:
    settings = load({"REALISM": text}, {})
    assert settings.realism == switches
    assert [name for name in REALISM if settings.is_real(name)] == [name for name in REALISM if name in switches]


@pytest.mark.parametrize("text", [",", "night", "all,open-rows", "open_rows"])
def test_a_switch_that_is_none_is_refused_with_all_there_are(text: str) -> None:
    with pytest.raises(SettingError, match="market-hours, open-rows, eod-export, history-window, orderflow-error-200"):
        load({"REALISM": text}, {})


@pytest.mark.parametrize("name", REPLACED)
def test_a_setting_that_was_replaced_says_what_to_use_now(name: str, tmp_path: Path) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_text(f"{name.lower()} = true\n")
    said = "it is now part of REALISM: --realism "
    for flags in ({name: "true"}, {}):
        environment = {} if flags else {f"GEXFAKER_{name}": "1"}
        with pytest.raises(SettingError, match=said):
            load(flags, environment)
    with pytest.raises(SettingError, match=said):
        load({}, {}, file)
    assert load({}, {name: "true"}).realism == frozenset(), "without the prefix it is somebody else's"


def test_a_file_may_have_its_settings_in_tables_of_their_sections(tmp_path: Path) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_text('start = "10:30"\n[server]\nport = 9000\n[keys]\nquota = 7\n[keys.tiers]\nmine = "state"\n')
    settings = load({}, {}, file)
    assert (settings.start, settings.port, settings.tiers) == ("10:30", 9000, {"mine": "state"})
    assert settings.quota == {"*": (parse_allowance("7/minute"),)}
    file.write_text("[server]\nprot = 9000\n")
    with pytest.raises(SettingError, match="prot"):
        load({}, {}, file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("speed = 2\nstart = 10:30\n", 'put the value in quotes: start = "..."'),
        ("tickers = SPX,SPY\n", 'put the value in quotes: tickers = "..."'),
        ("recovery_window = 30s\n", 'put the value in quotes: recovery_window = "..."'),
        ("speed = 2\n[clock]\nspeed = 3\n", "speed stands in it twice, once in a table: keep one"),
        ("[clock]\nspeed = 2\n[keys]\nspeed = 3\n", "speed stands in it twice, once in a table: keep one"),
    ],
)
def test_a_slip_in_the_file_is_told_with_what_to_write(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_text(text)
    with pytest.raises(SettingError) as caught:
        load({}, {}, file)
    assert said in str(caught.value)

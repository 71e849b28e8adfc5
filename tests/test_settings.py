"""Settings: their sources in order, and what is said about a value that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexfaker.errors import SettingError
from gexfaker.parsing import REALISM
from gexfaker.playback.options import CacheMode, EndpointCacheMode, Playback, Timestamps
from gexfaker.settings import REPLACED, SETTINGS, Section, Settings, flag_of, load


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
    assert (settings.ack_delay, settings.ping_interval, settings.recovery_window) == (0.002, 20.0, 30.0)
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


WHEN_UNSET = {
    "PUBLIC_URL": "https://x.example",
    "TOKEN_SECRET": "s" * 32,
    "CACHE_MODE": "rotation",
    "PLAYBACK": "step",
    "CONTROL_TOKEN": "hunter2",
    "SYNC_BROADCAST_SYSTEM_ID": "desk-3",
    "STATE_FILE": "state.json",
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
    for settings in (load(given, {}), load({}, given), load({}, {}, file)):
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
    assert getattr(load({}, {name: text}), name.lower()) == expected
    assert getattr(load({}, {f"GEXFAKER_{name}": text}), name.lower()) == expected
    assert getattr(load({}, {}, file), name.lower()) == expected


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
        ("PORT", ""),
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


@pytest.mark.parametrize("text", ["port = ", "prot = 1", "port = [1]", "port = 1\nport = 2", "\xff\xfe"])
def test_a_bad_file_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingError, match=r"gexfaker\.toml"):
        load({}, {}, file)


def test_every_field_of_the_class_is_declared() -> None:
    assert {name.lower() for name in SETTINGS} | {"sources"} == set(Settings.__dataclass_fields__)
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


@pytest.mark.parametrize("text", ["", "night", "all,open-rows", "open_rows"])
def test_a_switch_that_is_none_is_refused_with_all_there_are(text: str) -> None:
    with pytest.raises(SettingError, match="market-hours, open-rows, history-window, orderflow-error-200"):
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
    for variable, settings_file in ((name, None), ("OTHER", file)):
        with pytest.raises(SettingError, match=said):
            load({}, {variable: "true"}, settings_file)


def test_a_file_may_have_its_settings_in_tables_of_their_sections(tmp_path: Path) -> None:
    file = tmp_path / "gexfaker.toml"
    file.write_text('start = "10:30"\n[server]\nport = 9000\n[keys]\nquota = 7\n[keys.tiers]\nmine = "state"\n')
    settings = load({}, {}, file)
    assert (settings.start, settings.port, settings.quota, settings.tiers) == ("10:30", 9000, 7, {"mine": "state"})
    file.write_text("[server]\nprot = 9000\n")
    with pytest.raises(SettingError, match="prot"):
        load({}, {}, file)

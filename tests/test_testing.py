"""`gexfaker.testing`, where it must not wait or err in silence."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from gexfaker.errors import ControlError, SettingError
from gexfaker.settings import load
from gexfaker.testing import Control, KeyUnderTest, ListenError, ManualClock, Pause, Seek, Target, receive, serving
from support.data import write_day


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sped": "5"}, "serving(): there is no setting sped: did you mean speed?"),
        ({"nonsense": "5"}, "docs/settings.md has all settings"),
        ({"speed": "fast"}, "SPEED='fast' (from the argument speed) is not usable"),
    ],
)
def test_a_misspelt_setting_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError) as caught, serving(**settings):
        pass
    assert said in str(caught.value)


def test_a_setting_without_effect_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with serving(tickers="SPX", endpoint_cache_mode="independent"):
        assert "has no effect" in caplog.text


def test_a_group_that_stays_silent_ends_with_the_reason() -> None:
    with serving(tickers="SPX") as server, pytest.raises(ListenError) as caught:
        receive(server.url, "NDX_orderflow_orderflow", key="k", timeout=1)
    assert str(caught.value).startswith("0 of 1 messages came in 1 s: blue_NDX_orderflow_orderflow stays silent")


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ("spx_classic_gex_zero", "did you mean SPX_classic_gex_zero? A group is written without its prefix here"),
        ("blue_SPX_classic_gex_zero", "did you mean SPX_classic_gex_zero? A group is written without its prefix here"),
        ("SPX_state_gex", "the categories of state are gex_full"),
        ("SPX", "groups of SPX are SPX_classic_gex_zero"),
        ("orderflow", "is not a group"),
    ],
)
def test_a_name_that_is_no_group_is_refused_before_the_server_is_asked(group: str, said: str) -> None:
    with pytest.raises(ListenError) as caught:
        receive("http://127.0.0.1:1", group)
    assert said in str(caught.value)


@pytest.mark.parametrize("group", ["SPX_classic_gex_zero", "SPX_orderflow_orderflow"])
def test_whoever_listens_after_another_has_left_is_given_a_record_at_once(group: str) -> None:
    """The key is paused: nothing else would come. The one left a moment before the other came."""
    with serving(tickers="SPX", data_date="2026-07-17") as server:
        for number in range(5):
            Control(server.url).act(Target(f"k{number}"), Pause())
            records = [receive(server.url, group, key=f"k{number}", timeout=5)[0].record for _ in range(3)]
            assert records[0] == records[1] == records[2]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"port": "9212"}, "load(): there is no setting port: did you mean PORT?"),
        ({"PORT": "0", "TICKER": "SPX"}, "load(): there is no setting TICKER: did you mean TICKERS?"),
        ({"NONSENSE": None}, "load(): there is no setting NONSENSE: docs/settings.md has all settings"),
    ],
)
def test_load_takes_no_name_that_is_none(flags: dict[str, str | None], said: str) -> None:
    with pytest.raises(SettingError, match=re.escape(said)):
        load(flags, {})


def test_a_server_that_does_not_answer_is_not_told_as_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as quiet:
        url = f"http://127.0.0.1:{quiet.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(ListenError, match="does not answer in time"):
            receive(url, "SPX_orderflow_orderflow", timeout=0.3)
        with pytest.raises(ControlError, match="does not answer in time"):
            Control(url, timeout=0.3).sessions()
        assert time.monotonic() - began < 5


def test_too_few_messages_end_with_the_reason() -> None:
    with serving(tickers="SPX") as server:
        Control(server.url).act(Target("k"), Pause())
        with pytest.raises(ListenError, match=r"1 of 5 messages came in 1 s: k is paused"):
            receive(server.url, "SPX_orderflow_orderflow", key="k", count=5, timeout=1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda control: control.create("k", [Pause(), Seek(time="11:00")]), "and not pause: do that afterwards"),
        (lambda control: control.create("k", [{"speed": 5}]), r"and not \{'speed': 5\}"),
        (lambda control: control.act("k", Pause()), r"and not act\('k', pause\)"),
        (lambda control: control.act(Target("k"), "pause"), r"'pause'\)"),
    ],
)
def test_what_control_cannot_do_is_refused_before_it_is_asked(call: Callable[[Control], Any], said: str) -> None:
    with pytest.raises(ControlError, match=said):
        call(Control("http://127.0.0.1:1"))


def test_settings_may_be_values_of_any_kind() -> None:
    with serving(tickers=["SPX", "NDX"], tiers={"a": "classic", "*": "quant"}, speed=60, mark=False) as server:
        settings = server.service.settings
    assert settings.tickers == ("SPX", "NDX")
    assert settings.tiers == {"a": "classic", "*": "quant"}
    assert (settings.speed, settings.mark) == (60.0, False)


def test_faults_may_be_given_as_a_list() -> None:
    with serving(tickers="SPX", faults=[{"type": "status", "attributes": {"code": 503}}]) as server:
        key = Control(server.url)
        found = key.ask("GET", "/faults?key=anybody")["faults"]
        assert [rule["type"] for rule in found] == ["status"]
        with httpx.Client(base_url=server.url, headers={"Authorization": "Bearer k", "User-Agent": "t"}) as client:
            assert client.get("/SPX/classic/gex_zero").status_code == 503
    with pytest.raises(SettingError, match="there is no type 'dropp'"), serving(faults=[{"type": "dropp"}]):
        pass


def test_without_a_folder_none_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_day(tmp_path / "data", 3)
    monkeypatch.chdir(tmp_path)
    with serving(tickers="SPX") as server:
        assert not server.service.days.stored
    with serving(data_dir="data") as server:
        assert server.service.days.stored


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), "1", None])
def test_a_clock_is_advanced_by_a_number_of_seconds(seconds: Any) -> None:
    with pytest.raises(ValueError, match="a number of seconds"):
        ManualClock().advance(seconds)


def test_what_is_no_clock_is_refused() -> None:
    with pytest.raises(ControlError, match="clock is a function that gives epoch seconds"), serving(clock=1):  # type: ignore[arg-type]
        pass


def test_what_is_no_time_is_refused_by_a_sentence() -> None:
    with serving(tickers="SPX") as server, pytest.raises(ControlError, match="within"):
        KeyUnderTest(server.url, "k").verify({"type": "request"}, within=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"timeout": -1.0}, {"timeout": 0.0}, {"count": 0}, {"count": -3}])
def test_what_can_bring_nothing_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ListenError, match="count is 1 or more, and timeout more than 0 s"):
        receive("http://127.0.0.1:1", "SPX_orderflow_orderflow", **options)


def test_a_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="does not go back"):
        ManualClock().advance(-1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("drop", "'drop' is no rule: a fault goes by add_fault('drop'), a preset by preset('drop')"),
        (None, "a rule is an object such as {'type': 'drop'}, not None"),
        (429, "a rule is an object such as {'type': 'drop'}, not 429"),
    ],
)
def test_what_is_no_rule_is_refused(given: Any, said: str) -> None:
    key = KeyUnderTest("http://127.0.0.1:1", "k")
    with pytest.raises(ControlError) as caught:
        key.set_faults(given)
    assert said in str(caught.value)


def test_a_record_that_nobody_gets_is_told() -> None:
    with (
        serving(tickers="SPX") as server,
        pytest.warns(UserWarning, match="no client of this key is in own or in blue_own"),
    ):
        assert KeyUnderTest(server.url, "k").send("own", b"raw") == 0

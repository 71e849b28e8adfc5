"""`gexfaker.testing`, where it must not wait or err in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gexfaker.errors import ControlError, SettingError
from gexfaker.testing import Control, ListenError, ManualClock, Pause, Seek, Target, receive, serving
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
        receive(server.url, "SPXX_orderflow_orderflow", key="k", timeout=1)
    assert str(caught.value).startswith("0 of 1 messages came in 1 s: blue_SPXX_orderflow_orderflow stays silent")
    assert "did you mean 'blue_SPX_orderflow_orderflow'?" in str(caught.value)


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


def test_without_a_folder_none_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_day(tmp_path / "data", 3)
    monkeypatch.chdir(tmp_path)
    with serving(tickers="SPX") as server:
        assert not server.service.days.stored
    with serving(data_dir="data") as server:
        assert server.service.days.stored


def test_a_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="does not go back"):
        ManualClock().advance(-1)

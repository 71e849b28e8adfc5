"""What a cluster demands of the settings of its servers."""

from __future__ import annotations

import importlib.util
from typing import Final

from gexfaker.errors import SettingError
from gexfaker.playback.options import Playback
from gexfaker.settings import DEFAULT, Settings

KEYED: Final = ("tiers", "quota")
"""Settings that hold API keys."""


def check(settings: Settings) -> None:
    """Raises SettingError: something does not go with a cluster, or what clusters need is not installed."""
    if importlib.util.find_spec("redis") is None:
        name = "cluster" if settings.cluster is not None else "workers"
        raise refused(settings, name, "install what it needs: pip install redis")
    if settings.state_file is not None:
        raise refused(settings, "state_file", "leave it out: a cluster keeps positions in its engine")
    if settings.playback is Playback.STEP:
        name = "ws_stream_interval" if settings.sources["PLAYBACK"] == DEFAULT else "playback"
        raise refused(settings, name, "leave it out: a cluster plays by the market clock, and has no step mode")
    if settings.speed == 0:
        raise refused(settings, "speed", "from 0.1 to 1000: a cluster plays by the market clock")


def refused(settings: Settings, name: str, wanted: str) -> SettingError:
    """Why a setting cannot be used in a cluster; what is secret of it is not shown."""
    shown = "***" if name in (*KEYED, "token_secret", "cluster") else str(getattr(settings, name))
    return SettingError(name.upper(), shown, settings.sources[name.upper()], wanted)

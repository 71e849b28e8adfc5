"""Everything a running server is made of, wired together once."""

from __future__ import annotations

import datetime
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from gexfaker.catalog import CURRENT_HUBS
from gexfaker.errors import SettingError
from gexfaker.hubs.connection import Connection
from gexfaker.hubs.hub import Bounds, Hub
from gexfaker.hubs.payloads import Payloads
from gexfaker.hubs.streamer import Streamer
from gexfaker.playback.library import Library, open_day
from gexfaker.playback.session import Sessions
from gexfaker.settings import Settings
from gexfaker.wire.tokens import reconnection_token


class Service:
    """The parts of one server and what they share.

    Attributes:
        draining: set when the server is about to stop; nothing new is accepted then.
        started: set once the first request can be answered.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings: Final = settings
        self.clock: Final = clock
        self.secret: Final = settings.token_secret or secrets.token_hex(32)
        today = datetime.datetime.fromtimestamp(clock(), ZoneInfo("America/New_York")).date()
        self.library: Final[Library] = open_day(_data_dir(settings), settings.data_date, settings.seed, today)
        self.payloads: Final = Payloads()
        self.streamer: Final = Streamer(
            self.library, Sessions(), self.payloads, settings.ws_group_prefix, settings.cache_mode
        )
        self.hubs: Final = {name: self._hub(name) for name in CURRENT_HUBS}
        self.draining = False
        self.started = False

    def _hub(self, name: str) -> Hub:
        settings = self.settings
        bounds = Bounds(
            queued_messages=settings.queue_messages,
            queued_bytes=settings.queue_bytes,
            recovery_window=settings.recovery_window,
        )

        def joined(_connection: Connection, group: str) -> None:
            self.streamer.joined(name, group)

        def sign(connection_id: str) -> str:
            return reconnection_token(f"{name}/{connection_id}", self.secret)

        def refuse(group: str) -> str | None:
            silent = settings.strict_groups and self.streamer.feed_of(name, group) is None
            return self.streamer.reason(name, group) if silent else None

        return Hub(name, lambda: secrets.token_urlsafe(18), sign, bounds, joined, refuse)

    @property
    def ready(self) -> bool:
        """Whether clients may come."""
        return self.started and not self.draining

    def close(self) -> None:
        """Give the tapes back."""
        self.library.close()


def _data_dir(settings: Settings) -> Path:
    """The data folder; one that was asked for must be there, or a typo would look like a simulated market."""
    folder, source = Path(settings.data_dir).expanduser(), settings.sources["DATA_DIR"]
    if source != "the default" and not folder.is_dir():
        raise SettingError("DATA_DIR", settings.data_dir, source, "accepted: a folder that exists")
    return folder

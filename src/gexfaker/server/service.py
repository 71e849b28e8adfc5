"""Everything a running server is made of, wired together once."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gexfaker.catalog import HUBS, TIERS
from gexfaker.errors import SettingError
from gexfaker.exchange.times import NEW_YORK, is_market_open
from gexfaker.hubs.connection import Connection
from gexfaker.hubs.encoded import Payloads
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Bounds, Hub
from gexfaker.hubs.negotiation import Rules
from gexfaker.hubs.tiers import includes, tier_of
from gexfaker.playback.day import Library
from gexfaker.playback.days import Days
from gexfaker.playback.options import Options
from gexfaker.playback.sessions import Sessions
from gexfaker.playback.simulated import read_scenario
from gexfaker.server.alarm import Alarm
from gexfaker.server.statefile import StateFile
from gexfaker.server.steadyclock import SteadyClock
from gexfaker.settings import DEFAULT, Settings
from gexfaker.wire.messages import AckError
from gexfaker.wire.tokens import reconnection_token, session_id
from gexfaker.worlds.memberships import Slots
from gexfaker.worlds.streamer import Streamer


class Service:
    """The parts of one server and what they share.

    Attributes:
        alarm: wakes the stream, after whatever may make something due.
        loaded_at: since when sessions start with their day, epoch seconds.
        draining: set when the server is about to stop; nothing new is accepted then.
        started: set once the first request can be answered.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] | None = None) -> None:
        self.settings: Final = settings
        self.clock: Final = clock or SteadyClock()
        self.secret: Final = settings.token_secret or secrets.token_hex(32)
        today = datetime.datetime.fromtimestamp(self.clock(), NEW_YORK).date()
        self.days: Final = Days(
            _data_dir(settings),
            settings.data_date,
            settings.seed,
            settings.tickers,
            today,
            settings.scenario,
            settings.open_rows,
        )
        if not self.days.stored:
            read_scenario(settings.scenario)  # now, so that a mistake in it is told before anybody waits
        self.sessions: Final = Sessions(self.days, _options(settings))
        self.state_file: Final = StateFile(settings.state_file)
        self.state_file.load(self.sessions, self.clock())
        self.payloads: Final = Payloads()
        self.groups: Final = Groups(self.days.library(self.days.first), settings.ws_group_prefix)
        self.hubs: Final = {name: self._hub(name) for name in HUBS}
        self.streamer: Final = Streamer(self.sessions, self.payloads, self.groups, self.hubs)
        self.slots: Final = Slots(self.hubs, self._slot_id)
        self._tiers: Final = {session_id(key): tier for key, tier in settings.tiers.items() if key != "*"}
        self.loaded_at = self.clock()
        self.alarm: Final = Alarm()
        self.sync_streams = 0
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
            self.groups.joined(name, group)
            self.alarm.ring()

        def sign(connection_id: str) -> str:
            return reconnection_token(f"{name}/{connection_id}", self.secret)

        def refuse(connection: Connection, group: str) -> AckError | None:
            return self._refuse(name, connection.grant.user_id or "", group)

        def cut(connection: Connection) -> None:
            self.sessions.get(connection.grant.user_id or "").cut += 1

        return Hub(name, lambda: secrets.token_urlsafe(18), sign, bounds, joined, refuse, cut)

    def _refuse(self, hub: str, session: str, group: str) -> AckError | None:
        """Why a session may not join a group: its tier, or, with strict groups, that nothing would come."""
        feed, tier = self.groups.named(hub, group), self.tier(session)
        if feed is not None and not includes(tier, tier_of(feed)):
            return AckError("Forbidden", f"Group '{group}' needs the {tier_of(feed)} tier, and this key has {tier}.")
        library = self.library_of(session)
        if self.settings.strict_groups and self.groups.feed_of(hub, group, library) is None:
            text = f"Nothing would ever come to group '{group}': {self.groups.reason(hub, group, library)}"
            return AckError("NotFound", text)
        return None

    def _slot_id(self) -> str:
        """An unguessable name; one made later is greater."""
        return f"{int(self.clock() * 1e6):015x}-{secrets.token_urlsafe(9)}"

    def tier(self, session: str) -> str:
        """What the key of a session has subscribed to."""
        return self._tiers.get(session, self.settings.tiers.get("*", TIERS[-1]))

    def rules(self, session: str) -> Rules:
        """What a session may negotiate."""
        strict, library = self.settings.strict_groups, self.library_of(session)
        return Rules(
            lambda feed: self.groups.why_not(feed, strict, library), self.tier(session), self.settings.membership_limit
        )

    @property
    def library(self) -> Library:
        """The day that sessions start with."""
        return self.groups.library

    def library_of(self, session: str) -> Library:
        """The day that a session plays. Raises DataError when it is gone."""
        found = self.sessions.peek(session)
        return self.library if found is None else found.library

    def start_with(self, date: str) -> None:
        """Let new sessions start with another day. Raises DataError: no such day."""
        self.groups.library = self.days.library(date)
        self.loaded_at = self.clock()
        self.days.first = date

    @property
    def silent(self) -> bool:
        """Whether the feed is silent because the market is closed, if that is asked for."""
        return self.settings.market_hours and not is_market_open(self.clock())

    @property
    def ready(self) -> bool:
        """Whether clients may come."""
        return self.started and not self.draining

    def close(self) -> None:
        """Give the tapes back."""
        self.days.close()


def _options(settings: Settings) -> Options:
    """How a new session plays."""
    return Options(
        settings.playback,
        settings.cache_mode,
        settings.endpoint_cache_mode,
        settings.timestamps,
        settings.ws_stream_interval,
        settings.speed,
        settings.start,
    )


def _data_dir(settings: Settings) -> Path:
    """The data folder; one that was asked for must be there, or a typo would look like a simulated market."""
    folder, source = Path(settings.data_dir).expanduser(), settings.sources["DATA_DIR"]
    if source != DEFAULT and not folder.is_dir():
        raise SettingError("DATA_DIR", settings.data_dir, source, "accepted: a folder that exists")
    return folder

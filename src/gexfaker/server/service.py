"""Everything a running server is made of, wired together once."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from gexfaker.catalog import HUBS, TIERS
from gexfaker.errors import ControlError, DataError, SettingError
from gexfaker.exchange.hours import is_market_open, newest_day, next_opening, shown
from gexfaker.holdings import Holdings
from gexfaker.hubs.connection import Connection
from gexfaker.hubs.encoded import EncodedRecords
from gexfaker.hubs.groups import Groups
from gexfaker.hubs.hub import Bounds, Faults, Hub
from gexfaker.hubs.negotiation import Rules
from gexfaker.hubs.tiers import includes, tier_of
from gexfaker.limits import MAX_KEPT_BYTES
from gexfaker.playback.day import Day
from gexfaker.playback.days import Days, Simulation
from gexfaker.playback.options import Options, Playback, Timestamps
from gexfaker.playback.simulated import check_scenario, faults_of_scenario
from gexfaker.rest.bodies import Bodies
from gexfaker.server.access.clients import ClientLog, Later
from gexfaker.server.access.log import AccessLog, Line
from gexfaker.server.alarm import Alarm
from gexfaker.server.cluster.sharing import Sharing
from gexfaker.server.metrics.counts import Counts
from gexfaker.server.statefile import StateFile
from gexfaker.server.steadyclock import Clock, SteadyClock
from gexfaker.settings import DEFAULT, NO_CACHE, OWNED, RELAXED, Settings, idle_with
from gexfaker.shell import expanded
from gexfaker.tapes.folder import LAYOUT, DataFolder
from gexfaker.tapes.kept import IndexFolder, cache_folder
from gexfaker.tapes.strays import found_in, shown_strays, strays
from gexfaker.wire.messages import AckError
from gexfaker.wire.tokens import reconnection_token, world_id
from gexfaker.worlds.memberships import Memberships
from gexfaker.worlds.streamer import Streamer
from gexfaker.worlds.world import Account, World
from gexfaker.worlds.worlds import Worlds

if TYPE_CHECKING:
    from gexfaker.faults.rules import Rule

SIMULATED_MARK: Final = b"simulated"
RECORDED_MARK: Final = b"recorded %b"
FILLED_MARK: Final = b"recorded %b, simulated where nothing was recorded"

log: Final = logging.getLogger(__name__)
access_log: Final = logging.getLogger("gexfaker.access")


class Life:
    """Where a server is in its life.

    Attributes:
        loaded_at: since when keys start with their day, epoch seconds.
        draining: set when the server is about to stop; nothing new is accepted then.
        started: set once the first request can be answered.
        secret: what signs tokens and links.
        sync_streams: followers of the sync stream.
        at_end: what is called when the server has stopped.
    """

    __slots__ = ("at_end", "draining", "loaded_at", "secret", "started", "sync_streams")

    def __init__(self, now: float, secret: str) -> None:
        self.loaded_at = now
        self.secret = secret
        self.draining = self.started = False
        self.sync_streams = 0
        self.at_end: list[Callable[[], object]] = []

    @property
    def ready(self) -> bool:
        """Whether clients may come."""
        return self.started and not self.draining


AWAITING: Final = (
    "there are no recorded days in {} yet: a market is simulated; what is collected is played from the next start on"
)

SHOWN_NAMES: Final = 5
"""What lies in a data folder and is not played, of which it is said: enough to see what was meant."""


class Service:
    """The parts of one server and what they share.

    Args:
        settings: how it is set up.
        clock: real time, epoch seconds; the system's by default.

    Attributes:
        alarm: wakes the stream, after whatever may make something due.
        clients: tells what clients do.
        cluster: the servers with which it shares its keys; None for a server that stands alone.

    Raises:
        SettingError, DataError: the server cannot start as told.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] | None = None) -> None:
        self.settings: Final = settings
        self.clock: Final = clock or SteadyClock()
        self.life: Final = Life(self.clock(), settings.token_secret or secrets.token_hex(32))
        self.alarm: Final = Alarm(self.clock if isinstance(self.clock, Clock) else None)
        days = _days(settings, self.clock())
        self.worlds: Final = Worlds(days, _options(settings), _accounts(settings), self.alarm.ring, clock=self.clock)
        self.state_file: Final = StateFile(settings.state_file)
        self.state_file.load(self.worlds, self.clock())
        self.groups: Final = Groups(days.day(days.first), settings.ws_group_prefix, on_v2=settings.v2_prefix)
        self.clients: Final = ClientLog(self._access_log(), self.groups, settings, Counts())
        kept = Holdings(MAX_KEPT_BYTES)
        self.hubs: Final = self.worlds.watching.hubs
        self.hubs.update({name: self._hub(name, kept) for name in HUBS})
        self.streamer: Final = Streamer(self.worlds, EncodedRecords(), self.groups, self.hubs)
        self.memberships: Final = Memberships(
            self.hubs, self._slot_id, self.clients.negotiated_again, relaxed=settings.session_rules == RELAXED
        )
        self.bodies: Final = Bodies()
        self.cluster: Sharing | None = None
        self.begin_keys_as_played()
        if (begin := self.worlds.watching.first) is not None:
            for world in self.worlds.all():
                begin(world)

    def begin_keys_as_played(self) -> None:
        """Have new keys begin with the faults of the settings and of the scenario that is played, and with a journal.

        Raises:
            SettingError, DataError: the faults are none.
        """
        settings = self.settings
        rules = _first_faults(settings, None if self.days.stored else self.days.simulation.scenario)
        self.worlds.watching.first = None
        if not rules and not settings.journal:
            return
        from gexfaker.faults.rules import FaultList

        listed = FaultList(rules)

        def begin(world: World) -> None:
            if settings.journal:
                world.watched().record()
            world.have_faults(listed)

        self.worlds.watching.first = begin

    def _access_log(self) -> AccessLog:
        """A log that names keys as their owners do."""

        def name_of(owner: str) -> str | None:
            world = self.worlds.peek(owner)
            return None if world is None else world.account.name

        def write(line: Line) -> None:
            access_log.log(line.level, "%s", line.text, extra={"fields": line.fields})

        least = logging.INFO if self.settings.log_level in ("debug", "info") else logging.WARNING
        return AccessLog(write, name_of, monotonic, least)

    def _later(self, world: World) -> Later | None:
        """Why nothing comes to a key for a while, and when."""
        if self.silent:
            return Later("while the market is closed", f": it opens at {self.next_opening}")
        if world.is_used and world.play.paused:
            return Later("after the newest record while the key is paused", "; see gexfaker ctl resume --help")
        early = world.play.early_time(self.clock()) if world.is_used or self.settings.start != "open" else None
        if early is None:
            return None
        return Later("before the open", f": it is {shown(early)} there; see gexfaker ctl seek --help")

    def _hub(self, name: str, kept: Holdings) -> Hub:
        settings = self.settings
        bounds = Bounds(
            queued_messages=settings.queue_messages,
            queued_bytes=settings.queue_bytes,
            recovery_window=settings.recovery_window,
            kept=kept,
        )

        def joined(connection: Connection, group: str) -> None:
            world = self.world_of(connection)
            self.clients.joined(name, connection, group, self.day_of(world), self._later(world))

        def sign(connection_id: str) -> str:
            return reconnection_token(f"{name}/{connection_id}", self.secret)

        def refuse(connection: Connection, group: str) -> AckError | None:
            refused = self._refuse(name, self.world_of(connection), group)
            if refused is not None:
                self.clients.refused(connection, group, refused)
            return refused

        new_id = lambda: secrets.token_urlsafe(18)  # noqa: E731
        return Hub(name, new_id, sign, bounds, joined, refuse, self._faults(name), self.worlds.audiences_on(name))

    def _faults(self, hub: str) -> Faults:
        """What is told, and counted, of clients of a hub that do wrong."""

        def cut(connection: Connection, messages: int, size: int) -> None:
            self.world_of(connection).counters.cut += 1
            self.clients.cut(hub, connection, messages, size)

        return Faults(cut, partial(self.clients.wrong, hub), self.clients.refused)

    def _refuse(self, hub: str, world: World, group: str) -> AckError | None:
        """Why a world may not join a group: its tier, or, with strict groups, that nothing would come."""
        feed, tier = self.groups.named(hub, group), world.tier
        if feed is not None and not includes(tier, tier_of(feed)):
            return AckError("Forbidden", f"Group '{group}' needs the {tier_of(feed)} tier, and this key has {tier}.")
        if not self.settings.strict_groups:
            return None
        day = self.day_of(world)
        if self.groups.feed_of(hub, group, day) is None:
            text = f"Nothing would ever come to group '{group}': {self.groups.reason(hub, group, day)}"
            return AckError("NotFound", text)
        return None

    def _slot_id(self) -> str:
        """An unguessable name; one made later is greater."""
        return f"{int(self.clock() * 1e6):015x}-{secrets.token_urlsafe(9)}"

    @property
    def secret(self) -> str:
        """What signs tokens and links; by chance unless it was set."""
        return self.life.secret

    @property
    def access(self) -> AccessLog | None:
        """Tells what clients do; None when the log level is above info."""
        return self.clients.access if self.clients.access.tells(logging.INFO) else None

    @property
    def counts(self) -> Counts:
        """What happens, as numbers."""
        return self.clients.counts

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about settings that were given and are not used."""
        idle = idle_with(self.settings, is_stored=self.days.stored)
        of_days = self._of_the_day() if self.days.stored else self._of_the_folder()
        return (*self.settings.notes, *idle, *self._of_the_clock(), *self._of_faults(), *of_days)

    def _of_the_clock(self) -> Iterator[str]:
        """That records of one second cannot be told apart by their time."""
        options = self.settings
        if options.timestamps is Timestamps.LIVE and options.playback is Playback.CLOCK and not 0 < options.speed <= 1:
            yield (
                f"with --timestamps live all records of a second have its time, and at --speed {options.speed:g} "
                "there are several of each group: a client that tells records by their time takes one of them"
            )

    def _of_faults(self) -> Iterator[str]:
        """That rules with which keys begin wait for a market time, where there is none."""
        for rule in _first_faults(self.settings, None if self.days.stored else self.days.simulation.scenario):
            if rule.when.market is not None and self.settings.playback is Playback.STEP:
                yield f"the fault {rule.name} counts from {rule.when.market}: in step mode that time never comes"

    def _of_the_folder(self) -> list[str]:
        """What lies in the data folder, although it holds no days and a market is simulated without anybody's wish."""
        if self.settings.simulate:
            return []
        awaited = [AWAITING.format(self.settings.data_dir)] if self.settings.awaits_days else []
        return [*awaited, *shown_strays(strays(_folder(self.settings)), SHOWN_NAMES)]

    def _of_the_day(self) -> Iterator[str]:
        """What is odd about the recorded day that is played: what lies beside it, and records of another day."""
        used = self.days.folder.loose_files()
        yield from shown_strays(strays(_folder(self.settings), self.day.date, used=used), SHOWN_NAMES)
        if (found := self.day.first_date()) not in (None, self.day.date):
            remedy = "call the files by their day, or move them into its folder"
            yield f"the records of {self.day.date} are of {found}: {remedy}"
        else:
            yield from self.day.oddities()
        if self.day.is_newest_first():
            yield (
                f"the records of {self.day.date} are newest first, and are played in order of time: "
                "gexfaker import --convert jsonl --replace writes them so"
            )

    # --- keys --------------------------------------------------------------------------------

    def world(self, key: str) -> World:
        """The world of an API key."""
        return self.worlds.get(world_id(key))

    def world_of(self, connection: Connection) -> World:
        """The world of a connection; that of anonymous clients has no name."""
        return self.worlds.get(connection.grant.user_id or "")

    def rules(self, world: World) -> Rules:
        """What a world may negotiate."""
        strict, day = self.settings.strict_groups, self.day_of(world)
        return Rules(lambda feed: self.groups.why_not(feed, strict, day), world.tier, self.settings.membership_limit)

    # --- days --------------------------------------------------------------------------------

    def mark(self, world: World | None = None) -> bytes | None:
        """What a key's answers are marked with, so that nobody takes them for the service's; None when they are not.

        ``simulated``, or ``recorded`` and the day, and whether what is missing is simulated; without a key it is the
        day that keys start with.
        """
        if not self.settings.mark:
            return None
        if not self.days.stored:
            return SIMULATED_MARK
        date = self.day.date if world is None or not world.is_used else world.play.date
        return (RECORDED_MARK if self.settings.fill is None else FILLED_MARK) % date.encode()

    @property
    def days(self) -> Days:
        """All days that can be played."""
        return self.worlds.days

    @property
    def day(self) -> Day:
        """The day that keys start with."""
        return self.groups.day

    def day_of(self, world: World) -> Day:
        """The day that a world plays, or would. Raises DataError when it is gone."""
        return world.play.day if world.is_used else self.day

    def start_with(self, date: str) -> None:
        """Let new keys start with another day. Raises DataError: no such day."""
        self.groups.day = self.days.day(date)
        self.life.loaded_at = self.clock()
        self.days.first = date

    def load(self, dates: str) -> None:
        """Let new keys start with other days (see ``Days.load``). Raises DataError: there are none of them."""
        self.days.load(dates)
        self.start_with(self.days.first)

    def switch(self, folder: DataFolder | None, simulation: Simulation) -> bool:
        """Play recorded days, or with None simulated ones (see ``Days.switch``); True: on other days than before.

        Keys go on at their market time, or have to begin anew where it is True. New keys begin with the scenario's
        faults.

        Raises:
            DataError: the folder holds no days, or there is no such scenario. Nothing has changed then.
        """
        if folder is None:
            check_scenario(simulation.scenario)
        was_stored = self.days.stored
        self.days.switch(folder, simulation)
        self.begin_keys_as_played()
        self.start_with(self.days.first)
        return self.days.stored is not was_stored

    def data_folder(self) -> DataFolder:
        """Where recorded days are, or would be."""
        return _data_folder(self.settings, _folder(self.settings))

    def renew(self, date: str) -> None:
        """Open a day again, whose files are others now."""
        self.days.renew(date)
        if date == self.days.first:
            with contextlib.suppress(DataError):  # it is gone, which is told to who plays it
                self.groups.day = self.days.day(date)

    def follow_date(self) -> str | None:
        """Have new keys start with a day that has opened meanwhile, with ``latest`` and ``today``; that day."""
        date = self.days.follow(newest_day(self.clock()))
        if date is not None:
            self.groups.day = self.days.day(date)
            log.info("%s has opened: keys start with it from now on", date)
        return date

    @property
    def silent(self) -> bool:
        """Whether the feed is silent because the market is closed, if that is asked for."""
        return self.settings.is_real("market-hours") and not is_market_open(self.clock())

    @property
    def next_opening(self) -> str:
        """When the market opens next, for people."""
        return f"{shown(next_opening(self.clock()))} New York"

    def close(self) -> None:
        """Give the tapes and the state file back, and end what was begun beside."""
        for call in self.life.at_end:
            call()
        self.days.close()
        self.state_file.close()


def check_start(settings: Settings, now: float) -> None:
    """Look whether a server can start so, with what lies on the disk now (real time, epoch seconds).

    Raises:
        SettingError, DataError: it cannot.
    """
    days = _days(settings, now)
    days.close()
    StateFile(settings.state_file).check()
    _first_faults(settings, None if days.stored else days.simulation.scenario)


def _days(settings: Settings, now: float) -> Days:
    """The days that the settings name. Raises DataError: there are none of them, or the scenario is none."""
    days = Days(
        None if settings.simulate else _data_folder(settings, _data_dir(settings)),
        settings.data_date,
        settings.seed,
        settings.tickers,
        newest_day(now),
        settings.scenario,
        settings.is_real("open-rows"),
        settings.feedback,
        fills=settings.fill is not None,
    )
    if settings.wants_days and not days.stored and not settings.awaits_days:
        raise _no_days(settings)
    if not days.stored:
        check_scenario(settings.scenario)  # now, so that a mistake in it is told before anybody waits
    return days


def _accounts(settings: Settings) -> Callable[[str], Account]:
    """What a key has subscribed to and may ask, by the id of its world."""
    tiers = {world_id(key): tier for key, tier in settings.tiers.items() if key != "*"}
    quotas = {world_id(key): allowances for key, allowances in settings.quota.items() if key != "*"}
    tier, quota = settings.tiers.get("*", TIERS[-1]), settings.quota.get("*", ())
    return lambda owner: Account(tiers.get(owner, tier), quotas.get(owner, quota))


def _options(settings: Settings) -> Options:
    """How a new world plays."""
    return Options(
        settings.playback,
        settings.cache_mode,
        settings.endpoint_cache_mode,
        settings.timestamps,
        settings.ws_stream_interval,
        settings.speed,
        settings.start,
    )


def _first_faults(settings: Settings, played: str | None) -> tuple[Rule, ...]:
    """The rules that every key begins with, the scenario's first. Raises SettingError, DataError: they are none."""
    if settings.faults is None and played is None:
        return ()
    from gexfaker.faults.presets import rules_called

    rules = faults_of_scenario(played)
    if settings.faults is None:
        return rules
    try:
        chosen = rules_called(settings.faults)
    except ControlError as problem:
        raise SettingError("FAULTS", settings.faults, settings.sources["FAULTS"], str(problem)) from None
    return (*rules, *chosen)


def _no_days(settings: Settings) -> SettingError:
    """That a folder which was asked for holds no days, with what it holds: nobody gets invented prices by a typo."""
    return SettingError(
        "DATA_DIR",
        settings.data_dir,
        settings.sources["DATA_DIR"],
        f"it holds no recorded days. Days lie there as {LAYOUT}; {found_in(_folder(settings), SHOWN_NAMES)}. "
        "For a simulated market: --simulate, or GEXFAKER_SIMULATE=true",
    )


def _folder(settings: Settings) -> Path:
    """The data folder, whether it is there or not."""
    return expanded(Path(settings.data_dir))


def _why_no_folder(root: Path) -> str:
    """What is at a path that is no folder, if that can be told."""
    if root.exists():
        return "; this is a file: name the folder that it lies in"
    quoted = str(root)[:1] in "'\"" or str(root)[-1:] in "'\""
    return "; the quotes are taken as a part of its name: leave them out" if quoted else "; there is no such folder"


def _data_folder(settings: Settings, root: Path) -> DataFolder:
    """A folder with recorded days, read as the settings say."""
    cache = expanded(Path(settings.cache_dir)) if settings.cache_dir else cache_folder(os.environ)
    indexes = None if cache is None or settings.cache_dir == NO_CACHE else IndexFolder(cache / "indexes")
    return DataFolder(root, leaves=settings.links == OWNED, indexes=indexes)


def _data_dir(settings: Settings) -> Path:
    """The data folder; one that was asked for must be there, or a typo would look like a simulated market."""
    folder, source = _folder(settings), settings.sources["DATA_DIR"]
    if source != DEFAULT and not folder.is_dir() and not settings.awaits_days:
        raise SettingError(
            "DATA_DIR", settings.data_dir, source, f"accepted: a folder that exists{_why_no_folder(folder)}"
        )
    return folder

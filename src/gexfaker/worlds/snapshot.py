"""Worlds as plain data and back, so that positions survive a restart.

A running clock is written as the moment it was set, so that what is written stays the same while it runs. When the
server stops, it is written as it stands then: it does not run while nobody is there.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Final

import msgspec

from gexfaker.catalog import Feed
from gexfaker.errors import DataError
from gexfaker.playback.actions import Effect, Outcome
from gexfaker.playback.clock import AS_FAST_AS_POSSIBLE
from gexfaker.playback.clockplay import ClockPlay
from gexfaker.playback.options import Options
from gexfaker.playback.play import Play
from gexfaker.playback.plays import fresh, replaced
from gexfaker.playback.stepplay import Cursor, StepPlay
from gexfaker.tapes.dates import LAST_YEAR
from gexfaker.worlds.change import Change, change
from gexfaker.worlds.world import World
from gexfaker.worlds.worlds import Worlds

LAST_TIME: Final = datetime.datetime(LAST_YEAR + 1, 1, 1, tzinfo=datetime.UTC).timestamp()
"""The end of the last year that has days, epoch seconds."""

VERSION: Final = 1
"""Of the format; a file of another version is not read."""


class Snapshot(msgspec.Struct):
    """One world: its day, how it is played, and where it is.

    Attributes:
        market_time: at the real time ``at``; None before the first use, and without a clock.
        paused: whether the feed stands still.
        places: the positions of step mode, by the names of their cursors.
        streamed: the market time up to which the feed was sent.
        origin: in step mode, the market time at which positions begin.
        at: the real time since which the clock runs; unset: it stands until the server is there again.
    """

    id: str
    day: str
    options: Options
    market_time: float | None
    paused: bool
    places: list[tuple[list[str], Annotated[int, msgspec.Meta(ge=0)]]]
    streamed: float = 0.0
    origin: float | None = None
    at: float | msgspec.UnsetType = msgspec.UNSET


class Snapshots(msgspec.Struct):
    """All worlds of a server."""

    version: int
    sessions: list[Snapshot]


def snapshot(world: World, stopped_at: float | None = None) -> Snapshot:
    """A world as it is; with ``stopped_at`` (real time) its clock stands from then on."""
    play = world.play
    made = Snapshot(world.id, play.date, play.options, None, play.paused, [])
    if isinstance(play, ClockPlay):
        _write_clock(play, made, stopped_at)
    elif isinstance(play, StepPlay):
        made.places = [(_names_of(cursor), index) for cursor, index in play.cursors.items()]
        made.origin = play.origin
    return made


def _write_clock(play: ClockPlay, made: Snapshot, stopped_at: float | None) -> None:
    clock = play.clock
    if clock is None:
        return
    made.market_time, made.streamed = clock.anchor[0], play.sent.upto
    if clock.runs and stopped_at is None:
        made.at = clock.anchor[1]
    elif stopped_at is not None:
        made.market_time = clock.at(stopped_at)


def encode(worlds: Worlds, stopped_at: float | None = None) -> bytes:
    """All worlds that have a place in a day, as JSON."""
    return msgspec.json.encode(Snapshots(VERSION, [snapshot(world, stopped_at) for world in worlds.in_use()]))


def restore(worlds: Worlds, text: bytes, now: float, alive: float | None = None) -> int:
    """Put worlds back; returns how many. Those whose day is gone start anew.

    Args:
        worlds: where.
        text: what ``encode`` gave.
        now: real time.
        alive: until when their clocks ran (real time); by default they have run until now.

    Raises:
        DataError: the text is not what ``encode`` gives.
    """
    try:
        found = msgspec.json.decode(text, type=Snapshots)
    except msgspec.MsgspecError as error:
        raise DataError(f"not a state file: {error}") from None
    if found.version != VERSION:
        raise DataError(f"a state file of version {found.version}, this is version {VERSION}")
    try:
        cursors = [{_cursor_of(names): index for names, index in one.places} for one in found.sessions]
    except (ValueError, TypeError, IndexError):
        raise DataError("not a state file: a position that is none") from None
    for one, positions in zip(found.sessions, cursors, strict=True):
        _check(one)
        world = worlds.get(one.id)
        try:
            change(world, _Restore(one, positions, now if alive is None else alive), now)
        except DataError:
            continue
    return len(found.sessions)


def restoring(one: Snapshot, now: float) -> Change:
    """The change that puts a world where it was written, real time ``now``. Raises DataError: it cannot be there."""
    try:
        cursors = {_cursor_of(names): index for names, index in one.places}
    except (ValueError, TypeError, IndexError):
        raise DataError("not the state of a key: a position that is none") from None
    _check(one)
    return _Restore(one, cursors, now)


def _check(one: Snapshot) -> None:
    """Raises DataError when a time of it cannot be: somebody wrote it by hand, and others would feel it."""
    times = [time for time in (one.market_time, one.streamed, one.origin) if time is not None]
    if not isinstance(one.at, msgspec.UnsetType):
        times.append(one.at)
    if not all(0 <= time <= LAST_TIME for time in times):
        raise DataError(f"not a state file: session {one.id[:40]!r} is at a time that cannot be")


class _Restore:
    """A world is as it was written."""

    def __init__(self, written: Snapshot, cursors: dict[Cursor, int], alive: float) -> None:
        self._written: Final = written
        self._alive: Final = alive
        self._cursors: Final = cursors

    def run(self, play: Play, _defaults: Options, now: float, /) -> Outcome:
        """The play as it was. Raises DataError when its day is gone."""
        written = self._written
        made = replaced(play, fresh(play.days, written.options, play.resolve(written.day)))
        made.paused = written.paused
        if isinstance(made, ClockPlay):
            self._set_clock(made, now)
        elif isinstance(made, StepPlay):
            made.origin = written.origin
            made.cursors.update(self._cursors)
        return Outcome(made, Effect(None, made.date))

    def _set_clock(self, made: ClockPlay, now: float) -> None:
        written = self._written
        if written.market_time is None:
            return
        since = now if isinstance(written.at, msgspec.UnsetType) else written.at
        runs = not written.paused and written.options.speed != AS_FAST_AS_POSSIBLE
        made.begin(now)
        made.jump(written.market_time + (max(0.0, self._alive - since) * written.options.speed if runs else 0.0), now)
        made.sent.upto = written.streamed


def _names_of(cursor: Cursor) -> list[str]:
    """A cursor's name: a feed, a (ticker, package), or a (feed, endpoint)."""
    if isinstance(cursor, Feed):
        return ["feed", *cursor]
    first, second = cursor if isinstance(cursor, tuple) else (cursor, "")
    if isinstance(first, Feed):
        return ["endpoint", *first, str(second)]
    return ["package", str(first), str(second)]


def _cursor_of(names: list[str]) -> Cursor:
    kind, *rest = names
    if kind == "feed":
        return Feed(*rest)
    if kind == "endpoint":
        return Feed(*rest[:3]), rest[3]
    if kind != "package":
        raise ValueError(kind)
    ticker, package = rest
    return ticker, package

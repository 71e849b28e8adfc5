"""One key's world in the hand of a test: its play, with all that a test asks of it under one name."""

from __future__ import annotations

import datetime
from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

from gexfaker.catalog import Feed
from gexfaker.playback.actions import Effect, action_of
from gexfaker.playback.answers import first_in_hours
from gexfaker.playback.clock import MarketClock
from gexfaker.playback.clockplay import ClockPlay
from gexfaker.playback.day import Day
from gexfaker.playback.days import Days
from gexfaker.playback.options import Options, Playback
from gexfaker.playback.play import Play
from gexfaker.playback.plays import restarted
from gexfaker.playback.stepplay import StepPlay
from gexfaker.playback.turns import Turn
from gexfaker.tapes.tape import Tape
from gexfaker.worlds.change import answer, roll
from gexfaker.worlds.snapshot import encode, restore
from gexfaker.worlds.world import World
from gexfaker.worlds.worlds import Worlds

_OF_PLAY = frozenset("attend conclude hasten is_hurried market_time next_turn paused timeline turn".split())
_CHANGES = frozenset("begin jump pause resume advance".split())


class Session:
    """A world whose play is asked directly; attributes that both kinds of play have are the play's."""

    def __init__(self, world_id: str, days: Days, options: Options) -> None:
        self.world = Worlds(days, options).get(world_id)
        self.dropped_by_due = 0

    @classmethod
    def of(cls, world: World) -> Session:
        """The session of a world that there is."""
        made = cls.__new__(cls)
        made.world, made.dropped_by_due = world, 0
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Session) and self.world is other.world

    def __hash__(self) -> int:
        return hash(self.world)

    def __getattr__(self, name: str) -> Any:
        if name in _OF_PLAY:
            return getattr(self.world.play, name)
        if name in _CHANGES:
            return partial(self._change, name)
        raise AttributeError(name)

    def _change(self, name: str, *arguments: Any, **options: Any) -> None:
        """Change the play, and say so."""
        getattr(self.world.play, name)(*arguments, **options)
        self.world.become(self.world.play)

    @property
    def play(self) -> Play:
        return self.world.play

    @property
    def id(self) -> str:
        return self.world.id

    @property
    def options(self) -> Options:
        return self.play.options

    @options.setter
    def options(self, options: Options) -> None:
        self.play.options = options
        self.world.become(self.play)

    @property
    def heard(self) -> bool:
        return self.play.heard

    @heard.setter
    def heard(self, heard: bool) -> None:
        self.play.heard = heard

    @property
    def day(self) -> str:
        return self.play.date

    @property
    def library(self) -> Day:
        return self.play.day

    @property
    def is_stepped(self) -> bool:
        return self.play.options.playback is Playback.STEP

    @property
    def clock(self) -> MarketClock | None:
        return self.play.clock if isinstance(self.play, ClockPlay) else None

    @property
    def places(self) -> dict[Hashable, int]:
        return self.play.cursors if isinstance(self.play, StepPlay) else {}

    @property
    def newest(self) -> dict[Feed, int]:
        return self.play.newest if isinstance(self.play, ClockPlay) else {}

    @property
    def origin(self) -> float | None:
        return self.play.origin if isinstance(self.play, StepPlay) else None

    @property
    def streamed(self) -> float:
        return self.play.sent.upto if isinstance(self.play, ClockPlay) else 0.0

    @property
    def sent(self) -> int:
        return self.world.counters.sent

    @property
    def cut(self) -> int:
        return self.world.counters.cut

    @property
    def dropped(self) -> int:
        return self.world.counters.dropped + self.dropped_by_due

    def used(self) -> dict[Feed, int]:
        return self.play.positions()

    def place(self, feed: Feed) -> int:
        return self.play.next_index(feed)

    def start(self, tape: Tape, now: float) -> None:
        self.play.open(tape, now)

    def opening(self, tape: Tape) -> int:
        return first_in_hours(tape, datetime.date.fromisoformat(self.day))

    def due(self, tape: Tape, turn: Turn, *limit: int) -> list[int]:
        """The records of a turn; how many were dropped is counted."""
        found = self.play.due(tape, turn, *limit)
        self.dropped_by_due += found.dropped
        return found.indexes

    def step(self, tape: Tape, cursor: Hashable) -> int | None:
        assert isinstance(self.play, StepPlay)
        return self.play.step(tape, cursor)

    def snapshot(self, tape: Tape, endpoint: str, now: float) -> int:
        """The index of what REST gets."""
        return answer(self.world, tape, endpoint, now)

    def roll(self, *, by_feed: bool = False) -> bool:
        """Whether it went on with another day, or with the same one again."""
        before = self.play
        roll(self.world, 0.0, by_feed=by_feed)
        return self.play is not before

    def restart(self, day: str | None = None, *, at_open: bool = False) -> None:
        self.world.become(restarted(self.play, day or self.day, at_open=at_open))


class Sessions:
    """The sessions of a registry of worlds."""

    def __init__(self, days: Days, options: Options, limit: int | None = None) -> None:
        self.worlds = Worlds(days, options) if limit is None else Worlds(days, options, limit=limit)
        self._made: dict[World, Session] = {}

    @classmethod
    def of(cls, worlds: Worlds) -> Sessions:
        """The sessions of worlds that there are."""
        made = cls.__new__(cls)
        made.worlds, made._made = worlds, {}
        return made

    def _of(self, world: World) -> Session:
        return self._made.setdefault(world, Session.of(world))

    @property
    def days(self) -> Days:
        return self.worlds.days

    @property
    def options(self) -> Options:
        return self.worlds.options

    def __len__(self) -> int:
        return len(self.worlds)

    def get(self, world_id: str) -> Session:
        """The session of a key, used from now on."""
        found = self._of(self.worlds.get(world_id))
        assert found.play is not None
        return found

    def peek(self, world_id: str) -> Session | None:
        """The session of a key that has been used."""
        world = self.worlds.peek(world_id)
        return None if world is None or not world.is_used else self._of(world)

    def all(self) -> list[Session]:
        return [self._of(world) for world in self.worlds.in_use()]


def apply(session: Session, action: str, arguments: Mapping[str, Any], defaults: Options, now: float) -> Effect:
    """Do a control action, as ``worlds.change`` does it."""
    outcome = action_of(action, arguments).run(session.play, defaults, now)
    session.world.become(outcome.play)
    return outcome.effect


def is_over(session: Session) -> bool:
    """Whether every feed that was used has come to its end."""
    return session.play.is_over()


def remember(sessions: Sessions, now: float) -> bytes:
    """All sessions as they stand at the end of the server."""
    return encode(sessions.worlds, now)


def recall(sessions: Sessions, text: bytes, now: float) -> int:
    """Put sessions back; how many."""
    return restore(sessions.worlds, text, now)

"""The one function through which a world changes.

Each change gives the world another version, and counts for the state file, which is written after changes only. What a
market clock does by itself is no change: positions follow from the change that set it.

A world that several servers share is changed by none of them alone: they decide together (``worlds.replica``), and each
of them applies what was decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from gexfaker.errors import ExhaustedError, UndecidedError
from gexfaker.playback.actions import Effect, Granted, Outcome
from gexfaker.playback.options import Options
from gexfaker.playback.play import Play
from gexfaker.playback.plays import rolled
from gexfaker.tapes.tape import Tape
from gexfaker.worlds.world import World

if TYPE_CHECKING:
    from gexfaker.faults.rules import FaultList


class Change(Protocol):
    """What can be done to a world: one of the control actions, or one of those below."""

    def run(self, play: Play, defaults: Options, now: float, /) -> Outcome:
        """Do it to a play; the play that goes on from there, and what came of it."""


def change(world: World, what: Change, now: float) -> Effect:
    """Change a world at real time ``now`` (epoch seconds), and tell the effect.

    Raises:
        ControlError, DataError: it cannot be done; the world is as it was.
        ExhaustedError: there is nothing more on this day; the clock may have started by that.
        UndecidedError: several servers share it, and have to decide first.
    """
    if world.shared is not None:
        raise UndecidedError
    return apply(world, what, now)


def apply(world: World, what: Change, now: float) -> Effect:
    """Change a world as was decided. Raises as ``change``, which decides for a world of this server alone."""
    try:
        outcome = what.run(world.play, world.options, now)
    except ExhaustedError:
        world.become(world.play)
        raise
    world.become(outcome.play)
    world.account.have(*world.account.after(outcome.granted))
    if outcome.granted.faults is not None:
        world.have_faults(outcome.granted.faults)
    return outcome.effect


def propose(world: World, what: Change, now: float) -> None:
    """Change a world at once, or if several servers share it when they have decided so. Raises as ``change``."""
    if world.shared is None:
        apply(world, what, now)
    else:
        world.shared.propose(world, what)


class FirstUse:
    """The key is used for the first time, on the day of a tape."""

    def __init__(self, tape: Tape) -> None:
        self._tape: Final = tape

    def run(self, play: Play, _defaults: Options, now: float, /) -> Outcome:
        """Begin."""
        play.open(self._tape, now)
        return Outcome(play, Effect(None, None))


class Begin:
    """The key is used for the first time, on the day's first feed."""

    def run(self, play: Play, _defaults: Options, now: float, /) -> Outcome:
        """Begin; nothing happens on a day without feeds."""
        play.begin(now)
        return Outcome(play, Effect(None, None))


class ChangeFaults:
    """Other rules of what is broken on purpose for the key."""

    NAME: Final = "faults"

    def __init__(self, faults: FaultList) -> None:
        self._faults: Final = faults

    def run(self, play: Play, _defaults: Options, _now: float, /) -> Outcome:
        """The play goes on as it is."""
        return Outcome(play, Effect(None, len(self._faults.faults)), Granted(faults=self._faults))


class RollOver:
    """The day has ended, and begins again or is followed by the next one."""

    def __init__(self, play: Play) -> None:
        self._play: Final = play

    def run(self, _play: Play, _defaults: Options, _now: float, /) -> Outcome:
        """Go on with that day."""
        return Outcome(self._play, Effect(None, self._play.date))


class TakeAnswer:
    """A REST request takes a record, and moves the world on by that."""

    def __init__(self, tape: Tape, endpoint: str) -> None:
        self._tape: Final = tape
        self._endpoint: Final = endpoint

    def run(self, play: Play, _defaults: Options, now: float, /) -> Outcome:
        """Take it; the effect has its index."""
        return Outcome(play, Effect(None, play.answer(self._tape, self._endpoint, now)))


class TurnSent:
    """The records of a turn were sent, and positions have moved by that."""

    def run(self, play: Play, _defaults: Options, _now: float, /) -> Outcome:
        """Nothing is left to be done."""
        return Outcome(play, Effect(None, None))


def roll(world: World, now: float, *, by_feed: bool = False) -> None:
    """At the end of the day begin it again, or the next one, if the options say so."""
    play = rolled(world.play, by_feed=by_feed)
    if play is not None:
        propose(world, RollOver(play), now)


def answer(world: World, tape: Tape, endpoint: str, now: float) -> int:
    """The index that a REST request for an endpoint of a tape gets.

    Raises:
        ExhaustedError: there is nothing more on this day, and the options say so.
    """
    play = world.play
    if not play.is_changed_by_answers():
        return play.answer(tape, endpoint, now)
    index: int = change(world, TakeAnswer(tape, endpoint), now).resolved
    return index

"""What the servers of a cluster agree on of a world: a decision is a replica, and each server follows it.

In clock mode what a key is sent follows from its day, its options and its clock. So servers exchange changes of these,
a few hundred bytes, and no messages. A change is tried on a twin of the play. What comes of it is a replica, which is
decided when nobody has decided anything else meanwhile; then the server that asked follows it as all others do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from gexfaker.allowances import parse_allowances
from gexfaker.catalog import TIERS
from gexfaker.errors import ControlError, DataError
from gexfaker.playback.actions import Effect, Outcome
from gexfaker.playback.clock import AS_FAST_AS_POSSIBLE
from gexfaker.playback.clockplay import ClockPlay
from gexfaker.playback.options import Options, Playback
from gexfaker.playback.play import Play
from gexfaker.playback.plays import fresh
from gexfaker.tapes.dates import is_date
from gexfaker.worlds.change import Change, RollOver, apply
from gexfaker.worlds.slot import Slot
from gexfaker.worlds.snapshot import LAST_TIME
from gexfaker.worlds.world import World

if TYPE_CHECKING:
    from gexfaker.faults.rules import FaultList

NO_STEPS: Final = "the servers of a cluster play by the market clock: step mode is for one server"
NO_HURRY: Final = "the servers of a cluster play by the market clock: speed 0 is for one server; 1000 is the fastest"


class Place(msgspec.Struct, frozen=True):
    """Where a world is in a day.

    Attributes:
        timeline: counts its jumps.
        at_open: whether the day begins with the open, whatever the options say.
        anchor: a market time and the real time at which it was; None before the first use.
        upto: the market time up to which the feed had been sent when the clock was set.
        rolled: whether the day before was over: then it is sent to its end first.
    """

    day: str
    options: Options
    timeline: int
    paused: bool
    at_open: bool
    anchor: tuple[float, float] | None
    upto: float
    rolled: bool


class Replica(msgspec.Struct, frozen=True):
    """A world, as far as its servers agree on it.

    Attributes:
        quota: its allowances, as they are written.
        grants: counts how often it began anew to count its requests.
        place: None while the key has not been used.
        faults: the rules of what is broken for it on purpose, as JSON; empty for none.
    """

    tier: str
    quota: str
    grants: int
    place: Place | None
    slot: Slot | None
    faults: str = ""


class Decision(NamedTuple):
    """What a change would do, and what comes of it for the one who asked."""

    replica: Replica
    effect: Effect


_DECODER: Final = msgspec.json.Decoder(Replica)
encode: Final = msgspec.json.encode


def decode(text: bytes) -> Replica:
    """A replica from its text. Raises DataError: it is none."""
    try:
        replica = _DECODER.decode(text)
        parse_allowances(replica.quota)
        _faults_of(replica.faults)
    except (msgspec.MsgspecError, ValueError, TypeError, ControlError) as problem:
        raise DataError(f"not the state of a key: {problem}; all servers of a cluster are of one version") from None
    place = replica.place
    if replica.tier not in TIERS or (place is not None and not _is_possible(place)):
        raise DataError("not the state of a key: somebody else has written it")
    return replica


def _is_possible(place: Place) -> bool:
    """Whether a world can be there: others would feel it if its times were none."""
    times = (place.upto, *(place.anchor or ()))
    return is_date(place.day) and place.options.playback is Playback.CLOCK and all(0 <= at < LAST_TIME for at in times)


def decide(world: World, what: Change, now: float) -> Decision:
    """What a change would do to a world at real time ``now``; the world stays as it is.

    Raises:
        ControlError, DataError, ExhaustedError: it cannot be done.
    """
    outcome = what.run(world.play.twin(), world.options, now)
    tier, allowances, grants = world.account.after(outcome.granted)
    place = _place_of(outcome.play, rolled=isinstance(what, RollOver))
    faults = _written(world) if outcome.granted.faults is None else _text(outcome.granted.faults)
    return Decision(Replica(tier, ",".join(map(str, allowances)), grants, place, world.slot, faults), outcome.effect)


def with_slot(world: World, slot: Slot) -> Replica:
    """A world with another slot."""
    account = world.account
    place = _place_of(world.play, rolled=False) if world.is_used else None
    allowances = ",".join(map(str, account.quota.allowances))
    return Replica(account.tier, allowances, account.grants, place, slot, _written(world))


def _written(world: World) -> str:
    """The rules of what is broken for a world on purpose, as its servers exchange them."""
    return "" if world.watch is None else _text(world.watch.faults.listed)


def _text(faults: FaultList) -> str:
    return msgspec.json.encode(faults).decode() if faults.faults else ""


def _faults_of(text: str) -> FaultList:
    """The rules again. Raises ControlError: they are none."""
    from gexfaker.faults.rules import NO_FAULTS, FaultList, rules_of  # few keys have any

    if not text:
        return NO_FAULTS
    found = msgspec.json.decode(text, type=dict[str, Any])
    return FaultList(rules_of(found.get("faults", []), judged=False), int(found.get("seed", 0)))


def _place_of(play: Play, *, rolled: bool) -> Place:
    """Where a play is. Raises ControlError: it does not follow from a clock where it is."""
    if not isinstance(play, ClockPlay):
        raise ControlError(NO_STEPS)
    if play.options.speed == AS_FAST_AS_POSSIBLE:
        raise ControlError(NO_HURRY)
    anchor = None if play.clock is None else play.clock.anchor
    return Place(
        play.date, play.options, play.timeline, play.paused, play.at_open, anchor, play.sent.upto, rolled=rolled
    )


class Follow:
    """A change: the world is where its servers have agreed.

    Its day may be missing here. Then whoever asks is told so, and the next change is followed all the same.
    """

    def __init__(self, place: Place) -> None:
        self._place: Final = place

    def run(self, play: Play, _defaults: Options, _now: float, /) -> Outcome:
        """The play there."""
        made = _moved(play, self._place)
        return Outcome(made, Effect(None, made.date))


def _moved(play: Play, place: Place) -> Play:
    """The same play if it is on the same timeline, so that the feed goes on; else one that stands where it began."""
    made = play
    if play.date != place.day or play.timeline != place.timeline or not isinstance(play, ClockPlay):
        made = fresh(play.days, place.options, place.day, at_open=place.at_open)
        made.heard = play.heard
    made.options, made.timeline, made.paused = place.options, place.timeline, place.paused
    if isinstance(made, ClockPlay) and place.anchor is not None:
        made.take_clock(place.anchor, place.upto)
    return made


def follow(world: World, replica: Replica, now: float) -> None:
    """Have a world as its servers have agreed, but for its slot."""
    if replica.place is not None:
        apply(world, Follow(replica.place), now)
    world.account.have(replica.tier, parse_allowances(replica.quota), replica.grants)
    if replica.faults != _written(world):
        world.have_faults(_faults_of(replica.faults))

"""The control actions: what can be done to a play from outside, and the one declaration of each.

An action is a class. Its fields are its arguments, and ``run`` does it. The routes, the description of the API, the
commands of ``gexfaker ctl`` and the Python client are made from these classes; ACTIONS lists them.

The modules that play are imported where an action is done: a command that only asks a server for an action does not
wait for them.

Nothing is silently ignored: what cannot be done raises ControlError, and what is done differently says the reason.
"""

from __future__ import annotations

import contextlib
import datetime
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from itertools import chain, count, takewhile
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, NamedTuple, Self, TypeVar, get_type_hints

import msgspec
from msgspec import NODEFAULT

from gexfaker.allowances import POOLS, Allowance, parse_allowances
from gexfaker.catalog import TIERS, Feed, parse_group
from gexfaker.errors import ControlError, DataError
from gexfaker.exchange.hours import closing, moment, shown
from gexfaker.playback.answers import first_in_hours, is_last, stamp_of
from gexfaker.playback.options import (
    SPEEDS,
    CacheMode,
    EndpointCacheMode,
    Options,
    Playback,
    Timestamps,
    is_speed,
)

if TYPE_CHECKING:
    from gexfaker.faults.rules import FaultList
    from gexfaker.playback.day import Day
    from gexfaker.playback.play import Play
    from gexfaker.tapes.tape import Tape

MAX_STEPS: Final = 1000
"""Records of each group that one step sends at most; while a client is behind, the rest of them waits."""

MAX_TIMESTAMP: Final = 100_000_000_000
"""Beyond all days; more is no number of seconds."""

MIN_TIMESTAMP: Final = 100_000_000
"""Before all days, in 1973; less is a time of day that was written as a number."""

GAP_SECONDS: Final = 3
"""A record further than this before the time asked for is told as a gap; real days have one every 1 to 3 seconds."""

SHOWN_CHARS: Final = 40
"""How much of a wrong name an answer repeats: the client chose it, and it may be very long."""

Schema = Mapping[str, Any]
T = TypeVar("T")


class Effect(NamedTuple):
    """What was asked, what came of it, and why it is not the same (None when it is)."""

    requested: Any
    resolved: Any
    reason: str | None = None


class Granted(NamedTuple):
    """What a key has from now on; None leaves it as it is.

    Attributes:
        anew: what it had at first comes back before that, with nothing used of its quota.
        faults: what is broken for it on purpose.
    """

    tier: str | None = None
    quota: tuple[Allowance, ...] | None = None
    anew: bool = False
    faults: FaultList | None = None


class Outcome(NamedTuple):
    """The play as it is after an action, which may be another one, the action's effect, and what it grants the key."""

    play: Play
    effect: Effect
    granted: Granted = Granted()


# --- arguments -----------------------------------------------------------------------------------


class Kind(msgspec.Struct, frozen=True, eq=False):
    """What an argument may be.

    Attributes:
        read: checks the value of an argument of that name; raises ControlError.
        schema: the same as JSON Schema.
        accepted: the same for people, as a command shows it.
    """

    read: Callable[[str, Any], Any]
    schema: Schema
    accepted: str = "VALUE"


class Argument(NamedTuple):
    """What is declared of an argument: a field of an action is annotated with it.

    Attributes:
        kind: what it may be.
        help: what it does.
        examples: values such as it takes.
        shown: how its command calls it, if not by its kind.
        default: what it is where it is not given; NODEFAULT where it is needed.
    """

    kind: Kind
    help: str
    examples: tuple[Any, ...] = ()
    shown: str = ""
    default: Any = NODEFAULT

    @property
    def is_needed(self) -> bool:
        """Whether it must be given."""
        return self.default is NODEFAULT

    @property
    def metavar(self) -> str:
        """What stands for it in the help of a command."""
        return self.shown or self.kind.accepted

    @property
    def schema(self) -> dict[str, Any]:
        """What it may be as JSON Schema, with the examples."""
        return {**self.kind.schema, "examples": list(self.examples)} if self.examples else dict(self.kind.schema)


def _number(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
        raise ControlError(f"{name} is a number")
    return value


def _count(name: str, value: Any) -> int:
    number = _number(name, value)
    if number < 1 or number % 1 or number > MAX_STEPS:
        more = ": ask for several, or seek" if number > MAX_STEPS else ""
        raise ControlError(
            f"{name} is a whole number from 1 to {MAX_STEPS}, not {int(number) if number % 1 == 0 else number}{more}"
        )
    return int(number)


def _index(name: str, value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ControlError(f"{name} is a whole number")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ControlError(f"{name} is text")
    return value


def _seconds(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.01 <= value <= 3600:
        raise ControlError(f"{name} is seconds, from 0.01 to 3600")
    return value


def _speed(name: str, value: Any) -> float:
    number = _number(name, value)
    if not is_speed(number):
        raise ControlError(f"{name} is {SPEEDS}")
    return number


def _allowances(name: str, value: Any) -> tuple[Allowance, ...]:
    try:
        return parse_allowances(_text(name, value))
    except ValueError as problem:
        raise ControlError(f"{name}: {problem}") from None


def _tier(name: str, value: Any) -> str:
    if not isinstance(value, str) or value.strip().lower() not in TIERS:
        raise ControlError(f"{name} is one of: {', '.join(TIERS)}")
    return value.strip().lower()


def _anything(_name: str, value: Any) -> Any:
    return value


def _words(words: type[StrEnum]) -> Kind:
    """One of the words of an enum."""

    def read(name: str, value: Any) -> StrEnum:
        if not isinstance(value, str) or value not in list(words):
            raise ControlError(f"{name} is one of: {', '.join(words)}")
        return words(value)

    return Kind(read, {"type": "string", "enum": [str(word) for word in words]}, "|".join(words))


SPEED: Final = Kind(_speed, {"anyOf": [{"const": 0}, {"type": "number", "minimum": 0.1, "maximum": 1000}]}, "NUMBER")
COUNT: Final = Kind(_count, {"type": "integer", "minimum": 1, "maximum": MAX_STEPS}, "N")
INDEX: Final = Kind(_index, {"type": "integer"}, "N")
TEXT: Final = Kind(_text, {"type": "string"}, "TEXT")
FEED: Final = Kind(_anything, {"type": "string"}, "GROUP")
QUOTA: Final = Kind(_allowances, {"type": "string"}, "ALLOWANCES")
TIER: Final = Kind(_tier, {"type": "string", "enum": list(TIERS)}, "|".join(TIERS))
SECONDS: Final = Kind(_seconds, {"type": "number", "minimum": 0.01, "maximum": 3600}, "TIME")
MOMENT: Final = Kind(
    _anything,
    {"anyOf": [{"type": "number"}, {"type": "string", "examples": ["open", "10:30", "close"]}]},
    "WHERE",
)


class Action(msgspec.Struct, frozen=True):
    """Something that can be done to a play. A subclass has its arguments as fields; its docstring says what it does.

    Attributes:
        NAME: what it is called in requests and commands.
        SHORT: what it does, in a few words.
        HELP: what its command says that it does.
        EXAMPLES: what may stand behind ``gexfaker ctl NAME``.
        POSITIONAL: the argument that its command takes without a flag; of several, those behind the first are meant
            when their flag is given.
        EXAMPLE: arguments as a request has them.
        AT_LEAST: how many of its arguments must be there, whichever they are.
        EITHER: where not all arguments go together, the sets that do, each with its needed one first.
    """

    NAME: ClassVar[str]
    SHORT: ClassVar[str]
    HELP: ClassVar[str]
    EXAMPLES: ClassVar[tuple[str, ...]]
    POSITIONAL: ClassVar[tuple[str, ...]] = ()
    EXAMPLE: ClassVar[Mapping[str, Any]] = {}
    EITHER: ClassVar[tuple[tuple[str, ...], ...]] = ()
    AT_LEAST: ClassVar[int] = 0

    def run(self, play: Play, defaults: Options, now: float) -> Outcome:
        """Do it. ``defaults`` is how a new play is played. Raises ControlError, DataError; nothing is changed then."""
        raise NotImplementedError

    def approach(self, play: Play) -> Iterator[None]:
        """Work that ``run`` needs and that may take long, in steps of a millisecond or less. Raises as ``run``."""
        try:
            day = play.day if play.is_new else None
        except DataError:  # it is gone, and what is done may lead to another day
            return iter(())
        tape = day.tape(min(day.feeds)) if day is not None and day.feeds else None
        return iter(()) if tape is None else iter(play.steps_to_open(tape))

    @classmethod
    @cache
    def arguments(cls) -> dict[str, Argument]:
        """Its arguments, by name."""
        hints = get_type_hints(cls, include_extras=True)
        declared = {field.name: hints[field.name].__metadata__[0] for field in msgspec.structs.fields(cls)}
        return {one.name: declared[one.name]._replace(default=one.default) for one in msgspec.structs.fields(cls)}

    def given(self) -> dict[str, Any]:
        """The arguments that are not what they are by default, as a request has them."""
        values = {name: getattr(self, name) for name in self.arguments()}
        return {name: value for name, value in values.items() if value != self.arguments()[name].default}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """The action with these arguments. Raises ControlError: one is missing, unknown, or not what it should be."""
        known = cls.arguments()
        unknown = sorted(name[:SHOWN_CHARS] for name in given if name not in known)
        if unknown:
            takes = f"it takes {', '.join(known)}" if known else "it takes nothing"
            raise ControlError(f"{cls.NAME} does not take {', '.join(unknown)}: {takes}")
        needed = {name for name, argument in known.items() if argument.is_needed}
        values = {name: given.get(name) for name in known if name in given or name in needed}
        return cls(**{name: known[name].kind.read(name, value) for name, value in values.items()})


# --- the actions ---------------------------------------------------------------------------------


class Reset(Action, frozen=True):
    """As if the key had never been used."""

    NAME: ClassVar = "reset"
    SHORT: ClassVar = "As if the key had never been used."
    HELP: ClassVar = (
        "Begin anew, with the server's settings, as if the key had never been used: its day, tier and quota are those "
        "of the start. Its fault rules and its journal stay."
    )
    EXAMPLES: ClassVar = ("",)

    def run(self, play: Play, defaults: Options, now: float) -> Outcome:
        """Begin anew, with the server's options and its first day."""
        from gexfaker.playback.plays import fresh, replaced

        made = replaced(play, fresh(play.days, defaults))
        made.paused = False
        return Outcome(made, Effect("reset", {"day": made.date}), Granted(anew=True))


class Pause(Action, frozen=True):
    """Stand still."""

    NAME: ClassVar = "pause"
    SHORT: ClassVar = "Stand still."
    HELP: ClassVar = (
        "Stand still: the feed sends nothing more. REST answers from where it stands, or in step mode the next record."
    )
    EXAMPLES: ClassVar = ("", "--all")

    def run(self, play: Play, defaults: Options, now: float) -> Outcome:
        """Stop the feed. REST answers from where the clock stands; in step mode it still gives the next record."""
        was = play.paused
        play.begin(now)
        play.pause(now)
        return Outcome(play, Effect("paused", "paused", "it was paused already" if was else None))


class Resume(Action, frozen=True):
    """Go on."""

    NAME: ClassVar = "resume"
    SHORT: ClassVar = "Go on."
    HELP: ClassVar = "Go on from where it stands."
    EXAMPLES: ClassVar = ("--key mine",)

    def run(self, play: Play, defaults: Options, now: float) -> Outcome:
        """Let the feed go on."""
        was = play.paused
        play.resume(now)
        return Outcome(play, Effect("playing", "playing", None if was else "it was not paused"))


class Step(Action, frozen=True):
    """Send the next ``count`` records of every group at once (seconds of market time, in clock mode)."""

    NAME: ClassVar = "step"
    SHORT: ClassVar = "Send the next records at once."
    HELP: ClassVar = (
        f"Send the next N records of every group at once, up to {MAX_STEPS}; in clock mode, N seconds of market time."
    )
    EXAMPLES: ClassVar = ("", "10 --key mine")
    POSITIONAL: ClassVar = ("count",)

    EXAMPLE: ClassVar = {"count": 1}

    count: Annotated[int, Argument(COUNT, "How many.")] = 1

    def run(self, play: Play, defaults: Options, now: float) -> Outcome:
        """Make them due."""
        if not play.begin(now):
            raise ControlError(f"there are no feeds on {play.date}")
        over = why_at_the_end(play)
        play.advance(self.count, now)
        alone = NOBODY_LISTENS if play.options.playback is Playback.STEP and not play.heard else None
        reasons = "; ".join(filter(None, (alone, over or _why_beyond(play, now))))
        return Outcome(play, Effect(self.count, self.count, reasons or None))


MAX_REFERENCES: Final = 15
"""Feeds that are tried where the usual ones have no record that can be read: those of a ticker."""


def _with_records(day: Day, feeds: Iterable[Feed]) -> list[Tape]:
    """The tapes of these feeds that have a record."""
    found: list[Tape] = []
    for feed in feeds:
        with contextlib.suppress(DataError):
            tape = day.tape(feed)
            if tape is not None and tape.has(0):
                found.append(tape)
    return found


NOBODY_LISTENS: Final = (
    "no client is in a group: who joins next is sent these records; REST takes the next record with each request"
)


class Seek(Action, frozen=True):
    """To ``time`` (epoch seconds, HH:MM[:SS], ``open``, ``close``), or to ``index`` of ``feed`` (a group's name)."""

    NAME: ClassVar = "seek"
    SHORT: ClassVar = "Jump to another time."
    HELP: ClassVar = (
        "Jump to WHERE: HH:MM[:SS] in New York, open, close, epoch seconds, or with --index a record's number. Epoch "
        "seconds may be of another day, which is played then."
    )
    EXAMPLES: ClassVar = ("10:30", "1784295002 --key mine", "1800 --index --feed SPX_classic_gex_zero")
    POSITIONAL: ClassVar = ("time", "index")
    EXAMPLE: ClassVar = {"time": "10:30"}
    EITHER: ClassVar = (("time", "feed"), ("index", "feed"))

    time: Annotated[
        float | str | None, Argument(MOMENT, "Where to begin: HH:MM[:SS], open, close, or epoch seconds.")
    ] = None
    index: Annotated[int | None, Argument(INDEX, "WHERE is the number of a record, counted from 0.")] = None
    feed: Annotated[
        Any,
        Argument(FEED, "The feed whose records count, such as SPX_classic_gex_zero.", ("SPX_orderflow_orderflow",)),
    ] = None

    def run(self, play: Play, defaults: Options, now: float) -> Outcome:
        """Jump, or to the nearest there is."""
        tape = self._furthest(play)
        feed, wanted = tape.feed, self._wanted(play, tape)
        index, at = _nearest(tape, max(tape.index_at(math.floor(wanted)), 0))
        beyond = wanted < at or (is_last(tape, index) and wanted > at)
        market, index = play.aim(tape, index, at, None if beyond or self.index is not None else wanted)
        play.begin(now)
        play.jump(market, now)
        key = f"{feed.ticker}/{feed.package}/{feed.category}"
        resolved = {"market_time": market, "shown": shown(market), "data_key": key, "index": index, "timestamp": at}
        reason = None if self.index is None else _why_record(tape, self.index, index, at)
        requested = self.time if self.index is None else self.index
        return Outcome(play, Effect(requested, resolved, reason or _why_time(feed, wanted, market, at, beyond)))

    def approach(self, play: Play) -> Iterator[None]:
        """Read the day up to there, in one feed after the other until one of them goes on for long enough."""
        yield from super().approach(play)
        for tape in self._references(play):
            if self.index is not None:
                yield from tape.steps_to_index(self.index)
            yield from tape.steps_to_time(math.floor(self._wanted(play, tape)))
            if self._reach(play, tape) == math.inf:
                return

    def _references(self, play: Play) -> list[Tape]:
        """The feeds whose records may tell where a time is: the one named, or some that are used or usual."""
        day = play.day
        if self.feed is None:
            feeds = _usual(play.positions(), day.feeds)
            if not feeds:
                raise ControlError(f"there are no feeds on {play.date}")
        else:
            parsed = parse_group(str(self.feed))
            if parsed is None or day.source(parsed) is None:
                raise ControlError(f"{play.date} has no feed {str(self.feed)[:80]!r}")
            feeds = [parsed]
        tapes = _with_records(day, feeds)
        if not tapes and self.feed is None:
            tapes = _with_records(day, sorted(set(day.feeds) - set(feeds))[:MAX_REFERENCES])[:1]
        if not tapes:
            groups = ", ".join(feed.group for feed in feeds)
            raise ControlError(f"{groups} {'has' if len(feeds) == 1 else 'have'} no records on {play.date}")
        return tapes

    def _furthest(self, play: Play) -> Tape:
        """The first feed that goes on for long enough, as ``approach`` has read no other; else what goes furthest."""
        tapes = self._references(play)
        found, far = tapes[0], -math.inf
        for tape in tapes:
            reach = self._reach(play, tape)
            if reach == math.inf:
                return tape
            if reach > far:
                found, far = tape, reach
        return found

    def _reach(self, play: Play, tape: Tape) -> float:
        """How far a feed goes: to the time that is asked for (infinity), or to its last record before it."""
        try:
            wanted = self._wanted(play, tape)
            index, at = _nearest(tape, max(tape.index_at(math.floor(wanted)), 0))
        except ControlError:
            return -math.inf
        return at if wanted > at and is_last(tape, index) else math.inf

    def _wanted(self, play: Play, tape: Tape) -> float:
        """The market time that is asked for."""
        if (self.time is None) == (self.index is None):
            raise ControlError("say where: 'time' (epoch seconds, HH:MM[:SS], open, close), or 'index' of a 'feed'")
        if self.index is None:
            return _moment(play, tape, self.time)
        index = max(self.index, 0)
        return _nearest(tape, index if tape.has(index) else len(tape) - 1)[1]


class Speed(Action, frozen=True):
    """Market seconds a second, 0 as fast as the client takes it."""

    NAME: ClassVar = "speed"
    SHORT: ClassVar = "Change the speed."
    HELP: ClassVar = f"Play SPEED market seconds a second: {SPEEDS}; 0 is as fast as the client takes it."
    EXAMPLES: ClassVar = ("60", "0 --all")
    POSITIONAL: ClassVar = ("speed",)

    EXAMPLE: ClassVar = {"speed": 10}

    speed: Annotated[
        float, Argument(SPEED, "Market seconds a second; 0 is as fast as the client takes it.", shown="SPEED")
    ]

    def run(self, play: Play, defaults: Options, now: float) -> Outcome:
        """Go on at that speed."""
        given = float(self.speed)
        play.options = msgspec.structs.replace(play.options, speed=given)
        return Outcome(play, Effect(self.speed, given, play.set_speed(given, now)))


class Mode(Action, frozen=True):
    """Any of the options ``playback``, ``cache_mode``, ``endpoints``, ``timestamps``, ``interval``."""

    NAME: ClassVar = "mode"
    SHORT: ClassVar = "Change how it plays."
    HELP: ClassVar = "Change how a session plays."
    EXAMPLES: ClassVar = ("--playback step --interval 500ms", "--cache-mode rotation --timestamps live --all")

    EXAMPLE: ClassVar = {"cache_mode": "rotation"}
    AT_LEAST: ClassVar = 1

    playback: Annotated[
        Playback | None,
        Argument(_words(Playback), "What makes a record due: its market time, or being asked for."),
    ] = None
    cache_mode: Annotated[CacheMode | None, Argument(_words(CacheMode), "What follows the last record.")] = None
    endpoints: Annotated[
        EndpointCacheMode | None,
        Argument(_words(EndpointCacheMode), "Step mode: one REST position for a package, or for each endpoint."),
    ] = None
    timestamps: Annotated[
        Timestamps | None, Argument(_words(Timestamps), "Timestamps as recorded, or moved to the present.")
    ] = None
    interval: Annotated[
        float | None, Argument(SECONDS, "Step mode: time between two records, such as 0.5 or 500ms.")
    ] = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """The action with these options, of which there must be one. Raises ControlError."""
        known = cls.arguments()
        for name in given:
            if name not in known:
                raise ControlError(f"there is no option {name[:SHOWN_CHARS]!r}: one of {', '.join(known)}")
        if not given:
            raise ControlError(f"name at least one of {', '.join(known)}")
        return super().of(given)

    def run(self, play: Play, defaults: Options, now: float) -> Outcome:
        """Play on with these options; positions go on from where they are."""
        asked = {name: value for name in self.arguments() if (value := getattr(self, name)) is not None}
        changes: dict[str, Any] = {name: float(value) if name == "interval" else value for name, value in asked.items()}
        options = msgspec.structs.replace(play.options, **changes)
        from gexfaker.playback.plays import switched

        made, reason = switched(play, options, now)
        return Outcome(made, Effect(asked, changes, reason))


class ChangeDay(Action, frozen=True):
    """Another day, from its start: a date, ``latest``, or ``next``."""

    NAME: ClassVar = "day"
    SHORT: ClassVar = "Play another day."
    HELP: ClassVar = "Play another day from its start: DATE is YYYY-MM-DD, latest or next."
    EXAMPLES: ClassVar = ("2026-07-17", "next --all")
    POSITIONAL: ClassVar = ("date",)

    EXAMPLE: ClassVar = {"date": "latest"}

    date: Annotated[str, Argument(TEXT, "A date, latest or next.", ("2026-07-17", "latest", "next"), shown="DATE")]

    def run(self, play: Play, defaults: Options, now: float) -> Outcome:
        """Begin that day."""
        date = play.resolve(self.date)
        if date is None:
            raise ControlError(f"there is no day after {play.date}")
        from gexfaker.playback.plays import restarted

        begun = restarted(play, date)
        return Outcome(begun, Effect(self.date, date, _why_of_another_date(begun.day)))


def _why_of_another_date(day: Day) -> str | None:
    """That the files of a recorded day hold records of another one, as its folder may be called wrongly."""
    found = None if day.is_simulated else day.first_date()
    if found in (None, day.date):
        return None
    return f"its records are of {found}, though their place says {day.date}: gexfaker inspect tells more"


class ChangeTier(Action, frozen=True):
    """Subscribe the key to another ``tier``. REST goes by it at once, the feed from the next negotiation on."""

    NAME: ClassVar = "tier"
    SHORT: ClassVar = "Change what the key has subscribed to."
    HELP: ClassVar = (
        "Subscribe the key to another tier, until it is reset or the server ends. REST goes by it at once, the feed "
        "from the next negotiation on."
    )
    EXAMPLES: ClassVar = ("classic", "quant --key mine")
    POSITIONAL: ClassVar = ("tier",)
    EXAMPLE: ClassVar = {"tier": "quant"}

    tier: Annotated[str, Argument(TIER, "What it has subscribed to.")]

    def run(self, play: Play, defaults: Options, now: float) -> Outcome:
        """Grant it; the play goes on."""
        return Outcome(play, Effect(self.tier, self.tier), Granted(tier=self.tier))


class ChangeQuota(Action, frozen=True):
    """Give the key these ``allowances`` (``classic:100/day,60/minute``; ``none`` for no limit), and count from 0."""

    NAME: ClassVar = "quota"
    SHORT: ClassVar = "Change how many REST requests the key has."
    HELP: ClassVar = (
        "Give the key another quota, until it is reset or the server ends, and count from 0: [POOL:]COUNT[/minute, "
        "/day or /month] with commas between them, or none. Pools: " + ", ".join(POOLS) + "."
    )
    EXAMPLES: ClassVar = ("60", "classic:100/day,history:5/month --key mine", "none --all")
    POSITIONAL: ClassVar = ("allowances",)
    EXAMPLE: ClassVar = {"allowances": "10000/day"}

    allowances: Annotated[tuple[Allowance, ...], Argument(QUOTA, "What it has, such as classic:100/day, or none.")]

    def run(self, play: Play, defaults: Options, now: float) -> Outcome:
        """Grant it; the play goes on."""
        shown = ",".join(map(str, self.allowances)) or "none"
        return Outcome(play, Effect(shown, shown), Granted(quota=self.allowances))


ACTIONS: Final[dict[str, type[Action]]] = {
    action.NAME: action
    for action in (Reset, Pause, Resume, Step, Seek, Speed, Mode, ChangeDay, ChangeTier, ChangeQuota)
}
"""All of them, by name."""

CREATION: Final[tuple[type[Action], ...]] = (Reset, ChangeDay, Mode, Speed, Seek)
"""What begins a key anew with settings of its own, in this order; its arguments are those of all of these."""


def action_of(name: str, given: Mapping[str, Any]) -> Action:
    """One of ACTIONS with its arguments. Raises ControlError: there is no such action, or no such argument."""
    if name not in ACTIONS:
        raise ControlError(f"there is no action {name[:SHOWN_CHARS]!r}: one of {', '.join(ACTIONS)}")
    return ACTIONS[name].of(given)


def creation_of(given: Mapping[str, Any]) -> list[Action]:
    """The actions that begin a key anew with these arguments. Raises ControlError."""
    owners = {name: action for action in CREATION for name in action.arguments()}
    parts: dict[type[Action], dict[str, Any]] = {action: {} for action in CREATION}
    for name, value in given.items():
        if name not in owners:
            raise ControlError(f"there is no option {name[:SHOWN_CHARS]!r}: one of {', '.join(owners)}")
        parts[owners[name]][name] = value
    return [action.of(values) for action, values in parts.items() if values or action is Reset]


# --- times and records ---------------------------------------------------------------------------


def _usual(used: Iterable[Feed], feeds: Iterable[Feed]) -> list[Feed]:
    """Those that people think of first, one for each package: what is used before the others, SPX before the others."""
    first: dict[str, Feed] = {}
    for feed in (*sorted(used, key=_by_fame), *sorted(feeds, key=_by_fame)):
        first.setdefault(feed.package, feed)
    return list(first.values())


def _by_fame(feed: Feed) -> tuple[bool, Feed]:
    return feed.ticker != "SPX", feed


def _why_record(tape: Tape, asked: int, index: int, at: int) -> str | None:
    if index == asked:
        return None
    if asked < 0 or not tape.has(asked):
        return f"clamped: the feed has no record {asked}"
    if stamp_of(tape, asked) is None:
        return f"record {asked} cannot be read; the nearest that can is at {shown(at)}"
    return f"record {asked} has the time of record {index}, and positions are times"


def _why_time(feed: Feed, wanted: float, market: float, at: int, beyond: bool) -> str | None:
    if beyond:
        return f"clamped: the {'first' if wanted < at else 'last'} record of {feed.group} is at {shown(at)}"
    if wanted - at > GAP_SECONDS or wanted != market:
        return f"gap: the newest record before is at {shown(at)}"
    return None


def why_at_the_end(play: Play) -> str | None:
    """That there is no next record, in step mode; with a clock it is the time that tells."""
    from gexfaker.playback.play import of_its_day

    stays = play.options.cache_mode in (CacheMode.EXHAUST, CacheMode.HOLD)
    if play.options.playback is not Playback.STEP or not stays or not of_its_day(play.is_over, False):
        return None
    return f"every feed in use has given its last record of {play.date}; seek to open goes back"


def _why_beyond(play: Play, now: float) -> str | None:
    """That market time has left the last records behind, if the day was read so far; step mode has no market time."""
    market = play.market_time(now)
    try:
        tapes = [tape for feed in _usual(play.positions(), play.day.feeds) if (tape := play.day.tape(feed)) is not None]
    except DataError:  # its files have gone, of which others tell
        return None
    ends = [] if market is None else [_end_before(tape, math.floor(market)) for tape in tapes]
    known = [end for end in ends if end is not None]
    return f"the day's last record is at {shown(max(known))}" if known and len(known) == len(ends) else None


def _end_before(tape: Tape, market: int) -> int | None:
    """The time of the last record of a feed, if it is known and before a market time."""
    if not tape.knows(market):
        return None
    index = tape.index_at(market)
    last = stamp_of(tape, index) if index >= 0 and is_last(tape, index) else None
    return last if last is not None and last < market else None


def _nearest(tape: Tape, index: int) -> tuple[int, int]:
    """A record and its time, or the nearest readable one before it, or after it when there is none before."""
    before, after = range(index, -1, -1), takewhile(tape.has, count(index + 1))
    for candidate in chain(before, after):
        stamp = stamp_of(tape, candidate)
        if stamp is not None:
            return candidate, stamp
    told = f"no record of {tape.feed.group} on {tape.date} has a time that can be read: epoch seconds are expected"
    raise ControlError(f"{told}; gexfaker inspect tells what there is")


def _moment(play: Play, tape: Tape, time: object) -> float:
    date = datetime.date.fromisoformat(play.date)
    if isinstance(time, int | float) and not isinstance(time, bool):
        if not abs(time) < MAX_TIMESTAMP:
            raise ControlError(f"epoch seconds are below {MAX_TIMESTAMP}")
        if time < MIN_TIMESTAMP:
            raise ControlError(f"{time:g} is before all days: write a time of day as HH:MM, such as 10:30")
        return float(time)
    if time == "open":
        return first_in_hours(tape, date)
    if time == "close":
        return closing(date)
    try:
        return moment(date, str(time))
    except ValueError as error:
        raise ControlError(str(error)) from None

"""What can be done to a session from outside, each with its effect told: what was asked, what came of it, why so.

Nothing is silently ignored: what cannot be done raises ControlError, what is done differently says the reason.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from itertools import chain, count, takewhile
from typing import Any, Final, NamedTuple

from gexfaker.catalog import Feed, parse_group
from gexfaker.errors import ControlError
from gexfaker.exchange.times import closing, moment, shown
from gexfaker.playback.answers import is_last, stamp_of
from gexfaker.playback.options import CacheMode, EndpointCacheMode, Options, Playback, Timestamps
from gexfaker.playback.progress import reached
from gexfaker.playback.session import Session
from gexfaker.tapes.tape import Tape

MAX_STEPS: Final = 1000
"""Records of each group that one step sends at most; while a client is behind, the rest of them waits."""

MAX_TIMESTAMP: Final = 100_000_000_000
"""Beyond all days; more is no number of seconds."""

GAP_SECONDS: Final = 3
"""A record further than this before the time asked for is told as a gap; real days have one every 1 to 3 seconds."""

Arguments = Mapping[str, Any]


class Effect(NamedTuple):
    """What was asked, what came of it, and why it is not the same (None when it is)."""

    requested: Any
    resolved: Any
    reason: str | None = None


def reset(session: Session, _arguments: Arguments, defaults: Options, _now: float) -> Effect:
    """As if the key had never been used."""
    session.options, session.paused = defaults, False
    session.restart(session.first_day)
    return Effect("reset", {"day": session.day})


def pause(session: Session, _arguments: Arguments, _defaults: Options, now: float) -> Effect:
    """Stand still."""
    was = session.paused
    session.begin(now)
    session.pause(now)
    return Effect("paused", "paused", "it was paused already" if was else None)


def resume(session: Session, _arguments: Arguments, _defaults: Options, now: float) -> Effect:
    """Go on."""
    was = session.paused
    session.resume(now)
    return Effect("playing", "playing", None if was else "it was not paused")


def step(session: Session, arguments: Arguments, _defaults: Options, now: float) -> Effect:
    """Send the next ``count`` records of every group at once (seconds of market time, in clock mode)."""
    count = _number(arguments, "count", 1)
    if count < 1 or count % 1:
        raise ControlError(f"count is a whole number from 1 to {MAX_STEPS}, not {count}")
    session.begin(now)
    if session.clock is None and not session.is_stepped:
        raise ControlError(f"there are no feeds on {session.day}")
    given = min(int(count), MAX_STEPS)
    session.advance(given, now)
    return Effect(int(count), given, None if given == count else f"at most {MAX_STEPS} at once")


def speed(session: Session, arguments: Arguments, _defaults: Options, now: float) -> Effect:
    """Market seconds a second, 0 as fast as the client takes it."""
    wanted = _number(arguments, "speed", None)
    given = 0.0 if wanted <= 0 else min(max(wanted, 0.1), 1000.0)
    session.options = dataclasses.replace(session.options, speed=given)
    if session.clock is not None:
        session.clock.set_speed(given, now)
    reasons = ["speeds are 0, or 0.1 to 1000"] if given != wanted else []
    reasons += ["in step mode the speed has no effect until PLAYBACK is clock"] if session.is_stepped else []
    return Effect(wanted, given, "; ".join(reasons) or None)


def day(session: Session, arguments: Arguments, _defaults: Options, _now: float) -> Effect:
    """Another day, from its start: a date, ``latest``, or ``next``."""
    wanted = _text(arguments, "date")
    resolved = session.resolve_day(wanted)
    if resolved is None:
        raise ControlError(f"there is no day after {session.day}")
    session.restart(resolved)
    return Effect(wanted, resolved)


def mode(session: Session, arguments: Arguments, defaults: Options, now: float) -> Effect:
    """Any of the options ``playback``, ``cache_mode``, ``endpoints``, ``timestamps``, ``interval``."""
    changes = {name: _option(name, value) for name, value in arguments.items()}
    if not changes:
        raise ControlError(f"name at least one of {', '.join(_OPTIONS)}")
    market, stepped = reached(session, now), session.is_stepped
    waits = not session.used() if stepped else session.streamed < math.floor(market or 0)
    session.options = dataclasses.replace(session.options, **changes)
    reason = None
    if session.is_stepped != stepped and market is not None:
        session.restart()
        session.begin(now)
        session.jump(market, now, again=waits)
        reason = f"positions go on from {shown(market)}"
    return Effect(dict(arguments), {name: getattr(session.options, name) for name in changes}, reason)


def seek(session: Session, arguments: Arguments, _defaults: Options, now: float) -> Effect:
    """To ``time`` (epoch seconds, HH:MM[:SS], ``open``, ``close``), or to ``index`` of ``feed`` (a group's name)."""
    feed, tape = _reference(session, arguments)
    requested = arguments.get("index", arguments.get("time"))
    if requested is None or ("index" in arguments and "time" in arguments):
        raise ControlError("say where: 'time' (epoch seconds, HH:MM[:SS], open, close), or 'index' of a 'feed'")
    wanted = _indexed(tape, arguments["index"]) if "index" in arguments else _moment(session, tape, requested)
    index, at = _nearest(tape, max(tape.index_at(math.floor(wanted)), 0))
    beyond = wanted < at or (is_last(tape, index) and wanted > at)
    # In step mode it is the record told that comes next.
    market = float(at) if beyond or session.is_stepped or "index" in arguments else wanted
    index = tape.index_at(at - 1) + 1 if session.is_stepped else index
    session.begin(now)
    session.jump(market, now)
    key = f"{feed.ticker}/{feed.package}/{feed.category}"
    resolved = {"market_time": market, "shown": shown(market), "data_key": key, "index": index, "timestamp": at}
    place = _why_place(tape, arguments["index"], index, at) if "index" in arguments else None
    return Effect(requested, resolved, place or _why_time(wanted, market, at, beyond))


ACTIONS: Final[dict[str, Callable[[Session, Arguments, Options, float], Effect]]] = {
    action.__name__: action for action in (reset, pause, resume, step, seek, speed, mode, day)
}
"""All of them, by name."""

_ACCEPTED: Final = {"step": ("count",), "speed": ("speed",), "day": ("date",), "seek": ("time", "index", "feed")}
"""The arguments of the actions that have any, but for those of ``mode``, which looks itself."""

_OPTIONS: Final[dict[str, type[StrEnum] | None]] = {
    "playback": Playback,
    "cache_mode": CacheMode,
    "endpoints": EndpointCacheMode,
    "timestamps": Timestamps,
    "interval": None,
}
"""The options that can be changed, by their words; None stands for seconds."""


def apply(session: Session, action: str, arguments: Arguments, defaults: Options, now: float) -> Effect:
    """Do one of ACTIONS to a session.

    Raises:
        ControlError: there is no such action, or its arguments cannot be used.
    """
    if action not in ACTIONS:
        raise ControlError(f"there is no action {action[:40]!r}: one of {', '.join(ACTIONS)}")
    accepted = _ACCEPTED.get(action, ())
    unknown = [] if action == "mode" else sorted(name[:40] for name in arguments if name not in accepted)
    if unknown:
        takes = f"it takes {', '.join(accepted)}" if accepted else "it takes nothing"
        raise ControlError(f"{action} does not take {', '.join(unknown)}: {takes}")
    return ACTIONS[action](session, arguments, defaults, now)


def _why_place(tape: Tape, asked: int, index: int, at: int) -> str | None:
    if index == asked:
        return None
    if asked < 0 or not tape.has(asked):
        return f"clamped: the feed has no record {asked}"
    if stamp_of(tape, asked) is None:
        return f"record {asked} cannot be read; the nearest that can is at {shown(at)}"
    return f"record {asked} has the time of record {index}, and positions are times"


def _why_time(wanted: float, market: float, at: int, beyond: bool) -> str | None:
    if beyond:
        return f"clamped: the day's {'first' if wanted < at else 'last'} record is at {shown(at)}"
    if wanted - at > GAP_SECONDS or wanted != market:
        return f"gap: the newest record before is at {shown(at)}"
    return None


def _reference(session: Session, arguments: Arguments) -> tuple[Feed, Tape]:
    """The feed whose records tell where a time is: the one named, one that is used, or the day's first."""
    library = session.library
    name = arguments.get("feed")
    if name is None:
        feed = min(session.used() or library.feeds, default=None)
        if feed is None:
            raise ControlError(f"there are no feeds on {session.day}")
    else:
        parsed = parse_group(str(name))
        if parsed is None or library.source(parsed) is None:
            raise ControlError(f"{session.day} has no feed {str(name)[:80]!r}")
        feed = parsed
    tape = library.tape(feed)
    if tape is None or not tape.has(0):
        raise ControlError(f"{feed.group} has no records on {session.day}")
    return feed, tape


def _indexed(tape: Tape, index: object) -> float:
    if not isinstance(index, int) or isinstance(index, bool):
        raise ControlError("index is a whole number")
    return _nearest(tape, min(max(index, 0), len(tape) - 1))[1]


def _nearest(tape: Tape, index: int) -> tuple[int, int]:
    """A record and its time, or the nearest readable one before it, or after it when there is none before."""
    before, after = range(index, -1, -1), takewhile(tape.has, count(index + 1))
    for candidate in chain(before, after):
        stamp = stamp_of(tape, candidate)
        if stamp is not None:
            return candidate, stamp
    raise ControlError(f"no record of {tape.feed.group} on {tape.date} can be read")


def _moment(session: Session, tape: Tape, time: object) -> float:
    date = datetime.date.fromisoformat(session.day)
    if isinstance(time, int | float) and not isinstance(time, bool):
        if not abs(time) < MAX_TIMESTAMP:
            raise ControlError(f"epoch seconds are below {MAX_TIMESTAMP}")
        return float(time)
    if time == "open":
        return session.opening(tape)
    if time == "close":
        return closing(date)
    try:
        return moment(date, str(time))
    except ValueError as error:
        raise ControlError(str(error)) from None


def _number(arguments: Arguments, name: str, default: float | None) -> float:
    value = arguments.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
        raise ControlError(f"{name} is a number")
    return value


def _text(arguments: Arguments, name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str):
        raise ControlError(f"{name} is text, such as 2026-07-17")
    return value


def _option(name: str, value: object) -> Any:
    if name not in _OPTIONS:
        raise ControlError(f"there is no option {name[:40]!r}: one of {', '.join(_OPTIONS)}")
    words = _OPTIONS[name]
    if words is not None:
        if not isinstance(value, str) or value not in list(words):
            raise ControlError(f"{name} is one of: {', '.join(words)}")
        return words(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.01 <= value <= 3600:
        raise ControlError(f"{name} is seconds, from 0.01 to 3600")
    return float(value)

"""What can be made to happen on a simulated day: knobs for the whole day, and events at a time of the market.

Events change the market's own path, volatility and flow, so every ticker takes part, each by its beta. They begin and
end on the simulation's minutes (BLOCK records); those of the feed itself (gap, frozen feed) to the second. Returns and
sizes are shares: 0.05 is 5 %.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from gexfaker.exchange.hours import FIRST_RECORD, RECORDS
from gexfaker.faults.rules import Rule
from gexfaker.market.model.minutes import BLOCK, BLOCKS
from gexfaker.market.numeric.exact import Floats
from gexfaker.market.scenarios.shape import Pin, Shape, ordinary, plain

MAX_RETURN: Final = 0.3
"""Largest return of an event, gap or drift: beyond it a single stock with beta 3 would be worth nothing."""

MAX_FACTOR: Final = 10.0
"""Largest factor on volatility or volume: the worst days of history had five."""

MIN_FACTOR: Final = 0.05
"""Smallest factor on volatility or volume: at 0 there would be no market."""

MAX_PRODUCT: Final = 20.0
"""Largest product of such factors when events overlap: more is cut off, so that prices stay prices."""

MAX_MINUTES: Final = 390
"""A session's length."""

PULL: Final = 0.12
"""Share of the distance to the pin that is made up in a minute."""

_PANIC: Final = {"volatility": 2.5, "implied": 1.3, "volume": 3.0}
"""What a crash or squeeze does besides moving the price, while it lasts."""

_LEAN: Final = 0.1
"""Share of contracts bought on balance meanwhile: puts in a crash, calls in a squeeze."""


def _share(default: float | None = None, low: float = 0.0, high: float = MAX_RETURN) -> Any:
    bounds = {"low": low, "high": high}
    return field(metadata=bounds) if default is None else field(default=default, metadata=bounds)


def _factor(default: float = 1.0) -> Any:
    return _share(default, MIN_FACTOR, MAX_FACTOR)


def _minutes(default: int | None = None) -> Any:
    bounds = {"low": 1, "high": MAX_MINUTES}
    return field(metadata=bounds) if default is None else field(default=default, metadata=bounds)


class Event(Protocol):
    """Something that happens during the day."""

    @property
    def at(self) -> dt.time:
        """When it begins, New York time."""

    def apply(self, shape: Shape) -> Shape:
        """The day's shape with this event in it; arrays are written to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """The market falls by ``size`` within ``minutes`` and makes up ``recovery`` of it in three times as long."""

    at: dt.time
    minutes: int = _minutes()
    size: float = _share()
    recovery: float = _share(0.0, 0.0, 1.0)

    def apply(self, shape: Shape) -> Shape:
        """The fall, the panic, the recovery."""
        return _run(shape, self.at, self.minutes, -self.size, self.recovery)


@dataclass(frozen=True, slots=True, kw_only=True)
class Squeeze:
    """The market rises by ``size`` within ``minutes`` and gives back ``recovery`` of it in three times as long."""

    at: dt.time
    minutes: int = _minutes()
    size: float = _share()
    recovery: float = _share(0.0, 0.0, 1.0)

    def apply(self, shape: Shape) -> Shape:
        """The rise, the rush, the way back."""
        return _run(shape, self.at, self.minutes, self.size, self.recovery)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinAt:
    """Every spot is drawn to a strike: its nearest round one, or ``strike`` times its price at the open."""

    at: dt.time
    minutes: int = _minutes()
    strike: float = _share(0.0, 0.0, 1.0 + MAX_RETURN)
    pull: float = _share(PULL, 0.01, 1.0)

    def apply(self, shape: Shape) -> Shape:
        """One more pin."""
        blocks = _blocks(self.at, self.minutes)
        return _with(shape, pins=(*shape.pins, Pin(blocks.start, blocks.stop, self.strike, self.pull)))


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityShock:
    """Realised and implied volatility, and volume, are so many times the usual for a while."""

    at: dt.time
    minutes: int = _minutes()
    realised: float = _factor()
    implied: float = _factor()
    volume: float = _factor()

    def apply(self, shape: Shape) -> Shape:
        """The factors, on top of others."""
        blocks = _blocks(self.at, self.minutes)
        shape.volatility[blocks] *= self.realised
        shape.implied[_ends(blocks)] *= self.implied
        shape.volume[blocks] *= self.volume
        return shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Trading stops: spot and flow stand still, the feed goes on."""

    at: dt.time
    minutes: int = _minutes()

    def apply(self, shape: Shape) -> Shape:
        """Stillness."""
        blocks = _blocks(self.at, self.minutes)
        shape.volume[blocks] = 0.0
        still = tuple(before or blocks.start <= block < blocks.stop for block, before in enumerate(shape.still))
        return _with(shape, still=still)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataGap:
    """The records of some seconds do not exist."""

    at: dt.time
    seconds: int = field(metadata={"low": 1, "high": RECORDS - 1})

    def apply(self, shape: Shape) -> Shape:
        """Fewer records."""
        first = second_of(self.at)
        kept = (shape.seconds < first) | (shape.seconds >= first + self.seconds)
        return _with(shape, seconds=shape.seconds[kept])


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenFeed:
    """The same record, timestamp and all, is sent again and again for some seconds."""

    at: dt.time
    seconds: int = field(metadata={"low": 1, "high": RECORDS - 1})

    def apply(self, shape: Shape) -> Shape:
        """Repeated records."""
        first, seconds = second_of(self.at), shape.seconds
        frozen = (seconds > first) & (seconds <= first + self.seconds)
        return _with(shape, seconds=np.where(frozen, first, seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A day's plot.

    Attributes:
        name: what it is called.
        description: one sentence for people.
        drift: return of the market over the session, added to its own.
        gap: return of the market over night, added.
        volatility, implied, volume: factors on realised and implied volatility and on contracts traded.
        events: in the order in which they are to be applied.
        faults: rules of what is broken on purpose for every key; the market does not look at them.
    """

    name: str
    description: str = ""
    drift: float = _share(0.0, -MAX_RETURN, MAX_RETURN)
    gap: float = _share(0.0, -MAX_RETURN, MAX_RETURN)
    volatility: float = _factor()
    implied: float = _factor()
    volume: float = _factor()
    events: tuple[Event, ...] = ()
    faults: tuple[Rule, ...] = field(default=(), compare=False)


def shape_of(scenario: Scenario | None) -> Shape:
    """The day's shape: the ordinary one without a scenario."""
    if scenario is None:
        return ordinary()
    shape = _with(plain(), gap=scenario.gap)
    shape.drift[:] += scenario.drift / BLOCKS
    shape.volatility[:] *= scenario.volatility
    shape.implied[:] *= scenario.implied
    shape.volume[:] *= scenario.volume
    for event in scenario.events:
        shape = event.apply(shape)
    for values in (shape.volatility, shape.implied, shape.volume):
        np.minimum(values, MAX_PRODUCT, out=values)
    return shape


def second_of(at: dt.time) -> int:
    """The second of the day (0 is the first record's) at a New York time; the nearest one outside the session."""
    seconds = _seconds(at) - _seconds(FIRST_RECORD)
    return max(0, min(seconds, RECORDS - 1))


def _seconds(at: dt.time) -> int:
    return (at.hour * 60 + at.minute) * 60 + at.second


def _blocks(at: dt.time, minutes: int) -> slice:
    """The minutes of the day nearest to those meant: its minutes begin two seconds after the clock's."""
    first = round(second_of(at) / BLOCK)
    return slice(first, min(first + minutes, BLOCKS))


def _ends(blocks: slice) -> slice:
    """The ends of blocks, for what is given at the blocks' starts: a change fades in within the first of them."""
    return slice(blocks.start + 1, blocks.stop + 1)


def _run(shape: Shape, at: dt.time, minutes: int, size: float, recovery: float) -> Shape:
    blocks = _blocks(at, minutes)
    back = slice(blocks.stop, min(blocks.stop + 3 * minutes, BLOCKS))
    shape.drift[blocks] += size * _hump(blocks.stop - blocks.start)
    shape.drift[back] -= recovery * size * _hump(3 * minutes)[: back.stop - back.start]
    for name, factor in _PANIC.items():
        values: Floats = getattr(shape, name)
        for where, much in ((blocks, factor), (back, 1.0 + (factor - 1.0) / 2.0)):
            values[_ends(where) if name == "implied" else where] *= much
    shape.lean[blocks] += _LEAN if size > 0 else -_LEAN
    return shape


def _hump(count: int) -> Floats:
    """Shares of a move by minute: slow, fast, slow; they add up to 1."""
    at = (np.arange(count) + 0.5) / count
    shares = at * (1.0 - at)
    return np.asarray(shares / np.cumsum(shares)[-1])


def _with(shape: Shape, **changes: Any) -> Shape:
    values: dict[str, Any] = {name: getattr(shape, name) for name in Shape.__dataclass_fields__}
    return Shape(**(values | changes))

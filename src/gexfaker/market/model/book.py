"""What customers do in one expiry: contracts traded, and bought on balance, by strike and side, at any record.

A book has a skeleton: totals at every block's start, in whole contracts, which add up minute by minute where spot was
then (calls mostly above it, puts below). Within a block a strike's trades fall on random seconds, so that any record is
found from two rows of the skeleton. A ``Flow`` is four matrices, records by strikes.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gexfaker.market.model.interest import round_strikes
from gexfaker.market.model.minutes import BLOCK, BLOCKS
from gexfaker.market.numeric.exact import Floats, Ints
from gexfaker.market.numeric.hashing import Words, normals, uniforms, walk, words

FLOWS_KEPT: Final = 3
"""Blocks of flow in memory per book, about 200 KB each: the feeds of a ticker play at the same place."""

_MASS: Final = 1.712079418887
"""Area under ``_weight`` for width 1."""

_THIN: Final = 0.8
"""How much slower than with a standard deviation trading thins out away from where it is busiest."""

_END: Final = 3.0
"""Where it ends, in these units."""

_PREMARKET: Final = 0.02
"""Share of the day's volume that is traded before the open (it counts as volume, not as the day's flow)."""

_ROUND: Final = ((20, 1.25), (10, 1.15), (5, 1.08), (1, 0.95))
"""Strikes by roundness, in strike numbers, and how much more is traded there."""

_LUCK: Final = 0.1
"""Share of trading that goes to the strikes and sides that are liked on this day, more than others by chance."""

_FASHION: Final = 0.85
"""The same for those that are liked for half an hour."""

_RIPENS: Final = 4.0
"""Half hours until fashions have their full size: the day's levels are not made in its first minutes."""

_LASTS: Final = 26
"""Minutes for which they are: the day has fifteen of them."""

_QUIET, _BURST = 0.3, 2.8
"""Of what is counted late: in the quietest second, and more in the busiest. Most seconds are quiet, a few are not."""

_REVISED: Final = 0.03
"""Share of all earlier trades that is open to revision like the newest minute's: noise grows through the day."""


class Flow(NamedTuple):
    """Contracts since the day began, by strike: traded, and bought less sold by aggressive customers."""

    call_volume: Ints
    put_volume: Ints
    call_net: Ints
    put_net: Ints


class Habits(NamedTuple):
    """How customers of a book behave.

    Attributes:
        contracts: traded on a day.
        bias: share of traded contracts bought on balance, all day.
        mood: the same, drawn for the day: calls are bought and puts sold, or the other way round.
        taste: the same, drawn for each strike and side: standard deviation.
        noise: the same, drawn for each strike, side and minute.
        herd: the same, drawn for each minute; calls and puts the other way round.
        chase: the same, per usual minute's move up; calls and puts the other way round.
        flicker: twice the most that is counted late, as a share of a minute's volume, in a usual second.
        calls, puts: factors on what of both is bought on balance: protection is wanted more than chances.
        out: where most is traded, in standard deviations out of the money: the nearer to it, the more often a strike
            has the sign of the other side.
    """

    contracts: float
    bias: float
    mood: float
    taste: float
    noise: float
    herd: float
    chase: float
    flicker: float
    calls: float
    puts: float
    out: float


class Terrain(NamedTuple):
    """Where a book trades.

    Attributes:
        strikes: the strike numbers (strike / spacing) it covers.
        reach: strikes to each side of spot in which trades count for the totals.
        spots: spot in strikes, at each block's start and the close.
        widths: how wide trading spreads, in strikes, by block.
        moves: the underlying's move in each block, in usual minutes' moves.
        volume: share of a whole day's volume, by block.
        activity: factor on it, by block.
        lean: share bought on balance, added to calls and taken from puts, by block.
    """

    strikes: range
    reach: int
    spots: Floats
    widths: Floats
    moves: Floats
    volume: Floats
    activity: Floats
    lean: Floats


class Book:
    """One expiry's flow over a day."""

    def __init__(self, key: str, habits: Habits, terrain: Terrain) -> None:
        self._key = key
        self.habits = habits
        self._terrain = terrain
        self.block = lru_cache(maxsize=FLOWS_KEPT)(self._block)

    @cached_property
    def skeleton(self) -> Flow:
        """The totals at each block's start and the close, of all strikes."""
        calls, puts = self._side(+1), self._side(-1)
        return Flow(calls[0], puts[0], calls[1], puts[1])

    @cached_property
    def totals(self) -> Flow:
        """What was traded and bought at each block's start and the close, over the strikes in reach of spot then.

        Not over all strikes of the day: how many these are depends on where spot will go.
        """
        terrain = self._terrain
        strikes = np.arange(terrain.strikes.start, terrain.strikes.stop)
        near = np.abs(strikes - np.rint(terrain.spots)[:, None]) <= terrain.reach
        return Flow(*(_reached(side, near) for side in self.skeleton))

    def _side(self, sign: int) -> tuple[Ints, Ints]:
        habits, terrain, name = self.habits, self._terrain, "call" if sign > 0 else "put"
        bits = words(f"{self._key}/{name}", range(BLOCKS), terrain.strikes)
        draw = uniforms(bits, 0)
        expected = self._density(sign) * self._liking(name)
        traded = np.floor(expected * (3.0 * draw * draw) + uniforms(bits, 1)).astype(np.int64)
        draws = normals(words(f"{self._key}/{name}/bought", range(BLOCKS), terrain.strikes))
        tastes = normals(words(f"{self._key}/{name}/taste", range(1), terrain.strikes))
        keen = habits.calls if sign > 0 else habits.puts
        share = keen * (habits.bias + habits.taste * tastes + sign * self._sentiment[:, None]) + habits.noise * draws
        share = np.minimum(np.maximum(share, -1.0), 1.0)
        bought = np.floor(traded * share + uniforms(bits, 2)).astype(np.int64)
        start = np.floor(self._density(sign, slice(0, 1)) * (_PREMARKET / self._terrain.volume[0])).astype(np.int64)
        return _totals(start, traded), _totals(np.zeros_like(start), np.minimum(bought, traded))

    def _liking(self, name: str) -> Floats:
        """How much more than usual a strike is traded, by block and strike: 1 on average."""
        strikes, periods = self._terrain.strikes, -(-BLOCKS // _LASTS)
        day = uniforms(words(f"{self._key}/{name}/luck", range(1), strikes), 0)
        half_hour = uniforms(words(f"{self._key}/{name}/fashion", range(periods), strikes), 0)
        few, fewer = day * day * day * day, half_hour * half_hour * half_hour * half_hour
        fashion = _FASHION * np.minimum((np.arange(periods) + 0.5) / _RIPENS, 1.0)[:, None]
        liking = (1.0 - _LUCK - fashion) + _LUCK * 5.0 * few + fashion * 9.0 * fewer * fewer
        return np.repeat(liking, _LASTS, axis=0)[:BLOCKS]

    @cached_property
    def _sentiment(self) -> Floats:
        """Share bought on balance by block: of calls; of puts it is the opposite."""
        habits, terrain = self.habits, self._terrain
        draw = uniforms(words(f"{self._key}/mood", range(1)), 0)[0, 0]
        # Of either sign, and never so small that the day has no mood.
        mood = habits.mood * (draw + 0.25 if draw > 0.5 else draw - 1.25)
        herd = habits.herd * walk(f"{self._key}/herd", BLOCKS)
        return np.asarray(mood + herd + habits.chase * terrain.moves + terrain.lean)

    def _density(self, sign: int, blocks: slice = slice(None)) -> Floats:
        """Contracts expected to trade in each block, by strike."""
        terrain = self._terrain
        strikes = np.arange(terrain.strikes.start, terrain.strikes.stop, dtype=np.float64)
        widths = terrain.widths[blocks, None]
        away = sign * (strikes - terrain.spots[:-1][blocks, None]) / widths
        rate = 0.5 * self.habits.contracts * terrain.volume * terrain.activity
        return np.asarray(
            rate[blocks, None] / (_MASS * widths) * _weight(away - self.habits.out) * round_strikes(strikes, _ROUND)
        )

    def _block(self, block: int, strikes: range) -> Flow:
        bits = words(f"{self._key}/seconds", range(block * BLOCK, (block + 1) * BLOCK), strikes)
        here = slice(strikes.start - self._terrain.strikes.start, strikes.stop - self._terrain.strikes.start)
        before, after = ([side[row, here] for side in self.skeleton] for row in (block, block + 1))
        shares = [_shares(bits, part) for part in range(4)]
        part = [(end - start) * share for start, end, share in zip(before, after, shares, strict=True)]
        volumes = [start + np.floor(some).astype(np.int64) for start, some in zip(before[:2], part[:2], strict=True)]
        late = self._late(bits, before, after, block)
        nets = [
            np.minimum(np.maximum(start + np.rint(some + wait).astype(np.int64), -volume), volume)
            for start, some, wait, volume in zip(before[2:], part[2:], late, volumes, strict=True)
        ]
        return Flow(*volumes, *nets)

    def _late(self, bits: Words, before: list[Ints], after: list[Ints], block: int) -> list[Floats]:
        """Contracts that are counted with one record and taken back with the next; none at a block's start."""
        late = []
        draws = uniforms(words(f"{self._key}/bursts", range(block * BLOCK, (block + 1) * BLOCK)), 0)
        bursts = _QUIET + _BURST * draws * draws * draws
        # Nothing is revised while nothing trades.
        flicker = self.habits.flicker * bool(self._terrain.activity[block])
        for start, end, part in zip(before[:2], after[:2], (2, 3), strict=True):
            noise = flicker * (end - start + _REVISED * start) * (uniforms(bits, part) - 0.5)
            noise[0] = 0.0
            late.append(noise * bursts)
        return late


def _weight(away: Floats) -> Floats:
    """How much is traded ``away`` widths from where most is: a hump, and nothing far from it."""
    scaled = away * _THIN
    square = scaled * scaled
    bell, left = 1.0 / (1.0 + square), np.maximum(1.0 - square / (_END * _END), 0.0)
    return np.asarray(bell * bell * (left * left))


def _reached(side: Ints, near: NDArray[np.bool_]) -> Ints:
    first = np.where(near[:1], side[:1], 0)
    changes = np.where(near[:-1], np.diff(side, axis=0), 0)
    total: Ints = np.cumsum(np.concatenate([first, changes]).sum(axis=1, dtype=np.int64))
    return total


def _totals(start: Ints, changes: Ints) -> Ints:
    rows = np.concatenate([start, changes])
    return np.cumsum(rows, axis=0).astype(np.int32)


def _shares(bits: Words, part: int) -> Floats:
    """What share of a block's trades has happened at each of its records, by strike: 0 at the first."""
    draw = uniforms(bits, part)
    size = draw * draw
    total = np.cumsum(size, axis=0)
    shares = np.zeros_like(total)
    shares[1:] = total[:-1] / total[-1]
    return shares

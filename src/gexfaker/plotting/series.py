"""Records to what is drawn: arrays over the hours of the day, and bars by strike. Pure arithmetic."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gexfaker.exchange.hours import NEW_YORK, date_at
from gexfaker.plotting.records import Flow, Ladder, Levels

Floats = NDArray[np.float64]

GAP_STEPS: Final = 3.0
"""A line is broken where this many usual steps lie between two of its points: the feed was silent."""

SHOWN_PERCENT: Final = 99.0
"""How much of a flow an axis shows: the last seconds are a hundred times the day's usual, and would flatten it."""


class SpotDay(NamedTuple):
    """Spot and the levels around it; hours are New York's, 9.5 is half past nine. NaN: there is none."""

    hours: Floats
    spot: Floats
    zero_gamma: Floats
    positive: Floats
    negative: Floats


class FlowDay(NamedTuple):
    """Changes per snapshot, and levels, of the nearest expiry."""

    hours: Floats
    changes: dict[str, Floats]
    levels: dict[str, Floats]


class Profile(NamedTuple):
    """Gamma exposure by strike at one moment."""

    time: dt.datetime
    spot: float
    zero_gamma: float
    strikes: Floats
    volume: Floats
    interest: Floats


SEEN_SHARE: Final = 0.002
"""A strike whose exposure is less than this share of the largest is no more than a hair on the axis."""

CHANGES: Final = ("dexoflow", "gexoflow", "cvroflow")
LEVELS: Final = ("agg_dex", "zgr", "zcvr", "zvanna", "zcharm")


def spot_day(records: Sequence[Levels]) -> SpotDay:
    """Spot, zero gamma and the majors over the day."""
    hours = _hours(records)
    names = ("zero_gamma", "major_pos_vol", "major_neg_vol")
    levels = (_present(_column(records, name)) for name in names)
    return SpotDay(hours, _column(records, "spot"), *levels)


def flow_day(records: Sequence[Flow]) -> FlowDay:
    """Flows and their levels over the day."""
    return FlowDay(
        _hours(records),
        {name: _column(records, name) for name in CHANGES},
        {name: _column(records, name) for name in LEVELS},
    )


def profile(record: Ladder) -> Profile:
    """Exposure by strike, the lowest first."""
    rows = np.array(sorted(row[:3] for row in record.strikes), dtype=np.float64).reshape(-1, 3)
    time = dt.datetime.fromtimestamp(record.timestamp, NEW_YORK)
    return Profile(time, record.spot, record.zero_gamma, rows[:, 0], rows[:, 1], rows[:, 2])


def extremes(strikes: Floats, values: Floats) -> list[tuple[float, float]]:
    """Strike and value of the largest positive and the largest negative exposure, where there is one."""
    if not len(values):
        return []
    high, low = int(values.argmax()), int(values.argmin())
    places = [*([high] if values[high] > 0 else []), *([low] if values[low] < 0 else [])]
    return [(float(strikes[place]), float(values[place])) for place in places]


def seen(shown: Profile) -> tuple[float, float]:
    """The lowest and highest strike worth showing: with an exposure that can be seen, or next to spot."""
    visible = np.zeros(len(shown.strikes), dtype=np.bool_)
    for values in (shown.volume, shown.interest):
        sizes = np.abs(values)
        visible |= (sizes > 0) & (sizes >= SEEN_SHARE * sizes.max(initial=0.0))
    prices = [*shown.strikes[visible].tolist(), shown.spot]
    return min(prices), max(prices)


def broken(hours: Floats, *columns: Floats) -> tuple[Floats, ...]:
    """Times and columns with a NaN put in where the feed was silent, so that no line bridges it."""
    steps = np.diff(hours)
    if not len(steps):
        return (hours, *columns)
    breaks = np.flatnonzero(steps > GAP_STEPS * np.median(steps)) + 1
    return tuple(np.insert(column, breaks, np.nan) for column in (hours, *columns))


def reach(values: Floats) -> tuple[float, int]:
    """How far an axis around 0 goes to show SHOWN_PERCENT of the values, and how many lie beyond."""
    sizes = np.abs(values)
    if not sizes.any():
        return 1.0, 0
    most = float(np.percentile(sizes, SHOWN_PERCENT)) or float(sizes.max())
    return most, int((sizes > most).sum())


def limits(values: Floats) -> tuple[float, float]:
    """The ends of an axis that shows SHOWN_PERCENT of a level's values, and 0, with a margin."""
    rest = (100.0 - SHOWN_PERCENT) / 2.0
    low, high = (float(end) for end in np.percentile(values, (rest, 100.0 - rest)))
    low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def window(day: SpotDay) -> tuple[float, float]:
    """The prices an axis shows: all of spot, the usual of the levels, and a margin.

    Zero gamma is at the edge of the valued range where exposure has one sign everywhere; following it there
    would make a line of spot.
    """
    spot = day.spot
    span = max(float(np.ptp(spot)), 1e-4 * float(spot.max()))
    lows, highs = [float(spot.min())], [float(spot.max())]
    for level in (day.zero_gamma, day.positive, day.negative):
        seen = level[np.isfinite(level)]
        if len(seen):
            lows.append(max(float(np.percentile(seen, 2)), lows[0] - span))
            highs.append(min(float(np.percentile(seen, 98)), highs[0] + span))
    return min(lows) - 0.05 * span, max(highs) + 0.05 * span


def _hours(records: Sequence[Levels] | Sequence[Flow]) -> Floats:
    if not records:
        return np.zeros(0)
    day = date_at(records[0].timestamp)
    noon = int(dt.datetime.combine(day, dt.time(12), NEW_YORK).timestamp())
    return (np.array([record.timestamp for record in records]) - noon) / 3600.0 + 12.0


def _column(records: Sequence[Levels] | Sequence[Flow], name: str) -> Floats:
    return np.array([getattr(record, name) for record in records], dtype=np.float64)


def _present(values: Floats) -> Floats:
    """A level of 0 is none."""
    return np.where(values == 0.0, np.nan, values)

"""The three pictures: spot and its levels, gamma exposure by strike, orderflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from gexfaker.plotting.canvas import ACCENT, FAINT, INK, NEGATIVE, POSITIVE, amounts, blank, time_axis
from gexfaker.plotting.series import Floats, FlowDay, Profile, SpotDay, broken, extremes, limits, reach, seen, window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SPOT_HEIGHT, GEX_HEIGHT, FLOW_HEIGHT = 675, 900, 1100
"""Pixels."""

WHOLE: Final = 100.0
"""From here on, an amount's cents say nothing."""

GAMMA_UNIT: Final = "$ million per 1 % move"
_ROWS: Final = (
    ("dexoflow", "agg_dex", "$ million"),
    ("gexoflow", "zgr", GAMMA_UNIT),
    ("cvroflow", "zcvr", GAMMA_UNIT),
)
"""A change, the level it is the change of, and their unit."""

_CLOSING: Final = (("zvanna", "$ million per 21 vol points"), ("zcharm", "$ million per day"))


def spot_picture(title: str, unit: str, day: SpotDay) -> Figure:
    """Spot, zero gamma and the majors over the day."""
    figure, axes = _spot(title, unit, day)
    axes.set_xlabel("New York time")
    time_axis(axes)
    return figure


def days_picture(title: str, unit: str, days: SpotDay, starts: Sequence[tuple[float, str]]) -> Figure:
    """The same over several days; ``starts`` says where each begins, and its date."""
    figure, axes = _spot(title, unit, days)
    axes.set_xlim(starts[0][0], float(days.hours[-1]))
    axes.set_xticks([at for at, _ in starts], [date[5:] for _, date in starts], ha="left")
    return figure


def _spot(title: str, unit: str, day: SpotDay) -> tuple[Figure, Axes]:
    figure = blank(f"{title}   spot and levels of classic gex_zero", SPOT_HEIGHT)
    axes = figure.add_subplot()
    hours, spot, zero, positive, negative = broken(*day)
    axes.plot(hours, positive, drawstyle="steps-post", color=POSITIVE, lw=1.1, label="major positive, by volume")
    axes.plot(hours, negative, drawstyle="steps-post", color=NEGATIVE, lw=1.1, label="major negative, by volume")
    axes.plot(hours, zero, color=ACCENT, lw=1.3, ls="--", label="zero gamma")
    axes.plot(hours, spot, color=INK, lw=1.5, label="spot")
    axes.set_ylim(*window(day))
    axes.set_ylabel(unit)
    amounts(axes, "y")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2)
    return figure, axes


def gex_picture(title: str, unit: str, category: str, shown: Profile) -> Figure:
    """Exposure by strike, by volume and by open interest."""
    figure = blank(f"{title}   classic {category} at {shown.time:%H:%M:%S} New York", GEX_HEIGHT)
    left, right = figure.subplots(1, 2, sharey=True)
    _bars(left, shown, shown.volume, "by volume")
    _bars(right, shown, shown.interest, "by open interest")
    low, high = seen(shown)
    margin = 0.02 * (high - low) or 1.0
    left.set_ylim(low - margin, high + margin)
    left.set_ylabel(f"strike, {unit}")
    amounts(left, "y")
    left.legend(loc="upper left")
    return figure


def flow_picture(title: str, day: FlowDay, every: int) -> Figure:
    """Changes on the left, the levels they add up to on the right."""
    shown = "every record" if every == 1 else f"one record of {every}"
    figure = blank(f"{title}   orderflow, nearest expiry, {shown}", FLOW_HEIGHT)
    grid = figure.subplots(len(_ROWS) + 1, 2, sharex=True)
    for (left, right), (change, level, unit) in zip(grid, _ROWS, strict=False):
        _changes(left, day.hours, day.changes[change], f"{change} per snapshot, {unit}")
        _line(right, day.hours, day.levels[level], f"{level}, {unit}")
    for axes, (name, unit) in zip(grid[-1], _CLOSING, strict=True):
        _line(axes, day.hours, day.levels[name], f"{name}, {unit}")
        axes.set_xlabel("New York time")
    return figure


def figure_of(value: float) -> str:
    """An amount for a title: with cents where it is small."""
    return f"{value:+,.0f}" if abs(value) >= WHOLE else f"{value:+,.2f}"


def _bars(axes: Axes, shown: Profile, values: Floats, name: str) -> None:
    spacing = float((shown.strikes[1:] - shown.strikes[:-1]).min()) if len(shown.strikes) > 1 else 1.0
    colors = [POSITIVE if value > 0 else NEGATIVE for value in values]
    axes.barh(shown.strikes, values, height=0.8 * spacing, color=colors)
    axes.axvline(0.0, color=FAINT, lw=0.8)
    axes.axhline(shown.spot, color=INK, lw=1.2, label=f"spot {shown.spot:,.2f}")
    if shown.zero_gamma:
        axes.axhline(shown.zero_gamma, color=ACCENT, lw=1.3, ls="--", label=f"zero gamma {shown.zero_gamma:,.2f}")
    for strike, value in extremes(shown.strikes, values):
        side = 1 if value > 0 else -1
        axes.annotate(
            f"{strike:,.10g}",
            (value, strike),
            (5 * side, 0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize=9,
        )
    axes.margins(x=0.12, y=0.01)
    axes.set_title(f"{name}: net {figure_of(float(values.sum()))}")
    axes.set_xlabel(f"gamma exposure, {GAMMA_UNIT}")
    amounts(axes, "x")


def _changes(axes: Axes, hours: Floats, values: Floats, name: str) -> None:
    most, beyond = reach(values)
    axes.vlines(hours, 0.0, values, color=INK, lw=0.5)
    axes.set_ylim(-1.05 * most, 1.05 * most)
    axes.set_title(f"{name}; {beyond} beyond the axis" if beyond else name)
    time_axis(axes, narrow=True)
    amounts(axes, "y")


def _line(axes: Axes, hours: Floats, values: Floats, name: str) -> None:
    axes.axhline(0.0, color=FAINT, lw=0.8)
    axes.plot(*broken(hours, values), color=POSITIVE)
    axes.set_ylim(*limits(values))
    axes.set_title(f"{name}; last {figure_of(float(values[-1]))}")
    time_axis(axes, narrow=True)
    amounts(axes, "y")

"""The only door to matplotlib: an empty figure in the house style, its axes, and the file it becomes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gexfaker.errors import DataError, GexfakerError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH: Final = 1200
"""Pixels: what a page or a chat shows without scaling."""

DPI: Final = 100
"""Pixels an inch: with it, a point of type is 1.4 pixels."""

OPEN, CLOSE = 9.5, 16.0
"""The hours of the market, New York."""

INK: Final = "#222222"
FAINT: Final = "#8a8a8a"
POSITIVE: Final = "#0072b2"
NEGATIVE: Final = "#d55e00"
ACCENT: Final = "#a0407f"
"""Blue, vermilion and purple of Okabe and Ito's palette (the purple darker), told apart by every kind of eye."""

_STYLE: Final = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that a picture is the same everywhere
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
}


def require() -> None:
    """Raise GexfakerError, with the remedy, when matplotlib is not there."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise GexfakerError("gexfaker plot needs matplotlib: pip install matplotlib") from None


@contextmanager
def house_style() -> Iterator[None]:
    """Everything drawn within looks like us, whatever the user's own settings are."""
    import matplotlib.style

    with matplotlib.style.context(["default", _STYLE]):
        yield


def blank(title: str, height: int) -> Figure:
    """An empty figure, WIDTH pixels wide, with its title."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, layout="constrained")
    figure.suptitle(title, x=0.012, ha="left", fontsize=12, fontweight="bold")
    return figure


def time_axis(axes: Axes, *, narrow: bool = False) -> None:
    """The market's hours along the bottom; a narrow one leaves the label at 10:00 out, which would touch 09:30."""
    ticks = [OPEN, *range(10, 17)]
    labels = [f"{int(hour):02}:{int(hour % 1 * 60):02}" for hour in ticks]
    if narrow:
        labels[1] = ""
    axes.set_xlim(OPEN, CLOSE)
    axes.set_xticks(ticks, labels)


def amounts(axes: Axes, which: str) -> None:
    """Thousands separated on one of the axes, ``x`` or ``y``."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(lambda value, _: f"{value:,.10g}")


def save(figure: Figure, path: Path) -> None:
    """Write a PNG; the same figure gives the same bytes. Raises DataError: it cannot be written."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture.getvalue())
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror}): choose another --out") from error

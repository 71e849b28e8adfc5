"""Several days of spot and its levels in one picture, side by side without the nights."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np

from gexfaker.errors import DataError
from gexfaker.plotting.canvas import CLOSE, OPEN, house_style, save
from gexfaker.plotting.day import SUFFIX, Wish
from gexfaker.plotting.pictures import days_picture
from gexfaker.plotting.sampling import Report, sample
from gexfaker.plotting.series import SpotDay, spot_day
from gexfaker.plotting.source import Source

MAX_DAYS: Final = 25
"""Days of a picture: in more of them, none can be told from the next."""

APART: Final = CLOSE - OPEN + 0.5
"""Hours from one day's open to the next one's, on the axis."""


def draw_days(sources: Sequence[Source], wish: Wish, report: Report) -> Path:
    """Draw the days and write the file; its path.

    Raises:
        DataError: there are too many, one has no records, or the file cannot be written.
    """
    if len(sources) > MAX_DAYS:
        raise DataError(f"a picture has {MAX_DAYS} days at most, and these are {len(sources)}: take a shorter range")
    first, last = sources[0], sources[-1]
    days = [_shifted(_read(source, wish, report), number) for number, source in enumerate(sources)]
    whole = SpotDay(*(np.concatenate(column) for column in zip(*days, strict=True)))
    starts = [(OPEN + APART * number, source.date) for number, source in enumerate(sources)]
    with house_style():
        title = f"{first.ticker}   {first.date} to {last.date}   {first.origin}"
        figure = days_picture(title, first.unit, whole, starts)
        path = wish.out if wish.is_file else wish.out / f"{first.ticker}-{first.date}-to-{last.date}-spot{SUFFIX}"
        save(figure, path)
    return path


def _read(source: Source, wish: Wish, report: Report) -> SpotDay:
    with closing(source.open(*wish.feed("spot"))) as tape:
        levels, _ = sample(tape, None, wish.every, report)
    if not levels:
        raise DataError(f"{source.ticker} has no readable record of {source.date}: gexfaker inspect says what is wrong")
    return spot_day(levels)


def _shifted(day: SpotDay, number: int) -> SpotDay:
    return day._replace(hours=day.hours + APART * number)

"""From a day to its PNG files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gexfaker.errors import DataError
from gexfaker.plotting.canvas import house_style, save
from gexfaker.plotting.pictures import flow_picture, gex_picture, spot_picture
from gexfaker.plotting.records import Kind, Ladder, read
from gexfaker.plotting.sampling import Report, index_at, sample
from gexfaker.plotting.series import flow_day, profile, spot_day
from gexfaker.plotting.source import Source
from gexfaker.tapes.tape import Tape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES: Final = ("spot", "gex", "orderflow")
"""What can be drawn."""

SUFFIX: Final = ".png"


@dataclass(frozen=True)
class Wish:
    """What is to be drawn of a day.

    Attributes:
        pictures: of PICTURES.
        at: the New York time of the exposure by strike.
        category: whose exposure it is: gex_full, gex_zero or gex_one.
        every: of how many records one is read.
        out: a folder, or the file of a single picture (``.png``).
    """

    pictures: Sequence[str]
    at: dt.time
    category: str
    every: int
    out: Path

    def check(self) -> None:
        """Raise DataError when ``out`` cannot be meant."""
        if self._is_file and len(self.pictures) > 1:
            raise DataError(f"--out {self.out} is one file for several pictures: give a folder, or --what spot")

    @property
    def _is_file(self) -> bool:
        return self.out.suffix.lower() == SUFFIX and not self.out.is_dir()

    def path(self, source: Source, picture: str) -> Path:
        """Where a picture goes."""
        return self.out if self._is_file else self.out / f"{source.ticker}-{source.date}-{picture}{SUFFIX}"

    def feed(self, picture: str) -> tuple[str, str]:
        """Package and category that a picture is drawn from."""
        return {"spot": ("classic", "gex_zero"), "gex": ("classic", self.category)}.get(picture, ("orderflow",) * 2)


def draw(source: Source, wish: Wish, report: Report) -> Iterator[Path]:
    """Draw and write; gives the files' paths.

    Raises:
        DataError: a feed is missing or has no record of the day, or a file cannot be written.
        RecordError: the one record of the exposure by strike cannot be read.
    """
    wish.check()
    with ExitStack() as stack:
        tapes: dict[str, Tape] = {}
        for picture in wish.pictures:
            tapes[picture] = stack.enter_context(closing(source.open(*wish.feed(picture))))
        stack.enter_context(house_style())
        for picture, figure in _figures(source, wish, tapes, report):
            path = wish.path(source, picture)
            save(figure, path)
            yield path


def _figures(source: Source, wish: Wish, tapes: dict[str, Tape], report: Report) -> Iterator[tuple[str, Figure]]:
    title, unit = source.title, source.unit
    levels, flows = sample(tapes.get("spot"), tapes.get("orderflow"), wish.every, report)
    if tape := tapes.get("spot"):
        yield "spot", spot_picture(title, unit, spot_day(_some(levels, tape)))
    if tape := tapes.get("gex"):
        record = read(tape, index_at(tape, wish.at), Ladder)
        yield "gex", gex_picture(title, unit, wish.category, profile(record))
    if tape := tapes.get("orderflow"):
        yield "orderflow", flow_picture(title, flow_day(_some(flows, tape)), wish.every)


def _some(records: list[Kind], tape: Tape) -> list[Kind]:
    if not records:
        raise DataError(f"{tape.feed.group} has no readable record of {tape.date}: gexfaker inspect says what is wrong")
    return records

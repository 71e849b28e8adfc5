"""From a day to its PNG files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
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
        if self.is_file and len(self.pictures) > 1:
            raise DataError(f"--out {self.out} is one file for several pictures: give a folder, or --what spot")

    @property
    def is_file(self) -> bool:
        """Whether ``out`` names a file, and no folder."""
        return self.out.suffix.lower() == SUFFIX and not self.out.is_dir()

    def path(self, source: Source, picture: str) -> Path:
        """Where a picture goes."""
        return self.out if self.is_file else self.out / f"{source.ticker}-{source.date}-{picture}{SUFFIX}"

    def feed(self, picture: str) -> tuple[str, str]:
        """Package and category that a picture is drawn from."""
        return {"spot": ("classic", "gex_zero"), "gex": ("classic", self.category)}.get(picture, ("orderflow",) * 2)


def draw(source: Source, wish: Wish, report: Report, left_out: Callable[[DataError], None]) -> Iterator[Path]:
    """Draw and write; gives the files' paths.

    Of several pictures, those whose feed is not there are left out, and ``left_out`` is told why.

    Raises:
        DataError: there is nothing to draw from, or a file cannot be written.
        RecordError: the one record of the exposure by strike cannot be read.
    """
    wish.check()
    with ExitStack() as stack:
        tapes = _open(source, wish, stack, left_out)
        stack.enter_context(house_style())
        for picture, figure in _figures(source, wish, tapes, report):
            path = wish.path(source, picture)
            save(figure, path)
            yield path


def _open(source: Source, wish: Wish, stack: ExitStack, left_out: Callable[[DataError], None]) -> dict[str, Tape]:
    """The tape of each picture; closed with the stack."""
    tapes: dict[str, Tape] = {}
    for picture in wish.pictures:
        try:
            tapes[picture] = stack.enter_context(closing(source.open(*wish.feed(picture))))
        except DataError as error:
            if not tapes and picture == wish.pictures[-1]:
                raise
            left_out(error)
    return tapes


def _figures(source: Source, wish: Wish, tapes: dict[str, Tape], report: Report) -> Iterator[tuple[str, Figure]]:
    title, unit = source.title, source.unit
    spot, gex, flow = (tapes.get(picture) for picture in PICTURES)
    # First what may be refused, then what takes its time.
    ladder = profile(read(gex, index_at(gex, wish.at), Ladder)) if gex is not None else None
    levels, flows = sample(spot, flow, wish.every, report)
    if spot is not None:
        yield "spot", spot_picture(title, unit, spot_day(_some(levels, spot)))
    if ladder is not None:
        yield "gex", gex_picture(title, unit, wish.category, ladder)
    if flow is not None:
        yield "orderflow", flow_picture(title, flow_day(_some(flows, flow)), wish.every)


def _some(records: list[Kind], tape: Tape) -> list[Kind]:
    if not records:
        raise DataError(f"{tape.feed.group} has no readable record of {tape.date}: gexfaker inspect says what is wrong")
    return records

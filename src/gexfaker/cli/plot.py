"""`gexfaker plot`: a day as pictures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gexfaker.catalog import GEX_CATEGORIES
from gexfaker.cli.paths import UserPath
from gexfaker.errors import DataError

if TYPE_CHECKING:
    from gexfaker.plotting.sampling import Report
    from gexfaker.plotting.source import Source

LATEST: Final = "latest"

EVERY: Final = 15
"""Of how many records one is read: four a minute are more points than a picture of a day has pixels."""


OTHER_PICTURES: Final = {".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svg", ".pdf", ".eps", ".ps"}
"""Endings of files of pictures that are not made; a folder could be meant, but nobody calls one so."""


@click.command()
@click.option(
    "--date",
    default=LATEST,
    show_default=True,
    metavar="DAY|A..B",
    help="YYYY-MM-DD, latest, or days for one picture of spot.",
)
@click.option("--ticker", default="SPX", show_default=True, metavar="TICKER", help="Whose day.")
@click.option("--seed", type=int, help="Another seed is another market.  [default: 1]")
@click.option("--scenario", metavar="NAME|FILE", help="What happens: fed-day, flash-crash, ..., or a .toml file.")
@click.option(
    "--feedback",
    type=click.FloatRange(0, 1),
    help="How strong dealers' hedging moves the price.  [default: 0.3]",
)
@click.option("--data-dir", type=UserPath(), metavar="DIR", help="A stored day, instead of a simulated one.")
@click.option("--at", default="12:00", show_default=True, metavar="HH:MM", help="When, for gex (New York).")
@click.option(
    "--category", type=click.Choice(GEX_CATEGORIES), default="gex_full", show_default=True, help="What, for gex."
)
@click.option(
    "--what",
    type=click.Choice(["spot", "gex", "orderflow", "all"]),
    default="all",
    show_default=True,
    help="Spot and its levels, gamma exposure by strike, orderflow.",
)
@click.option("--every", type=click.IntRange(min=1), default=EVERY, show_default=True, help="Read one record of N.")
@click.option("--out", type=UserPath(), default=Path(), metavar="DIR|FILE", help="Where to.  [default: here]")
def plot(
    date: str,
    ticker: str,
    seed: int | None,
    scenario: str | None,
    feedback: float | None,
    data_dir: Path | None,
    at: str,
    category: str,
    what: str,
    every: int,
    out: Path,
) -> None:
    """Draw a simulated or a stored day as a trader looks at it.

    Three pictures: spot with zero gamma and the majors over the day; gamma exposure by strike, by volume and by open
    interest; orderflow, per snapshot and added up. Files are called TICKER-DAY-PICTURE.png.

    \b
    Examples:
      gexfaker plot --date 2026-07-17
      gexfaker plot --date 2026-07-17 --scenario flash-crash --what spot --out crash.png
      gexfaker plot --date 2026-07-13..2026-07-17 --what spot
      gexfaker plot --data-dir ~/gexdata --ticker ES_SPX --what gex --category gex_zero --at 15:30
    """
    if out.suffix.lower() in OTHER_PICTURES and not out.is_dir():
        raise DataError(f"--out {out}: pictures are PNG files; write {out.with_suffix('.png')}, or name a folder")
    from gexfaker.plotting import canvas

    canvas.require()
    from gexfaker.plotting.day import PICTURES, Wish, draw
    from gexfaker.plotting.days import draw_days

    wish = Wish(PICTURES if what == "all" else (what,), _time(at), category, every, out)
    if ".." in date:
        sources = [
            _source(day, ticker.upper(), seed, scenario, feedback, data_dir) for day in _days(date, what, data_dir)
        ]
        with _bar() as report:
            click.echo(str(draw_days(sources, wish, report)))
        return
    source = _source(date, ticker.upper(), seed, scenario, feedback, data_dir)
    missing: list[DataError] = []
    with _bar() as report:
        paths = list(draw(source, wish, report, missing.append))
    for error in missing:
        click.echo(f"left out: {error}", err=True)
    for path in paths:
        click.echo(str(path))


def _days(dates: str, what: str, data_dir: Path | None) -> list[str]:
    """The days of a range: the trading days, or the stored ones. Raises DataError."""
    from gexfaker.cli.generate import trading_days
    from gexfaker.tapes.folder import DataFolder

    if what not in ("spot", "all"):
        raise DataError(f"--date {dates}: several days are drawn with --what spot, and one day with --what {what}")
    days = trading_days((dates,))
    stored = days if data_dir is None else sorted(set(days) & set(DataFolder(data_dir).dates()))
    if not stored:
        raise DataError(f"{data_dir} has none of the days {dates}")
    return stored


def _time(text: str) -> dt.time:
    try:
        return dt.datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time of the day, on any day
    except ValueError:
        raise DataError(f"--at {text}: write the time as HH:MM, such as 14:30") from None


def _source(
    date: str, ticker: str, seed: int | None, scenario: str | None, feedback: float | None, data_dir: Path | None
) -> Source:
    from gexfaker.market.scenarios.scenariofile import read_scenario
    from gexfaker.plotting.source import simulated, stored

    if data_dir is None:
        plot = read_scenario(scenario)
        return simulated(ticker, _trading_day(date), 1 if seed is None else seed, plot, feedback)
    given = {"--seed": seed, "--scenario": scenario, "--feedback": feedback}
    flag = next((name for name, value in given.items() if value is not None), None)
    if flag is not None:
        raise DataError(f"{flag} is for simulated days, --data-dir for stored ones: leave one of them out")
    return stored(ticker, date, data_dir)


def _trading_day(date: str) -> str:
    from gexfaker.exchange.calendar import last_trading_day, why_closed
    from gexfaker.exchange.hours import NEW_YORK, parse_date
    from gexfaker.tapes.dates import dashed

    if date == LATEST:
        return last_trading_day(dt.datetime.now(NEW_YORK).date()).isoformat()
    date = dashed(date)
    day = parse_date(date)
    closed = why_closed(day)
    if closed is not None:
        raise DataError(f"--date {date}: {closed}")
    return date


@contextmanager
def _bar() -> Iterator[Report]:
    """A bar on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)

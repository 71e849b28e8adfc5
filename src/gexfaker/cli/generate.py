"""`gexfaker generate`: simulated days as files, for everything that reads recorded ones."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import click

from gexfaker.catalog import TICKERS
from gexfaker.cli.paths import with_out
from gexfaker.errors import DataError
from gexfaker.parsing import named

if TYPE_CHECKING:
    from gexfaker.jobs.generate import Outcome, Task

REPORT_SECONDS: Final = 10.0
"""Between two lines about how far it is, where there is no terminal for a bar."""

MAX_DAYS: Final = 400
"""Days of one call. A ticker-day is about 1 GB: more are a slip of the keyboard."""


@click.command()
@click.option(
    "--date", "dates", multiple=True, required=True, metavar="DAY|A..B", help="A trading day, or all of a range."
)
@click.option("--tickers", default="SPX", show_default=True, metavar="A,B,...", help="Whose feeds; all for every one.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed is another market.")
@click.option("--scenario", metavar="NAME", help="What happens: a name such as flash-crash, or a TOML file.")
@click.option(
    "--feedback",
    type=click.FloatRange(0, 1),
    help="How strong dealers' hedging moves the price.  [default: 0.3]",
)
@with_out("Where to.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "jsonl.zst", "eod"]),
    default="jsonl",
    show_default=True,
    help="Files of a data folder, plain or compressed; or an archive a ticker and day, as the service gives them.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes at a time.  [default: one a core]")
@click.option("--records", type=click.IntRange(min=1), help="Only the first so many records of each feed.")
@click.option("--force", is_flag=True, help="Replace what is there, recorded days too.")
def generate(
    dates: tuple[str, ...],
    tickers: str,
    seed: int,
    scenario: str | None,
    feedback: float | None,
    out: Path,
    form: str,
    jobs: int | None,
    records: int | None,
    force: bool,
) -> None:
    """Write simulated days as `gexfaker serve --data-dir` reads them.

    The same day, ticker, seed and scenario give the same bytes on every machine. When a run that was stopped is
    started again, it skips what is complete, a day of a ticker each.

    \b
    Examples:
      gexfaker generate --date 2026-07-17
      gexfaker generate --date 2026-07-13..2026-07-17 --tickers SPX,ES_SPX --seed 7 --out data/
      gexfaker generate --date 2026-07-17 --tickers SPY --format eod --out archives/
      gexfaker generate --date 2026-07-17 --scenario flash-crash --format jsonl.zst
    """
    from gexfaker.jobs.generate import Task

    days, names = trading_days(dates), _names(tickers)
    tasks = [Task(day, ticker, seed, out, form, records, force, scenario, feedback) for day in days for ticker in names]
    sizes = [task.check() for task in tasks]  # all refusals come before any work
    for outcome in _work_off(tasks, sizes, jobs or os.cpu_count() or 1):
        click.echo(str(outcome))


def trading_days(texts: tuple[str, ...], option: str = "--date ") -> list[str]:
    """The days meant by YYYY-MM-DD and A..B, in order, each once; of ranges the trading days only.

    Raises DataError: no date, no trading day, none in a range, more than MAX_DAYS.
    """
    found: set[datetime.date] = set()
    for text in texts:
        found.update(_range(text, option) if ".." in text else [_single(text, option)])
        if len(found) > MAX_DAYS:
            raise DataError(f"{option}{text}: more than {MAX_DAYS} days; take them in parts")
    return [day.isoformat() for day in sorted(found)]


def _single(text: str, option: str) -> datetime.date:
    from gexfaker.exchange.calendar import why_closed
    from gexfaker.exchange.hours import parse_date
    from gexfaker.tapes.dates import dashed

    try:
        day = parse_date(dashed(text))
    except DataError as problem:
        meant = "several days are written 2026-07-13..2026-07-17"
        if text.upper() in TICKERS:
            meant = f'tickers are one list; PowerShell needs quotes around it: --tickers "SPX,{text.upper()}"'
        raise DataError(f"{option}{problem}; {meant}") from None
    closed = why_closed(day)
    if closed is not None:
        raise DataError(f"{option}{text}: {closed}")
    return day


def _range(text: str, option: str) -> list[datetime.date]:
    from gexfaker.exchange.calendar import is_trading_day
    from gexfaker.exchange.hours import parse_date
    from gexfaker.tapes.dates import dashed

    first, last = (parse_date(dashed(end)) for end in text.split("..", 1))
    if last < first:
        raise DataError(f"{option}{text}: the end is before the beginning")
    if (last - first).days > 2 * MAX_DAYS:
        raise DataError(f"{option}{text}: more than {MAX_DAYS} days; take them in parts")
    days = (first + datetime.timedelta(days=number) for number in range((last - first).days + 1))
    found = [day for day in days if is_trading_day(day)]
    if not found:
        raise DataError(f"{option}{text}: the market is closed on all of these days")
    return found


def _names(tickers: str) -> list[str]:
    names = named(tickers, str.upper)
    if names == ["ALL"]:
        return sorted(TICKERS)
    if not names:
        raise DataError("--tickers: name at least one, such as SPX or SPX,ES_SPX")
    return names


def _work_off(tasks: list[Task], sizes: list[int], jobs: int) -> Iterator[Outcome]:
    """Write all, with a bar on a terminal, and a line now and then elsewhere; each outcome as it comes."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gexfaker.jobs.generate import write_day
    from gexfaker.jobs.processes import Crew

    console = Console(stderr=True)
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("records", total=sum(sizes))
        reached, told = [0] * len(tasks), monotonic()
        for index, done, outcome in Crew(write_day, tasks, min(jobs, len(tasks))).run():
            reached[index] = sizes[index] if done is None else done
            progress.update(bar, completed=sum(reached))
            if not console.is_terminal and monotonic() - told >= REPORT_SECONDS:
                told = monotonic()
                click.echo(f"{sum(reached):,} of {sum(sizes):,} records", err=True)
            if outcome is not None:
                progress.stop()  # it would be in the way of what is printed
                yield outcome
                progress.start()

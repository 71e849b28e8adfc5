"""`gexfaker coverage`: which recorded days there are, as a calendar."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gexfaker.catalog import TICKERS
from gexfaker.cli.paths import UserPath, data_folder
from gexfaker.cli.tickers import with_tickers
from gexfaker.errors import DataError
from gexfaker.exchange.hours import NEW_YORK

if TYPE_CHECKING:
    from rich.console import Console

    from gexfaker.inspection.coverage import Row
    from gexfaker.tapes.folder import DataFolder

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri")
MISSING, CLOSED, LATER, HALF = "missing", "closed", "", "half day"
_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
COLUMN: Final = 16
"""Letters of a day in the calendar: five of them fit a terminal of 80 columns, as the last has no blanks behind."""

SHORT: Final = {"sparse-session": "sparse", "low-snapshots": "few"}
"""How the calendar calls the findings whose names are too long for it."""

_STYLES: Final = {"ok": "green", HALF: "green", MISSING: "bold red", CLOSED: "dim"}


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=UserPath())
@click.option("--month", "months", multiple=True, metavar="YYYY-MM", help="May be repeated.  [the newest with days]")
@with_tickers
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.pass_context
def coverage(
    context: click.Context, folder: Path | None, months: tuple[str, ...], tickers: tuple[str, ...], as_json: bool
) -> None:
    """Show which recorded days there are, which are missing, and which are worth a look.

    DIR is the data folder; without it that of the server (its setting DATA_DIR, or ./data). Of each day one feed is
    looked through for its times; the other values are for `gexfaker inspect`. What was seen is kept in the folder, so
    that the next time is quick.

    \b
    Worth a look is:
      late-open, early-close  no snapshot within five minutes of the open, or of the close (half days are known)
      gap                     none for more than two minutes
      sparse-session          half of the usual rate, or less
      low-snapshots           a tenth fewer than the median of the twenty days before

    \b
    Exit code: 0 nothing is missing and nothing worth a look, 1 something is, 2 there are no days.

    \b
    Examples:
      gexfaker coverage ~/gexdata
      gexfaker coverage --month 2026-06 --month 2026-07 --ticker SPX
      gexfaker coverage ~/gexdata --json
    """
    from gexfaker.inspection.coverage import Coverage
    from gexfaker.tapes.folder import DataFolder

    wanted = _months(months)
    root = data_folder() if folder is None else folder
    if not root.is_dir():
        raise DataError(
            f"{root} is not a folder: give the data folder, or gexfaker import and gexfaker download make one"
        )
    days = DataFolder(root)
    dates = days.dates()
    if not dates:
        raise DataError(f"{root} holds no days: gexfaker import brings some in, gexfaker download gets them")
    _check_tickers(days, dates, tickers)
    rows: list[Row] = []
    with _bar() as progress:
        for month in wanted or [dates[-1][:7]]:
            begin, end = _bounds(month)
            if end < begin:
                raise DataError(f"{month} is still to come")
            rows += Coverage(days, progress=progress).rows(begin, end, list(tickers))
    if as_json:
        click.echo(json.dumps({"folder": str(root), "days": [row.as_json() for row in rows]}))
    else:
        _show(rows)
    context.exit(1 if any(row.findings or not row.feeds for row in rows) else 0)


def _check_tickers(days: DataFolder, dates: Sequence[str], tickers: Sequence[str]) -> None:
    """Raises DataError: one is no ticker of the service, and no day has it."""
    if not (unknown := set(tickers) - set(TICKERS)):
        return
    there = {feed.ticker for date in dates for feed in days.feeds(date)}
    if wrong := sorted(unknown - there):
        raise DataError(f"no day has {', '.join(wrong)}; there is {', '.join(sorted(there))}")


def _months(given: Sequence[str]) -> list[str]:
    for month in given:
        if not _MONTH.fullmatch(month):
            raise click.UsageError(f"{month[:20]!r} is no month: write YYYY-MM, such as 2026-07")
    return sorted(set(given))


def _bounds(month: str) -> tuple[datetime.date, datetime.date]:
    """The first day of a month, and the last one that is not to come."""
    begin = datetime.date.fromisoformat(f"{month}-01")
    following = (begin + datetime.timedelta(days=32)).replace(day=1)
    return begin, min(following - datetime.timedelta(days=1), _today())


def _today() -> datetime.date:
    """The day that it is in New York."""
    return datetime.datetime.now(NEW_YORK).date()


def _show(rows: Sequence[Row]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    for month in sorted({row.date[:7] for row in rows}):
        for ticker in sorted({row.ticker for row in rows}):
            _show_month(console, month, ticker, [row for row in rows if (row.date[:7], row.ticker) == (month, ticker)])


def _show_month(console: Console, month: str, ticker: str, rows: Sequence[Row]) -> None:
    """A calendar of a ticker's month, and below it what is worth a look."""
    by_date = {row.date: row for row in rows}
    there = [row for row in rows if row.feeds]
    size = sum(row.size for row in there) / 1e6
    console.print(f"[bold]{ticker} {month}[/]: {len(there)} of {len(rows)} days, {size:,.0f} MB")
    console.print("  " + "".join(f"{name:<{COLUMN}}" for name in WEEKDAYS), style="dim")
    for week in _weeks(month):
        console.print("  " + "".join(_cell(day, by_date) for day in week).rstrip())
    for row in there:
        for finding in row.findings:
            console.print(f"  {row.date} [yellow]{finding.rule}[/]: {finding.text}", soft_wrap=True)
    if missing := [row.date for row in rows if not row.feeds]:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        console.print(f"  missing: {', '.join(missing[:5])}{more}; gexfaker download gets them", soft_wrap=True)


def _weeks(month: str) -> Iterator[list[datetime.date | None]]:
    """The working days of a month, week by week; None for those of other months."""
    begin = datetime.date.fromisoformat(f"{month}-01")
    monday = begin - datetime.timedelta(days=begin.weekday())
    while monday.strftime("%Y-%m") <= month:
        week = [monday + datetime.timedelta(days=number) for number in range(len(WEEKDAYS))]
        if any(day.strftime("%Y-%m") == month for day in week):
            yield [day if day.strftime("%Y-%m") == month else None for day in week]
        monday += datetime.timedelta(days=7)


def _cell(day: datetime.date | None, rows: dict[str, Row]) -> str:
    if day is None:
        return " " * COLUMN
    row = rows.get(day.isoformat())
    if row is None:
        text = CLOSED if day <= _today() else LATER
    elif not row.feeds:
        text = MISSING
    else:
        text = _judged(row)
    style = _STYLES.get(text, "yellow")
    shown = f"{day.day:>2} {text}"
    return f"[{style}]{shown}[/]" + " " * (COLUMN - len(shown)) if text else f"{shown:<{COLUMN}}"


def _judged(row: Row) -> str:
    """The first finding of a day, or that there is none."""
    if row.findings:
        return SHORT.get(row.findings[0].rule, row.findings[0].rule)
    return HALF if row.half else "ok"


@contextmanager
def _bar() -> Iterator[Callable[[str, int], None]]:
    """What is looked through, on standard error if that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("")
        yield lambda name, done: progress.update(task, description=f"{name}: {done:,} records")

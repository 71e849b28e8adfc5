"""`gexfaker inspect`: whether a data folder's days are sound, in tables or as JSON."""

from __future__ import annotations

import datetime
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gexfaker.catalog import Feed
from gexfaker.cli.paths import UserPath
from gexfaker.cli.tickers import with_tickers
from gexfaker.errors import DataError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from gexfaker.inspection.day import DayReport, FeedReport, Progress
    from gexfaker.inspection.findings import Example, Kind, Severity
    from gexfaker.tapes.folder import DataFolder
    from gexfaker.tapes.place import Place

PIPE_WIDTH: Final = 120
"""Characters of a line where no terminal says how many there are."""

SHOWN_FEEDS: Final = 3
"""Feeds that are shown for each kind of finding; a day in a wrong folder has the same in all fifteen."""

SHOWN_STRAYS: Final = 10
"""Files and folders that are not played, of which it is told where they are; there may be thousands."""

FEEDS_WIDTH: Final = 80
"""Characters of a line that all columns about a feed need."""

_STYLES: Final = {"ok": "green", "notes": "yellow", "broken": "bold red"}


@click.command()
@click.argument("folder", metavar="DIR", type=UserPath())
@click.option("--date", "dates", multiple=True, metavar="DAY", help="Only this day (or latest); may be repeated.")
@with_tickers
@click.option("-v", "--verbose", is_flag=True, help="Show every feed, identity and note in tables.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.pass_context
def inspect(
    context: click.Context,
    folder: Path,
    dates: tuple[str, ...],
    tickers: tuple[str, ...],
    verbose: bool,
    as_json: bool,
) -> None:
    """Check every feed of a data folder, and what the feeds of a ticker share.

    What real days have now and then (gaps, repeated seconds, a first row from the close before) is noted. What none
    has is broken: lines cut off, keys in another order, sums that do not add up, levels that differ between feeds.

    \b
    With -v the columns are:
      gaps, longest   how often more than a second passes between two records, and the longest time
      repeats, back   records with the time of the one before, and with an earlier time
      identity        something that holds between values of a record, or of two feeds
      compared        records in which it was looked at
      differing       those in which it does not hold
      restarts        those in which a sum begins anew, as real ones do now and then
      alone           those whose counterpart in the other feed is missing

    \b
    Exit code: 0 ok or notes, 1 something is broken, 2 there is nothing to check.

    \b
    Examples:
      gexfaker inspect ~/gexdata
      gexfaker inspect ~/gexdata --date 2026-07-17 --ticker SPX --ticker ES_SPX
      gexfaker inspect ~/gexdata -v
      gexfaker inspect ~/gexdata --date latest --json
    """
    from rich.console import Console
    from rich.markup import escape

    from gexfaker.inspection.findings import VERDICTS, Severity
    from gexfaker.tapes.strays import left_out, shown_strays

    plan = _plan(folder, dates, tickers)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    reports = []
    for report in _reports(folder, plan):
        reports.append(report)
        if not as_json:
            (_show_all if verbose else _show)(console, report)
    worst = max((report.severity for report in reports), default=Severity.USUAL)
    looked_at = {date for date, _ in plan}
    not_played = left_out(folder, _played(folder, looked_at), looked_at if dates else None, reaches=False)
    if as_json:
        days = [report.as_json() for report in reports]
        told = {"not_played": list(map(str, not_played))}
        click.echo(json.dumps({"folder": str(folder), "verdict": VERDICTS[worst], "days": days} | told))
    else:
        for line in shown_strays(not_played, sys.maxsize if verbose else SHOWN_STRAYS, together=not verbose):
            console.print(f"[yellow]note[/]: {escape(line)}", soft_wrap=True)
        console.print(
            f"{len(reports)} ticker-day{'s' * (len(reports) != 1)}: [{_STYLES[VERDICTS[worst]]}]{VERDICTS[worst]}"
        )
    context.exit(1 if worst is Severity.BROKEN else 0)


def _played(root: Path, dates: Iterable[str]) -> set[Place]:
    """Where the feeds of these days of a data folder are."""
    folder = _folder(root.absolute())
    return {folder.place(date, feed) for date in dates for feed in folder.feeds(date)}


Plan = list[tuple[str, list[Feed]]]
"""Days, and the feeds of one ticker."""


def _plan(root: Path, dates: tuple[str, ...], tickers: tuple[str, ...]) -> Plan:
    from gexfaker.tapes.strays import found_in

    folder = _folder(root)
    days = sorted({folder.resolve_date(date) for date in dates}) or folder.dates()
    wanted = set(tickers)
    plan: Plan = []
    for day in days:
        by_ticker: dict[str, list[Feed]] = {}
        for feed in folder.feeds(day):
            by_ticker.setdefault(feed.ticker, []).append(feed)
        missing = wanted - by_ticker.keys()
        if dates and missing:
            raise DataError(f"{day} has no {', '.join(sorted(missing))}; it has {', '.join(by_ticker) or 'nothing'}")
        plan += [(day, feeds) for ticker, feeds in by_ticker.items() if not wanted or ticker in wanted]
    if not plan:
        chosen = f" of {', '.join(sorted(wanted))}" if wanted else ""
        text = f"{root} holds no days{chosen}; expected is DATE/TICKER/package/category.jsonl[.gz|.zst]"
        raise DataError(f"{text}; {found_in(root, SHOWN_STRAYS, *days)}")
    return plan


def _folder(root: Path) -> DataFolder:
    from gexfaker.tapes.folder import DataFolder

    if not root.is_dir():
        raise DataError(f"{root} is not a folder: give the one that holds the days, such as data/")
    return DataFolder(root)


def _reports(root: Path, plan: Plan) -> Iterator[DayReport]:
    from gexfaker.inspection.day import inspect_day

    folder = _folder(root)
    total, done = sum(len(feeds) for _, feeds in plan), 0
    for day, feeds in plan:
        with _bar(done, total) as progress:
            report = inspect_day(day, feeds, partial(folder.open, day), progress)
        done += len(feeds)
        yield report  # without a bar, which would be in the way of what is printed


@contextmanager
def _bar(done: int, total: int) -> Iterator[Progress]:
    """A bar on standard error, if that is a terminal: how many feeds are done, which one is read, and how far it is."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        seen: list[Feed] = []

        def progress(feed: Feed, records: int) -> None:
            if seen[-1:] != [feed]:
                seen.append(feed)
            bar.update(task, completed=done + len(seen) - 1, description=f"{feed.group}: {records:,} records")

        yield progress


def _show(console: Console, report: DayReport) -> None:
    """A day in a few lines: how much there is, what is noted, and in full what is broken."""
    from gexfaker.inspection.findings import Severity

    _show_verdict(console, report)
    records = sum(feed.records for feed in report.feeds)
    times = sorted(time for feed in report.feeds for time in (feed.facts["first"], feed.facts["last"]) if time)
    span = f", {_clock(times[0])} to {_clock(times[-1])}{_missing(report.date, times)}" if times else ""
    feeds = f"{len(report.feeds)} feed{'s' * (len(report.feeds) != 1)}"
    console.print(f"  {feeds}, {records:,} record{'s' * (records != 1)}{span}", soft_wrap=True)
    _show_notes(console, report)
    _show_findings(console, report, Severity.BROKEN)


def _missing(date: str, times: list[int]) -> str:
    """What of the market's hours has no record, for a day with records; and that these hours are half a day."""
    from gexfaker.exchange.calendar import is_early_close
    from gexfaker.inspection.times import LATE_SECONDS, Day

    day = Day(date)
    said = " (a half day)" if is_early_close(datetime.date.fromisoformat(date)) else ""
    if times[0] - day.open > LATE_SECONDS:
        said += f"; the market opened at {_clock(day.open)}"
    if day.close - times[-1] > LATE_SECONDS:
        said += f"; the market closed at {_clock(day.close)}"
    return said


def _show_notes(console: Console, report: DayReport) -> None:
    """What is noted: in one line what all real days have, and a line with its remedy for each other kind."""
    from gexfaker.inspection.findings import NOTHING, Kind, Severity

    noted = Counter[Kind]()
    for feed in report.feeds:
        noted.update({kind: count for kind, count, _ in feed.tally.items() if kind.severity is not Severity.BROKEN})
    harmless = [kind for kind in noted if kind.remedy == NOTHING]
    if harmless:
        shown = "; ".join(f"{kind.what} ({noted[kind]:,})" for kind in harmless)
        console.print(f"  as real days have it: {shown}", soft_wrap=True)
    for kind in (kind for kind in noted if kind not in harmless):
        console.print(f"  note: {kind.what} ({noted[kind]:,}); {kind.remedy}", soft_wrap=True)
    if noted:
        console.print("  -v shows where", soft_wrap=True)


def _show_verdict(console: Console, report: DayReport) -> None:
    from gexfaker.inspection.findings import VERDICTS

    verdict = VERDICTS[report.severity]
    console.print(f"[bold]{report.date} {report.ticker}[/]: [{_STYLES[verdict]}]{verdict}[/]")


def _show_all(console: Console, report: DayReport) -> None:
    """A day in tables."""
    from rich.markup import escape

    from gexfaker.inspection.findings import Severity

    _show_verdict(console, report)
    console.print(_feeds_table(report.feeds, console.width))
    if any(feed.identities for feed in report.feeds):
        console.print(_identities_table(report.feeds))
    for line in _information(report.feeds):
        console.print(escape(line), soft_wrap=True)
    _show_findings(console, report, Severity.USUAL, verbose=True)
    console.print()


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=number > 0, overflow="fold")
    return table


def _feeds_table(feeds: list[FeedReport], width: int) -> Table:
    """A line for each feed; without the times where the lines would be too long."""
    names = ("feed", "records", "first", "last", "gaps", "longest", "repeats", "back", "verdict")
    left_out = set() if width >= FEEDS_WIDTH else {"first", "last", "longest"}
    table = _table(*(name for name in names if name not in left_out))
    for found in feeds:
        cells = dict(zip(names, _cells(found), strict=True))
        table.add_row(*(cell for name, cell in cells.items() if name not in left_out))
    return table


def _cells(found: FeedReport) -> tuple[str, ...]:
    from gexfaker.inspection.findings import VERDICTS

    facts, verdict = found.facts, VERDICTS[found.severity]
    return (
        _name(found),
        f"{found.records:,}",
        _clock(facts["first"]),
        _clock(facts["last"]),
        f"{facts['gaps']:,}",
        f"{facts['largest_gap']} s" if facts["gaps"] else "",
        f"{facts['repeated']:,}",
        f"{facts['backward']:,}",
        f"[{_STYLES[verdict]}]{verdict}[/]",
    )


def _name(found: FeedReport) -> str:
    package, category = found.feed.package, found.feed.category
    return package if package == category else f"{package} {category}"


def _clock(timestamp: int | None) -> str:
    from gexfaker.exchange.hours import clock_time

    return "" if timestamp is None else clock_time(timestamp)


def _identities_table(feeds: list[FeedReport]) -> Table:
    table = _table("identity", "compared", "differing", "restarts", "alone")
    for found in feeds:
        for identity in found.identities:
            name = identity["name"]
            if found.feed.package != "orderflow":
                name = f"{_name(found)}: {name}"
            counts = (identity[key] for key in ("compared", "differing", "tolerated", "alone"))
            table.add_row(name, *(f"{count:,}" if count else "" for count in counts))
    return table


def _information(feeds: list[FeedReport]) -> Iterator[str]:
    for found in feeds:
        for correlation in found.facts.get("correlations", ()):
            if correlation["value"] is not None:
                yield f"correlation of {correlation['name']}: {correlation['value']:.6f}"
        if hours := found.facts.get("gexoflow_p95"):
            yield "95th percentile of |gexoflow| by hour: " + ", ".join(f"{h}h {v:,.2f}" for h, v in hours.items())
        if priors := found.facts.get("priors"):
            shares = (f"{int(ago) // 60} min {share['equal_share']:.1%}" for ago, share in priors.items())
            yield f"priors of {_name(found)} that are the value then: {', '.join(shares)}"


def _show_findings(console: Console, report: DayReport, least: Severity, *, verbose: bool = False) -> None:
    """What was found that weighs so much at least: kind by kind, each with its feeds, then its remedy once."""
    kinds = dict.fromkeys(kind for feed in report.feeds for kind, _, _ in feed.tally.items() if kind.severity >= least)
    for kind in kinds:
        having = [(feed, item) for feed in report.feeds for item in feed.tally.items() if item[0] == kind]
        shown = having if verbose else having[:SHOWN_FEEDS]
        for feed, (_, count, examples) in shown:
            _show_finding(console, _name(feed), kind, count, examples)
        if more := len(having) - len(shown):
            console.print(f"    and {more} more feed{'s' * (more != 1)}, see -v", soft_wrap=True)
        console.print(f"    remedy: {kind.remedy}", soft_wrap=True)


def _show_finding(console: Console, feed: str, kind: Kind, count: int, examples: Iterable[Example]) -> None:
    """One kind of finding of a feed, with its examples."""
    from rich.markup import escape

    from gexfaker.inspection.findings import VERDICTS, Severity

    severity = "usual note" if kind.severity is Severity.USUAL else kind.severity.name.lower()
    style = _STYLES[VERDICTS[kind.severity]]
    often = f"{count:,} time{'s' * (count != 1)}"
    console.print(f"[{style}]{severity}[/] {feed}: {kind.what} ({kind.name}, {often})", soft_wrap=True)
    for example in examples:
        console.print(escape(f"    {example.place}  {example.detail}"), soft_wrap=True)

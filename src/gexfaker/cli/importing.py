"""`gexfaker import`: days from anywhere into the data folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gexfaker.cli.parent import ending_with_parent
from gexfaker.cli.paths import UserPath, with_out
from gexfaker.cli.progress import ProgressLines, telling
from gexfaker.cli.tickers import with_tickers
from gexfaker.errors import DataError
from gexfaker.shell import argument
from gexfaker.tapes.dates import is_date
from gexfaker.tapes.folder import ENDINGS

if TYPE_CHECKING:
    from gexfaker.jobs.importing import Brought, Found, Importer
    from gexfaker.tapes.strays import Stray

SHOWN: Final = 20
"""Files of which it is told what became of them unless all are asked for; those that failed are always told."""


@click.command("import")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=UserPath())
@with_out("The data folder.")
@click.option("--date", "dates", multiple=True, metavar="DAY", help="Only this day; may be repeated.")
@with_tickers
@click.option("--link", is_flag=True, help="Link files instead of copying them (on the same disk).")
@click.option(
    "--move",
    is_flag=True,
    help="Move files: what was brought in, or is there already byte for byte, goes; the rest stays.",
)
@click.option("--convert", type=click.Choice(ENDINGS), help="Write each feed as JSON lines.")
@click.option("--replace", is_flag=True, help="Replace what the data folder has of the same feeds, in whichever form.")
@click.option("--check/--no-check", default=True, help="Look through what was brought in, as `inspect` does.")
@click.option("-v", "--verbose", is_flag=True, help="Name every file that is brought in or passed over.")
@click.option("--prepare", is_flag=True, help="Encode it beforehand, as `prepare` does.")
@telling
@ending_with_parent
@click.pass_context
def import_(
    context: click.Context,
    paths: tuple[Path, ...],
    out: Path,
    dates: tuple[str, ...],
    tickers: tuple[str, ...],
    link: bool,
    move: bool,
    convert: str | None,
    replace: bool,
    check: bool,
    verbose: bool,
    prepare: bool,
    shown: str,
) -> None:
    """Bring recorded days into the data folder, whatever form they have.

    PATH is a file or a folder: end-of-day zips, unpacked or not, arrays as downloaded, JSON lines, days of another data
    folder. Without --convert files stay as they are; they are played like that. What is there already is not brought
    in again, so it can be run once more after Ctrl-C.

    \b
    Exit code: 0 all is there and sound, 1 something is broken or could not be brought in, 2 nothing could be done.

    \b
    Examples:
      gexfaker import ~/Downloads/eod_report_SPX_2026-07-17.zip
      gexfaker import /mnt/archive --link --date 2026-07-17
      gexfaker import ~/old --convert jsonl.zst --out ~/gexdata --prepare
    """
    from gexfaker.jobs.importing import Importer
    from gexfaker.tapes.dates import dashed

    if link and convert:
        raise click.UsageError("--link keeps files as they are, and --convert writes them anew: choose one")
    if link and move:
        raise click.UsageError("--link keeps files where they are, and --move does not: choose one")
    dates = tuple(map(dashed, dates))
    for date in dates:
        if not is_date(date):
            raise click.UsageError(f"{date[:20]!r} is no day: write YYYY-MM-DD, such as 2026-07-17")
    there, unusable, useless = _found(paths, dates, tickers)
    most = sys.maxsize if verbose else SHOWN
    strays = [stray for path in paths for stray in _tell_strays(path, there, useless, dates, most)]
    missed = 0 if dates or tickers else sum(one.is_known for one in strays)
    unusable, passed_over = unusable + missed, len(strays) - missed
    found = _chosen(_from_outside(there, paths, out), dates, tickers)
    with closing(Importer(out, linked=link, moved=move, replacing=replace)) as importer:
        brought = list((_brought_by_lines if shown == "json" else _brought)(importer, found, convert))
        if convert:
            for note in (*importer.take_away_converted(found, brought), *importer.take_away_replaced()):
                click.echo(f"note: {note}", err=True)
    days = sorted({(one.date, one.feed.ticker) for one in found})
    failed = _tell(brought, unusable, passed_over, most)
    click.echo(f"{len(days)} ticker-day{'s' * (len(days) != 1)} in {out}: gexfaker serve --data-dir {argument(out)}")
    code = 1 if failed or any(one.lost for one in brought) else 0
    if check:
        code |= _check(context, out, days)
    if prepare:
        _prepare(context, out, days)
    context.exit(code)


def _from_outside(found: list[Found], paths: Sequence[Path], out: Path) -> list[Found]:
    """What does not lie in the data folder itself, unless that was named."""
    root = out.resolve()
    if any(path.resolve() == root or root in path.resolve().parents for path in paths):
        return found
    return [one for one in found if root not in one.place.path.resolve().parents]


def _tell_strays(
    path: Path, found: Sequence[Found], useless: Sequence[Path], dates: Collection[str], most: int
) -> list[Stray]:
    """Say what lies in a folder and looks like days, but is not brought in, ``most`` of it.

    Of what is useless it has been told.
    """
    from gexfaker.tapes.place import Place
    from gexfaker.tapes.strays import left_out, shown_strays

    known = {one._replace(path=one.path.absolute()) for one in (*map(Place, useless), *(one.place for one in found))}
    there = left_out(path, known, dates or None) if path.is_dir() else []
    for line in shown_strays(there, most, "passed over", together=most != sys.maxsize):
        is_cut = line.endswith("more files or folders are passed over")
        click.echo(f"note: {line}{': -v names all' * is_cut}", err=True)
    return there


def _found(paths: Sequence[Path], dates: Sequence[str], tickers: Sequence[str]) -> tuple[list[Found], int, list[Path]]:
    """The days below all paths, how many paths or reports have none, which is told, and these reports.

    Of days and tickers that are not wished nothing is counted.

    Raises DataError: none has.
    """
    from gexfaker.jobs.importing import Found, found_below, unreadable

    found, problems = list[Found](), list[str]()
    for path in paths:
        try:
            found += found_below(path)
        except DataError as problem:
            problems.append(str(problem))
    if not found:
        raise DataError("\n".join(problems))
    for text in problems:
        click.echo(text, err=True)
    # What of these cannot be read was told when it was looked for.
    useless = [report for path in paths if path.is_dir() for report in unreadable(path, found, dates, tickers)]
    return found, len(problems) + len(useless), useless


def _chosen(found: list[Found], dates: Sequence[str], tickers: Sequence[str]) -> list[Found]:
    chosen = [one for one in found if (not dates or one.date in dates) and (not tickers or one.feed.ticker in tickers)]
    if not chosen:
        there = ", ".join(sorted({f"{one.date} {one.feed.ticker}" for one in found})[:SHOWN])
        raise DataError(f"none of that is there; there is {there}")
    return chosen


def _brought(importer: Importer, found: list[Found], convert: str | None) -> Iterator[Brought]:
    """What becomes of each file, or with ``convert`` of each feed, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns: list[Any] = [BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn()]
    work = _work(found, convert)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=len(work))
        for file in work:
            yield _one(importer, file, convert, lambda text: progress.update(bar, description=text))
            progress.advance(bar)


def _brought_by_lines(importer: Importer, found: list[Found], convert: str | None) -> Iterator[Brought]:
    """The same for a program."""
    work = _work(found, convert)
    lines = ProgressLines(len(work))
    for file in work:
        name = file[0].place.path.name
        brought = _one(importer, file, convert, partial(lines.file, name))
        yield brought
        lines.ended(name, is_there=not brought.failed)


def _work(found: list[Found], convert: str | None) -> list[list[Found]]:
    """What is brought in at a time: a file with all feeds in it, or one feed."""
    from gexfaker.jobs.importing import files_of

    return [[one] for one in found] if convert else files_of(found)


def _one(importer: Importer, file: list[Found], convert: str | None, show: Callable[[str], None]) -> Brought:
    """What becomes of a file, or of a feed."""
    from gexfaker.jobs.importing import Brought

    one = file[0]
    said = _saying(one, convert, show)
    try:
        return importer.convert(one, f".{convert}", said) if convert else importer.bring(file, said)
    except (DataError, OSError, ValueError) as problem:
        return Brought(one.place.path, failed=f"{one}: {problem}")


def _saying(one: Found, convert: str | None, show: Callable[[str], None]) -> Callable[[int], None]:
    """Shows how far a file, or a feed, is."""
    if convert:
        return lambda records: None if records % 1000 else show(f"{one}: {records:,} records")
    return lambda done: show(f"{one.place.path.name}: {done / 1e6:,.0f} MB")


def _tell(brought: Sequence[Brought], unusable: int, passed_over: int, most: int) -> int:
    """Say what became of the files; how many failed, with those that were of no use before."""
    failed = [one for one in brought if one.failed]
    new = [one for one in brought if not one.failed and not one.was_there]
    for one in new[:most]:
        click.echo(str(one))
    if len(new) > most:
        click.echo(f"... and {len(new) - most:,} more")
    for one in brought:
        for note in one.notes:
            click.echo(f"note: {note}", err=True)
    for one in failed:
        click.echo(str(one), err=True)
    there = sum(one.was_there for one in brought)
    size = sum(one.size for one in new) / 1e6
    files = f"{len(new):,} file{'s' * (len(new) != 1)}"
    left = f"; {passed_over:,} passed over, as the notes say" * bool(passed_over)
    count = len(failed) + unusable
    click.echo(f"{files}, {size:,.1f} MB; {there:,} there already; {count:,} not brought in{left}")
    return count


def _check(context: click.Context, out: Path, days: Sequence[tuple[str, str]]) -> int:
    """Look through the days, as `inspect` does; its exit code."""
    from gexfaker.cli.inspect import inspect

    code = 0
    for date in sorted({date for date, _ in days}):
        with inspect.make_context(
            "inspect", [str(out), "--date", date, *_tickers(days, date)], parent=context
        ) as inner:
            try:
                inspect.invoke(inner)
            except click.exceptions.Exit as ended:
                code |= int(ended.exit_code)
    return code


def _prepare(context: click.Context, out: Path, days: Sequence[tuple[str, str]]) -> None:
    from gexfaker.cli.prepare import prepare

    for date in sorted({date for date, _ in days}):
        with prepare.make_context(
            "prepare", [date, "--data-dir", str(out), *_tickers(days, date)], parent=context
        ) as inner:
            prepare.invoke(inner)


def _tickers(days: Sequence[tuple[str, str]], date: str) -> list[str]:
    """The tickers of a day, as arguments."""
    return [part for day, ticker in days if day == date for part in ("--ticker", ticker)]

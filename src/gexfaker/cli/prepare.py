"""`gexfaker prepare`: payloads of recorded days made beforehand, so that a server only has to send them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gexfaker.catalog import STORED_CATEGORIES
from gexfaker.cli.paths import data_folder
from gexfaker.cli.tickers import with_tickers
from gexfaker.errors import DataError
from gexfaker.limits import MIB

if TYPE_CHECKING:
    from gexfaker.jobs.prepare import Job, Outcome
    from gexfaker.tapes.folder import DataFolder

MIN_TASK_BYTES: Final = 16 * MIB
"""What a process gets to do at least: starting it takes as long as encoding some 2 MB of a tape."""

LOCK: Final = ".gexfaker.lock"
"""In DATE/TICKER, held while something is written there; `gexfaker generate` has the same."""


@click.command()
@click.argument("date", metavar="DATE")
@click.option("--data-dir", metavar="DIR", help="Recorded days.  [default: the server's setting DATA_DIR, or ./data]")
@with_tickers
@click.option("--jobs", type=click.IntRange(min=1), help="Processes at a time.  [default: one a core]")
@click.option("--clean", is_flag=True, help="Delete what was prepared instead.")
def prepare(date: str, data_dir: str | None, tickers: tuple[str, ...], jobs: int | None, clean: bool) -> None:
    """Write beside each file of a day what the server sends for its records: gex_zero.payloads for gex_zero.jsonl.

    DATE is YYYY-MM-DD or latest. The server finds these files by itself and sends the same bytes as without them, with
    less work. It goes without when a day's file was changed since: prepare the day again. A run that was
    stopped goes on where it was; what is prepared and sound is left as it is.

    \b
    Examples:
      gexfaker prepare latest
      gexfaker prepare 2026-07-17 --data-dir ~/gexdata --ticker SPX --ticker ES_SPX
      gexfaker prepare 2026-07-17 --clean
    """
    from gexfaker.tapes.folder import DataFolder

    root = data_folder(data_dir)
    folder, wanted = DataFolder(root), list(tickers)
    day = folder.resolve_date(date)
    if clean:
        _clean(root, day, wanted)
    else:
        _prepare(_jobs(folder, day, wanted), jobs or os.cpu_count() or 1)


def _jobs(folder: DataFolder, date: str, tickers: Sequence[str]) -> list[Job]:
    """The feeds to prepare. Raises DataError: there are none."""
    from gexfaker.jobs.prepare import Job

    feeds = folder.feeds(date)
    there = sorted({feed.ticker for feed in feeds})
    missing = [ticker for ticker in tickers if ticker not in there]
    if missing or not feeds:
        raise DataError(f"{folder.root / date} has no {', '.join(missing) or 'data'}; it has {', '.join(there) or '-'}")
    wanted = [feed for feed in feeds if not tickers or feed.ticker in tickers]
    return [Job.of(folder.root, date, feed) for feed in wanted]


def _tasks(jobs: Sequence[Job]) -> list[tuple[Job, ...]]:
    """The jobs in portions, the largest first, so that no process has to be waited for alone."""
    tasks: list[list[Job]] = []
    room = 0
    for job in sorted(jobs, key=lambda job: -job.size):
        if room <= 0:
            tasks.append([])
            room = MIN_TASK_BYTES
        tasks[-1].append(job)
        room -= job.size
    return [tuple(task) for task in tasks]


def _prepare(jobs: Sequence[Job], processes: int) -> None:
    failed = records = size = 0
    with _locked({job.folder for job in jobs if job.folder}):
        for outcome in _work_off(_tasks(jobs), processes):
            click.echo(str(outcome))
            if outcome.header is None:
                failed += 1
            else:
                records, size = records + outcome.header.records, size + outcome.header.size
    click.echo(f"in all {len(jobs) - failed} of {len(jobs)} files, {records:,} records, {size / 1e6:,.1f} MB")
    if failed:
        raise DataError(f"{failed} of {len(jobs)} files could not be prepared, see above; the server encodes them live")


def _work_off(tasks: list[tuple[Job, ...]], processes: int) -> Iterator[Outcome]:
    """Prepare all, with a bar on a terminal; each outcome as it comes."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("preparing", total=sum(job.size for task in tasks for job in task))
        reached = [0] * len(tasks)

        def show(number: int, done: int) -> None:
            reached[number] = done
            progress.update(bar, completed=sum(reached))

        for outcomes in _results(tasks, processes, show):
            progress.stop()  # it would be in the way of what is printed
            yield from outcomes
            progress.start()


def _results(tasks: list[tuple[Job, ...]], processes: int, show: Callable[[int, int], None]) -> Iterator[list[Outcome]]:
    from gexfaker.jobs import prepare as job
    from gexfaker.jobs.processes import Crew

    if min(processes, len(tasks)) == 1:
        for number, task in enumerate(tasks):
            yield job.prepare(task, partial(show, number))
        return
    for number, done, outcomes in Crew(job.prepare, tasks, min(processes, len(tasks))).run():
        if done is not None:
            show(number, done)
        if outcomes is not None:
            yield outcomes


@contextmanager
def _locked(folders: set[Path]) -> Iterator[None]:
    """Nobody else writes in these folders of tickers, and what a killed run left there is gone."""
    from gexfaker.tapes.lock import WriteLock
    from gexfaker.tapes.prepared import ENDING
    from gexfaker.tapes.writer import PART, remove_leftovers

    with ExitStack() as stack:
        for folder in sorted(folders):
            lock = WriteLock(folder / LOCK)
            if not lock.acquire():
                raise DataError(f"{folder} is being written by another gexfaker: wait for its end")
            stack.callback(lock.release)
            remove_leftovers(folder, f"*/.*{ENDING}{PART}")
        yield


def _clean(root: Path, date: str, tickers: Sequence[str]) -> None:
    from gexfaker.tapes.loose import loose_below
    from gexfaker.tapes.prepared import ENDING
    from gexfaker.tapes.writer import PART, explained

    found = list(_payload_files(root, date, tickers, f"*{ENDING}"))
    parts = _payload_files(root, date, tickers, f".*{ENDING}{PART}")
    size = 0
    with _locked({path.parent.parent for path in (*found, *parts)}):
        found += [
            path
            for path, day, feed in loose_below(root, ENDING)
            if day == date and feed.ticker in (tickers or [feed.ticker])
        ]
        for path in found:
            with explained(path):
                size += path.lstat().st_size
                path.unlink()
    click.echo(f"{root / date}: {len(found)} payload file{'s' * (len(found) != 1)} deleted, {size / 1e6:,.1f} MB")


def _payload_files(root: Path, date: str, tickers: Sequence[str], pattern: str) -> Iterator[Path]:
    """What was prepared of a day, whether or not its tape is still there; nothing outside the root."""
    for path in sorted((root / date).glob(f"*/*/{pattern}")):
        package, ticker = path.parent.name, path.parent.parent.name.upper()
        ours = path.name.strip(".").partition(".")[0] in STORED_CATEGORIES.get(package, ())
        inside = path.parent.resolve().is_relative_to(root.resolve())
        if ours and inside and (not tickers or ticker in tickers):
            yield path

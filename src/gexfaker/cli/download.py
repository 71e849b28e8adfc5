"""`gexfaker download`: recorded days from the service, as they are played."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gexfaker.catalog import CATEGORIES, TICKERS
from gexfaker.cli.generate import trading_days
from gexfaker.cli.parent import ending_with_parent
from gexfaker.cli.paths import UserPath, with_out
from gexfaker.cli.progress import ProgressLines, telling
from gexfaker.cli.reach import Command, Url
from gexfaker.errors import DataError
from gexfaker.parsing import named
from gexfaker.shell import argument, text_of
from gexfaker.upstream import KEY, SERVICE, is_key

if TYPE_CHECKING:
    from gexfaker.client.history import History
    from gexfaker.jobs.download import Outcome, Wanted

KEYRING: Final = "gexfaker"
"""What our entry in the system's keyring is called."""


def with_service(command: Command) -> Command:
    """Give a command what says where days come from and go to: ``--tickers``, ``--out``, ``--upstream``, key, rate."""
    options = (
        click.option("--tickers", default="SPX", show_default=True, metavar="A,B,...", help="Whose days."),
        with_out("Where to."),
        click.option(
            "--upstream", "--url", type=Url(), default=SERVICE, show_default=True, metavar="URL", help="The API to ask."
        ),
        click.option(
            "--key-file",
            type=UserPath(exists=True, dir_okay=False),
            help=f"A file with the API key.  [default: {KEY} in the environment, the keyring, or it is asked for]",
        ),
        click.option(
            "--rate", type=click.FloatRange(0.1, 50), default=2.0, show_default=True, help="Requests a second."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("dates", nargs=-1, metavar="[DATE|A..B]...")
@click.option(
    "--packages",
    default="classic,state,orderflow",
    show_default=True,
    metavar="A,B,...",
    help="What of them; for dates only, a report has what the key may see.",
)
@click.option("--workers", type=click.IntRange(1, 16), default=3, show_default=True, help="Files at a time.")
@telling
@ending_with_parent
@with_service
def download(
    dates: tuple[str, ...],
    tickers: str,
    packages: str,
    out: Path,
    upstream: str,
    key_file: Path | None,
    workers: int,
    shown: str,
    rate: float,
) -> None:
    """Get recorded days from the service; `gexfaker serve --data-dir` plays them as they come.

    Without a date it is the newest end-of-day report of each ticker, which every Classic key may have. With dates it is
    a file for each day and category, which needs a Quant key. What is there and whole is not asked for again; a run
    that was stopped goes on where it was. The exit code is 1 if something could not be had.

    \b
    Examples:
      gexfaker download --tickers SPX,SPY
      gexfaker download 2026-07-17 --tickers SPX --packages classic
      gexfaker download 2026-07-13..2026-07-17 --out ~/gexdata --key-file ~/.gexbot
    """
    from gexfaker.client.history import History, Rate

    wanted = _wanted(dates, names_of(tickers), _packages(packages))
    bring = _bring_by_lines if shown == "json" else _bring
    outcomes = bring(History(upstream, key_of(key_file), Rate(rate)), out, wanted, workers)
    missing = [one for one in outcomes if one.path is None]
    size = sum(one.size for one in outcomes if not one.was_there)
    there = sum(one.was_there for one in outcomes)
    came = len(outcomes) - len(missing) - there
    click.echo(
        f"{came:,} file{'s' * (came != 1)} of {size / 1e6:,.1f} MB came, {there:,} there "
        f"already, {len(missing):,} could not be had"
    )
    if missing:
        sys.exit(1)
    click.echo(f"play them: gexfaker serve --data-dir {argument(out)}")


@click.command()
@click.argument("folder", type=UserPath(exists=True, file_okay=False), default=Path("data"))
def verify(folder: Path) -> None:
    """Compare downloaded files with what was written down when they came: sizes and SHA-256.

    The exit code is 1 if one is missing, changed or damaged. `gexfaker inspect` looks at what is in them.

    \b
    Examples:
      gexfaker verify
      gexfaker verify ~/gexdata
    """
    from rich.console import Console
    from rich.progress import track

    from gexfaker.jobs.download import Manifest
    from gexfaker.jobs.download import verify as checks

    console = Console(stderr=True)
    total = len(Manifest(folder).files)
    found = list(
        track(checks(folder), "comparing", total, console=console, transient=True, disable=not console.is_terminal)
    )
    broken = [one for one in found if one.trouble]
    for one in broken:
        click.echo(f"{one.name}: {one.trouble}")
    click.echo(f"{len(found) - len(broken)} of {len(found)} files are as they came")
    if broken:
        click.echo("remove the others, and run gexfaker download again")
        sys.exit(1)


def _wanted(dates: tuple[str, ...], tickers: Sequence[str], packages: Sequence[str]) -> list[Wanted]:
    """The files that are asked for, the oldest day first. Raises DataError."""
    from gexfaker.jobs.download import Wanted

    if not dates:
        return [Wanted(ticker) for ticker in tickers]
    kinds = [(package, category) for package in packages for category in CATEGORIES[package]]
    days = trading_days(dates, "")
    return [Wanted(ticker, *kind, date) for date in days for ticker in tickers for kind in kinds]


def names_of(tickers: str) -> list[str]:
    """The tickers with commas between them. Raises DataError: one is unknown."""
    names = named(tickers, str.upper)
    unknown = [name for name in names if name not in TICKERS]
    if unknown or not names:
        raise DataError(
            f"--tickers: {unknown[0] if unknown else 'none'} is not a ticker of the service, such as SPX,SPY"
        )
    return names


def _packages(packages: str) -> list[str]:
    names = named(packages, str.lower)
    unknown = [name for name in names if name not in CATEGORIES]
    if unknown or not names:
        raise DataError(f"--packages: {unknown[0] if unknown else 'none'} is not one of {', '.join(CATEGORIES)}")
    return names


def key_of(file: Path | None) -> str:
    """The API key: from a file, or the environment, the keyring, who sits there. Raises DataError: there is none."""
    try:
        key = os.environ.get(KEY, "") if file is None else text_of(file)
    except (OSError, UnicodeError) as error:
        raise DataError(f"--key-file: {file} cannot be read: {error}") from None
    if not key.strip() and file is None:
        key = _key_of_keyring()
    if not key.strip() and file is None and sys.stdin.isatty():
        key = click.prompt("API key", hide_input=True)
    key = key.strip()
    if not is_key(key):
        found = f"what is in {file or KEY} is no API key" if key else f"{file} is empty" if file else "there is none"
        raise DataError(
            f"an API key is needed, and {found}: set {KEY}, use --key-file, or put it into the system's keyring "
            f"(pip install keyring; keyring set {KEYRING} {KEY})"
        )
    return key


def _key_of_keyring() -> str:
    """The key that the system's keyring has for us; empty without one, or without the library that asks it."""
    if importlib.util.find_spec("keyring") is None:
        return ""
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(KEYRING, KEY) or ""
    except (KeyringError, OSError, RuntimeError):  # there is none here, or nobody may open it
        return ""


def _bring(history: History, out: Path, wanted: list[Wanted], workers: int) -> list[Outcome]:
    """Bring all in, with a bar for each file on a terminal; each outcome is a line. Raises DataError."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

    from gexfaker.jobs.download import Downloader

    console, bars, outcomes = Console(stderr=True), dict[object, TaskID](), []
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:

        def told(one: Wanted, came: int, size: int | None) -> None:
            bar = bars.get(one)
            if bar is None:
                bar = bars[one] = progress.add_task(str(one), total=size)
            progress.update(bar, completed=came)

        for outcome in Downloader(history, out, told).bring(wanted, workers):
            if (bar := bars.pop(outcome.wanted, None)) is not None:
                progress.remove_task(bar)
            outcomes.append(outcome)
            progress.console.print(str(outcome), markup=False, highlight=False, soft_wrap=True)
    return outcomes


def _bring_by_lines(history: History, out: Path, wanted: list[Wanted], workers: int) -> list[Outcome]:
    """The same for a program. Raises DataError."""
    from gexfaker.jobs.download import Downloader

    lines, outcomes = ProgressLines(len(wanted)), []

    def told(one: Wanted, came: int, size: int | None) -> None:
        of = f" of {size / 1e6:,.1f}" if size else ""
        lines.file(str(one), f"{came / 1e6:,.1f}{of} MB")

    for outcome in Downloader(history, out, told).bring(wanted, workers):
        outcomes.append(outcome)
        lines.ended(str(outcome), is_there=outcome.path is not None)
        if outcome.path is None:
            click.echo(str(outcome))
    return outcomes

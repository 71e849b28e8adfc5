"""`gexfaker collect`: the reports of every trading evening, and what was missed."""

from __future__ import annotations

import datetime
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gexfaker.cli.download import key_of, names_of, with_service
from gexfaker.cli.parent import ending_with_parent

if TYPE_CHECKING:
    from gexfaker.jobs.collect import Collector


@click.command()
@click.option("--back", type=click.IntRange(0, 90), default=0, show_default=True, help="Days back to fill gaps of.")
@click.option("--once", is_flag=True, help="Look once and end, for cron.")
@click.option("--webhook", metavar="URL", help="Is sent JSON (title, message) when something could not be had.")
@click.option("--ntfy", metavar="URL", help="A topic of ntfy, such as https://ntfy.sh/mine: the same.")
@click.option("--evict", metavar="DAYS", type=click.FloatRange(min=1), help="Take away payloads unused for so long.")
@ending_with_parent
@with_service
def collect(
    evict: float | None,
    back: int,
    once: bool,
    webhook: str | None,
    ntfy: str | None,
    tickers: str,
    out: Path,
    upstream: str,
    key_file: Path | None,
    rate: float,
) -> None:
    """Get each day's reports in the evening, as long as it runs.

    It looks from 17:05 New York on, every five minutes until the day is there; on days without trading it waits. From
    20:00 on, and for gaps (--back), it asks by date, which needs a Quant key. With --once the exit code is 1 if
    the newest day is not there. With --evict the payloads that `gexfaker prepare` has made go after each look when
    nobody has used them for so many days; records stay.

    \b
    Examples:
      gexfaker collect --tickers SPX,SPY --out ~/gexdata
      gexfaker collect --tickers SPX --back 90 --ntfy https://ntfy.sh/my-days
      gexfaker collect --once                               in a crontab
      gexfaker collect --tickers SPX --evict 30
    """
    from gexfaker.client.history import History, Rate
    from gexfaker.client.notify import notify
    from gexfaker.jobs.collect import MAX_SLEEP_SECONDS, Collector, next_look
    from gexfaker.jobs.download import Downloader

    history = History(upstream, key_of(key_file), Rate(rate))
    collector = Collector(lambda: Downloader(history, out), out, names_of(tickers), back, time.time)
    at = 0.0
    while True:
        if time.time() >= at:
            trouble = _look(collector)
            _clear_up(out, evict)
            if trouble and (webhook or ntfy):
                for failed in notify(webhook, ntfy, "gexfaker collect", trouble):
                    click.echo(failed, err=True)
            if once:
                if why := collector.why_not_newest():
                    click.echo(why, err=True)
                sys.exit(1 if why else 0)
            at = next_look(time.time(), is_complete=collector.is_complete())
            why = collector.why_not_newest()
            click.echo(f"{why + '; ' if why else ''}next look: {_shown(at)} New York")
        time.sleep(min(max(at - time.time(), 0.0), MAX_SLEEP_SECONDS))


def _clear_up(out: Path, unused: float | None) -> None:
    """Take away what can be made again, and say how full the disk is when little room is left."""
    from gexfaker.jobs.download import room_left
    from gexfaker.jobs.eviction import evict

    for path, size in evict(out, unused, time.time()) if unused is not None else ():
        click.echo(f"{_shown(time.time())} {path}: unused for {unused:g} days, {size / 1e6:,.0f} MB taken away")
    if (told := room_left(out)) is not None:
        click.echo(told, err=True)


def _look(collector: Collector) -> str:
    """Look once, with a line for each file; what could not be had, as sentences."""
    may, troubles = collector.may_ask_by_date, []
    for outcome in collector.look():
        click.echo(f"{_shown(time.time())} {outcome}")
        if outcome.path is None and not outcome.is_missing:
            troubles.append(str(outcome))
    if may and not collector.may_ask_by_date:
        click.echo("this key may not ask by date: only the evening's reports are got from now on")
    return "\n".join(troubles)


def _shown(moment: float) -> str:
    from gexfaker.exchange.hours import NEW_YORK

    return f"{datetime.datetime.fromtimestamp(moment, NEW_YORK):%Y-%m-%d %H:%M:%S}"

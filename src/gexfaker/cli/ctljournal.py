"""`gexfaker ctl journal`: what the clients of a key did and were told."""

from __future__ import annotations

import json
from typing import Final

import click

from gexfaker.cli.asking import Asked, choosing_key
from gexfaker.client.undertest import entry_line

SHOWN: Final = 100
"""Entries that are shown unless another number is asked for."""


@click.command(short_help="Show what the clients of a key did and were told.")
@click.option("--follow", "-f", is_flag=True, help="Go on with entries as they come, until Ctrl-C.")
@click.option("--type", "types", metavar="TYPE,...", help="Only entries of these types, such as joinGroup,close.")
@click.option("--since", type=int, default=0, help="Only entries after this number.")
@click.option("--limit", type=click.IntRange(1), default=SHOWN, show_default=True, help="How many of the newest.")
@click.option("--clear", is_flag=True, help="Forget all entries.")
@click.option("--off", is_flag=True, help="End the journal.")
@choosing_key
def journal(asked: Asked, follow: bool, types: str | None, since: int, limit: int, clear: bool, off: bool) -> None:
    """Show the journal of a key: requests, connections, joins, acknowledgements, deliveries, closes, faults.

    Asking begins it: what was before is not in it, unless the server was started with --journal.

    \b
    Examples:
      gexfaker ctl journal
      gexfaker ctl journal --follow --type joinGroup,leaveGroup,close
      gexfaker ctl journal --key mine --limit 1000 --json
      gexfaker ctl journal --off
    """
    if clear or off:
        answer = asked.ask("DELETE", "/journal") if off else asked.ask("POST", "/journal/clear")
        asked.print(answer, ["the journal is off" if off else f"{answer['cleared']:,} entries forgotten"])
        return
    if follow:
        _follow(asked, types, since)
        return
    _show(asked, types, since, limit)


def _show(asked: Asked, types: str | None, since: int, limit: int) -> None:
    """The newest entries, looked for page by page."""
    where = f"&type={types}" if types else ""
    answer = asked.ask("GET", "/journal", more=f"&since={since}{where}")
    entries, page = answer["entries"], answer
    while page["more"]:
        page = asked.ask("GET", "/journal", more=f"&since={page['next']}{where}")
        entries = [*entries, *page["entries"]][-limit:]
    answer |= {"entries": entries[-limit:], "more": 0, "next": page["next"]}
    lost = [f"{answer['lost']:,} older entries have fallen out"] * bool(answer["lost"])
    nothing = "nothing of that kind" if answer["last"] else "nothing yet: what was before it began is not in it"
    asked.print(answer, [*lost, *map(entry_line, answer["entries"])] or [nothing])


def _follow(asked: Asked, types: str | None, since: int) -> None:
    where = f"&type={types}" if types else ""
    for entry in asked.follow("/journal", more=f"&follow=true&since={since}{where}"):
        click.echo(json.dumps(entry, separators=(",", ":")) if asked.as_json else entry_line(entry))

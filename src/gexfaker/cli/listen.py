"""`gexfaker listen`: the feed as a real client sees it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

import click

from gexfaker.catalog import Feed, parse_group
from gexfaker.exchange.hours import NEW_YORK

HEADER_EVERY: Final = 40
"""Lines between two headings: one stays in sight on an ordinary screen."""

_COLUMNS: Final = {
    "gex": "spot zero_gamma major_pos_vol major_neg_vol sum_gex_vol sum_gex_oi".split(),
    "orderflow": "spot zgr gexoflow net_dex dexoflow zero_mcall zero_mput z_mlgamma z_msgamma".split(),
    "spot": ["spot"],
}
_GREEK_COLUMNS: Final = "spot major_positive major_negative major_long_gamma major_short_gamma".split()


@click.command(short_help="Watch feeds in the terminal.")
@click.argument("names", metavar="[orderflow TICKER... | GROUP...]", nargs=-1, required=True)
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Base URL of the server.")
@click.option("--key", default="demo", show_default=True, help="API key; each key has a place of its own in the day.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many messages.")
@click.option("--json", "as_json", is_flag=True, help="Print each record as a line of JSON, with its group if several.")
@click.option("--raw", is_flag=True, help="Print the WebSocket messages as they arrive.")
def listen(names: tuple[str, ...], url: str, key: str, count: int | None, as_json: bool, raw: bool) -> None:
    """Connect as a real client does, and print what the feeds send.

    A GROUP is TICKER_PACKAGE_CATEGORY, without the prefix, or TICKER_spot. With a spot group the V2 flow is
    used (POST /v2/negotiate, the server joins), else the GET flow (the client joins).

    \b
    Examples:
      gexfaker listen orderflow SPX
      gexfaker listen orderflow SPX ES_SPX --json --count 10
      gexfaker listen SPX_classic_gex_zero SPX_state_delta_zero
      gexfaker listen SPX_classic_gex_zero SPX_spot
      gexfaker listen orderflow SPX --url http://127.0.0.1:9000 --key mine --raw
    """
    feeds = _choose(names)
    import asyncio

    from gexfaker.client.feed import follow, negotiate

    targets = negotiate(url.rstrip("/"), key, feeds)
    printer = _Printer(feeds, count, "raw" if raw else "json" if as_json else "lines")
    try:
        asyncio.run(follow(targets, printer.show))
    except KeyboardInterrupt:
        click.echo()


def _choose(names: tuple[str, ...]) -> list[Feed]:
    """The feeds that the arguments mean."""
    from gexfaker.client.feed import ListenError

    if names[0].lower() == "orderflow":
        names = tuple(f"{ticker.upper()}_orderflow_orderflow" for ticker in names[1:])
        if not names:
            raise ListenError("which ticker? For example: gexfaker listen orderflow SPX")
    feeds = []
    for name in dict.fromkeys(names):
        feed = parse_group(name)
        if feed is None:
            raise ListenError(f"{name!r} is not a group such as SPX_classic_gex_zero or SPX_spot")
        feeds.append(feed)
    return feeds


class _Printer:
    """Prints messages until there were enough."""

    def __init__(self, feeds: list[Feed], count: int | None, style: str) -> None:
        self._style = style
        self._count = count
        self._shown = 0
        # A message's group may have a prefix, so its feed is found by the ending.
        self._feeds = sorted(feeds, key=lambda feed: -len(feed.group))
        self._one_layout = len({tuple(_columns(feed)) for feed in feeds}) == 1

    def show(self, received: Any) -> bool:
        """Print one message; whether to go on. Several connections may bring more than was asked for."""
        if self._shown == self._count:
            return False
        feed = next(feed for feed in self._feeds if received.group.endswith(feed.group))
        if self._style == "raw":
            click.echo(received.frame)
        elif self._style == "json":
            named = received.record if len(self._feeds) == 1 else {"group": feed.group, **received.record}
            click.echo(json.dumps(named, separators=(",", ":")))
        else:
            self._show_line(feed, received.record)
        self._shown += 1
        return self._shown != self._count

    def _show_line(self, feed: Feed, record: dict[str, Any]) -> None:
        columns = _columns(feed)
        if not self._one_layout:
            values = "  ".join(f"{name} {record[name]:,.2f}" for name in columns)
            click.echo(f"{_time(record)}  {feed.group:<26}  {values}")
            return
        if self._shown % HEADER_EVERY == 0:
            click.echo(" ".join((f"{'time':>8}", f"{'group':<26}", *(f"{name:>16}" for name in columns))))
        numbers = (f"{record[name]:>16,.2f}" for name in columns)
        click.echo(" ".join((_time(record), f"{feed.group:<26}", *numbers)))


def _columns(feed: Feed) -> list[str]:
    """What a person sees of a feed's records."""
    return _COLUMNS.get(feed.kind, _GREEK_COLUMNS)


def _time(record: dict[str, Any]) -> str:
    try:
        return f"{datetime.fromtimestamp(record['timestamp'], NEW_YORK):%H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{record['timestamp']:>8}"  # not epoch seconds

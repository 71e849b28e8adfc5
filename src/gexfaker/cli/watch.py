"""The table of `gexfaker listen --watch`: a line for each group, the newest record in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from gexfaker.catalog import Feed
from gexfaker.cli.lines import levels_of
from gexfaker.client.heard import MAX_LAG_SECONDS, Heard, MarketClock
from gexfaker.exchange.hours import clock_time

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

REFRESHES_A_SECOND: Final = 4
"""How often the table is drawn: more than the feeds' usual pace, and little for a terminal far away."""


class Board:
    """What was heard of each feed, as a table.

    Args:
        heard: by the name of the group.

    Attributes:
        clock: the market clock of the key, once the server has told it.
        live: the table on the terminal; it is drawn again by itself while the context is open.
    """

    def __init__(self, feeds: Sequence[Feed], heard: Mapping[str, Heard]) -> None:
        self._feeds: Final = feeds
        self._heard: Final = heard
        self.clock: MarketClock | None = None
        self.live: Final = self._live()

    def tell(self, sentence: str) -> None:
        """Say something above the table, which would be torn otherwise."""
        self.live.console.print(sentence, markup=False, highlight=False)

    def _live(self) -> Live:
        from rich.live import Live

        return Live(get_renderable=self.table, refresh_per_second=REFRESHES_A_SECOND)

    def table(self) -> Table:
        """The table as it is now."""
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, expand=True, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("group", no_wrap=True, min_width=max(len(feed.group) for feed in self._feeds))
        table.add_column("time", no_wrap=True, min_width=8)
        table.add_column("spot", justify="right", no_wrap=True, min_width=8)
        table.add_column("levels", no_wrap=True, ratio=1)
        for name, width in (("lag", 5), ("count", 5), ("gaps", 4), ("again", 5)):
            table.add_column(name, justify="right", no_wrap=True, min_width=width)
        for feed in self._feeds:
            table.add_row(*self._row(feed, self._heard[feed.group]))
        return table

    def _row(self, feed: Feed, heard: Heard) -> tuple[str, ...]:
        if heard.timestamp is None:
            return feed.group, "waiting", "", "", "", "0", "", ""
        counts = (f"{heard.count:,}", f"{heard.gaps or ''}", f"{heard.repeats or ''}")
        spot = f"{heard.record['spot']:,.2f}"
        return feed.group, clock_time(heard.timestamp), spot, levels_of(feed, heard.record), self._lag(heard), *counts

    def _lag(self, heard: Heard) -> str:
        """How late the newest record came; it does not grow until the next one comes."""
        if self.clock is None or heard.timestamp is None:
            return ""
        lag = self.clock.lag(heard.timestamp, heard.at)
        return f"{lag:.1f} s" if lag < MAX_LAG_SECONDS else ""

"""What `gexfaker listen` prints of the messages that come: lines for people, JSON, or the messages as they are."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from gexfaker.catalog import Feed
from gexfaker.exchange.hours import clock_time

if TYPE_CHECKING:
    from gexfaker.client.feed import Received

LEAST_WIDTH: Final = 11
"""Letters of a column of numbers: six digits, two commas, a sign and cents."""

HEADER_EVERY: Final = 40
"""Lines between two headings: one stays in sight on an ordinary screen."""

_COLUMNS: Final = {
    "gex": "spot zero_gamma major_pos_vol major_neg_vol sum_gex_vol sum_gex_oi".split(),
    "orderflow": "spot zgr gexoflow net_dex dexoflow zero_mcall zero_mput z_mlgamma z_msgamma".split(),
    "spot": ["spot"],
}
_GREEK_COLUMNS: Final = "spot major_positive major_negative major_long_gamma major_short_gamma".split()


class Printer(Protocol):
    """Shows messages one by one."""

    def show(self, feed: Feed, received: Received) -> None:
        """Show a message of this feed."""


class Raw:
    """The WebSocket messages as they arrive."""

    def show(self, feed: Feed, received: Received) -> None:
        """Print the message."""
        click.echo(received.frame)


class Json:
    """Each record as a line of JSON, with its group if there are several."""

    def __init__(self, several: bool) -> None:
        self._several = several

    def show(self, feed: Feed, received: Received) -> None:
        """Print the record."""
        named = {"group": feed.group, **received.record} if self._several else received.record
        click.echo(json.dumps(named, separators=(",", ":")))


class Lines:
    """A line for each record: under headings if all have the same columns, else with the names in it."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._shown = 0
        self._name_width = max(len(feed.group) for feed in feeds)
        self._one_layout = len({tuple(columns_of(feed)) for feed in feeds}) == 1

    def show(self, feed: Feed, received: Received) -> None:
        """Print the record's line, and a heading above it where it is time for one."""
        columns, record = columns_of(feed), received.record
        if not self._one_layout:
            values = "  ".join(f"{name} {record[name]:,.2f}" for name in columns)
            click.echo(_fitting(f"{clock_time(record['timestamp'])}  {feed.group:<{self._name_width}}  {values}"))
            return
        if self._shown % HEADER_EVERY == 0:
            named = (f"{name:>{_width(name)}}" for name in columns)
            click.echo(_fitting(" ".join((f"{'time':>8}", f"{'group':<{self._name_width}}", *named))))
        self._shown += 1
        numbers = (f"{record[name]:>{_width(name)},.2f}" for name in columns)
        line = (clock_time(record["timestamp"]), f"{feed.group:<{self._name_width}}", *numbers)
        click.echo(_fitting(" ".join(line)))


def _width(name: str) -> int:
    """Letters of a column: large sums take more than prices."""
    return max(len(name), LEAST_WIDTH)


def _fitting(line: str) -> str:
    """A line as wide as the terminal, whole columns only; all of it where there is none."""
    if not sys.stdout.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else line[:width].rpartition(" ")[0].rstrip()


def columns_of(feed: Feed) -> list[str]:
    """What a person sees of a feed's records, the most important first."""
    return _COLUMNS.get(feed.kind, _GREEK_COLUMNS)


def levels_of(feed: Feed, record: Mapping[str, Any]) -> str:
    """A record's levels beside spot, as far as there is room for them."""
    return "  ".join(f"{name} {record[name]:,.2f}" for name in columns_of(feed)[1:] if name in record)

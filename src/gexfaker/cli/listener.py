"""What `gexfaker listen` does with each message, and what it says about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from gexfaker.catalog import SPOT, Feed
from gexfaker.client.heard import Heard, MarketClock, longest_lag
from gexfaker.client.silence import reasons

if TYPE_CHECKING:
    from gexfaker.cli.lines import Printer
    from gexfaker.cli.watch import Board
    from gexfaker.client.feed import Received

SILENT_SECONDS: Final = 3.0
"""After so long without a message the server is asked why; at the usual speed one comes each second."""


class Listener:
    """What came until there was enough, and what is odd about it.

    Args:
        at: the option by which commands find the server; empty where they find it without.

    Attributes:
        heard: what came of each group, by its name.
        printer: shows messages; None where a board does.
    """

    def __init__(
        self, feeds: Sequence[Feed], key: str, count: int | None, record: Callable[[str], None], at: str = ""
    ) -> None:
        self.feeds: Final = feeds
        self.heard: Final = {feed.group: Heard(feed.group, feed.package == SPOT) for feed in feeds}
        self.printer: Printer | None = None
        self.board: Board | None = None
        self._key: Final = key
        self._at: Final = at
        self._left = count
        self._record: Final = record
        self._clock: MarketClock | None = None
        self._is_late = False
        self._told: set[str] = set()
        self._last = time.monotonic()

    def take(self, received: Received) -> bool:
        """One message; whether to go on. Several connections may bring more than was asked for."""
        self._last = time.monotonic()
        if self._left == 0:
            return False
        self._record(received.frame)
        # The group may have a prefix, so its feed is the longest whose name it ends with.
        meant = [feed for feed in self.feeds if received.group.endswith(feed.group)]
        feed = max(meant, key=lambda feed: len(feed.group), default=None)
        if feed is None:  # somebody else has joined the key to more
            return True
        for odd in self.heard[feed.group].hear(received.record, time.time()):
            self.tell(odd)
        if self.printer is not None:
            self.printer.show(feed, received)
        if self._left is not None:
            self._left -= 1
        return self._left != 0

    def tell(self, sentence: str) -> None:
        """Say something about what comes, apart from it: above the board, or on standard error."""
        if self.board is not None:
            self.board.tell(f"gexfaker: {sentence}")
        else:
            click.echo(f"gexfaker: {sentence}", err=True)

    def wonders(self) -> bool:
        """Whether the server should be asked: nothing comes, or late, or a board shows how things are."""
        return (
            self.board is not None
            or time.monotonic() - self._last >= SILENT_SECONDS
            or self._lag() > 0
            or self._is_late
        )

    def explain(self, status: Mapping[str, Any], groups: set[str]) -> None:
        """Say why groups stay silent, each reason once."""
        for reason in reasons(status, self._key, groups, self._at):
            self._tell_once(reason)

    def set_clock(self, clock: MarketClock | None) -> None:
        """The market clock is there now; say when what comes is late by it, and when it no longer is."""
        self._clock = clock
        if self.board is not None:
            self.board.clock = clock
        lag, was_late = self._lag(), self._is_late
        self._is_late = lag > 0
        if self._is_late and not was_late:
            self.tell(f"records come {lag:.1f} s late: what takes them from here, or this machine, is too slow")
        elif was_late and not self._is_late:
            self.tell("records come in time again")

    def _lag(self) -> float:
        return longest_lag(self.heard.values(), self._clock, time.time())

    def _tell_once(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self.tell(sentence)

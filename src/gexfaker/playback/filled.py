"""A recorded day whose missing feeds are simulated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gexfaker.catalog import Feed
from gexfaker.playback.day import Day
from gexfaker.tapes.tape import Tape


class FilledDay(Day):
    """A recorded day, and a simulated one behind it for what was not recorded.

    The simulated market knows nothing of the recorded one: its prices are others.

    Args:
        recorded, simulated: days of one date, closed with this one.
    """

    def __init__(self, recorded: Day, simulated: Day) -> None:
        origin = f"{recorded.origin}; what is missing is {simulated.origin}"
        super().__init__(recorded.date, origin, recorded.feeds | simulated.feeds, self._open_one)
        self._recorded: Final = recorded
        self._simulated: Final = simulated

    def _open_one(self, feed: Feed) -> Tape:
        return (self._recorded if feed in self._recorded.feeds else self._simulated).open(feed)

    def is_filled_in(self, feed: Feed) -> bool:
        """Whether a feed is simulated."""
        source = self.source(feed)
        return source is not None and source not in self._recorded.feeds

    def first_date(self) -> str | None:
        """That of the recorded day."""
        return self._recorded.first_date()

    def digest(self) -> str:
        """That of the recorded day; the settings tell the other from another one."""
        return self._recorded.digest()

    def is_newest_first(self) -> bool:
        """Whether the recorded day is."""
        return self._recorded.is_newest_first()

    def oddities(self) -> list[str]:
        """Those of the recorded day."""
        return self._recorded.oddities()

    def source(self, feed: Feed) -> Feed | None:
        """The feed itself, recorded or else simulated; where the market does not have it, a recorded one."""
        if feed in self._recorded.feeds:
            return feed
        return self._simulated.source(feed) or self._recorded.source(feed)

    def look(self) -> Callable[[], bool] | None:
        """That of the recorded day."""
        return self._recorded.look()

    def close(self) -> None:
        """Close all tapes and both days."""
        super().close()
        self._recorded.close()
        self._simulated.close()

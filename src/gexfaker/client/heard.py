"""What a listener has heard of a group: how much, how old it is, and what is missing or came twice. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from gexfaker.exchange.hours import clock_time

GAP_SECONDS: Final = 5
"""Market seconds without a record that count as a gap: the feeds have one each second, and leave out a few."""

EXPIRY_GAP_SECONDS: Final = 20
"""The same for a group of one expiry, which has every fifth record."""

LAG_SECONDS: Final = 2.0
"""Real seconds behind the server's market clock from which a listener is late."""

MAX_LAG_SECONDS: Final = 3600.0
"""Beyond it, it is no lag: the records are of another day than the clock."""

FRESH_SECONDS: Final = 2.0
"""How old a record may be for its lag to count: the clock may have been moved since an older one came."""

MAX_NOTICES: Final = 10
"""Notices about one group; what comes after is only counted."""

_OF_ONE_EXPIRY: Final = re.compile("_[0-9]{8}$")


class MarketClock(NamedTuple):
    """Where a server said that a key's market clock is.

    Attributes:
        market_time: the time of the day that is played, epoch seconds.
        at: when it was there, by the listener's clock.
        speed: market seconds a real second; 0 while it stands.
    """

    market_time: float
    at: float
    speed: float

    def lag(self, timestamp: float, now: float) -> float:
        """How many real seconds ago a record of this timestamp was due; 0 where that cannot be said."""
        if not self.speed:
            return 0.0
        market_time = self.market_time + (now - self.at) * self.speed
        return max((market_time - timestamp) / self.speed, 0.0)


def clock_of(status: Mapping[str, Any] | None, now: float) -> MarketClock | None:
    """The market clock of a session as ``/_gexfaker/sessions`` shows it, or None: it has none, or is at its end.

    A server that shows no session (None), as the service, does not say either.
    """
    if status is None:
        return None
    playback = status.get("playback") or {}
    market_time = playback.get("market_time")
    if not isinstance(market_time, int | float) or playback.get("over"):
        return None
    if playback.get("timestamps") == "live":  # records bear the present time, whatever the speed is
        return MarketClock(now, now, 1.0)
    return MarketClock(market_time, now, 0.0 if playback.get("paused") else playback.get("speed") or 0.0)


class Heard:
    """The messages of one group.

    Args:
        group: its name.
        is_shared: whether several hubs carry it, as spot, each at its own pace: then nothing is a repeat.

    Attributes:
        count: how many came.
        timestamp: of the newest record, epoch seconds.
        record: the newest record.
        gaps: how often too many seconds of the market had no record.
        repeats: how often a record was not newer than the one before it.
        at: when the newest came, by the listener's clock.
    """

    def __init__(self, group: str, is_shared: bool = False) -> None:
        self.group: Final = group
        self._is_shared: Final = is_shared
        self._gap: Final = EXPIRY_GAP_SECONDS if _OF_ONE_EXPIRY.search(group) else GAP_SECONDS
        self.count = 0
        self.timestamp: int | None = None
        self.record: Mapping[str, Any] = {}
        self.gaps = 0
        self.repeats = 0
        self.at = 0.0

    def hear(self, record: Mapping[str, Any], now: float) -> Iterator[str]:
        """Take one record; sentences about what is odd in it."""
        self.count += 1
        if self._is_shared and self.timestamp is not None and record["timestamp"] <= self.timestamp:
            return
        before, after = self.timestamp, record["timestamp"]
        self.timestamp, self.record, self.at = after, record, now
        found = self._compare(before, after) if before is not None else ""
        if found and self.gaps + self.repeats <= MAX_NOTICES:
            last = "; what comes after is only counted" * (self.gaps + self.repeats == MAX_NOTICES)
            yield f"{self.group}: {found}{last}"

    def _compare(self, before: int, after: int) -> str:
        if after > before + self._gap:
            self.gaps += 1
            return f"no record for {after - before:,} s of the market, from {clock_time(before)} to {clock_time(after)}"
        if after == before:
            self.repeats += 1
            return f"the record of {clock_time(after)} came again"
        if after < before:
            self.repeats += 1
            return f"the market went back from {clock_time(before)} to {clock_time(after)}"
        return ""


def longest_lag(heard: Iterable[Heard], clock: MarketClock | None, now: float) -> float:
    """By how many seconds the latest of these groups is late; 0 when none is, or nobody can say."""
    if clock is None:
        return 0.0
    fresh = (one for one in heard if one.timestamp is not None and now - one.at < FRESH_SECONDS)
    lags = (clock.lag(one.timestamp or 0, one.at) for one in fresh)
    return max((lag for lag in lags if LAG_SECONDS < lag < MAX_LAG_SECONDS), default=0.0)


class Numbers:
    """The numbers of the messages on a reliable connection: which are new, and which are missing."""

    def __init__(self) -> None:
        self.last = 0

    def is_new(self, number: int) -> bool:
        """Whether a message is new; after a recovery some come a second time."""
        return number > self.last

    def take(self, number: int) -> int:
        """The message has arrived; how many before it have not."""
        missing, self.last = number - self.last - 1, number
        return missing

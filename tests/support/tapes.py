"""Tapes in memory, and days of them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from gexfaker.catalog import Feed
from gexfaker.errors import DataError, RecordError
from gexfaker.playback.day import Day
from gexfaker.playback.days import Days
from gexfaker.tapes.folder import LATEST, DataFolder
from gexfaker.tapes.tape import new_number
from support import independent

SPX = Feed("SPX", "orderflow", "orderflow")
ES_SPX = Feed("ES_SPX", "orderflow", "orderflow")
DATE = "2026-08-14"
OPEN = 1_786_714_200
"""09:30 in New York on DATE."""


def record(timestamp: int, **changed: Any) -> bytes:
    """A good record; its time tells which one it is."""
    row = {"timestamp": timestamp, "ticker": "SPX", **dict.fromkeys(independent.NUMBERS, 1.5), **changed}
    return json.dumps(row).encode()


@lru_cache(maxsize=100_000)
def _stamp(content: bytes) -> int | None:
    try:
        return int(json.loads(content)["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None


class MemoryTape:
    """A tape of the given records; None stands for one that the file itself cannot give.

    Attributes:
        reads: records read whole so far; looking at their times does not count.
    """

    def __init__(self, records: list[bytes | None], feed: Feed = SPX, date: str = DATE) -> None:
        self.records = records
        self.number = new_number()
        self.feed = feed
        self.date = date
        self.reads = 0
        self.closed = False

    def __len__(self) -> int:
        return len(self.records)

    def has(self, index: int) -> bool:
        return 0 <= index < len(self.records)

    def json(self, index: int) -> bytes:
        self.reads += 1
        found = self.records[index]
        if found is None:
            raise RecordError("the line cannot be read")
        return found

    def steps_to_index(self, index: int) -> Iterator[None]:
        return iter(())

    def knows(self, timestamp: int) -> bool:
        return True

    def steps_to_time(self, timestamp: int) -> Iterator[None]:
        return iter(())

    def timestamp(self, index: int) -> int:
        found = self.records[index]
        stamp = None if found is None else _stamp(found)
        if stamp is None:
            raise RecordError("the time cannot be read")
        return stamp

    def payload(self, index: int) -> bytes | None:
        return None

    def columns(self, index: int, shape: object, most: int) -> None:
        return None

    @property
    def is_prepared(self) -> bool:
        return False

    def index_at(self, timestamp: int) -> int:
        stamps = (None if content is None else _stamp(content) for content in self.records)
        found = (index for index, stamp in enumerate(stamps) if stamp is not None and stamp <= timestamp)
        return max(found, default=-1)

    def place(self, index: int) -> str:
        return f"memory/{self.feed.ticker}.jsonl:{index + 1}"

    def close(self) -> None:
        self.closed = True


def at_times(stamps: Iterable[int | None], feed: Feed = SPX, date: str = DATE) -> MemoryTape:
    """A tape of records at these times; None stands for an unreadable one."""
    return MemoryTape([None if stamp is None else record(stamp) for stamp in stamps], feed, date)


def day(*tapes: MemoryTape, date: str = DATE) -> Day:
    """A day of these tapes."""
    by_feed = {tape.feed: tape for tape in tapes}
    return Day(date, "memory", list(by_feed), lambda feed: by_feed[feed])


class MemoryDays(Days):
    """Days in memory; sessions start with the first that is given."""

    def __init__(self, *libraries: Day, last: str | None = None) -> None:
        self.libraries = {library.date: library for library in libraries}
        first = libraries[0].date
        today = datetime.date.fromisoformat(first)
        super().__init__(DataFolder(Path("/nowhere")), f"{first}..{last}" if last else first, 1, (), today)

    def dates(self) -> list[str]:
        return sorted(self.libraries)

    def resolve(self, date: str) -> str:
        if date == LATEST:
            return max(self.libraries)
        if date not in self.libraries:
            raise DataError(f"no data for {date}; there is {', '.join(self.dates())}")
        return date

    def after(self, date: str) -> str | None:
        later = [day for day in self.dates() if day > date]
        return later[0] if later and (self.last is None or date < self.last) else None

    def day(self, date: str) -> Day:
        return self.libraries[self.resolve(date)]

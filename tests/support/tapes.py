"""Tapes in memory."""

from __future__ import annotations

import json
from typing import Any

from gexfaker.catalog import Feed
from gexfaker.errors import RecordError
from gexfaker.playback.library import Library
from support import independent

SPX = Feed("SPX", "orderflow", "orderflow")
ES_SPX = Feed("ES_SPX", "orderflow", "orderflow")


def record(timestamp: int, **changed: Any) -> bytes:
    """A good record; its time tells which one it is."""
    row = {"timestamp": timestamp, "ticker": "SPX", **dict.fromkeys(independent.NUMBERS, 1.5), **changed}
    return json.dumps(row).encode()


class MemoryTape:
    """A tape of the given records; None stands for one that the file itself cannot give."""

    def __init__(self, records: list[bytes | None], feed: Feed = SPX) -> None:
        self.records = records
        self.feed = feed
        self.date = "2026-08-14"
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

    def timestamp(self, index: int) -> int:
        return int(json.loads(self.json(index))["timestamp"])

    def index_at(self, timestamp: int) -> int:
        stamps = [self.timestamp(index) for index in range(len(self))]
        return max((index for index, stamp in enumerate(stamps) if stamp <= timestamp), default=-1)

    def place(self, index: int) -> str:
        return f"memory/{self.feed.ticker}.jsonl:{index + 1}"

    def close(self) -> None:
        self.closed = True


def day(*tapes: MemoryTape) -> Library:
    """A library of these tapes."""
    by_feed = {tape.feed: tape for tape in tapes}
    return Library("2026-08-14", "memory", list(by_feed), lambda feed: by_feed[feed])

"""Before a jump the day is read on in steps; the jump itself reads nothing more of a large file."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gexfaker.catalog import Feed
from gexfaker.playback.actions import Seek
from gexfaker.playback.day import Day
from gexfaker.playback.options import Options, Playback
from gexfaker.tapes.jsonl import JsonlTape
from support.session import Session
from support.tapes import DATE, OPEN, SPX, MemoryDays

FEEDS = [SPX, Feed("SPX", "classic", "gex_full"), Feed("SPX", "classic", "gex_zero")]
NOW = 1_795_600_000.0
COUNT = 4000
PADDING = random.Random(11).randbytes(1500).hex()
PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
WHERE: list[dict[str, Any]] = [
    {"time": OPEN + 3000},
    {"time": "10:20"},
    {"time": "close"},
    {"index": 3000, "feed": "SPX_orderflow_orderflow"},
    {"index": 10**9, "feed": "SPX_orderflow_orderflow"},
]


@pytest.fixture(scope="module", params=PACK)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve megabytes of records, a second each, in one of the formats."""
    lines = "".join(f'{{"timestamp":{OPEN + number},"spot":"{PADDING}"}}\n' for number in range(COUNT))
    path: Path = tmp_path_factory.mktemp("day") / f"orderflow.jsonl{request.param}"
    path.write_bytes(PACK[request.param](lines.encode()))
    return path


@pytest.mark.parametrize("playback", list(Playback))
@pytest.mark.parametrize("where", WHERE, ids=str)
def test_a_seek_reads_nothing_that_was_not_read_in_steps_before(
    file: Path, where: dict[str, Any], playback: Playback
) -> None:
    tapes = {feed: JsonlTape(file, feed, DATE) for feed in FEEDS}
    session = Session("s", MemoryDays(Day(DATE, "memory", FEEDS, lambda feed: tapes[feed])), Options(playback))
    seek = Seek.of(where)
    steps = sum(1 for _ in seek.approach(session.play))
    known = [tape._index.known for tape in tapes.values()]
    assert steps >= 8, "the file is many chunks"
    assert max(known) >= 3000
    seek.run(session.play, Options(), NOW)
    assert [tape._index.known for tape in tapes.values()] == known
    for tape in tapes.values():
        tape.close()

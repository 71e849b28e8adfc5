"""Days of the largest size in their largest forms: answered at once, with little memory, found anywhere."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gexfaker.catalog import STORED_CATEGORIES, Feed
from gexfaker.market.simulation import Market
from gexfaker.playback.day import StoredDay
from gexfaker.tapes.folder import DataFolder
from support.server import Running, running_process

pytestmark = [
    pytest.mark.volume,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]
DATE = "2026-07-17"
FEED = Feed("SPX", "classic", "gex_full")
FEEDS = [Feed("SPX", package, category) for package in STORED_CATEGORIES for category in STORED_CATEGORIES[package]]
SIZE = 300 << 20
"""Bytes of one feed's text, far more than any real one."""

FIRST_SECONDS = 0.5
"""From the ready server to the first answer."""

MOST_MB = 150
"""Resident memory of the server, whatever it has read."""

PLAIN_SECONDS, PACKED_SECONDS = 0.001, 0.020
"""To any record once the index is there, in a plain and in a compressed form; the median of many."""


@pytest.fixture(scope="module")
def array(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An array of SIZE: real-shaped records with three times a second."""
    path: Path = tmp_path_factory.mktemp("large") / "array.json"
    with closing(Market(DATE, 1)) as market:
        tape = market.tape(FEED)
        texts = [tape.json(index).partition(b",")[2] for index in range(300)]
        first = tape.timestamp(0)
    with path.open("wb") as file:
        number = 0
        while file.tell() < SIZE:
            file.write(b'%s{"timestamp":%d,%s' % (b"," if number else b"[", first + number // 4, texts[number % 300]))
            number += 1
        file.write(b"]")
    return path


def as_array(root: Path, array: Path) -> None:
    os.link(array, root / f"{DATE}_SPX_classic_gex_full.json")


def as_gz(root: Path, array: Path) -> None:
    with array.open("rb") as text, gzip.open(root / f"{DATE}_SPX_classic_gex_full.json.gz", "wb", 1) as packed:
        shutil.copyfileobj(text, packed, 1 << 20)


def as_report(root: Path, array: Path) -> None:
    """All of a ticker's feeds, each as large."""
    packed = zipfile.ZipFile(root / f"eod_report_SPX_{DATE}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with packed as archive:
        for feed in FEEDS:
            name = f"{DATE}_SPX_{feed.package}_{feed.category}.json"
            with array.open("rb") as text, archive.open(name, "w", force_zip64=True) as member:
                shutil.copyfileobj(text, member, 1 << 20)


FORMS: dict[str, tuple[Callable[[Path, Path], None], float]] = {
    "an array": (as_array, PLAIN_SECONDS),
    "an array, gzip": (as_gz, PACKED_SECONDS),
    "a report of fifteen": (as_report, PACKED_SECONDS),
}


def memory_mb(server: Running) -> float:
    """The most that a process had resident."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def answer(server: Running, key: str) -> tuple[float, dict[str, Any]]:
    """(seconds, record) of a request."""
    began = time.perf_counter()
    status, body = server.get("/SPX/classic/full", {"Authorization": f"Bearer {key}", "User-Agent": "t"})
    took = time.perf_counter() - began
    assert status == 200, body
    found: dict[str, Any] = json.loads(body)
    return took, found


@pytest.mark.parametrize(("write", "bound"), FORMS.values(), ids=FORMS)
def test_the_largest_files(tmp_path: Path, array: Path, write: Callable[[Path, Path], None], bound: float) -> None:
    write(tmp_path, array)
    with running_process(data_dir=str(tmp_path), cache_dir=str(tmp_path / "cache")) as server:
        first, record = answer(server, "first")
        others = [answer(server, f"key{number}")[1]["timestamp"] for number in range(20)]
        assert set(others) == {record["timestamp"]}
        memory = memory_mb(server)
        body = json.dumps({"time": "12:30", "feed": FEED.group}).encode()
        assert server.request("POST", "/_gexfaker/sessions/first/seek", body)[0] == 200
        assert answer(server, "first")[1]["timestamp"] > record["timestamp"] + 10_000
        far = memory_mb(server)
    took = accesses(tmp_path)
    print(f"first answer {first:.3f} s, {memory:.0f} MB, far into it {far:.0f} MB, anywhere {took * 1e3:.3f} ms")  # noqa: T201
    assert first < FIRST_SECONDS
    assert max(memory, far) < MOST_MB
    assert took < bound


def accesses(root: Path) -> float:
    """Seconds to a record anywhere, once the index is there; the median of 501."""
    day, chance = StoredDay(DataFolder(root), DATE), random.Random(7)

    def took() -> Iterator[float]:
        tape = day.tape(FEED)
        assert tape is not None
        for index in [chance.randrange(len(tape)) for _ in range(501)]:
            began = time.perf_counter()
            tape.json(index)
            yield time.perf_counter() - began

    with closing(day):
        return sorted(took())[250]

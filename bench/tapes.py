"""Recorded days in each form: how fast one is looked through, how soon it answers, what any record costs."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import zstandard
from rich.progress import Progress

from bench.report import Report
from gexfaker.catalog import Feed
from gexfaker.market.simulation import Market
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.jsonl import JsonlTape
from gexfaker.tapes.kept import IndexFolder

FEED: Final = Feed("SPX", "classic", "gex_full")
DATE: Final = "2026-07-17"
STEM: Final = f"{DATE}_SPX_classic_gex_full"
RECORDS: Final = 600
TIMES: Final = 24
"""The records are written so often, each time with later times: a day of 14,400 records, some 60 MB."""

KEPT_FORMS: Final = ("lines", "array")
"""Whose index is kept: files that are read in place."""

PROBES: Final = 2_000
REPEATS: Final = 3


def lines() -> Iterator[bytes]:
    """The records of a day, one after the other."""
    with closing(Market(DATE, 1)) as market:
        tape = market.tape(FEED)
        texts = [tape.json(index) for index in range(RECORDS)]
        first = tape.timestamp(0)
    for number in range(TIMES * RECORDS):
        text = texts[number % RECORDS]
        yield b'{"timestamp":%d,' % (first + number) + text.partition(b",")[2]


def write_forms(root: Path) -> dict[str, tuple[Path, list[str]]]:
    """The same day in each form, by its name: the folder, and a command that reads the file from end to end."""
    plain = b"\n".join(lines()) + b"\n"
    array = b"[" + plain.strip().replace(b"\n", b",") + b"]"
    zipped = gzip.compress(array, 4)
    laid_out = f"{DATE}/SPX/classic/gex_full"
    files: dict[str, tuple[str, bytes, list[str]]] = {
        "lines": (f"{laid_out}.jsonl", plain, ["wc", "-l"]),
        "lines, gzip": (f"{laid_out}.jsonl.gz", gzip.compress(plain, 4), ["zcat"]),
        "lines, zstd": (f"{laid_out}.jsonl.zst", zstandard.compress(plain, 1), ["cat"]),
        "array": (f"{STEM}.json", array, ["wc", "-l"]),
        "array, gzip": (f"{STEM}.json.gz", zipped, ["zcat"]),
    }
    made = {}
    for number, (name, (path, content, command)) in enumerate(files.items()):
        target = root / str(number) / path
        target.parent.mkdir(parents=True)
        target.write_bytes(content)
        os.utime(target, (time.time() - 60,) * 2)  # as a file that nobody is writing
        made[name] = root / str(number), [*command, str(target)]
    report = root / "zip" / f"eod_report_SPX_{DATE}.zip"
    report.parent.mkdir()
    with zipfile.ZipFile(report, "w") as archive:
        archive.writestr(f"SPX/classic/gex_full/{STEM}.json.gz", zipped)
    made["end-of-day zip"] = report.parent, ["unzip", "-p", str(report)]
    return made


@contextmanager
def opened(root: Path) -> Iterator[JsonlTape]:
    """The tape of the day in a folder."""
    with closing(DataFolder(root).open(DATE, FEED)) as tape:
        yield tape


def first_answer(folder: Path) -> float:
    """Milliseconds from opening the day to its first record."""
    began = time.perf_counter()
    with opened(folder) as tape:
        tape.json(0)
        return (time.perf_counter() - began) * 1000


def looked_through(folder: Path) -> tuple[float, float]:
    """Seconds to index the day, and microseconds of a record anywhere in it afterwards."""
    with opened(folder) as tape:
        began = time.perf_counter()
        count = len(tape)
        indexed = time.perf_counter() - began
        chance = random.Random(1)
        probes = [chance.randrange(count) for _ in range(PROBES)]
        began = time.perf_counter()
        for index in probes:
            tape.json(index)
        return indexed, (time.perf_counter() - began) / PROBES * 1e6


def found_again(folder: Path, kept: Path) -> float:
    """Milliseconds from opening the day to its last record, by an index that was kept."""
    days = DataFolder(folder, indexes=IndexFolder(kept))
    with closing(days.open(DATE, FEED)) as tape:
        count = len(tape)
        keep = tape.keeping()
        if keep is not None:
            keep()
    began = time.perf_counter()
    with closing(days.open(DATE, FEED)) as tape:
        tape.json(count - 1)
        return (time.perf_counter() - began) * 1000


def read_by(command: list[str]) -> float:
    """Seconds that a program needs to read the file from end to end."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def measure(report: Report, root: Path, progress: Progress) -> None:
    """Each form after the other, repeat by repeat."""
    forms = write_forms(root)
    size = sum(len(line) + 1 for line in lines()) / 1e6
    task = progress.add_task("tapes", total=REPEATS * len(forms))
    for _ in range(REPEATS):
        for name, (folder, command) in forms.items():
            report.note(f"recorded {name}: first answer, ms", first_answer(folder))
            indexed, anywhere = looked_through(folder)
            report.note(f"recorded {name}: index, MB/s of text", size / indexed)
            if shutil.which(command[0]):
                report.note(f"recorded {name}: {command[0]} of the same file, MB/s of text", size / read_by(command))
            report.note(f"recorded {name}: a record anywhere, us", anywhere)
            if name in KEPT_FORMS:
                again = found_again(folder, root / "indexes")
                report.note(f"recorded {name}: last record by a kept index, ms", again)
            progress.advance(task)

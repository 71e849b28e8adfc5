"""What a record costs: encoding by category, reading a prepared payload, reading anywhere in a file."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from timeit import repeat
from typing import Final

from rich.progress import Progress

from bench.days import DATE, feeds_of, prepare, write_day
from bench.report import Report
from gexfaker.catalog import Feed
from gexfaker.limits import RECORDS_AHEAD
from gexfaker.tapes.folder import DataFolder
from gexfaker.wire import batch, payload
from gexfaker.wire.feeds import Format, format_of
from gexfaker.wire.reading import reader_of
from gexfaker.wire.tables import Table

RECORDS: Final = 1000
TURNS: Final = 5


def each(report: Report, name: str, job: Callable[[], object], times: int) -> None:
    """Microseconds of a job that does something ``times`` times."""
    for took in repeat(job, number=1, repeat=TURNS):
        report.note(f"{name}, us", took / times * 1e6)


def measure(report: Report, root: Path, progress: Progress) -> None:
    """All of SPX."""
    feeds = feeds_of(["SPX"])
    write_day(root, feeds, RECORDS)
    prepare(root)
    folder = DataFolder(root)
    order = random.Random(1).sample(range(RECORDS), RECORDS)
    for feed in progress.track(feeds, description="encoding"):
        tape, form = folder.open(DATE, feed), format_of(feed)
        records = [tape.json(index) for index in range(0, RECORDS, 5)]
        name = f"encode {feed.package}/{feed.category}"
        each(report, f"{name}, one by one", lambda: _encode(form, records), len(records))  # noqa: B023
        if isinstance(form, Table):
            texts = [tape.json(index) for index in range(RECORDS_AHEAD * 6)]
            each(report, f"{name}, together", lambda: _encode_together(form, texts), len(texts))  # noqa: B023
    tape = folder.open(DATE, Feed("SPX", "classic", "gex_full"))
    each(report, "a record anywhere in a file", lambda: [tape.json(index) for index in order], RECORDS)
    each(report, "a prepared payload anywhere", lambda: [tape.payload(index) for index in order], RECORDS)


def _encode(form: Format, records: list[bytes]) -> None:
    for record in records:
        payload.pack(form.type_url, form.encode(record).message)


def _encode_together(table: Table, texts: list[bytes]) -> None:
    """As a feed that is read on is encoded: some records ahead."""
    for first in range(0, len(texts), RECORDS_AHEAD):
        alike = reader_of(table).read(texts[first : first + RECORDS_AHEAD])
        for message in batch.encode(table, alike.ticker, alike.columns):
            payload.pack(table.type_url, message)

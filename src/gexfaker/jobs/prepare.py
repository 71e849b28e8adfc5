"""One feed's payloads, made and written: what `gexfaker prepare` does in each of its processes."""

from __future__ import annotations

import logging
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from gexfaker.catalog import Feed
from gexfaker.errors import DataError, RecordError
from gexfaker.tapes.folder import DataFolder
from gexfaker.tapes.jsonl import JsonlTape
from gexfaker.tapes.prepared import ENDING, ENTRY, HEADER_BYTES, Fingerprint, Header, Prepared, fingerprint, payload_sum
from gexfaker.tapes.writer import PartFile, explained
from gexfaker.wire import payload
from gexfaker.wire.feeds import format_of

REPORT_EVERY: Final = 256
"""Records between two words about how far it is: some thirty milliseconds of work."""

MAX_TOLD: Final = 3
"""Records of a feed whose trouble is told, the first ones; the others are counted."""

Report = Callable[[int], None]


@dataclass(frozen=True)
class Job:
    """One feed to prepare.

    Attributes:
        root: the data folder.
        size: of the feed's file, in bytes.
        folder: of its ticker; None when the file cannot be opened.
    """

    root: Path
    date: str
    feed: Feed
    size: int = 0
    folder: Path | None = None

    @classmethod
    def of(cls, root: Path, date: str, feed: Feed) -> Job:
        """A feed, looked up; what is wrong with it is told when its turn comes."""
        try:
            with closing(DataFolder(root).open(date, feed)) as tape:
                return cls(root, date, feed, tape.prepared.tape.stat().st_size, tape.prepared.path.parent.parent)
        except (DataError, OSError):
            return cls(root, date, feed)

    @property
    def name(self) -> str:
        """The feed as it stands in the folder."""
        return f"{self.feed.ticker}/{self.feed.package}/{self.feed.category}"


@dataclass(frozen=True)
class Outcome:
    """What became of a feed.

    Attributes:
        name: the feed's.
        header: of the payload file, None when there is none.
        was_there: nothing had to be done.
        notes: what is to be told, or why it failed.
    """

    name: str
    header: Header | None
    was_there: bool = False
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.header is None:
            return f"{self.name}: not prepared: {'; '.join(self.notes)}"
        header, trouble = self.header, ""
        if header.skipped:
            trouble += f", {header.skipped:,} of them cannot be sent"
        if header.saturated:
            trouble += f", {header.saturated:,} of them left to the server: numbers too large for the wire"
        done = "was prepared before" if self.was_there else "prepared"
        lines = (f"{self.name}: {header.records:,} records{trouble}; {done}, {header.size / 1e6:,.1f} MB", *self.notes)
        return "\n  ".join(lines)


def prepare(jobs: tuple[Job, ...], report: Report) -> list[Outcome]:
    """Prepare some feeds, one after the other; tells how many bytes of their files are done.

    Raises DataError when payloads cannot be written: a full disk, a folder that is not ours.
    """
    outcomes, before = [], 0
    for job in jobs:
        outcomes.append(_prepare(job, _after(before, report)))
        before += job.size
        report(before)
    return outcomes


def _after(before: int, report: Report) -> Report:
    return lambda done: report(before + done)


def _prepare(job: Job, report: Report) -> Outcome:
    with _warnings() as notes:
        try:
            with closing(_open(job)) as tape:
                prepared = tape.prepared  # where it is and what of; needs no open tape
            header = _whole(prepared)
            was_there = header is not None
            if header is None:
                header = _write(job, prepared, notes, report)
        except (UnsoundError, OSError) as error:
            return Outcome(job.name, None, notes=(str(error),))
    return Outcome(job.name, header, was_there, tuple(notes))


class UnsoundError(DataError):
    """A tape that cannot be prepared; others can."""


def _open(job: Job) -> JsonlTape:
    try:
        return DataFolder(job.root).open(job.date, job.feed)
    except DataError as error:
        raise UnsoundError(str(error)) from error


def _whole(prepared: Prepared) -> Header | None:
    """The header of the payloads that are there, if they fit their tape and are sound to the last byte."""
    try:
        with closing(prepared.open()) as file:
            file.verify()
            return file.header
    except (DataError, OSError):
        return None


def _write(job: Job, prepared: Prepared, notes: list[str], report: Report) -> Header:
    # The fingerprint comes before the opening: what is read is then that file, or the last look at both tells.
    before = fingerprint(prepared.tape)
    writer = Writer(prepared.path, prepared.kind, before)
    try:
        with closing(_open(job)) as tape:
            encoder = Encoder(tape, notes)
            for content in encoder.payloads(lambda done: report(min(done, job.size))):
                writer.add(content)
        if tape.prepared.tape != prepared.tape or fingerprint(prepared.tape) != before:
            raise UnsoundError(f"{prepared.tape} was changed while it was read: run it again")
        return writer.commit(encoder.skipped, encoder.saturated)
    finally:
        writer.discard()


class Encoder:
    """A tape's records as payloads.

    Attributes:
        skipped: records that cannot be read or encoded, so far.
        saturated: records with numbers too large for the wire, so far.
    """

    def __init__(self, tape: JsonlTape, notes: list[str]) -> None:
        self._tape: Final = tape
        self._format: Final = format_of(tape.feed)
        self._notes: Final = notes
        self._read = 0
        self.skipped = 0
        self.saturated = 0

    def payloads(self, report: Report) -> Iterator[bytes]:
        """One after the other, empty where the record has to be looked at when it is sent; tells the bytes read."""
        for index in count():
            if not self._tape.has(index):
                break
            if index % REPORT_EVERY == 0:
                report(self._read)
            yield self._payload(index)
        if self.skipped + self.saturated > MAX_TOLD:
            self._notes.append(f"and {self.skipped + self.saturated - MAX_TOLD:,} more")

    def _payload(self, index: int) -> bytes:
        try:
            record = self._tape.json(index)
            self._read += len(record) + 1
            encoded = self._format.encode(record)
        except RecordError as error:
            self.skipped += 1
            self._note(index, f"cannot be sent: {error}")
            return b""
        if encoded.saturated:
            self.saturated += 1
            self._note(index, f"too large for the wire, sent as the bound: {', '.join(encoded.saturated)}")
            return b""
        return payload.pack(self._format.type_url, encoded.message)

    def _note(self, index: int, text: str) -> None:
        if self.skipped + self.saturated <= MAX_TOLD:
            self._notes.append(f"{self._tape.place(index)}: {text}")


class Writer:
    """A payload file, whole or not at all. Holds no more of it than the table, 16 bytes a record.

    Args:
        path: its place.
        kind: of feed.
        tape: the fingerprint of the tape.

    Raises DataError, as the other methods do, when the file cannot be written.
    """

    def __init__(self, path: Path, kind: str, tape: Fingerprint) -> None:
        self._kind: Final = kind
        self._tape: Final = tape
        self._seed: Final = self._header(0, 0).seed
        self._table: Final = bytearray()
        self._at = HEADER_BYTES
        # Under a name of its own: a killed run's worker may still be at it, and would take this one for its own.
        self._part: Final = PartFile(path.with_suffix(f".{os.urandom(4).hex()}{ENDING}"))
        self._part.path = path
        with explained(path):
            self._part.file.write(bytes(HEADER_BYTES))  # no header before the rest is there

    def _header(self, skipped: int, saturated: int, records: int = 0, at: int = 0, checksum: int = 0) -> Header:
        return Header(self._kind, self._tape, records, at, checksum, skipped, saturated)

    def add(self, content: bytes) -> None:
        """Add the next record's payload, or none."""
        index = len(self._table) // ENTRY.size
        checksum = payload_sum(content, self._seed, index, self._at)
        self._table.extend(ENTRY.pack(self._at, len(content), checksum))
        self._at += len(content)
        with explained(self._part.path):
            self._part.file.write(content)

    def commit(self, skipped: int, saturated: int) -> Header:
        """Write the rest, and give the file its name."""
        records, checksum = len(self._table) // ENTRY.size, zlib.crc32(self._table)
        header = self._header(skipped, saturated, records, self._at, checksum)
        with explained(self._part.path):
            self._part.file.write(self._table)
            self._part.file.seek(0)
            self._part.file.write(header.packed())
        self._part.commit()
        return header

    def discard(self) -> None:
        """Remove what was written, unless it was committed."""
        self._part.discard()


class _Notes(logging.Handler):
    def __init__(self, notes: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        self._notes.append(record.getMessage())


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What the tapes warn of, such as an archive that is cut off, as a list."""
    notes: list[str] = []
    handler, logger = _Notes(notes), logging.getLogger("gexfaker.tapes")
    logger.addHandler(handler)
    try:
        yield notes
    finally:
        logger.removeHandler(handler)

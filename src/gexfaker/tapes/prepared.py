"""Payloads made beforehand: a file beside a tape that holds what is sent for each record, made by `gexfaker prepare`.

``gex_zero.jsonl``, ``.gz`` or ``.zst`` has its payloads in ``gex_zero.payloads``: a header, the payloads one after
the other, and a table with the place and the checksum of each. All numbers are little-endian.

A payload file is a convenience and is never trusted: it is used while it fits its tape, the header and the table
are whole, and each payload is what its checksum says. Otherwise there is one line in the log, and the caller encodes.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import struct
import zlib
from pathlib import Path
from typing import Final, NamedTuple

from gexfaker.catalog import Feed
from gexfaker.errors import DataError
from gexfaker.limits import KIB, MAX_RECORDS
from gexfaker.tapes.files import PooledFile

log: Final = logging.getLogger(__name__)

ENDING: Final = ".payloads"

MAGIC: Final = b"\x89GEXPL\r\n"
"""The first bytes. No text starts like this, and a transfer that changes line ends changes it."""

FORMAT_VERSION: Final = 1
"""Of the layout of the file."""

WIRE_VERSION: Final = 1
"""Of what is in a payload: to be raised whenever a record is encoded to other bytes than before."""

SAMPLES: Final = 4
"""Places at which a tape is looked at to see whether it is the same, from its start to its end."""

LOOKS_BETWEEN: Final = 256
"""Records that are encoded before a file that could not be opened is tried again."""

SAMPLE_BYTES: Final = 16 * KIB
"""What is read at each: a whole record of the largest kind, and all of it is read in a fraction of a millisecond."""

ENTRY: Final = struct.Struct("<QII")
"""A line of the table: where the payload is, its size (0: there is none), and its checksum."""

_START: Final = struct.Struct("<8sI")
_HEADER: Final = struct.Struct("<8sII16sQQ16sQQIII")
_CHECKSUM: Final = struct.Struct("<I")
_PLACE: Final = struct.Struct("<QQI")
HEADER_BYTES: Final = _HEADER.size + _CHECKSUM.size


class Fingerprint(NamedTuple):
    """What tells one tape's file from another, and from itself before it was changed.

    Attributes:
        size: in bytes, as it is on disk.
        mtime_ns: when it was changed last; times before 1970 wrap around.
        samples: a hash of some of its content.
    """

    size: int
    mtime_ns: int
    samples: bytes


def fingerprint(tape: Path) -> Fingerprint:
    """The fingerprint of a file. Raises OSError."""
    digest = hashlib.blake2b(digest_size=16)
    with tape.open("rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        last = max(0, status.st_size - SAMPLE_BYTES)
        for sample in range(SAMPLES):
            file.seek(last * sample // (SAMPLES - 1))
            digest.update(file.read(SAMPLE_BYTES))
    return Fingerprint(status.st_size, status.st_mtime_ns % 2**64, digest.digest())


def payload_path(tape: Path) -> Path:
    """Where the payloads of a tape's file are."""
    return tape.with_name(tape.name.partition(".jsonl")[0] + ENDING)


class Header(NamedTuple):
    """The start of a payload file.

    Attributes:
        kind: of feed, which says how records are encoded.
        tape: the fingerprint of the tape.
        records: how many, those without payload included.
        table_at: where the table starts, behind the payloads.
        table_sum: the table's checksum.
        skipped: records that cannot be sent; they have no payload.
        saturated: records with numbers too large for the wire; they have none either, so that they are counted and
            told as ever when they are sent.
    """

    kind: str
    tape: Fingerprint
    records: int
    table_at: int
    table_sum: int
    skipped: int
    saturated: int

    @property
    def seed(self) -> int:
        """Where checksums of payloads start: those of another tape's do not fit."""
        return zlib.crc32(self.kind.encode() + self.tape.samples + _PLACE.pack(*self.tape[:2], 0))

    @property
    def size(self) -> int:
        """Of the whole file, in bytes."""
        return self.table_at + self.records * ENTRY.size

    def packed(self) -> bytes:
        """The header as it is written."""
        numbers = (self.records, self.table_at, self.table_sum, self.skipped, self.saturated)
        content = _HEADER.pack(MAGIC, FORMAT_VERSION, WIRE_VERSION, self.kind.encode(), *self.tape, *numbers)
        return content + _CHECKSUM.pack(zlib.crc32(content))

    @classmethod
    def parse(cls, content: bytes) -> Header:
        """The header at the start of a file. Raises DataError, which says what is the matter with it."""
        if not content.startswith(MAGIC):
            raise DataError("it is not a payload file")
        if not content.startswith(_START.pack(MAGIC, FORMAT_VERSION)):
            raise DataError("it was made by another version of gexfaker")
        if content[_HEADER.size :] != _CHECKSUM.pack(zlib.crc32(content[: _HEADER.size])):
            raise DataError("its header is damaged")
        _, _, wire, kind, size, mtime_ns, samples, *numbers = _HEADER.unpack_from(content)
        if wire != WIRE_VERSION:
            raise DataError("it was made by a version of gexfaker that encoded differently")
        return cls(kind.rstrip(b"\0").decode("ascii", "replace"), Fingerprint(size, mtime_ns, samples), *numbers)


def payload_sum(content: bytes, seed: int, index: int, offset: int) -> int:
    """The checksum of a payload: of its place, too, so that it cannot be taken for another record's."""
    return zlib.crc32(content, zlib.crc32(_PLACE.pack(index, offset, len(content)), seed))


class PayloadFile:
    """A payload file that is taken at its word only where the word can be checked.

    Args:
        path: the file.
        tape: the tape it should belong to.
        kind: of the feed.

    Its table is read when it is opened, 16 bytes for each of at most MAX_RECORDS records, and kept, so that a payload
    is one read.

    Raises:
        DataError: it is damaged, or does not belong to the tape (any more).
        OSError: it, or the tape, cannot be read; FileNotFoundError when there is none.
    """

    def __init__(self, path: Path, tape: Path, kind: str) -> None:
        if not stat.S_ISREG(path.lstat().st_mode):  # opening a pipe would wait, and a link may lead anywhere
            raise DataError("it is not a regular file")
        self._source: Final = PooledFile(path)
        try:
            self.header: Final = Header.parse(self._source.read_at(0, HEADER_BYTES))
            self._table: Final = self._checked(self._source.status().st_size, tape, kind)
        except BaseException:
            self.close()
            raise
        self._seed: Final = self.header.seed

    def _checked(self, size: int, tape: Path, kind: str) -> bytes:
        header = self.header
        if header.kind != kind or header.tape != fingerprint(tape):
            raise DataError(f"{tape.name} is not the file it was made from, or was changed or copied; prepare it again")
        if size != header.size or header.records > MAX_RECORDS:
            raise DataError("it is cut off or has grown")
        table = self._source.read_at(header.table_at, header.records * ENTRY.size)
        if zlib.crc32(table) != header.table_sum:
            raise DataError("its table is damaged")
        return table

    def read(self, index: int) -> bytes:
        """The payload of a record; empty when it has none or there is no such record. Raises DataError, OSError."""
        if not 0 <= index < self.header.records:
            return b""
        offset, size, checksum = ENTRY.unpack_from(self._table, index * ENTRY.size)
        if offset + size > self.header.table_at:
            raise DataError(f"its table has a wrong place for record {index}")
        content = self._source.read_at(offset, size)
        if checksum != payload_sum(content, self._seed, index, offset):
            raise DataError(f"the payload of record {index} is damaged")
        return content

    def verify(self) -> None:
        """Read all there is. Raises as ``read``."""
        for index in range(self.header.records):
            self.read(index)

    def close(self) -> None:
        """Close the file. May be called again."""
        self._source.close()


class Prepared:
    """The payloads of a tape, as far as there are any; nothing is opened before the first is asked for.

    Whether they fit the tape is checked then, and not again while it is open.

    Args:
        name: the tape's file as the user knows it; its payloads are beside it.
        tape: the file itself.
        feed: what it holds.
        date: the day, for the remedy in the log.
    """

    def __init__(self, name: Path, tape: Path, feed: Feed, date: str) -> None:
        self.path: Final = payload_path(name)
        self.tape: Final = tape
        self.kind: Final = feed.kind
        self._remedy: Final = f"run gexfaker prepare {date} again, or delete it"
        self._file: PayloadFile | None = None
        self._looked = self._told = False
        self._wait = 0

    def open(self) -> PayloadFile:
        """The file, for a caller that closes it. Raises as PayloadFile does."""
        return PayloadFile(self.path, self.tape, self.kind)

    def payload(self, index: int) -> bytes | None:
        """The finished payload of a record; None when it has to be encoded, whatever the reason is."""
        file = self._file if self._looked else self._look()
        if file is None:
            return None
        try:
            return file.read(index) or None
        except (DataError, OSError) as error:
            self._tell(error, self._remedy)
            return None

    @property
    def is_there(self) -> bool:
        """Whether there is a file that fits the tape."""
        return (self._file if self._looked else self._look()) is not None

    def _look(self) -> PayloadFile | None:
        if self._wait:
            self._wait -= 1
            return None
        try:
            self._file = self.open()
        except FileNotFoundError:
            pass
        except DataError as error:
            self._tell(error, self._remedy)
        except OSError as error:  # of the system, and perhaps of this moment only
            self._tell(error, "it is tried again")
            self._wait = LOOKS_BETWEEN
            return None
        self._looked = True
        return self._file

    def _tell(self, error: Exception, remedy: str) -> None:
        if not self._told:
            self._told = True
            part = "in part" if self._file else "as a whole"
            log.warning("%s is not used %s: %s; %s", self.path, part, error, remedy)

    def close(self) -> None:
        """Close the file, if it is open; there are no payloads afterwards."""
        self._looked = True
        if self._file is not None:
            self._file.close()
            self._file = None

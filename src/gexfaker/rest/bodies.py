"""The bodies of records, made once and kept for everybody who asks for the same; unreadable records passed over."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Mapping
from typing import Final

from gexfaker.bounded import Bounded
from gexfaker.errors import RecordError
from gexfaker.limits import KIB, MIB
from gexfaker.rest.routes import Answer
from gexfaker.rest.shapes import layout_of, majors, maxchange, named_rows, whole
from gexfaker.tapes.loglimit import LogLimit
from gexfaker.tapes.tape import Tape

log: Final = logging.getLogger(__name__)

MAX_BODIES: Final = 1024
"""Bodies kept: one record of each of the 900 feeds of the universe."""

MAX_KNOWN_BAD: Final = 10_000
"""Records remembered because they cannot be served, 200 bytes each: they are not read again for each request."""

MAX_BODY_BYTES: Final = 32 * MIB
"""The same in bytes; the largest real one has 16 KiB."""

MAX_STEPS_BACK: Final = 50
"""Unreadable records passed over to answer a request; a ruined file must not hold up the others."""

GZIP_MAGIC: Final = b"\x1f\x8b"
ZIP_LEVEL: Final = 1
"""The fastest: a body is zipped once for everybody, but while somebody waits."""

WORTH_ZIPPING: Final = 1 * KIB
"""Bytes below which a body fits one packet anyhow."""

_SHAPES: Final[Mapping[Answer, Callable[[Tape, bytes], bytes]]] = {
    Answer.RECORD: lambda tape, record: whole(record, layout_of(tape.feed)),
    Answer.MAJORS: lambda _tape, record: majors(record),
    Answer.MAXCHANGE: lambda _tape, record: maxchange(record),
    Answer.NAMED_ROWS: lambda _tape, record: named_rows(record),
}


class Bodies:
    """Bodies by (tape, index, answer, zipped); the least recently used are forgotten beyond the limits.

    Attributes:
        skipped: records that could not be served, so far; each counts once.
    """

    def __init__(self, limit: int = MAX_BODIES, byte_limit: int = MAX_BODY_BYTES) -> None:
        self._made: Final[Bounded[tuple[int, int, Answer, bool], bytes]] = Bounded(limit, byte_limit, len)
        self._bad: Final[Bounded[tuple[int, int, Answer], bool]] = Bounded(MAX_KNOWN_BAD)
        self._log_limit: Final = LogLimit()
        self.skipped = 0

    def __len__(self) -> int:
        return len(self._made)

    def newest(self, tape: Tape, index: int, answer: Answer, zipped: bool = False) -> tuple[int, bytes]:
        """The newest readable record not after ``index``, and its body; gzipped if wanted and worth it.

        Raises:
            RecordError: none of the MAX_STEPS_BACK records is readable.
        """
        for at in range(index, max(index - MAX_STEPS_BACK, -1), -1):
            if (tape.number, at, answer) in self._bad:
                continue
            try:
                return at, self.body(tape, at, answer, zipped)
            except RecordError as error:
                self._bad[tape.number, at, answer] = True
                self._skip(tape, at, error)
        # Where the file is stays in the log: the text goes to the client.
        raise RecordError(f"{tape.date} {tape.feed.group}: record {index + 1} and those before it cannot be read")

    def body(self, tape: Tape, index: int, answer: Answer, zipped: bool = False) -> bytes:
        """What a record gives for an answer. Raises RecordError when it cannot be served."""
        key = (tape.number, index, answer, zipped)
        body = self._made.get(key)
        if body is not None:
            return body
        body = _SHAPES[answer](tape, tape.json(index))
        if zipped and len(body) >= WORTH_ZIPPING:
            body = gzip.compress(body, ZIP_LEVEL, mtime=0)
        self._made[key] = body
        return body

    def _skip(self, tape: Tape, index: int, error: RecordError) -> None:
        self.skipped += 1
        if (more := self._log_limit.take(tape)) is not None:
            log.warning("%s: passed over (%d so far): %s%s", tape.place(index), self.skipped, error, more)

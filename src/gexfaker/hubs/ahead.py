"""Payloads made some records ahead.

Clients read on and on, so that the next records are made with the one that is asked for: half a minute costs little
more than one record alone. Each is kept until it is read, and a moment longer for keys that are at the same place. When
there is less room, less is made ahead, so that the cost of a record grows with the number of places and never jumps:
nothing is thrown away that somebody will read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from gexfaker.bounded import Bounded
from gexfaker.errors import RecordError, UnavailableError
from gexfaker.limits import MAX_AHEAD_BYTES, MAX_JUST_READ, MAX_TAPES_BY_ONE, RECORDS_AHEAD
from gexfaker.tapes.tape import Tape
from gexfaker.wire import batch
from gexfaker.wire.blocks import UnevenError
from gexfaker.wire.reading import reader_of
from gexfaker.wire.tables import Table

Pack = Callable[[str, bytes], bytes]
Key = tuple[int, int, str]

NARROW: Final = 2
"""Less is made ahead once less than one part of so many is free."""

LEAST: Final = 8
"""Records that are made at once at the least. For one alone its minute has to be made as well, which costs twenty times
as much; so many fit for 240 keys with 15 feeds each, even if all of them begin at once."""

PATIENCE: Final = 4
"""Who reads on comes to a payload before there were twice as many reads as payloads wait. After so many times as many
reads its reader has gone elsewhere."""


class Ahead:
    """Payloads by (tape, index, message).

    Args:
        pack: makes a payload of a type URL and a message.

    Attributes:
        bytes: of all that nobody has read yet.
    """

    def __init__(self, pack: Pack) -> None:
        self._pack: Final = pack
        self._unread: Final[OrderedDict[Key, tuple[int, bytes]]] = OrderedDict()
        self._just_read: Final[Bounded[Key, bytes]] = Bounded(MAX_JUST_READ)
        self._by_one: Final[Bounded[tuple[int, str], int]] = Bounded(MAX_TAPES_BY_ONE)
        self._reads = 0
        self.bytes = 0

    def payload(self, tape: Tape, index: int, form: object) -> bytes | None:
        """The payload of a record; None where it has to be encoded from its text."""
        if not isinstance(form, Table):
            return None
        key = (tape.number, index, form.type_url)
        found = self._just_read.get(key)
        if found is None:
            self._reads += 1
            found = self._take(key) or self._make(tape, index, form)
            if found is not None:
                self._just_read[key] = found
        return found

    def _take(self, key: Key) -> bytes | None:
        entry = self._unread.pop(key, None)
        if entry is None:
            return None
        self.bytes -= len(entry[1])
        return entry[1]

    def _make(self, tape: Tape, index: int, table: Table) -> bytes | None:
        count = self._count()
        try:
            messages = self._messages(tape, index, table, count)
        except UnevenError:  # a number is too large for the wire, which the long way tells and counts
            self._by_one[tape.number, table.type_url] = index + count
            return None
        if not messages:
            return None
        first, *others = (self._pack(table.type_url, message) for message in messages)
        for place, payload in enumerate(others, index + 1):
            self._keep((tape.number, place, table.type_url), payload)
        return first

    def _messages(self, tape: Tape, index: int, table: Table, count: int) -> list[bytes]:
        """Up to so many from a record on; none where they are encoded one by one. Raises UnevenError."""
        columns = tape.columns(index, table.shape, count)
        if columns is not None:
            return batch.encode(table, tape.feed.ticker, columns)
        until = self._by_one.get((tape.number, table.type_url)) or 0
        if until - count <= index < until:  # they were tried, and one of them is not for this way
            return []
        alike = reader_of(table).read(_texts(tape, index, count))
        return batch.encode(table, alike.ticker, alike.columns)

    def _keep(self, key: Key, payload: bytes) -> None:
        self._take(key)
        self._unread[key] = (self._reads, payload)
        self.bytes += len(payload)

    def _count(self) -> int:
        """How many records to make: the fewer the less room there is."""
        while self._unread:
            key, (born, _) = next(iter(self._unread.items()))
            if self.bytes <= MAX_AHEAD_BYTES and self._reads - born <= PATIENCE * (len(self._unread) + RECORDS_AHEAD):
                break
            self._take(key)
        free = 1.0 - self.bytes / MAX_AHEAD_BYTES
        return max(LEAST, round(RECORDS_AHEAD * min(1.0, free * NARROW)))


def _texts(tape: Tape, index: int, count: int) -> Iterator[bytes]:
    """Up to so many records, as far as they can be read: whoever asks for the next one is told why it cannot."""
    try:
        for place in range(index, index + count):
            if not tape.has(place):
                return
            yield tape.json(place)
    except (IndexError, RecordError, UnavailableError):
        return

"""What the clients of a key did and were told: a ring of entries, bounded for each key and for all."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from gexfaker.catalog import HUBS
from gexfaker.errors import ControlError
from gexfaker.nearest import nearest

MAX_ENTRIES: Final = 20_000
"""Entries of one key: a busy client makes some ten a second beside its deliveries, which are summed up."""

MAX_JOURNAL_BYTES: Final = 8 << 20
"""What the entries of one key may take."""

MAX_JOURNALS_BYTES: Final = 64 << 20
"""What the entries of all keys may take together: eight keys at their bound; beyond it the largest one forgets."""

ENTRY_BYTES: Final = 400
"""What an entry takes beside the text of its values: the struct, its fields, and numbers."""

OBJECT_FACTOR: Final = 4
"""What lists and dictionaries of short texts take, in times of their JSON."""

SUM_BYTES: Final = 120
"""The text of the values of a sum of deliveries, beside the name of its group."""

SUMMARY_SECONDS: Final = 1.0
"""How long deliveries of one group to one connection are summed up to one entry."""

MAX_SUMMARIES: Final = 4096
"""Groups of a connection, and connections, of which deliveries are being summed up; beyond it all are written early."""

MAX_SHOWN: Final = 300
"""Letters of a text that a client chose."""


class EntryType(NamedTuple):
    """What entries of a type tell: what happened, and the names of their fields."""

    about: str
    fields: tuple[str, ...]


_CONNECTION: Final = ("hub", "connection")
_ANSWER: Final = ("ack_id", "error")
TYPES: Final = {
    "request": EntryType(
        "A REST request or a negotiation, answered or given up (status 0).",
        ("method", "path", "status", "bytes", "ms", "client"),
    ),
    "negotiate": EntryType("A negotiation that was answered.", ("method", "hubs", "groups")),
    "connect": EntryType(
        "A WebSocket was opened; the groups are those of its token.", (*_CONNECTION, "subprotocol", "groups")
    ),
    "reject": EntryType(
        "A WebSocket was refused; the path is told where there is no such hub.", ("hub", "path", "status", "why")
    ),
    "recover": EntryType("A client came back to its connection.", (*_CONNECTION, "unacknowledged")),
    "joinGroup": EntryType("A join; the error where it was refused.", (*_CONNECTION, "group", *_ANSWER)),
    "leaveGroup": EntryType("A leave.", (*_CONNECTION, "group", *_ANSWER)),
    "sendToGroup": EntryType("A message of the client to a group.", (*_CONNECTION, "group", "bytes", *_ANSWER)),
    "event": EntryType("Another message of the client.", (*_CONNECTION, *_ANSWER)),
    "ack": EntryType("The answer to a message with an ack id.", (*_CONNECTION, *_ANSWER)),
    "sequenceAck": EntryType(
        "The client has everything up to here; last is the last that was sent.", (*_CONNECTION, "sequence_id", "last")
    ),
    "ping": EntryType("A ping of the client.", _CONNECTION),
    "deliver": EntryType(
        "Messages of the feed that were sent to a group in about a second: of which day, the first and the last record "
        "by index, how many, of how many records that the group did not have yet, how large, and the last sequence id. "
        "What waits for a client that is cut off is told when that comes back.",
        (*_CONNECTION, "group", "day", "first", "last", "count", "records", "bytes", "sequence_id"),
    ),
    "close": EntryType("A WebSocket is gone.", (*_CONNECTION, "code", "by", "how")),
    "fault": EntryType(
        "A rule has hit: its name, its type as fault, and the request or the message that it hit.",
        ("name", "fault", "hit", *_CONNECTION, "group", "record"),
    ),
    "control": EntryType("The key was moved or changed.", ("action", "resolved")),
    "report": EntryType("What the client says of itself.", ("body",)),
    "wrong": EntryType("A client sent what is no message.", (*_CONNECTION, "why")),
    "cut": EntryType("A client was too slow.", (*_CONNECTION, "messages", "bytes")),
}
"""Every type of an entry."""

NUMBERS: Final = frozenset(
    ("status", "bytes", "ms", "ack_id", "sequence_id", "unacknowledged", "first", "last", "count", "records", "code")
) | {"messages", "record"}
"""Fields that are numbers, or None."""

TEXTS: Final = frozenset(
    ("method", "path", "client", "hub", "connection", "subprotocol", "why", "group", "day", "error", "by", "how")
) | {"name", "fault", "hit", "action"}
"""Fields that are texts, or None."""

WORDS: Final[dict[str, tuple[str, ...]]] = {
    "method": ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"),
    "hub": HUBS,
    "by": ("client", "server", "nobody"),
}
"""Fields that have one of these texts."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """Something that happened.

    Attributes:
        number: counts the entries of its key from 1.
        at: real time, epoch seconds.
        type: one of TYPES.
        fields: what belongs to it.
    """

    number: int
    at: float
    type: str
    fields: dict[str, Any]

    def flat(self) -> dict[str, Any]:
        """The entry as it is answered: one object."""
        return {"number": self.number, "at": self.at, "type": self.type, **self.fields}


class Content(Protocol):
    """What a message carries."""

    @property
    def value(self) -> bytes:
        """Its bytes."""


class Message(Protocol):
    """A message to a group."""

    @property
    def group(self) -> str | None:
        """Its name."""

    @property
    def data(self) -> Content:
        """What it carries."""


class Sent(Protocol):
    """A message as it was sent (``hubs.publication.Publication``)."""

    @property
    def message(self) -> Message:
        """The message."""

    @property
    def index(self) -> int:
        """Of its record on the tape; -1 for none."""


NOTHING: Final = -2
"""Below every index: no record was sent yet."""

MAX_RANGES: Final = 1000
"""Ranges of records that a group was sent and that are kept apart: each lost record makes one more."""


class Sum:
    """Messages of a group to a connection since ``at``: of which records, how many, how large, which sequence ids."""

    __slots__ = ("at", "bytes", "count", "first", "first_id", "had", "hub", "last", "records", "sequence_id")

    def __init__(self, at: float, hub: str, index: int, size: int, sequence_id: int, had: Had) -> None:
        self.at: Final = at
        self.hub: Final = hub
        self.first: Final = index
        self.last = index
        self.count = 1
        self.records = 0
        self.bytes = size
        self.had: Final = had
        self.first_id: Final = sequence_id
        self.sequence_id = sequence_id


class Had:
    """Which records a group was sent, as ranges, so that copies of them can be told from new ones.

    Attributes:
        next: the index behind the newest range: nearly every record is that one, and who counts looks at it first.
    """

    __slots__ = ("_begin", "_ends", "_starts", "next")

    def __init__(self) -> None:
        self._starts: Final[list[int]] = []  # of the ranges before the newest, in order
        self._ends: Final[list[int]] = []  # each the index behind the last
        self._begin = self.next = NOTHING

    def __len__(self) -> int:
        return len(self._starts) + (self.next != NOTHING)

    def takes(self, index: int) -> bool:
        """Whether a record is new, which it is no more then; what is no record (below 0) always is."""
        if index < 0:
            return True
        if index >= self.next:
            self._begin_after(index)
            return True
        if index >= self._begin:
            return False
        place = bisect_right(self._starts, index)
        if place and index < self._ends[place - 1]:
            return False
        self._add(place, index)
        return True

    def _begin_after(self, index: int) -> None:
        """The newest range goes on, or another one begins further on."""
        if index != self.next:
            if self.next != NOTHING:
                self._starts.append(self._begin)
                self._ends.append(self.next)
            self._begin = index
        self.next = index + 1
        self._bound()

    def _add(self, place: int, index: int) -> None:
        """Put a record between two ranges, or to the end of the one before or the begin of the one behind it."""
        starts, ends = self._starts, self._ends
        starts.append(self._begin)  # for the moment it is a range as the others
        ends.append(self.next)
        follows, leads = place > 0 and ends[place - 1] == index, starts[place] == index + 1
        if follows and leads:
            ends[place - 1] = ends.pop(place)
            del starts[place]
        elif follows:
            ends[place - 1] = index + 1
        elif leads:
            starts[place] = index
        else:
            starts.insert(place, index)
            ends.insert(place, index + 1)
        self._begin, self.next = starts.pop(), ends.pop()
        self._bound()

    def _bound(self) -> None:
        if len(self._starts) >= MAX_RANGES:  # the oldest two become one: what lies between them comes no more
            del self._starts[1], self._ends[0]


class HadByAll:
    """The same for every group of a key, on one day and timeline: after a jump all records are new again."""

    __slots__ = ("_by_group", "_place")

    def __init__(self) -> None:
        self._by_group: Final[dict[tuple[str, str | None], Had]] = {}
        self._place = ("", 0)

    def __len__(self) -> int:
        return len(self._by_group)

    def begins(self, place: tuple[str, int]) -> bool:
        """What comes now is of this day and timeline; whether that is another one than before."""
        if place == self._place:
            return False
        self._by_group.clear()
        self._place = place
        return True

    def of(self, hub: str, group: str | None) -> Had:
        """What a group was sent; of too many groups all is forgotten."""
        found = self._by_group.get((hub, group))
        if found is None:
            if len(self._by_group) >= MAX_SUMMARIES:
                self._by_group.clear()
            found = self._by_group[hub, group] = Had()
        return found


class Shelf:
    """What all journals together take.

    Attributes:
        size: in bytes.
        journals: that are kept.
    """

    def __init__(self, most: int = MAX_JOURNALS_BYTES) -> None:
        self.most: Final = most
        self.size = 0
        self.journals: Final[dict[Journal, None]] = {}

    def add(self, size: int) -> None:
        """So much more, or less; beyond the bound the largest journal forgets its oldest entries."""
        self.size += size
        while self.size > self.most:
            largest = max(self.journals, key=lambda journal: journal.size)
            if not largest.forget():
                return


class Journal:
    """The entries of one key.

    Args:
        shelf: where all journals are counted.
        clock: real time, epoch seconds.

    Attributes:
        began: since when it is written.
        lost: entries that fell out.
        size: of the entries, in bytes.
        is_closed: whether it has been ended: nothing comes any more.
        listeners: called after each new entry, and at the end.
    """

    def __init__(self, shelf: Shelf, clock: Callable[[], float]) -> None:
        self._shelf: Final = shelf
        self._clock: Final = clock
        self.began: Final = clock()
        self._entries: Final[deque[tuple[Entry, int]]] = deque()
        self._open: Final[dict[str, dict[str | None, Sum]]] = {}
        self._had: Final = HadByAll()
        self._day = ""
        self._number = 0
        self.lost = 0
        self.size = 0
        self.is_closed = False
        self.listeners: Final[dict[Callable[[], None], None]] = {}
        shelf.journals[self] = None

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, type_: str, **fields: Any) -> None:
        """Something has happened now. What was delivered before stands before it.

        Acknowledgements come for each message from some clients: what they do not confirm is summed up further.
        """
        if type_ == "sequenceAck":
            self._settle_confirmed(fields["connection"], fields["sequence_id"])
        else:
            self.settle()
        self._append(self._clock(), type_, fields)

    def deliver(
        self, hub: str, connection: str, sent: Iterable[Sent], first: int, day: str = "", timeline: int = 0
    ) -> None:
        """Messages of a day were sent: each is summed up with those of the same group and day before it.

        ``first`` is the sequence id of the first, the others count on; 0 for a connection without any. On another
        timeline, as after a jump, all records are new again.
        """
        if self._had.begins((day, timeline)):
            self.settle()
            self._day = day
        now = self._clock()
        known = self._open.setdefault(connection, {})
        for number, one in enumerate(sent, first):
            message, index = one.message, one.index
            group, size = message.group, len(message.data.value)
            found = known.get(group)
            if found is None:
                found = known[group] = Sum(now, hub, index, size, number if first else 0, self._had.of(hub, group))
            else:
                found.last = index
                found.count += 1
                found.bytes += size
                if first:
                    found.sequence_id = number
            had = found.had
            if index == had.next:
                had.next = index + 1
                found.records += 1
            else:
                found.records += had.takes(index)
            if now - found.at >= SUMMARY_SECONDS:
                self._sum_up(connection, group, known.pop(group))
        self._bound_sums(known)

    def _bound_sums(self, known: dict[str | None, Sum]) -> None:
        if len(known) > MAX_SUMMARIES or len(self._open) > MAX_SUMMARIES:
            self.settle()

    def settle(self, now: float | None = None) -> None:
        """Write what is being summed up; with ``now`` only what has been long enough."""
        for connection, known in list(self._open.items()):
            for group, found in list(known.items()):
                if now is None or now - found.at >= SUMMARY_SECONDS:
                    self._sum_up(connection, group, known.pop(group))
            if not known:
                del self._open[connection]

    def _settle_confirmed(self, connection: str, sequence_id: int) -> None:
        """Write what a client confirms: an acknowledgement stands behind what it is for."""
        known = self._open.get(connection, {})
        for group, found in list(known.items()):
            if 0 < found.first_id <= sequence_id:
                self._sum_up(connection, group, known.pop(group))

    def _sum_up(self, connection: str, group: str | None, found: Sum) -> None:
        fields: dict[str, Any] = {"hub": found.hub, "connection": connection, "group": group}
        if self._day:
            fields["day"] = self._day
        if found.first >= 0:
            fields["first"], fields["last"] = found.first, found.last
        fields["count"], fields["records"], fields["bytes"] = found.count, found.records, found.bytes
        if found.sequence_id:
            fields["sequence_id"] = found.sequence_id
        self._keep(found.at, "deliver", fields, ENTRY_BYTES + SUM_BYTES + len(group or ""))

    def _append(self, at: float, type_: str, fields: dict[str, Any]) -> None:
        size = ENTRY_BYTES + sum(len(name) + _length(value) for name, value in fields.items())
        self._keep(at, type_, fields, size)

    def _keep(self, at: float, type_: str, fields: dict[str, Any], size: int) -> None:
        self._number += 1
        self._entries.append((Entry(self._number, at, type_, fields), size))
        self.size += size
        self._shelf.add(size)
        while self.size > MAX_JOURNAL_BYTES or len(self._entries) > MAX_ENTRIES:
            self.forget()
        for listener in list(self.listeners):
            listener()

    def forget(self) -> bool:
        """Let the oldest entry go; False when there is none."""
        if not self._entries:
            return False
        _, size = self._entries.popleft()
        self.lost += 1
        self._take(size)
        return True

    def _take(self, size: int) -> None:
        self.size -= size
        self._shelf.size -= size

    @property
    def number(self) -> int:
        """Of the last entry."""
        return self._number

    def entries(self, since: int = 0, *, settles: bool = True) -> list[Entry]:
        """The entries after number ``since``, oldest first; what is being summed up comes last, if it ``settles``."""
        if settles:
            self.settle()
        first = self._number - len(self._entries)
        return [entry for entry, _ in islice(self._entries, max(0, since - first), None)]

    def clear(self) -> int:
        """Forget all entries, without counting them as lost; returns how many there were. Numbers go on."""
        self.settle()
        count = len(self._entries)
        self._entries.clear()
        self._take(self.size)
        self.lost = 0
        return count

    def close(self) -> None:
        """Nothing is kept any more."""
        self._open.clear()
        self.clear()
        self._shelf.journals.pop(self, None)
        self.is_closed = True
        for listener in list(self.listeners):
            listener()


def _length(value: Any) -> int:
    if isinstance(value, str | bytes | msgspec.Raw):
        return len(bytes(value)) if isinstance(value, msgspec.Raw) else len(value)
    if isinstance(value, list | tuple | dict):
        return OBJECT_FACTOR * len(msgspec.json.encode(value))
    return 8


def short(text: str) -> str:
    """A text that a client chose, no longer than MAX_SHOWN."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def check_type(name: str) -> None:
    """Raises ControlError: there are no entries of that type."""
    if name not in TYPES:
        close = nearest(name, TYPES)
        meant = f" (did you mean {close}?)" if close else ""
        raise ControlError(f"there are no entries of type {name[:40]!r}{meant}: there are {', '.join(TYPES)}")

"""What an inspection can find: one table of kinds, and how often and where each was found.

USUAL    every recorded day has it; it does not change the verdict
NOTE     real days have it now and then, and every reader should cope
BROKEN   no real day has it: the files were damaged, mixed up or made wrongly
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Final, NamedTuple

EXAMPLES: Final = 3
"""Offending places kept per kind and feed: enough to go and look, however ruined the file."""

MAX_DETAIL_CHARS: Final = 160
"""How much an example says: a damaged line may quote itself, and may be megabytes long."""


class Severity(IntEnum):
    """How much a finding weighs."""

    USUAL = 0
    NOTE = 1
    BROKEN = 2


VERDICTS: Final = {Severity.USUAL: "ok", Severity.NOTE: "notes", Severity.BROKEN: "broken"}


class Kind(NamedTuple):
    """One thing that can be found: how bad it is, what it is, and what to do about it."""

    name: str
    severity: Severity
    what: str
    remedy: str


_USUAL, _NOTE, _BROKEN = Severity.USUAL, Severity.NOTE, Severity.BROKEN
_RECORD_AGAIN: Final = (
    "write one JSON object a line, or one array (jq -s .), or get the file again; a server skips such lines"
)
_MIXED: Final = "the files are of different recordings, or one was changed: get both again from one source"
_CHANGED: Final = "a value was changed after recording, or the program that made the file is wrong"
_NUMBERS: Final = "readers cope; whoever compares bytes with the service's will not"
_OF_DAY: Final = "call the file by its day, or if its name has none, move it into the folder of its day"
_OF_TICKER: Final = "call the file by its ticker, or if its name has none, move it into the folder of its ticker"
NOTHING: Final = "nothing to do: real days have it"
"""The remedy of what does no harm."""


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("empty", _BROKEN, "the file has no records", "see what else is said of it; or remove it, or get it again"),
        Kind("archive", _BROKEN, "the file cannot be read to its end", "see the reason; else get the file again"),
        Kind("unreadable", _BROKEN, "lines that are no JSON object", _RECORD_AGAIN),
        Kind("keys", _BROKEN, "keys missing, unknown or twice", "compare the keys with those of the REST route"),
        Kind("key-order", _BROKEN, "keys in another order", "write the keys as the service does; some clients need it"),
        Kind("types", _BROKEN, "values of a wrong type", "write numbers as numbers, epoch seconds, and rows in full"),
        Kind("ticker", _BROKEN, "records of another ticker", _OF_TICKER),
        Kind("range", _BROKEN, "values that cannot be", _CHANGED),
        Kind("spacing", _NOTE, "JSON that is not compact", "write it without spaces; some clients cannot read them"),
        Kind("number-format", _NOTE, "numbers with an exponent, needless zeros or too many decimals", _NUMBERS),
        Kind("saturates", _NOTE, "values too large for the wire, which clients see cut off", NOTHING),
        Kind("outside-ladder", _NOTE, "spot is outside the strikes", NOTHING),
        Kind("other-day", _BROKEN, "timestamps of another day", _OF_DAY),
        Kind("backward", _BROKEN, "timestamps that go back", "sort the file by timestamp"),
        Kind("repeated", _NOTE, "timestamps that repeat", NOTHING),
        Kind("gap", _NOTE, "gaps", "nothing to do; a replay waits there or steps over it"),
        Kind("stale-row", _NOTE, "rows of the close before, at the start", NOTHING),
        Kind("outside-hours", _NOTE, "rows before the open or after the close", NOTHING),
        Kind("reset-row", _USUAL, "the reset rows of the open", NOTHING),
        Kind("late-reset", _NOTE, "rows in which all flows are 0, not at the open", NOTHING),
        Kind("dex-sum", _BROKEN, "a sum is not its call part and its put part", _CHANGED),
        Kind("flow-difference", _BROKEN, "a flow is not the change since the row before", _CHANGED),
        Kind("flow-restart", _NOTE, "a flow differs from the change after a start, gap or reset", NOTHING),
        Kind("strike-sum", _BROKEN, "a strike column does not sum to its total", _CHANGED),
        Kind("state-zero", _BROKEN, "fields that are always 0 in state feeds are not", "is it a classic file?"),
        Kind("level", _BROKEN, "a level of orderflow is not that of its state feed", _MIXED),
        Kind("level-restart", _NOTE, "a level differs from its state feed in a reset or stale row", NOTHING),
        Kind("correlation", _NOTE, "feeds that should move together do not", "is one of the files of another day?"),
    )
}  # fmt: skip


class Finding(NamedTuple):
    """One offence: its kind (a key of KINDS), the number of the record (from 0), and what stands there."""

    kind: str
    number: int
    detail: str


class Example(NamedTuple):
    """Where, for people (``path/orderflow.jsonl:17``), and what."""

    place: str
    detail: str


class Tally:
    """Counts the findings of one feed and keeps the first few places of each kind.

    Args:
        place: index to place.
    """

    def __init__(self, place: Callable[[int], str]) -> None:
        self._place = place
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[Example]] = {}

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        count = self._counts[finding.kind] = self._counts.get(finding.kind, 0) + 1
        if count <= EXAMPLES:
            example = Example(self._where(finding.number), _printable(finding.detail[:MAX_DETAIL_CHARS]))
            self._examples.setdefault(finding.kind, []).append(example)

    def _where(self, number: int) -> str:
        try:
            return self._place(number)
        except IndexError:  # an empty file has not even a first record
            return ""

    def count(self, kind: str) -> int:
        """How often a kind was found."""
        return self._counts.get(kind, 0)

    def items(self) -> Iterator[tuple[Kind, int, list[Example]]]:
        """(kind, count, first places), the worst first."""
        found = (KINDS[name] for name in self._counts)
        for kind in sorted(found, key=lambda kind: -kind.severity):
            yield kind, self._counts[kind.name], self._examples[kind.name]

    @property
    def severity(self) -> Severity:
        """The worst found; USUAL when there is nothing."""
        return max((KINDS[name].severity for name in self._counts), default=Severity.USUAL)


def _printable(text: str) -> str:
    """A file's own words may hold escape sequences, which a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)

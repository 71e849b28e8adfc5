"""What clients do, as lines that a person can read while it happens. Pure decisions: time and the log are arguments.

What a key does for the first time is a line at once. The same thing again is counted, and told every REPEAT_SECONDS.
Of a key that does more things in a second than LINES_OF_ONE, or when all keys together do more than LINES_OF_ALL, the
rest is one line for each key and second.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

REPEAT_SECONDS: Final = 10.0
"""How long the same thing is only counted after it was told."""

FLUSH_SECONDS: Final = 0.9
"""A second, so that who calls twice a second is not late by half of one."""

LINES_OF_ONE: Final = 10
"""Lines of one key and level in a second that are written at once."""

LINES_OF_ALL: Final = 50
"""The same of all keys together: more scroll by faster than anybody reads."""

SUMMARIES_AT_ONCE: Final = 20
"""Summaries written in a second; the keys that are left have their turn in the next one."""

THINGS_IN_A_SUMMARY: Final = 3
"""Ordinary things that a summary names, those that happened most."""

NOTED_IN_A_SUMMARY: Final = 10
"""Things that matter more and are named before: a client that joins sixty groups may have mistyped some of them."""

NOTED: Final = logging.INFO + 5
"""The level of what a client did in vain. In the log it is INFO, but it has room of its own beside what went well."""

MAX_THINGS: Final = 32
"""Different things of a level that are counted for a key, half a KiB each; of more, only the number is known."""

MAX_LETTERS: Final = 400
"""Of the words for a thing; a client can make them very long."""

MAX_KEYS: Final = 256
"""Keys of which things are counted; what others do is counted together."""

OTHERS: Final = "other keys"
OTHER_THINGS: Final = {
    logging.INFO: "other things",
    NOTED: "other things that were refused, or bring nothing",
    logging.WARNING: "other warnings",
}
NO_KEY: Final = ""
"""Who asks without a key."""


class Line(NamedTuple):
    """One line of the log.

    Attributes:
        text: for people.
        fields: for programs: ``session``, ``name``, ``event`` and what there is more about it.
        level: how much it matters, as in ``logging``.
    """

    text: str
    fields: Mapping[str, Any]
    level: int = logging.INFO


class _Tally:
    """How often a key has done one thing since that was told.

    Attributes:
        what: it is, the same words each time.
        level: how much it matters.
        count: times that were not told.
        told: when it was told last, in seconds; None before.
    """

    __slots__ = ("count", "level", "told", "what")

    def __init__(self, what: str, level: int) -> None:
        self.what: Final = what
        self.level = level
        self.count = 0
        self.told: float | None = None

    def is_due(self, now: float) -> bool:
        """Whether it was not told for a while."""
        return self.told is None or now - self.told >= REPEAT_SECONDS


class _Keeper:
    """What one key has done lately.

    Attributes:
        owner: the id of its world.
        tallies: by the words for what it did.
        lines: that were written in this second, by level.
        is_crowded: whether something new had to be counted instead.
    """

    __slots__ = ("is_crowded", "lines", "owner", "tallies")

    def __init__(self, owner: str) -> None:
        self.owner: Final = owner
        self.tallies: Final[dict[str, _Tally]] = {}
        self.lines: Final[Counter[int]] = Counter()
        self.is_crowded = False

    def tally(self, what: str, level: int) -> _Tally:
        """The tally of a thing; that of all other things of its level when there are very many."""
        found = self.tallies.get(what)
        if found is None:
            known = sum(tally.level == level for tally in self.tallies.values())
            what = what if known < MAX_THINGS else OTHER_THINGS[level]
            found = self.tallies.setdefault(what, _Tally(what, level))
        return found

    def take_due(self, now: float) -> list[_Tally]:
        """What is to be told now, what matters most first, then the most frequent, and a new second begins."""
        is_crowded, self.is_crowded = self.is_crowded, False
        self.lines.clear()
        due = [tally for tally in self.tallies.values() if tally.count and (is_crowded or tally.is_due(now))]
        return sorted(due, key=lambda tally: (-tally.level, -tally.count))

    def forget(self, now: float) -> None:
        """Forget what was not done for a while: the next time it is a line at once."""
        for tally in [tally for tally in self.tallies.values() if not tally.count and tally.is_due(now)]:
            del self.tallies[tally.what]


class AccessLog:
    """Decides what of all that clients do becomes a line, and when.

    Args:
        write: takes each line.
        name_of: the name of a key's owner, by the id of its world; None when it has none.
        clock: seconds that only go forward.
        least: the level from which on anything is told.
    """

    def __init__(
        self,
        write: Callable[[Line], None],
        name_of: Callable[[str], str | None],
        clock: Callable[[], float],
        least: int = logging.INFO,
    ) -> None:
        self._least: Final = least
        self._write: Final = write
        self._name_of: Final = name_of
        self._clock: Final = clock
        self._keepers: Final[dict[str, _Keeper]] = {}
        self._lines: Final[Counter[int]] = Counter()
        self._flushed = clock()

    @property
    def owners(self) -> tuple[str, ...]:
        """The ids of the worlds that did something lately."""
        return tuple(self._keepers)

    def tells(self, level: int) -> bool:
        """Whether what matters so much is told."""
        return level >= self._least

    def tell(
        self,
        owner: str,
        event: str,
        what: str,
        detail: str | Callable[[], str] = "",
        level: int = logging.INFO,
        fields: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        """A key did something.

        Args:
            owner: the id of its world; empty for who has no key.
            event: of what kind it is, one word.
            what: it did; the same words are the same thing.
            detail: what is different each time, for the line that is written at once.
            level: how much it matters: INFO, NOTED or WARNING.
            fields: more for programs, in the line that is written at once.
        """
        if level < self._least:
            return
        what = what if len(what) <= MAX_LETTERS else f"{what[:MAX_LETTERS]}..."
        keeper = self._keepers.get(owner) or self._keeper(owner)
        tally = keeper.tallies.get(what) or keeper.tally(what, level)
        if tally.told is not None or tally.count or tally.what != what or not self._has_room(keeper, level):
            tally.count += 1
            tally.level = max(tally.level, level)
            return
        tally.told = self._clock()
        text = what + (detail if isinstance(detail, str) else detail())
        self._write(
            Line(
                f"{self._shown(owner)}: {text}", self._fields(owner) | {"event": event} | dict(fields()), _of_log(level)
            )
        )

    def _has_room(self, keeper: _Keeper, level: int) -> bool:
        """Whether one more line of a level may be written in this second; then it counts."""
        if keeper.lines[level] == LINES_OF_ONE or self._lines[level] == LINES_OF_ALL:
            keeper.is_crowded = True
            return False
        keeper.lines[level] += 1
        self._lines[level] += 1
        return True

    def _keeper(self, owner: str) -> _Keeper:
        owner = owner if len(self._keepers) < MAX_KEYS else OTHERS
        return self._keepers.setdefault(owner, _Keeper(owner))

    def flush(self) -> None:
        """Write what was counted and is due. To be called often; it does something once a second."""
        now = self._clock()
        if now - self._flushed < FLUSH_SECONDS:
            return
        since, self._flushed = self._flushed, now
        self._lines.clear()
        summaries = 0
        for keeper in list(self._keepers.values()):
            if summaries < SUMMARIES_AT_ONCE:
                summaries += self._summarise(keeper, now, since)

    def end(self) -> None:
        """Write all that was counted, of SUMMARIES_AT_ONCE keys at the most: nothing more comes."""
        counted = [keeper for keeper in self._keepers.values() if any(tally.count for tally in keeper.tallies.values())]
        for keeper in counted[:SUMMARIES_AT_ONCE]:
            keeper.is_crowded = True  # whether it is due or not
            self._summarise(keeper, self._clock(), self._flushed)

    def _summarise(self, keeper: _Keeper, now: float, since: float) -> bool:
        """Write a key's summary, if something is due; whether it was. The next time others come first."""
        due = keeper.take_due(now)
        if due:
            self._write(self._summary(keeper.owner, due, now - min(tally.told or since for tally in due)))
        for tally in due:
            tally.count, tally.told = 0, now
        keeper.forget(now)
        del self._keepers[keeper.owner]
        if keeper.tallies:
            self._keepers[keeper.owner] = keeper
        return bool(due)

    def _summary(self, owner: str, due: list[_Tally], seconds: float) -> Line:
        noted = sum(tally.level > logging.INFO for tally in due)
        shown = [*due[: min(noted, NOTED_IN_A_SUMMARY)], *due[noted : noted + THINGS_IN_A_SUMMARY]]
        named = [f"{tally.count:,} x {tally.what}" for tally in shown]
        rest = sum(tally.count for tally in due) - sum(tally.count for tally in shown)
        if rest:
            named.append(f"{rest:,} x something else")
        counts = {tally.what: tally.count for tally in due}
        if len(due) == 1 and due[0].count == 1 and due[0].told is None:  # it is of this second
            text = due[0].what
        else:
            text = f"in the last {max(seconds, 1):.0f} s: {', '.join(named)}"
        fields = self._fields(owner) | {"event": "summary", "counts": counts}
        return Line(f"{self._shown(owner)}: {text}", fields, _of_log(max(tally.level for tally in due)))

    def _fields(self, owner: str) -> dict[str, Any]:
        return {"session": owner or None, "name": self._name_of(owner)}

    def _shown(self, owner: str) -> str:
        name = self._name_of(owner)
        return f"{owner or '(no key)'}{f' ({name})' if name else ''}"


def _of_log(level: int) -> int:
    """A level as the log knows it."""
    return logging.INFO if level == NOTED else level

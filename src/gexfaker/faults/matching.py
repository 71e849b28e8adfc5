"""Which rule hits an event. Chances follow from the seed: the same seed and the same events give the same faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from gexfaker.faults.kinds import Fault, Point
from gexfaker.faults.order import hidden
from gexfaker.faults.rules import NO_FAULTS, FaultList, On, Rule


class Happening(NamedTuple):
    """What happens, as far as rules ask; None is what it does not have.

    Attributes:
        market: the market time of the key, seconds since midnight in New York.
        record: the index of the record on its tape.
        message: the type of a message that the client has sent.
        plain_group: the group without the prefix that the hub puts before it.
    """

    route: str | None = None
    ticker: str | None = None
    package: str | None = None
    category: str | None = None
    hub: str | None = None
    group: str | None = None
    subprotocol: str | None = None
    clients: tuple[str, ...] = ()
    market: float | None = None
    record: int | None = None
    message: str | None = None
    plain_group: str | None = None


class Run:
    """A rule at work.

    Attributes:
        seen: events that matched.
        hits: of these, those that were hit.
        began: when the first matched (epoch seconds); None before.
        armed: whether the message has come for which it waits.
    """

    __slots__ = ("_chances", "_from", "_lasts", "armed", "began", "fault", "hits", "rule", "seen")

    def __init__(self, rule: Rule, seed: int) -> None:
        self.rule: Final = rule
        self.fault: Final[Fault] = rule.fault
        self._lasts: Final = rule.seconds
        self._from: Final = rule.when.market_second
        self._chances: Final = chances(f"{seed}/{rule.name}")
        self.seen = self.hits = 0
        self.began: float | None = None
        self.armed = rule.when.message is None

    def chance(self) -> float:
        """The next number from 0 to below 1."""
        return next(self._chances)

    def note(self, happening: Happening) -> None:
        """The message may have come for which it waits."""
        if not self.armed and _is_like(happening.message, self.rule.when.message):
            self.armed = True

    def takes(self, happening: Happening, now: float) -> bool:
        """Whether the rule hits an event at real time ``now`` (epoch seconds)."""
        rule = self.rule
        if not self.armed or self.is_spent(now) or not self._is_time(happening) or not _is_on(rule.on, happening):
            return False
        if self.began is None:
            self.began = now
        self.seen += 1
        if self.seen <= rule.after or self.chance() >= rule.toxicity:
            return False
        self.hits += 1
        return True

    @property
    def ends(self) -> float | None:
        """When it hits nothing any more because of its time (epoch seconds); None while that is not known."""
        return None if self._lasts is None or self.began is None else self.began + self._lasts

    def is_spent(self, now: float) -> bool:
        """Whether it hits nothing any more."""
        rule, ends = self.rule, self.ends
        is_over = ends is not None and now >= ends
        return not rule.enabled or is_over or (rule.count is not None and self.hits >= rule.count)

    def _is_time(self, happening: Happening) -> bool:
        first, record = self._from, self.rule.when.record
        if first is not None and (happening.market is None or happening.market < first):
            return False
        return record is None or (happening.record is not None and happening.record >= record)


class Faults:
    """The rules of a key at work.

    Attributes:
        listed: the rules as they were given.
        runs: the same at work, in their order.
    """

    def __init__(self, listed: FaultList = NO_FAULTS) -> None:
        self.listed: Final = listed
        self.runs: Final = [Run(rule, listed.seed) for rule in listed.faults]
        self._at: Final = {point: [run for run in self.runs if point in run.fault.POINTS] for point in Point}
        self._waits: Final = [run for run in self.runs if not run.armed]

    def has(self, point: Point) -> bool:
        """Whether any rule acts there."""
        return bool(self._at[point])

    def choose(self, point: Point, happening: Happening, now: float, *kinds: type[Fault]) -> Run | None:
        """The first rule that hits an event; of these kinds only, if any are named."""
        for run in self._at[point]:
            if (not kinds or isinstance(run.fault, kinds)) and run.takes(happening, now):
                return run
        return None

    def choose_at_once(self, point: Point, happening: Happening, now: float) -> Run | None:
        """As ``choose``, of the rules that let no event pass first."""
        for run in self._at[point]:
            if not run.rule.after and run.takes(happening, now):
                return run
        return None

    def note(self, happening: Happening) -> None:
        """A client has sent a message, for which rules may wait."""
        for run in self._waits:
            run.note(happening)

    def followed_by(self, listed: FaultList) -> Faults:
        """Other rules; one that stays as it is goes on counting."""
        made = Faults(listed)
        if listed.seed == self.listed.seed:
            known = {run.rule.name: run for run in self.runs}
            kept = [known[run.rule.name] if _stays(known.get(run.rule.name), run) else run for run in made.runs]
            made.replace(kept)
        return made

    def replace(self, runs: list[Run]) -> None:
        """Go on with these, which are of the same rules."""
        self.runs[:] = runs
        for point, at in self._at.items():
            at[:] = [run for run in runs if point in run.fault.POINTS]
        self._waits[:] = [run for run in runs if not run.armed]

    def on(self, now: float) -> list[dict[str, Any]]:
        """Of each rule that may still hit its name, its type and how often it has hit."""
        return [
            {"name": run.rule.name, "type": run.rule.type, "hits": run.hits}
            for run in self.runs
            if not run.is_spent(now)
        ]

    def status(self, now: float) -> list[dict[str, Any]]:
        """Each rule as it was given, with what it has seen and hit, and whether it hits nothing any more.

        One that never hits, as another takes all before it, is told with the name of that one as ``hidden_by``.
        """
        behind = hidden([run.rule for run in self.runs])
        return [
            msgspec.to_builtins(run.rule)
            | {"seen": run.seen, "hits": run.hits, "spent": run.is_spent(now)}
            | ({"hidden_by": behind[run.rule.name]} if run.rule.name in behind else {})
            for run in self.runs
        ]


def _stays(known: Run | None, made: Run) -> bool:
    return known is not None and known.rule == made.rule


def chances(seed: str) -> Iterator[float]:
    """Numbers from 0 to below 1 without end, evenly; the same for the same seed on every machine."""
    number = 0
    while True:
        digest = blake2b(f"{seed}/{number}".encode(), digest_size=8).digest()
        yield (int.from_bytes(digest, "big") >> 11) / (1 << 53)
        number += 1


def _is_on(on: On, happening: Happening) -> bool:
    if on == _ANYBODY:
        return True
    unversioned = None if happening.route is None else _VERSION.sub("", happening.route)
    named = (
        *((on.route, (happening.route, unversioned)), (on.group, (happening.group, happening.plain_group))),
        *((on.ticker, (happening.ticker,)), (on.package, (happening.package,)), (on.category, (happening.category,))),
        *((on.hub, (happening.hub,)), (on.subprotocol, (happening.subprotocol,)), (on.client, happening.clients)),
    )
    return all(pattern is None or any(_is_like(value, pattern) for value in values) for pattern, values in named)


def _is_like(value: str | None, pattern: str | None) -> bool:
    """Whether a value is there and fits a pattern, whatever the case of its letters."""
    return value is not None and pattern is not None and fnmatchcase(value.lower(), pattern.lower())


_VERSION: Final = re.compile(r"^/v[12](?=/)")
"""What a path may begin with, and a rule need not name."""

_ANYBODY: Final = On()

"""Which rules never hit, because one before them takes all that they are about: the first that matches wins."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gexfaker.faults.kinds import KINDS, Point, Status, UnknownMessage
from gexfaker.faults.kinds import Sequence as Misnumbered
from gexfaker.faults.rules import Rule, When

NOT_ALL = (Misnumbered, UnknownMessage)
"""Kinds that are about the messages of some subprotocols only."""


def hidden(rules: Sequence[Rule]) -> dict[str, str]:
    """The rules that never hit, each with the one before it that hits instead."""
    found: dict[str, str] = {}
    for number, rule in enumerate(rules):
        before = next((one for one in rules[:number] if _takes_all(one) and _covers(one, rule)), None)
        if before is not None:
            found[rule.name] = before.name
    return found


def _takes_all(rule: Rule) -> bool:
    """Whether a rule hits everything that it is about, for ever."""
    kind = KINDS[rule.type]
    is_bounded = rule.toxicity < 1 or rule.after or rule.count is not None or rule.lasts is not None
    takes = kind is Status or (kind.POINTS == (Point.MESSAGE,) and kind not in NOT_ALL)
    return takes and rule.enabled and not is_bounded and rule.when == When()


def _covers(first: Rule, second: Rule) -> bool:
    """Whether all that the second one is about is among what the first one is about."""
    pairs = zip(msgspec.structs.astuple(first.on), msgspec.structs.astuple(second.on), strict=True)
    points = _points(second)
    return bool(points) and points <= _points(first) and all(one in (None, "*", other) for one, other in pairs)


def _points(rule: Rule) -> set[Point]:
    """Where a rule acts, by what it names."""
    points, on = set(KINDS[rule.type].POINTS), rule.on
    if on.route is not None:
        return points & {Point.REQUEST}
    return points - {Point.REQUEST} if on.hub or on.group or on.subprotocol else points

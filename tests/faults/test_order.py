"""A rule that never hits, as another takes all before it, is told with that one."""

from __future__ import annotations

from typing import Any

import pytest

from gexfaker.faults.matching import Faults
from gexfaker.faults.order import hidden
from gexfaker.faults.rules import FaultList, rules_of

Rule = dict[str, Any]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"type": "drop"}, {"type": "delay"}),
        ({"type": "drop"}, {"type": "delay", "on": {"group": "SPX_*"}, "after": 3}),
        ({"type": "freeze", "on": {"ticker": "SPX"}}, {"type": "drop", "on": {"ticker": "SPX", "hub": "classic"}}),
        ({"type": "status"}, {"type": "latency", "on": {"route": "/SPX/*"}}),
        ({"type": "status", "on": {"ticker": "*"}}, {"type": "malformed"}),
        ({"type": "drop"}, {"type": "sequence"}),
    ],
)
def test_what_another_takes_before_never_hits(first: Rule, second: Rule) -> None:
    rules = rules_of([first, second])
    assert hidden(rules) == {second["type"]: first["type"]}
    told = Faults(FaultList(rules)).status(0.0)
    assert [one.get("hidden_by") for one in told] == [None, first["type"]]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"type": "drop", "count": 3}, {"type": "delay"}),
        ({"type": "drop", "toxicity": 0.5}, {"type": "delay"}),
        ({"type": "drop", "after": 1}, {"type": "delay"}),
        ({"type": "drop", "for": "3s"}, {"type": "delay"}),
        ({"type": "drop", "enabled": False}, {"type": "delay"}),
        ({"type": "drop", "when": {"market": "10:05"}}, {"type": "delay"}),
        ({"type": "drop", "on": {"ticker": "SPX"}}, {"type": "delay"}),
        ({"type": "drop"}, {"type": "status"}),
        ({"type": "drop"}, {"type": "reset_peer"}),
        ({"type": "status"}, {"type": "latency"}),
        ({"type": "sequence"}, {"type": "drop"}),
        ({"type": "latency"}, {"type": "status"}),
        ({"type": "no_pong"}, {"type": "no_ack"}),
    ],
)
def test_what_another_leaves_may_hit(first: Rule, second: Rule) -> None:
    assert hidden(rules_of([first, second])) == {}

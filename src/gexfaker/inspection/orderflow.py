"""The identities within an orderflow feed: sums, differences from row to row, and the rows of the open.

All in whole hundredths, so that "equal" means equal.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from operator import attrgetter
from typing import Any, Final

from gexfaker.inspection.check import Facts, Identity, PlainCheck, hundredths
from gexfaker.inspection.findings import Finding
from gexfaker.inspection.layout import ORDERFLOW, Row
from gexfaker.inspection.times import GAP_SECONDS, Day
from gexfaker.limits import MAX_RECORDS

SUMS: Final = tuple(
    (f"{side}_dex", f"{side}_call_dex", f"{side}_put_dex") for side in ("agg", "net", "one_agg", "one_net")
)
"""(total, call part, put part)."""

DIFFERENCES: Final = {
    "dexoflow": "agg_dex",
    "gexoflow": "zgr",
    "cvroflow": "zcvr",
    "one_dexoflow": "one_agg_dex",
    "one_gexoflow": "ogr",
    "one_cvroflow": "ocvr",
}
"""Flow, and of what it is the change since the row before."""

ROUNDING: Final = 1
"""Hundredths by which a sum of two rounded numbers may differ from the rounded sum."""

RESET_SECONDS: Final = 6
"""The longest that a reset row stands at the open."""

_FLOWS: Final = attrgetter(*ORDERFLOW.keys[ORDERFLOW.keys.index("zcvr") :])


def is_reset(record: Any) -> bool:
    """Whether all 26 flows are 0: nothing is known yet."""
    return not any(_FLOWS(record))


class DexSums(PlainCheck):
    """Each dex total is its call part and its put part, to the hundredth that rounding takes."""

    def __init__(self) -> None:
        self._sums = [(Identity(f"{t} = {c} + {p}"), attrgetter(t, c, p)) for t, c, p in SUMS]

    def feed(self, row: Row) -> Iterator[Finding]:
        """The sums that do not hold."""
        for identity, values in self._sums:
            total, call, put = map(hundredths, values(row.record))
            identity.compared += 1
            if abs(total - call - put) > ROUNDING:
                identity.differing += 1
                yield Finding("dex-sum", row.number, f"{identity.name}: {total / 100} = {call / 100} + {put / 100}")

    def facts(self) -> Facts:
        """The identities."""
        return {"identities": [identity.facts() for identity, _ in self._sums]}


class FlowDifferences(PlainCheck):
    """Each flow is the change of its level since the row before.

    It may differ where the row before in the file is not the one that the service compared with: in the first
    row, after a gap, a repeat or a line that could not be read, and around rows of the close before and reset rows.
    """

    def __init__(self, day: Day) -> None:
        self._day = day
        self._identities = {flow: Identity(f"{flow} = change of {of}") for flow, of in DIFFERENCES.items()}
        self._flows = attrgetter(*DIFFERENCES)
        self._levels = attrgetter(*DIFFERENCES.values())
        self._last: Row | None = None

    def feed(self, row: Row) -> Iterator[Finding]:
        """The flows that are another change."""
        last, self._last = self._last, row
        if last is None or self._is_same(last, row):
            return
        kind = "flow-difference" if self._follows(last, row) else "flow-restart"
        columns = zip(
            self._identities.values(),
            self._flows(row.record),
            self._levels(row.record),
            self._levels(last.record),
            strict=True,
        )
        for identity, flow, new, old in columns:
            yield from self._compare(identity, hundredths(flow), hundredths(new) - hundredths(old), kind, row.number)

    def _compare(self, identity: Identity, flow: int, change: int, kind: str, index: int) -> Iterator[Finding]:
        identity.compared += 1
        if flow != change:
            strict = kind == "flow-difference"
            identity.differing += strict
            identity.tolerated += not strict
            yield Finding(kind, index, f"{identity.name}: {flow / 100}, but the change is {change / 100}")

    def _is_same(self, last: Row, row: Row) -> bool:
        """Whether a snapshot was recorded twice."""
        return row.timestamp == last.timestamp and self._flows(row.record) == self._flows(last.record)

    def _follows(self, last: Row, row: Row) -> bool:
        in_step = row.number == last.number + 1 and 0 < row.timestamp - last.timestamp <= GAP_SECONDS
        return in_step and self._day.holds(last.timestamp) and not is_reset(last.record) and not is_reset(row.record)

    def facts(self) -> Facts:
        """The identities."""
        return {"identities": [identity.facts() for identity in self._identities.values()]}


class Resets(PlainCheck):
    """Reset rows: usual within the first seconds, worth a note later."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._first: int | None = None

    def feed(self, row: Row) -> Iterator[Finding]:
        """A row without any flow."""
        if self._first is None and self._day.holds(row.timestamp):
            self._first = row.timestamp
        if is_reset(row.record):
            opening = self._first is None or row.timestamp - self._first <= RESET_SECONDS
            yield Finding("reset-row" if opening else "late-reset", row.number, "all 26 flows are 0")


class HourlyFlow(PlainCheck):
    """The 95th percentile of |gexoflow| by hour of the day (New York); keeps 8 bytes a record, up to MAX_RECORDS."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._hours: dict[int, array[float]] = {}
        self._kept = 0

    def feed(self, row: Row) -> Iterator[Finding]:
        """Nothing wrong, whatever comes."""
        if self._kept < MAX_RECORDS and self._day.holds(row.timestamp):
            self._kept += 1
            hour = self._day.hour(row.timestamp)
            self._hours.setdefault(hour, array("d")).append(abs(row.record.gexoflow))
        yield from ()

    def facts(self) -> Facts:
        """By hour, as text, since JSON has no other keys."""
        return {"gexoflow_p95": {f"{hour:02d}": _percentile(values) for hour, values in sorted(self._hours.items())}}


def _percentile(values: array[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]

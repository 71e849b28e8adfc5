"""What orderflow shares with the state feeds of its ticker, compared at equal timestamps.

Of a state feed only a few columns are kept, 8 bytes a value and record; a tape has at most MAX_RECORDS.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Final, NamedTuple

from gexfaker.inspection.check import Facts, Identity, PlainCheck, hundredths
from gexfaker.inspection.findings import Finding
from gexfaker.inspection.layout import Row
from gexfaker.inspection.orderflow import is_reset
from gexfaker.inspection.times import Day

Values = tuple[float, ...]


class Columns:
    """A few numbers of each record of a feed, found by timestamp."""

    def __init__(self, width: int) -> None:
        self._times = array("q")
        self._values = [array("d") for _ in range(width)]
        self._sorted = True

    def add(self, timestamp: int, values: Values) -> None:
        """Note a record's numbers."""
        self._sorted = self._sorted and (not self._times or self._times[-1] <= timestamp)
        self._times.append(timestamp)
        for column, value in zip(self._values, values, strict=True):
            column.append(value)

    def at(self, timestamp: int) -> Iterator[Values]:
        """The numbers of all records of that second."""
        self._sort()
        low = bisect_left(self._times, timestamp)
        for index in range(low, bisect_right(self._times, timestamp, low)):
            yield tuple(column[index] for column in self._values)

    def _sort(self) -> None:
        if self._sorted:
            return
        order = sorted(range(len(self._times)), key=self._times.__getitem__)
        self._times = array("q", [self._times[index] for index in order])
        self._values = [array("d", [column[index] for index in order]) for column in self._values]
        self._sorted = True


def _greek_sum(record: Any) -> Values:
    return (sum([line.greek for line in record.mini_contracts]),)


def _getter(*names: str) -> Callable[[Any], Values]:
    return attrgetter(*names)


class Source(NamedTuple):
    """What is kept of a state feed, and how wide it is."""

    width: int
    of: Callable[[Any], Values]


SOURCES: Final = {
    "gamma_zero": Source(2, _getter("major_long_gamma", "major_short_gamma")),
    "gamma_one": Source(2, _getter("major_long_gamma", "major_short_gamma")),
    "gex_zero": Source(3, _getter("major_pos_vol", "major_neg_vol", "sum_gex_vol")),
    "gex_one": Source(3, _getter("major_pos_vol", "major_neg_vol", "sum_gex_vol")),
    "delta_zero": Source(1, _greek_sum),
}
"""By category of the state package."""

LEVELS: Final = (
    ("z_mlgamma", "gamma_zero", 0, "major_long_gamma"),
    ("z_msgamma", "gamma_zero", 1, "major_short_gamma"),
    ("o_mlgamma", "gamma_one", 0, "major_long_gamma"),
    ("o_msgamma", "gamma_one", 1, "major_short_gamma"),
    ("zero_mcall", "gex_zero", 0, "major_pos_vol"),
    ("zero_mput", "gex_zero", 1, "major_neg_vol"),
    ("one_mcall", "gex_one", 0, "major_pos_vol"),
    ("one_mput", "gex_one", 1, "major_neg_vol"),
)
"""Level of orderflow, category of state, which of its columns, and that column's name."""


class Keep(PlainCheck):
    """Fills the columns of a state feed."""

    def __init__(self, source: Source) -> None:
        self.columns: Final = Columns(source.width)
        self._of = source.of

    def feed(self, row: Row) -> Iterator[Finding]:
        """Nothing wrong, whatever comes."""
        self.columns.add(row.timestamp, self._of(row.record))
        yield from ()


class Levels(PlainCheck):
    """The levels of orderflow are those of the state feeds at the same second.

    Args:
        kept: columns of the state feeds there are, by category.
    """

    def __init__(self, day: Day, kept: dict[str, Columns]) -> None:
        self._day = day
        self._kept = kept
        self._levels = [
            (Identity(f"{name} = {column} of state {category}"), name, category, at)
            for name, category, at, column in LEVELS
            if category in kept
        ]

    def feed(self, row: Row) -> Iterator[Finding]:
        """The levels that are other ones."""
        settled = self._day.holds(row.timestamp) and not is_reset(row.record)
        found = {category: list(columns.at(row.timestamp)) for category, columns in self._kept.items()}
        for identity, name, category, at in self._levels:
            if not found[category]:
                identity.alone += 1
                continue
            identity.compared += 1
            ours, theirs = getattr(row.record, name), [values[at] for values in found[category]]
            if hundredths(ours) not in map(hundredths, theirs):
                identity.differing += settled
                identity.tolerated += not settled
                kind = "level" if settled else "level-restart"
                yield Finding(kind, row.number, f"{identity.name}: {ours}, there {', '.join(map(str, theirs))}")

    def facts(self) -> Facts:
        """The identities."""
        return {"identities": [identity.facts() for identity, *_ in self._levels]}


class Pearson:
    """A correlation, one pair at a time (Welford's way, which does not lose digits)."""

    def __init__(self) -> None:
        self.count = 0
        self._means = [0.0, 0.0]
        self._xx = self._yy = self._xy = 0.0

    def add(self, x: float, y: float) -> None:
        """One more pair."""
        self.count += 1
        dx, dy = x - self._means[0], y - self._means[1]
        self._means[0] += dx / self.count
        self._means[1] += dy / self.count
        self._xx += dx * (x - self._means[0])
        self._yy += dy * (y - self._means[1])
        self._xy += dx * (y - self._means[1])

    def value(self) -> float | None:
        """-1 to 1; None where one side never moves."""
        spread = math.sqrt(self._xx) * math.sqrt(self._yy)
        return max(-1.0, min(1.0, self._xy / spread)) if spread else None


class Pair(NamedTuple):
    """Two series that move together: of orderflow, and of a state category's column or orderflow itself."""

    ours: str
    category: str
    theirs: str
    at: int
    expected: float


PAIRS: Final = (
    Pair("zgr", "gex_zero", "sum_gex_vol", 2, 0.999),
    Pair("ogr", "gex_one", "sum_gex_vol", 2, 0.99),
    Pair("net_dex", "delta_zero", "sum of the greek", 0, 0.9),
    Pair("gexoflow", "", "cvroflow", 0, -0.9),
)
"""``expected`` is what a real day never fell short of; typical are 0.99999, 0.997 and -0.99."""

FEWEST_PAIRS: Final = 100
"""A correlation of fewer records says little, and gives no note."""


class Correlations(PlainCheck):
    """Series that move together over the day; rows before the day and reset rows are left out."""

    def __init__(self, day: Day, kept: dict[str, Columns]) -> None:
        self._day = day
        self._kept = kept
        self._pairs = [(pair, Pearson()) for pair in PAIRS if not pair.category or pair.category in kept]

    def feed(self, row: Row) -> Iterator[Finding]:
        """Nothing wrong yet."""
        if self._day.holds(row.timestamp) and not is_reset(row.record):
            for pair, pearson in self._pairs:
                for theirs in self._theirs(pair, row):
                    pearson.add(getattr(row.record, pair.ours), theirs)
        yield from ()

    def _theirs(self, pair: Pair, row: Row) -> Iterable[float]:
        if not pair.category:
            return (getattr(row.record, pair.theirs),)
        return [values[pair.at] for values in self._kept[pair.category].at(row.timestamp)][-1:]

    def finish(self) -> Iterator[Finding]:
        """Series that did not move together."""
        for pair, pearson in self._pairs:
            value = pearson.value()
            if pearson.count < FEWEST_PAIRS or value is None:
                continue
            if value * math.copysign(1, pair.expected) < abs(pair.expected):
                yield Finding("correlation", 0, f"{_name(pair)}: {value:.4f} over {pearson.count:,} records")

    def facts(self) -> Facts:
        """The correlations, None where there is none."""
        return {
            "correlations": [
                {"name": _name(pair), "records": pearson.count, "value": pearson.value()}
                for pair, pearson in self._pairs
            ]
        }


def _name(pair: Pair) -> str:
    return f"{pair.ours} with {pair.theirs}" + (f" of state {pair.category}" if pair.category else "")

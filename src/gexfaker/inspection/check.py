"""What every check can do: take a feed's records one by one, and tell at the end what it has counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from gexfaker.inspection.findings import Finding
from gexfaker.inspection.layout import Row

Facts = dict[str, Any]
"""Names and JSON values."""


class Check(Protocol):
    """One thing looked at in one feed. Keeps no records, only what the next ones are compared with."""

    def feed(self, row: Row) -> Iterable[Finding]:
        """What is wrong with the next record."""

    def finish(self) -> Iterable[Finding]:
        """What is wrong with the day as a whole; called once, after the last record."""

    def facts(self) -> Facts:
        """What was counted, by name; called last."""


class PlainCheck:
    """A check that has nothing to say at the end."""

    def feed(self, row: Row) -> Iterator[Finding]:
        """Nothing wrong."""
        yield from ()

    def finish(self) -> Iterable[Finding]:
        """Nothing wrong."""
        return ()

    def facts(self) -> Facts:
        """Nothing counted."""
        return {}


@dataclass
class Identity:
    """How often an identity was looked at, and how often it did not hold.

    Attributes:
        name: the identity as a formula.
        compared: records in which it was looked at.
        differing: those in which it did not hold, and had to.
        tolerated: those in which it did not hold after a start, gap or reset.
        alone: records without a partner in the other feed.
    """

    name: str
    compared: int = 0
    differing: int = 0
    tolerated: int = 0
    alone: int = 0

    def facts(self) -> Facts:
        """As JSON values."""
        return dict(vars(self))


def hundredths(value: float) -> int:
    """A number of two decimals as an exact integer."""
    return round(value * 100)

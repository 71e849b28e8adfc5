"""Checks of the feeds by strike: column sums, what is always 0 in state feeds, the ladder itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from operator import attrgetter
from typing import Final

from gexfaker.inspection.check import Facts, Identity, PlainCheck
from gexfaker.inspection.findings import Finding
from gexfaker.inspection.layout import Row

STRIKE_ROUNDING: Final = 0.005
"""What rounding takes from or adds to one strike's value."""

SUM_ROUNDING: Final = 0.0005
"""The same for the total."""

BINARY_ROUNDING: Final = 1e-9
"""What adding up in binary takes, relative to the total."""

STATE_ZEROS: Final = ("zero_gamma", "major_pos_oi", "major_neg_oi", "sum_gex_oi", "delta_risk_reversal")
_ZEROS: Final = attrgetter(*STATE_ZEROS)

MAX_IVOL: Final = 20.0
"""2000 %: no quote implies more."""


class StrikeSums(PlainCheck):
    """The strike columns sum to the totals, but for rounding."""

    def __init__(self) -> None:
        self._volume = Identity("sum of strikes by volume = sum_gex_vol")
        self._interest = Identity("sum of strikes by open interest = sum_gex_oi")

    def feed(self, row: Row) -> Iterator[Finding]:
        """The totals that are another sum."""
        record = row.record
        slack = len(record.strikes) * STRIKE_ROUNDING + SUM_ROUNDING
        volume = sum([strike.volume for strike in record.strikes])
        interest = sum([strike.open_interest for strike in record.strikes])
        yield from self._compare(self._volume, volume, record.sum_gex_vol, slack, row.number)
        yield from self._compare(self._interest, interest, record.sum_gex_oi, slack, row.number)

    def _compare(self, identity: Identity, total: float, said: float, slack: float, index: int) -> Iterator[Finding]:
        identity.compared += 1
        if abs(total - said) > slack + abs(said) * BINARY_ROUNDING:
            identity.differing += 1
            name = identity.name.rpartition(" ")[2]
            yield Finding("strike-sum", index, f"{name} is {said}, the strikes sum to {total:.2f} (slack {slack:.2f})")

    def facts(self) -> Facts:
        """The identities."""
        return {"identities": [self._volume.facts(), self._interest.facts()]}


class StateZeros(PlainCheck):
    """State feeds know no open interest, no zero gamma and no risk reversal: all 0."""

    def feed(self, row: Row) -> Iterator[Finding]:
        """The fields that are not 0."""
        if any(_ZEROS(row.record)):
            said = ", ".join(f"{name} {getattr(row.record, name)}" for name in STATE_ZEROS if getattr(row.record, name))
            yield Finding("state-zero", row.number, said)
        elif other := next((strike for strike in row.record.strikes if strike.open_interest), None):
            yield Finding("state-zero", row.number, f"open interest {other.open_interest} at strike {other.strike}")


class Ladder(PlainCheck):
    """Strikes stand in order, once each, around spot; volatilities and days to expiry can be.

    Args:
        rows: the key of the rows, strikes or mini_contracts.
    """

    def __init__(self, rows: str) -> None:
        self._rows = attrgetter(rows)
        self._name = rows
        self._is_greek = rows == "mini_contracts"

    def feed(self, row: Row) -> Iterator[Finding]:
        """What cannot be in a ladder."""
        record = row.record
        strikes = [line.strike for line in self._rows(record)]
        if any(low >= high for low, high in pairwise(strikes)):
            low, high = next(pair for pair in pairwise(strikes) if pair[0] >= pair[1])
            yield Finding("range", row.number, f"{self._name}: {high} stands after {low}")
        elif strikes and strikes[0] <= 0:
            yield Finding("range", row.number, f"{self._name}: strike {strikes[0]}")
        elif strikes and not strikes[0] <= record.spot <= strikes[-1]:
            yield Finding("outside-ladder", row.number, f"spot {record.spot} in {strikes[0]} to {strikes[-1]}")
        if not 0 <= record.min_dte < record.sec_min_dte:
            yield Finding("range", row.number, f"min_dte {record.min_dte}, sec_min_dte {record.sec_min_dte}")
        if self._is_greek:
            yield from self._volatilities(row)

    def _volatilities(self, row: Row) -> Iterator[Finding]:
        for line in row.record.mini_contracts:
            if not (0 <= line.call_iv <= MAX_IVOL and 0 <= line.put_iv <= MAX_IVOL):
                said = f"ivol {line.call_iv} and {line.put_iv} at strike {line.strike}"
                yield Finding("range", row.number, said)
                return

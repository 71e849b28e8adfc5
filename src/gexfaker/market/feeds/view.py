"""A chain as one ticker shows it: under its name, and a future with its basis added to every price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gexfaker.market.model.chain import NEXT
from gexfaker.market.model.edges import FULL
from gexfaker.market.model.ledger import Ledger
from gexfaker.market.model.majors import Majors
from gexfaker.market.numeric.exact import Ints
from gexfaker.records.columns import Columns


@dataclass(frozen=True, slots=True)
class View:
    """What a feed needs to know of its ticker.

    Attributes:
        ticker: its name.
        basis: cents added to spot, strikes and levels.
        first: epoch seconds of second 0 of the day.
        ledger: the chain's columns.
        majors: the chain's levels.
    """

    ticker: str
    basis: int
    first: int
    ledger: Ledger
    majors: Majors

    def prices(self, seconds: Ints, spot: Ints) -> Columns:
        """The spot records of some seconds."""
        return Columns(self.first + seconds, (spot, None), {})

    @property
    def days(self) -> tuple[int, int]:
        """Days to the two nearest expiries."""
        chain = self.ledger.chain
        near, further = ((expiry - chain.day).days for expiry in chain.expiries[:2])
        return near, further

    def template(self, text: str) -> str:
        """A record's template with the ticker and the days to the two nearest expiries filled in."""
        near, further = self.days
        filled = text.replace("{ticker}", self.ticker).replace("{min_dte}", str(near))
        return filled.replace("{sec_min_dte}", str(further))

    def risk_reversal(self, number: int, block: int) -> Ints:
        """Volatility of the 25-delta put over that of the call, in thousandths; of all expiries: the second one's."""
        strip = self.ledger.strip(NEXT if number == FULL else number, block)
        return np.rint(1000.0 * strip.risk_reversal()).astype(np.int64)

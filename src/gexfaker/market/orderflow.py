"""A simulated orderflow day as a tape: any record on demand, made from nothing but a seed."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Final

from gexfaker.catalog import Feed
from gexfaker.market.flows import Columns, Flows
from gexfaker.market.legacy_profiles import DEFAULT_TICKERS, profile_of
from gexfaker.market.levels import ERA_BLOCKS, LEVELS, Level
from gexfaker.market.path import BLOCK
from gexfaker.market.session import Session
from gexfaker.market.spot import Index

__all__ = ["DEFAULT_TICKERS", "FIELDS", "SimulatedOrderflow"]

_KEYS = """
timestamp ticker spot z_mlgamma z_msgamma o_mlgamma o_msgamma zero_mcall zero_mput one_mcall one_mput
zcvr ocvr zgr ogr zvanna ovanna zcharm ocharm
agg_dex one_agg_dex agg_call_dex one_agg_call_dex agg_put_dex one_agg_put_dex
net_dex one_net_dex net_call_dex one_net_call_dex net_put_dex one_net_put_dex
dexoflow gexoflow cvroflow one_dexoflow one_gexoflow one_cvroflow
"""
FIELDS: Final = tuple(_KEYS.split())
"""The keys of a record, in the order in which the service writes them."""

BLOCKS_KEPT: Final = 4
"""Blocks in memory per tape, about 150 KB each: where playback is, the one before (differences, a
rewind), and two more for readers at other times of the day."""

_VALUES: Final = FIELDS[2:]

Row = tuple[int, ...]


class SimulatedOrderflow:
    """One ticker's simulated orderflow day; implements Tape.

    The same ticker, date and seed give the same bytes on every machine and Python version. Construction
    makes no record. Flows sum up from 0; record 0 is the day's reset row (flows 0, gamma levels a
    placeholder), as the feed sends it.

    Args:
        ticker: one of DEFAULT_TICKERS.
        date: YYYY-MM-DD; a weekend is not refused.
        seed: any integer.

    Raises:
        DataError: the ticker is not simulated, or the date is not one.
    """

    def __init__(self, ticker: str, date: str, seed: int) -> None:
        self._profile = profile_of(ticker)
        self._session = Session.of(date)
        self._key = f"{seed}/{date}"
        self._feed = Feed(ticker, "orderflow", "orderflow")
        self._template = _template(ticker)
        self._rows = lru_cache(maxsize=BLOCKS_KEPT)(self._make_rows)

    @property
    def feed(self) -> Feed:
        """The ticker's orderflow."""
        return self._feed

    @property
    def date(self) -> str:
        """The market day, YYYY-MM-DD (New York)."""
        return self._session.date

    def __len__(self) -> int:
        return len(self._session)

    def has(self, index: int) -> bool:
        """Whether record ``index`` exists."""
        return 0 <= index < len(self)

    def timestamp(self, index: int) -> int:
        """Epoch seconds of a record. Raises IndexError outside the day."""
        return self._session.timestamp(index)

    def json(self, index: int) -> bytes:
        """The record as compact JSON, two decimals at most. Raises IndexError outside the day."""
        timestamp = self._session.timestamp(index)
        block = max(0, index - 1) // BLOCK
        row = self._rows(block)[index - block * BLOCK]
        return (self._template % (timestamp, *map(_decimal, row))).encode()

    def payload(self, index: int) -> bytes | None:
        """None: nothing is made beforehand."""
        return None

    def index_at(self, timestamp: int) -> int:
        """Index of the newest record not after ``timestamp`` (epoch seconds); -1 before the first."""
        return self._session.index_at(timestamp)

    def place(self, index: int) -> str:
        """Where a record is, for people: ``simulated SPX orderflow #17``."""
        return f"simulated {self._feed.ticker} orderflow #{index}"

    def close(self) -> None:
        """Forget the blocks kept."""
        self._rows.cache_clear()

    # Below is made at the first record, not at construction: a server opens its tapes before it listens.

    @cached_property
    def _index(self) -> Index:
        return Index(self._key, self._profile.index)

    @cached_property
    def _flows(self) -> Flows:
        return Flows(self._profile, self._key, self._index)

    @cached_property
    def _levels(self) -> dict[str, Level]:
        key = f"{self._key}/{self._profile.chain}"
        return {spec.name: Level(spec, key, self._profile.spacing) for spec in LEVELS}

    @cached_property
    def _anchors(self) -> list[int]:
        return self._prices(self._index.skeleton[::ERA_BLOCKS])

    def _prices(self, moves: list[float]) -> list[int]:
        """Spot in cents, without basis."""
        cents = 100 * self._profile.ratio
        return [round(cents * self._index.price(move)) for move in moves]

    def _make_rows(self, block: int) -> list[Row]:
        moves = self._index.moves(block)
        prices: Columns = {"spot": self._prices(moves)}
        for name, level in self._levels.items():
            prices[name] = level.block(block, self._anchors)
        basis = self._profile.basis
        columns = {name: [price + basis for price in column] for name, column in prices.items()}
        columns |= self._flows.block(block, moves)
        return list(zip(*(columns[name] for name in _VALUES), strict=True))


def _template(ticker: str) -> str:
    values = ",".join(f'"{name}":%s' for name in _VALUES)
    return f'{{"timestamp":%d,"ticker":"{ticker}",{values}}}'


def _decimal(cents: int) -> str:
    """Cents as the service writes amounts: shortest form, no point when integral, never -0."""
    whole, rest = divmod(cents, 100)
    # The quotient is the double nearest to the two decimals, and repr writes the shortest text of it.
    return repr(cents / 100) if rest else str(whole)

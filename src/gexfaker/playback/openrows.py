"""The first rows of a real day's orderflow: yesterday's close, then a reset row. A realism switch of simulated days.

As seen on the service: the first row can be the snapshot of the close before, 17.5 hours old; the next has all flows
at zero and the gamma levels at a placeholder some 3.5 % under spot; then the market begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Final

import msgspec

from gexfaker.catalog import Feed
from gexfaker.records.columns import Columns
from gexfaker.records.fields import Shape
from gexfaker.tapes.tape import Tape, new_number

PLACEHOLDER_SHARE: Final = 0.965
PLACEHOLDER_STEP: Final = 5
"""The placeholder is a whole strike of SPX."""

LEVELS: Final = ("z_mlgamma", "z_msgamma", "o_mlgamma", "o_msgamma")
KEPT: Final = ("timestamp", "ticker", "spot", "zero_mcall", "zero_mput", "one_mcall", "one_mput")
"""What the reset row has right; all else in it is zero, but for the gamma levels."""


class OpenRows:
    """An orderflow tape with the stale row and the reset row before it; implements Tape.

    Args:
        tape: the day. Its first record becomes the reset row.
        close: gives the last record of the day before.
    """

    def __init__(self, tape: Tape, close: Callable[[], bytes]) -> None:
        self._tape: Final = tape
        self._close: Final = close
        self.number: Final = new_number()

    @property
    def feed(self) -> Feed:
        """The ticker, package and category of the records."""
        return self._tape.feed

    @property
    def date(self) -> str:
        """The market day, YYYY-MM-DD (New York)."""
        return self._tape.date

    def __len__(self) -> int:
        return len(self._tape) + 1

    def has(self, index: int) -> bool:
        """Whether record ``index`` exists."""
        return index == 0 or (index > 0 and self._tape.has(index - 1))

    def steps_to_index(self, index: int) -> Iterable[None]:
        """Work that ``has(index)`` needs, in steps."""
        return self._tape.steps_to_index(index - 1)

    def knows(self, timestamp: int) -> bool:
        """Whether ``index_at(timestamp)`` answers at once."""
        return self._tape.knows(timestamp)

    def steps_to_time(self, timestamp: int) -> Iterator[None]:
        """Work that ``index_at(timestamp)`` needs, in steps."""
        return self._tape.steps_to_time(timestamp)

    def timestamp(self, index: int) -> int:
        """Epoch seconds of a record; that of record 0 is yesterday's. Raises IndexError outside the day."""
        return self._stale_time if index == 0 else self._tape.timestamp(index - 1)

    def json(self, index: int) -> bytes:
        """The record's compact JSON. Raises IndexError outside the day."""
        if index == 0:
            return self._stale
        return self._reset if index == 1 else self._tape.json(index - 1)

    def payload(self, _index: int) -> bytes | None:
        """Nothing is prepared."""
        return None

    def columns(self, index: int, shape: Shape, most: int) -> Columns | None:
        """The day's own records as numbers; those put before them are text alone."""
        return None if index < 2 else self._tape.columns(index - 1, shape, most)

    @property
    def is_prepared(self) -> bool:
        """Never."""
        return False

    def index_at(self, timestamp: int) -> int:
        """Index of the newest record that is not after ``timestamp``; -1 before yesterday's close."""
        index = self._tape.index_at(timestamp)
        return index + 1 if index >= 0 or timestamp >= self._stale_time else -1

    def place(self, index: int) -> str:
        """Where the record is, for people."""
        return f"{self._tape.place(max(0, index - 1))} (rows of the open)"

    def close(self) -> None:
        """Give the day back."""
        self._tape.close()

    @cached_property
    def _stale(self) -> bytes:
        return self._close()

    @cached_property
    def _stale_time(self) -> int:
        return int(msgspec.json.decode(self._stale)["timestamp"])

    @cached_property
    def _reset(self) -> bytes:
        first: dict[str, Any] = msgspec.json.decode(self._tape.json(0))
        level = int(first["spot"] * PLACEHOLDER_SHARE / PLACEHOLDER_STEP) * PLACEHOLDER_STEP
        zeroed = {key: value if key in KEPT else level if key in LEVELS else 0 for key, value in first.items()}
        return msgspec.json.encode(zeroed)

"""Some values of a day's records as columns, for lines over the day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gexfaker.errors import ControlError

MAX_POINTS: Final = 400
"""Points of a line: a page shows no more, and each costs a record."""

POINTS: Final = 130
"""Points of a line unless told otherwise: one in three minutes."""

MAX_COLUMNS: Final = 24
"""Values of a record that are asked for at once; orderflow has 37."""


MAX_NAME: Final = 64
"""Letters of a name; the longest there is has 19."""


class Lines:
    """Columns of times and values.

    Args:
        names: the keys of the records that hold a number.

    Attributes:
        times: epoch seconds.
        columns: by name; None where a record has no such number.

    Raises ControlError: there are too many names, or one is no name of a value.
    """

    def __init__(self, names: Sequence[str]) -> None:
        if not 0 < len(names) <= MAX_COLUMNS or not all(_is_name(name) for name in names):
            raise ControlError(f"columns are the names of 1 to {MAX_COLUMNS} values of the records, such as spot")
        self.times: Final[list[int]] = []
        self.columns: Final[dict[str, list[float | None]]] = {name: [] for name in names}
        members: list[Any] = [("timestamp", int), *((name, Any, None) for name in self.columns if name != "timestamp")]
        self._decoder: Final = msgspec.json.Decoder(msgspec.defstruct("Values", members, gc=False))

    def add(self, record: bytes) -> None:
        """Add a record. Raises msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is none."""
        found: Any = self._decoder.decode(record)
        self.times.append(found.timestamp)
        for name, column in self.columns.items():
            column.append(_number(getattr(found, name)))


def _is_name(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_") and len(name) <= MAX_NAME


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if is_number else None

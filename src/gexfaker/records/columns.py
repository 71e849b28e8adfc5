"""Records of one feed as columns of whole numbers: what a program that makes records has before it writes text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Columns(NamedTuple):
    """Some records, one after the other.

    Every number is whole: the record's own times the factor of its field, so that nothing is lost.

    Attributes:
        timestamps: epoch seconds, one for each record.
        values: of each field of the shape, in its order: one number for each record, or None where it is missing; for
            a list of rows records by rows by numbers.
        rows: of each list that is there the text of a row without its numbers, such as ``[,,,[,,,,]]``.
    """

    timestamps: Array
    values: tuple[Array | None, ...]
    rows: Mapping[str, bytes]

"""What a shape is made of: its fields, one line each."""

from __future__ import annotations

from typing import Final, NamedTuple

Bounds = tuple[int, int]
"""The smallest and the largest number that fit."""

UINT32: Final = (0, 2**32 - 1)
SINT32: Final = (-(2**31), 2**31 - 1)
INT64: Final = (-(2**63), 2**63 - 1)


class Field(NamedTuple):
    """One key of a record, or one column of a row.

    Attributes:
        wire: the field of the message.
        json: the key of the record, or what the column of a row holds.
        factor: what a number is multiplied by, a power of ten.
        bounds: inclusive bounds of its type.
        optional: the key may be missing or null; then the field is not sent.
        null: a decoded row shows null for what was not sent, instead of ending before it.
        many: a list of numbers.
        columns: a list of rows, each an array of these.
        inside: the field of the wrapping message that holds the list ("" when it is not wrapped).
    """

    wire: str
    json: str
    factor: int
    bounds: Bounds
    optional: bool = False
    null: bool = False
    many: bool = False
    columns: tuple[Field, ...] = ()
    inside: str = ""

    @property
    def is_price(self) -> bool:
        """Whether it is a price: a number that is never negative."""
        return self.bounds == UINT32 and not self.columns


class Shape(NamedTuple):
    """One kind of record.

    Attributes:
        kind: what it is called in errors, with an article.
        fields: its keys in the order in which the service writes them, behind timestamp and ticker, which all have.
        decimals: the most that a number is written with.
    """

    kind: str
    fields: tuple[Field, ...]
    decimals: int = 2

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, in order."""
        return ("timestamp", "ticker", *(field.json for field in self.fields))

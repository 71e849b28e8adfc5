"""What many make the server keep, with one bound for all of it: beyond it whoever makes it keep the most goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final


class Holdings:
    """All that is kept of one kind.

    Args:
        most: bytes.

    Attributes:
        total: bytes at present.
        cut: how many had to go.
    """

    __slots__ = ("_shares", "cut", "most", "total")

    def __init__(self, most: int) -> None:
        self.most: Final = most
        self.total = self.cut = 0
        self._shares: Final[dict[Share, None]] = {}

    def share(self, cut: Callable[[], None]) -> Share:
        """The part of somebody new; ``cut`` makes them go, and ends the part."""
        return Share(self, self._shares, cut)

    def shed(self) -> None:
        """While all together is too much, cut whoever has the most."""
        while self.total > self.most and self._shares:
            worst = max(self._shares, key=_size)
            self.cut += 1
            worst.cut()
            worst.end()


class Share:
    """What is kept because of one of them.

    Attributes:
        size: bytes.
        cut: makes them go.
    """

    __slots__ = ("_holdings", "_shares", "cut", "size")

    def __init__(self, holdings: Holdings, shares: dict[Share, None], cut: Callable[[], None]) -> None:
        self._holdings: Final = holdings
        self._shares: Final = shares
        self.cut = cut
        self.size = 0

    def add(self, size: int) -> None:
        """So many bytes more; less, if it is negative; of who has gone nothing counts."""
        if size and self.cut is not _nobody:
            self._holdings.total += size
            self.size += size
            if self.size:
                self._shares[self] = None
            else:
                del self._shares[self]

    def end(self) -> None:
        """Nothing is kept because of them any more."""
        self.add(-self.size)
        self.cut = _nobody


def _size(share: Share) -> int:
    return share.size


def _nobody() -> None:
    """Who has gone need not go again."""

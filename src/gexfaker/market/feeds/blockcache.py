"""The blocks that simulated feeds have made, kept for all of them together: keys at many positions each play their own.

Does not load numpy: a server makes one of these before it knows whether anything will be simulated.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_BYTES: Final = 24 << 20
"""Bytes of all blocks: those in play of 11 keys at different positions that listen to all feeds of SPX. The feed reads
a block twice only, as it makes half a minute of payloads at once; REST reads it for each record."""

UNREAD: Final = 512
"""Reads of other blocks after which one is forgotten, however much room there is: twice as many as blocks of SPX fit,
so that only one that nobody plays any more comes to it. A day played from end to end leaves a few MiB."""

Made = TypeVar("Made", bound="tuple[NDArray[Any], ...]")


class Blocks:
    """Blocks by feed and number, each a tuple of arrays; those read longest ago are forgotten beyond the bounds.

    Args:
        byte_limit: of all arrays together; the newest block is kept even if it is larger.
        unread: how many reads of others a block outlasts.
    """

    def __init__(self, byte_limit: int = BLOCK_BYTES, unread: int = UNREAD) -> None:
        self._byte_limit: Final = byte_limit
        self._unread: Final = unread
        self._kept: OrderedDict[tuple[object, int], _Kept[Any]] = OrderedDict()
        self._reads = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def block(self, feed: object, number: int, make: Callable[[int], Made]) -> Made:
        """Block ``number`` of a feed, made if it is not kept; two feeds are the same if they are one object."""
        self._reads += 1
        key = (feed, number)
        kept: _Kept[Made] | None = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = _Kept(make(number))
            self.bytes += kept.size
        else:
            self._kept.move_to_end(key)
        kept.read = self._reads
        self._make_room()
        return kept.arrays

    def forget(self, feed: object) -> None:
        """Forget all blocks of a feed."""
        for key in [key for key in self._kept if key[0] is feed]:
            self.bytes -= self._kept.pop(key).size

    def _make_room(self) -> None:
        while len(self._kept) > 1:
            key, oldest = next(iter(self._kept.items()))
            if self.bytes <= self._byte_limit and self._reads - oldest.read <= self._unread:
                return
            del self._kept[key]
            self.bytes -= oldest.size


class _Kept(Generic[Made]):
    """A block, its size in bytes, and which read it was that wanted it last."""

    __slots__ = ("arrays", "read", "size")

    def __init__(self, arrays: Made) -> None:
        self.arrays = arrays
        self.size = sum(array.nbytes for array in arrays)
        self.read = 0

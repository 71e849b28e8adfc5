"""A map that is bounded: what was used longest ago is forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """A map of at most ``limit`` entries, and of ``byte_limit`` bytes; the newest entry is kept however large it is.

    Args:
        limit: how many entries.
        byte_limit: how many bytes of values; None is no such bound.
        size: how many bytes a value counts.
    """

    __slots__ = ("_byte_limit", "_bytes", "_entries", "_limit", "_size")

    def __init__(self, limit: int, byte_limit: int | None = None, size: Callable[[V], int] = lambda _value: 0) -> None:
        self._limit: Final = limit
        self._byte_limit: Final = byte_limit
        self._size: Final = size
        self._entries: Final[OrderedDict[K, V]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[K]:
        """The keys, the longest unused first."""
        return iter(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __getitem__(self, key: K) -> V:
        """The value of a key, which counts as used now. Raises KeyError."""
        value = self._entries[key]
        self._entries.move_to_end(key)
        return value

    def __setitem__(self, key: K, value: V) -> None:
        """Set the value of a key; others may have to go for it."""
        before = self._entries.pop(key, None)
        if before is not None:
            self._bytes -= self._size(before)
        self._entries[key] = value
        self._bytes += self._size(value)
        while len(self._entries) > self._limit or self._is_too_large():
            self._bytes -= self._size(self._entries.popitem(last=False)[1])

    def _is_too_large(self) -> bool:
        return self._byte_limit is not None and self._bytes > self._byte_limit and len(self._entries) > 1

    def get(self, key: K) -> V | None:
        """The value of a key, which counts as used now; None when there is none."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0

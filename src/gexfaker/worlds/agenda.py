"""When something is due to which world: a heap of next turns."""

from __future__ import annotations

import heapq
from itertools import count
from typing import Final

from gexfaker.worlds.world import World

SPARE_ENTRIES: Final = 1024
"""Entries that are no longer valid and are kept all the same: so many, and as many as are valid."""


class Agenda:
    """The next turns of worlds. A world has one valid entry at most; entries that were replaced are passed over."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, World]] = []
        self._numbers: Final = count()
        self._valid = 0

    def __len__(self) -> int:
        """How many worlds have a next turn."""
        return self._valid

    @property
    def entries(self) -> int:
        """How many entries there are in memory."""
        return len(self._heap)

    def set(self, world: World, at: float | None) -> None:
        """The next turn of a world is ``at`` (real time), or with None there is none."""
        delivery = world.delivery
        self._valid += (at is not None) - (delivery.entry is not None)
        delivery.entry = None
        if at is None:
            return
        delivery.entry = next(self._numbers)
        heapq.heappush(self._heap, (at, delivery.entry, world))
        if len(self._heap) > 2 * self._valid + SPARE_ENTRIES:
            self._heap = [entry for entry in self._heap if entry[2].delivery.entry == entry[1]]
            heapq.heapify(self._heap)

    def first(self) -> float | None:
        """When the next turn of any world is; None when there is none."""
        heap = self._heap
        while heap and heap[0][2].delivery.entry != heap[0][1]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def take(self, now: float) -> World | None:
        """A world whose turn has come, with its entry removed; None when there is none."""
        at = self.first()
        if at is None or at > now:
            return None
        world = heapq.heappop(self._heap)[2]
        world.delivery.entry = None
        self._valid -= 1
        return world

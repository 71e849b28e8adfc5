"""Long work in slices, so that the event loop, and with it the feed, is never held up.

However many clients ask for long work at once, all of it together takes one slice of each round of the loop: with a
slice for each, three hundred searches would hold up a round for a second and a half.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from gexfaker.limits import MAX_LOOP_BLOCK_SECONDS

T = TypeVar("T")


class _Turns:
    """Whose turn it is in an event loop.

    In every other round it is that of whoever has waited longest, so that each comes to its end; in between that of
    whoever has had the fewest, so that what is short does not wait behind all that is long.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: Final = loop
        self._waiting: Final[dict[asyncio.Future[None], int]] = {}
        self._until = 0.0
        self._rounds = 0
        self._is_open = False

    @property
    def are_over(self) -> bool:
        """Whether this round's slice is used up."""
        return self._loop.time() >= self._until

    async def come(self, had: int) -> None:
        """Wait for a turn, or take part in one that is not used up; ``had`` is how many there were before."""
        if not self._is_open:
            self._is_open = True
            self._begin()
            self._loop.call_soon(self._next)
        elif self._waiting or self.are_over:
            await self._wait(had)
            self._begin()

    def _begin(self) -> None:
        self._until = self._loop.time() + MAX_LOOP_BLOCK_SECONDS

    async def _wait(self, had: int) -> None:
        turn = self._loop.create_future()
        self._waiting[turn] = had
        try:
            await turn
        finally:
            self._waiting.pop(turn, None)

    def _next(self) -> None:
        """A round later: somebody else's turn."""
        self._is_open = bool(self._waiting)
        if not self._is_open:
            return
        self._rounds += 1
        longest = next(iter(self._waiting))
        turn = longest if self._rounds % 2 else min(self._waiting, key=self._waiting.__getitem__)
        del self._waiting[turn]
        if not turn.done():  # whoever waited may have been cancelled
            turn.set_result(None)
        self._loop.call_soon(self._next)


_TURNS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns]] = WeakKeyDictionary()


async def in_slices(items: Iterable[T]) -> AsyncIterator[T]:
    """The items; between two of them the loop has its turn whenever MAX_LOOP_BLOCK_SECONDS are over."""
    loop = asyncio.get_running_loop()
    turns = _TURNS.get(loop) or _TURNS.setdefault(loop, _Turns(loop))
    had = 0
    await turns.come(had)
    for item in items:
        if turns.are_over:
            had += 1
            await turns.come(had)
        yield item

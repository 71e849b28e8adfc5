"""Long work in slices, so that the event loop, and with it the feed, is never held up.

However many clients ask for long work at once, all of it together takes one slice of each round of the loop: with a
slice for each, three hundred searches would hold up a round for a second and a half.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from gexfaker.limits import MAX_LOOP_BLOCK_SECONDS, NEW_WORKS_AT_ONCE

T = TypeVar("T")


class _Turns:
    """Whose turn it is in an event loop.

    In every other round it is that of whoever has waited longest, so that each comes to its end; in between that of
    whoever has had the fewest, so that what is short does not wait behind all that is long. What of the slice is left
    then is for those who have had none.
    """

    def __init__(self) -> None:
        self._waiting: Final[dict[asyncio.Future[None], int]] = {}
        self._until = 0.0
        self._rounds = 0
        self._is_open = self._is_fresh = False

    @property
    def are_over(self) -> bool:
        """Whether this round's slice is used up."""
        return asyncio.get_running_loop().time() >= self._until

    async def come(self, had: int) -> None:
        """Wait for a turn, or take part in one that is not used up; ``had`` is how many there were before."""
        if not self._is_open:
            self._is_open = self._is_fresh = True
            asyncio.get_running_loop().call_soon(self._next)
        elif self._waiting:
            await self._wait(had)
        while not self._takes_part():
            await self._wait(had)

    def _takes_part(self) -> bool:
        """Whether anything of the slice is left; it begins with the first that asks."""
        if self._is_fresh:
            self._is_fresh = False
            self._until = asyncio.get_running_loop().time() + MAX_LOOP_BLOCK_SECONDS
            return True
        return not self.are_over

    async def _wait(self, had: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = had
        try:
            await turn
        finally:
            self._waiting.pop(turn, None)

    def _next(self) -> None:
        """A round later: somebody else's turn."""
        self._is_open = self._is_fresh = bool(self._waiting)
        if not self._is_open:
            return
        self._rounds += 1
        longest = next(iter(self._waiting))
        self._wake(longest if self._rounds % 2 else min(self._waiting, key=self._waiting.__getitem__))
        for turn in list(islice((turn for turn, had in self._waiting.items() if not had), NEW_WORKS_AT_ONCE)):
            self._wake(turn)
        asyncio.get_running_loop().call_soon(self._next)

    def _wake(self, turn: asyncio.Future[None]) -> None:
        del self._waiting[turn]
        if not turn.done():  # whoever waited may have been cancelled
            turn.set_result(None)


_TURNS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns]] = WeakKeyDictionary()


async def in_slices(items: Iterable[T]) -> AsyncIterator[T]:
    """The items; between two of them the loop has its turn whenever MAX_LOOP_BLOCK_SECONDS are over."""
    loop = asyncio.get_running_loop()
    turns = _TURNS.get(loop) or _TURNS.setdefault(loop, _Turns())
    had = 0
    await turns.come(had)
    for item in items:
        if turns.are_over:
            had += 1
            await turns.come(had)
        yield item

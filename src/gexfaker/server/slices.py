"""Long work in slices, so that the event loop, and with it the feed, is never held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

from gexfaker.limits import MAX_LOOP_BLOCK_SECONDS

T = TypeVar("T")


async def in_slices(items: Iterable[T]) -> AsyncIterator[T]:
    """The items; between two of them the loop has its turn whenever MAX_LOOP_BLOCK_SECONDS are over."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for item in items:
        if loop.time() - began > MAX_LOOP_BLOCK_SECONDS:
            await asyncio.sleep(0)
            began = loop.time()
        yield item

"""A bound on waiting that a program which stood still does not reach by that.

A machine that sleeps, or is short of processors, wakes a timer and an answer together. A plain timeout then ends the
wait although the answer is there. Here the wait is a number of looks: a standstill of any length costs one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

LOOKS: Final = 4
"""Into how many looks a wait is divided: a standstill takes a quarter of the time at most."""


@contextlib.asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """Bound what happens in the context.

    Raises:
        TimeoutError: it took ``seconds`` in which the loop turned.
    """
    loop = asyncio.get_running_loop()
    scope = asyncio.timeout(None)
    timer: asyncio.TimerHandle

    def look(left: int) -> None:
        nonlocal timer
        if left:
            timer = loop.call_later(seconds / LOOKS, look, left - 1)
        else:
            scope.reschedule(loop.time())

    timer = loop.call_later(seconds / LOOKS, look, LOOKS - 1)
    try:
        async with scope:
            yield
    except TimeoutError:
        if scope.expired():
            raise TimeoutError(f"no answer for {seconds:g} s") from None
        raise
    finally:
        timer.cancel()

"""How a signal ends a command: the exit code is 128 and its number, as shells have it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, Final

INTERRUPTED: Final = 128 + signal.SIGINT
"""Ctrl-C."""

TERMINATED: Final = 128 + signal.SIGTERM
"""It was asked to end, as by a time limit of a CI."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came. It ends a command as Ctrl-C does, so that it leaves nothing behind: no client, no half file."""


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in a loop of its own, which a signal ends between two turns and not in one.

    Raises:
        KeyboardInterrupt, Terminated: a signal came.
    """
    import asyncio

    async def until_signal() -> None:
        task = asyncio.current_task()
        with contextlib.suppress(NotImplementedError):  # on Windows a process ends without being asked
            if task is not None:
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await main

    try:
        asyncio.run(until_signal())
    except asyncio.CancelledError:
        raise Terminated from None

"""Log lines about what may happen a thousand times a second: one a second of each kind, with how often it was."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Final

from gexfaker.limits import TELL_SECONDS


class Rarely:
    """Tells each kind of event once in TELL_SECONDS, and counts the others.

    Args:
        log: where to.
        clock: seconds that only go forward.
    """

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = monotonic) -> None:
        self._log: Final = log
        self._clock: Final = clock
        self._told: Final[dict[str, float]] = {}
        self._silent: Final[Counter[str]] = Counter()

    def tell(self, kind: str, text: str, *args: object) -> None:
        """An event of a kind, with the words for it."""
        now = self._clock()
        if now - self._told.get(kind, -TELL_SECONDS) < TELL_SECONDS:
            self._silent[kind] += 1
            return
        self._told[kind] = now
        more = self._silent.pop(kind, 0)
        self._log.warning(text + (f" ({more} more like this)" if more else ""), *args)

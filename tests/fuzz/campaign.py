"""Many steps of one target, counted, with an eye on memory."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from .targets import Target

WARM_UP: Final = 0.2
"""Share of the steps after which memory has to stay flat: caches are full by then."""
MAX_GROWTH: Final = 1024 * 1024
SLICE: Final = 2000


@dataclass(frozen=True)
class Report:
    """What came of it: steps by outcome, seconds, bytes that memory grew by after the warm-up."""

    outcomes: Counter[str]
    seconds: float
    growth: int


def run(target: Target, count: int, seed: int, progress: Callable[[int], None] = lambda _steps: None) -> Report:
    """Feed ``target`` that often. Raises what it raises, with the step's number, so that it can be repeated."""
    rng = Random(f"{target.name} {seed}")
    outcomes: Counter[str] = Counter()
    began, warm = time.monotonic(), int(count * WARM_UP)
    tracemalloc.start()
    try:
        before = 0
        for number in range(count):
            if number == warm:
                before = _memory()
            try:
                outcomes[target.step(rng)] += 1
            except Exception as error:
                error.add_note(f"target {target.name!r}, seed {seed}, step {number}")
                raise
            if number % SLICE == SLICE - 1:
                progress(SLICE)
        progress(count % SLICE)
        growth = _memory() - before
    finally:
        tracemalloc.stop()
    assert growth < MAX_GROWTH, f"{target.name}: memory grew by {growth} bytes in {count - warm} steps"
    return Report(outcomes, time.monotonic() - began, growth)


def _memory() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]

"""How a connection is slowed down or ended by a fault: in words that its socket performs."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from gexfaker.faults import kinds as k
from gexfaker.faults.matching import Run
from gexfaker.hubs import outputs as o

KB: Final = 1000
"""Bytes of a kilobyte of ``rate``."""

MAX_PIECES: Final = 10_000
"""Pieces of one frame or body at most; the rest comes in one."""


PIECES_A_SECOND: Final = 20
"""How many pieces of a bounded rate are written in a second: smooth enough, and some wake-ups only."""


def even(length: int, rate: float | None) -> tuple[int, ...]:
    """The sizes of the pieces of so many bytes: one, or as many as a rate needs (bytes a second)."""
    if rate is None:
        return (length,)
    size = max(1, int(rate / PIECES_A_SECOND), -(-length // MAX_PIECES))
    return (*(size for _ in range(length // size)), *((length % size,) if length % size else ()))


def seconds_of(fault: k.Latency, run: Run) -> float:
    """How long one answer, handshake or frame waits: evenly, lognormal, or always the same with some jitter."""
    if fault.median is not None:
        chance = min(max(run.chance(), 1e-9), 1 - 1e-9)
        milliseconds = fault.median * math.exp(fault.sigma * NormalDist().inv_cdf(chance))
    elif fault.upper is not None:
        milliseconds = fault.lower + (fault.upper - fault.lower) * run.chance()
    else:
        milliseconds = fault.latency + fault.jitter * (2 * run.chance() - 1 if fault.jitter else 0.0)
    return min(max(milliseconds, 0.0), k.MAX_MILLISECONDS) / 1000


def pieces_of(length: int, fault: k.Slicer, run: Run) -> tuple[int, ...]:
    """The sizes of the pieces of so many bytes."""
    sizes: list[int] = []
    while length > 0 and len(sizes) < MAX_PIECES:
        least = fault.average_size - fault.size_variation
        sizes.append(min(max(1, least + int(run.chance() * (2 * fault.size_variation + 1))), length))
        length -= sizes[-1]
    return (*sizes, length) if length > 0 else tuple(sizes)


def pace(output: o.Output, run: Run) -> o.Output:
    """Something for a socket, to be written as a rule has it; closes stay as they are."""
    if isinstance(output, o.Joined):
        data, messages = output.data, output.messages
    elif isinstance(output, bytes | o.Later):
        data, messages = output if isinstance(output, bytes) else output.frame, 1
    else:
        return output
    match run.fault:
        case k.Latency() as latency:
            return o.Slowly(data, messages, seconds_of(latency, run))
        case k.Bandwidth(rate=rate):
            return o.Slowly(data, messages, rate=rate * KB)
        case k.Slicer() as slicer:
            return o.Slowly(data, messages, pieces=pieces_of(len(data), slicer, run), pause=slicer.delay / 1000)
        case _:
            return output


def ended(fault: k.Close) -> o.Close | o.Abort:
    """The end of a connection that cannot be recovered."""
    return o.Abort() if fault.code == k.BROKEN else o.Close(fault.code, fault.reason)

"""What an attack is: its name, what it does, and what it is done to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from siege import days
from siege.bounds import DESCRIPTOR_SLACK, INTERVAL_SECONDS, NEWCOMER_SECONDS
from siege.target import Target

DOWNLOAD: Final = f"/download/{days.DATE}/{days.LISTENED[0]}/orderflow/orderflow"
"""A small file that a newcomer may want."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the server's process is given.

    Attributes:
        descriptors: limit of open descriptors; None leaves the machine's.
        stderr_read: whether anybody reads what it logs.
        stdout_read: whether anybody reads what it prints; else that is a closed pipe.
    """

    descriptors: int | None = None
    stderr_read: bool = True
    stdout_read: bool = True


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    Attributes:
        run: does it, in a process of its own, and need not come back.
        connections: how many it has.
        what: it does, in a few words.
        prepare: writes the day that is played; None means a simulated one.
        settings: of the server, beside the usual ones.
        interval: seconds between two turns.
        newcomer: what new clients ask for.
        newcomer_seconds: how long that may be refused.
        patience: seconds that the attack itself stops the server for.
        slack: descriptors more than before that are no leak.
        is_right: whether all that it asks for is to be answered well.
        at_least: seconds it takes to see whether the server helps itself.
    """

    run: Callable[[Target], None]
    connections: int
    what: str
    prepare: Callable[[Path], None] | None = days.write_usual
    settings: Mapping[str, str] = field(default_factory=dict)
    surroundings: Surroundings = field(default_factory=Surroundings)
    interval: float = INTERVAL_SECONDS
    newcomer: str = days.MAJORS
    newcomer_seconds: float = NEWCOMER_SECONDS
    patience: float = 0.0
    slack: int = DESCRIPTOR_SLACK
    is_right: bool = False
    at_least: float = 0.0

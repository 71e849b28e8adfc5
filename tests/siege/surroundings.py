"""What may happen to the server's process: pipes that nobody reads or that are closed, a stop and a continuation."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Final

from siege.plan import Attack, Surroundings
from siege.target import Target

NEGOTIATIONS: Final = 3000
"""Each a line of the log: several times what a pipe holds."""

FROZEN_SECONDS: Final = 7.0
"""Longer than some servers keep an idle connection."""


def negotiate(target: Target) -> None:
    """Negotiations of ever other keys, each of which is logged."""
    for number in range(NEGOTIATIONS):
        target.request("GET", "/negotiate", f"key-{number}")
        target.did += 1
        if number == NEGOTIATIONS // 10:
            target.begun()
    threading.Event().wait()


def freeze(target: Target) -> None:
    """Stop the process for a while, as a laptop's lid does."""
    os.kill(target.pid, signal.SIGSTOP)
    time.sleep(FROZEN_SECONDS)
    os.kill(target.pid, signal.SIGCONT)
    target.did += 1
    target.begun()
    threading.Event().wait()


ATTACKS: Final[dict[str, Attack]] = {
    "stderr-unread": Attack(
        negotiate,
        1,
        "a log that nobody reads, 3,000 lines of it",
        settings={"log_level": "info"},
        surroundings=Surroundings(stderr_read=False),
        at_least=10.0,
    ),
    "stdout-closed": Attack(negotiate, 1, "output into a closed pipe", surroundings=Surroundings(stdout_read=False)),
    "frozen": Attack(freeze, 0, "the process is stopped for 7 s", patience=FROZEN_SECONDS),
}

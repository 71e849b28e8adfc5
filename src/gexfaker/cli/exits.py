"""The exit codes of a command that a signal has ended: 128 and its number, as shells have it."""

from __future__ import annotations

import signal
from typing import Final

INTERRUPTED: Final = 128 + signal.SIGINT
"""Ctrl-C."""

TERMINATED: Final = 128 + signal.SIGTERM
"""It was asked to end, as by a time limit of a CI."""

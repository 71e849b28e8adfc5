"""What a connection wants done to its socket, in order. Plain ``bytes`` are frames to write at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Later:
    """A frame to write after the acknowledgement delay."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Send a close frame, after everything that still waits, and expect the peer's."""

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Abort:
    """Drop the TCP connection without a close frame."""


Output = bytes | Later | Close | Abort

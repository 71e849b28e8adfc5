"""What a connection wants done to its socket, in order. Plain ``bytes`` are frames to write at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


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


class Joined(NamedTuple):
    """Several frames in one piece, shared by everybody who is to get the same; written as it is.

    Attributes:
        messages: how many they are.
    """

    data: bytes
    messages: int

    @classmethod
    def of(cls, frames: Sequence[bytes]) -> Joined:
        """The frames, one after the other."""
        return cls(b"".join(frames), len(frames))


Output = bytes | Joined | Later | Close | Abort

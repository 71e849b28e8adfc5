"""What a connection wants done to its socket, in order. Plain ``bytes`` are frames to write at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec


class Later(msgspec.Struct, frozen=True):
    """A frame to write after the acknowledgement delay."""

    frame: bytes


class Close(msgspec.Struct, frozen=True):
    """Send a close frame, after everything that still waits, and expect the peer's."""

    code: int
    reason: str = ""


class Abort(msgspec.Struct, frozen=True):
    """Drop the TCP connection without a close frame."""


class Drop(msgspec.Struct, frozen=True):
    """End the socket on purpose; a reliable client may come back to its connection.

    Attributes:
        code: of the close frame; None resets the TCP connection.
        seconds: so much later.
    """

    code: int | None = None
    reason: str = ""
    seconds: float = 0.0


class Mute(msgspec.Struct, frozen=True):
    """Write and read nothing any more, and do not close either."""


class Aside(msgspec.Struct, frozen=True):
    """Frames to write later, without holding up others."""

    data: bytes
    seconds: float


class Slowly(msgspec.Struct, frozen=True):
    """Frames to write slowly; everything after them waits behind them.

    Attributes:
        seconds: before the first byte.
        rate: bytes a second; None for no bound.
        pieces: sizes of the pieces, and ``pause`` seconds between them; empty for one piece.
    """

    data: bytes
    messages: int
    seconds: float = 0.0
    rate: float | None = None
    pieces: tuple[int, ...] = ()
    pause: float = 0.0


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


Output = bytes | Joined | Later | Close | Abort | Drop | Mute | Aside | Slowly
"""The last four break something on purpose: only a key with faults has them."""

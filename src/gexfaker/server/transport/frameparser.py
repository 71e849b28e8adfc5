"""The frame parser of `websockets`, with the service's words when it fails a connection."""

from __future__ import annotations

from typing import Final

from websockets.frames import CloseCode
from websockets.protocol import Protocol

TOO_LARGE: Final = "The client message is too large."
INVALID_FRAME: Final = "The client frame is invalid."
_REASONS: Final[dict[int, str]] = {CloseCode.MESSAGE_TOO_BIG: TOO_LARGE, CloseCode.PROTOCOL_ERROR: INVALID_FRAME}


class FrameParser(Protocol):
    """Bytes to frames and back, one side of a connection."""

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        """Start the closing of a connection whose peer broke the frame protocol."""
        super().fail(code, _REASONS.get(int(code), reason))

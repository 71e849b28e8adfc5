"""The frame parser of `websockets`, with the service's words when it fails a connection."""

from __future__ import annotations

import logging
from typing import Any, Final

from websockets.frames import CloseCode
from websockets.protocol import Protocol

TOO_LARGE: Final = "The client message is too large."
INVALID_FRAME: Final = "The client frame is invalid."
_REASONS: Final[dict[int, str]] = {CloseCode.MESSAGE_TOO_BIG: TOO_LARGE, CloseCode.PROTOCOL_ERROR: INVALID_FRAME}


class FrameParser(Protocol):
    """Bytes to frames and back, one side of a connection."""

    def name(self, whose: str) -> None:
        """Say in the log at debug level whose frames these are."""
        if self.debug:
            self.logger = _Named(self.logger, whose)

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        """Start the closing of a connection whose peer broke the frame protocol."""
        super().fail(code, _REASONS.get(int(code), reason))


class _Named(logging.LoggerAdapter[Any]):
    """Puts the name of a client before each line."""

    def __init__(self, logger: Any, whose: str) -> None:
        super().__init__(logger, {})
        self._whose: Final = whose

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        """A line with the name before it."""
        return f"{self._whose} {msg}", kwargs

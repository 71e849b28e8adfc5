"""Server-to-client WebSocket frames (RFC 6455, section 5.2): unmasked, so the same bytes serve every client."""

from __future__ import annotations

from typing import Final

TEXT: Final = 0x1
BINARY: Final = 0x2
_FIN: Final = 0x80


def frame(opcode: int, payload: bytes) -> bytes:
    """One final data frame around ``payload``."""
    length = len(payload)
    if length < 126:
        head = bytes((_FIN | opcode, length))
    elif length < 1 << 16:
        head = bytes((_FIN | opcode, 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((_FIN | opcode, 127)) + length.to_bytes(8, "big")
    return head + payload

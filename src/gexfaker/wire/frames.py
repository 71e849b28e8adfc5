"""Server-to-client WebSocket frames (RFC 6455, section 5.2): unmasked, so the same bytes serve every client."""

from __future__ import annotations

import struct
from typing import Final

TEXT: Final = 0x1
BINARY: Final = 0x2
_FIN: Final = 0x80
_SHORT: Final = struct.Struct("!BB").pack
_MEDIUM: Final = struct.Struct("!BBH").pack
_LONG: Final = struct.Struct("!BBQ").pack


def frame(opcode: int, *payload: bytes) -> bytes:
    """One final data frame around ``payload``, which may come in pieces."""
    length = sum(map(len, payload))
    if length < 126:
        head = _SHORT(_FIN | opcode, length)
    elif length < 1 << 16:
        head = _MEDIUM(_FIN | opcode, 126, length)
    else:
        head = _LONG(_FIN | opcode, 127, length)
    return b"".join((head, *payload))

"""The TCP connection below a request or a WebSocket, and its sudden end."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import Final

from starlette.types import Receive

_RESET_ON_CLOSE: Final = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)
"""SO_LINGER on, for 0 seconds. Source: socket(7); on Windows the struct LINGER of winsock."""


def transport_of(receive: Receive) -> asyncio.Transport | None:
    """The transport of a request: uvicorn's, whose ``receive`` comes here unwrapped; None for a test's."""
    return getattr(getattr(receive, "__self__", None), "transport", None)


def reset(transport: asyncio.Transport) -> None:
    """Reset the connection: what the peer has not read is dropped, in the kernel too. One that closes is let go."""
    if not transport.is_closing():
        raw: socket.socket = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()

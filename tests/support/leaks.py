"""Clients that leave the sockets which they gave up to the garbage collector: the vendor's Python ones, and urllib."""

from __future__ import annotations

from typing import Final

import pytest

LEAVES_SOCKETS: Final = (
    pytest.mark.usefixtures("collected"),
    pytest.mark.filterwarnings(
        r"ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning",
        "ignore:unclosed <socket:ResourceWarning",
    ),
)
"""Marks of their tests: such a socket is no failure there, and is collected before the next test, where it would be."""

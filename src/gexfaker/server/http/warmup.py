"""What only some clients need, loaded when the first of them comes, in a thread: who does not need it is not held up.

A server of recorded days that answers REST alone never loads numpy, protobuf or websockets: 0.2 s and 16 MB less.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Final

TABLES: Final = ("gexfaker.wire.feeds",)
"""What the tables of the messages need."""

FEED: Final = (
    "gexfaker.server.transport.websocket",
    "gexfaker.hubs.ahead",
    *TABLES,
    "gexfaker.wire.payload",
    "gexfaker.wire.protocodec",
    "jwt",
)
"""What a client of the feed needs. It asks for its address before, so that this is there when it connects."""

MARKET: Final = ("gexfaker.market.simulation",)
"""What a simulated record needs."""

SCENARIOS: Final = ("gexfaker.market.scenarios.scenariofile",)
"""What reading a scenario needs."""

_loaded: Final[set[str]] = set()


async def load(*names: str) -> None:
    """Load these modules, once in the life of the process."""
    missing = [name for name in names if name not in _loaded]
    if missing:
        await asyncio.to_thread(_import, missing)
        _loaded.update(missing)


def _import(names: list[str]) -> None:
    for name in names:
        import_module(name)

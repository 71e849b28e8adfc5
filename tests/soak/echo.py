"""An echo endpoint: a simple client whose messages go to a group that only it is in."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from typing import Final

from gexfaker.wire.tokens import Grant, mint
from support.server import Running, running_process

SECRET: Final = "soak-" * 8
_names: Final = itertools.count()


def echo_url(server: Running) -> str:
    """A URL whose client gets back what it sends; each call has a group and a session of its own."""
    group = f"echo-{next(_names)}"
    grant = Grant(f"user-{group}", ("webpubsub.sendToGroup",), (group,))
    audience = f"{server.url}/client/hubs/orderflow"
    token = mint(grant, audience, SECRET, time.time(), 24 * 3600)
    base = audience.replace("http", "ws", 1)
    return f"{base}?webpubsub_mode=sendToGroup&group={group}&access_token={token}"


@contextlib.contextmanager
def echo_server() -> Iterator[Running]:
    """A server that accepts ``echo_url``."""
    with running_process(token_secret=SECRET, log_level="warning") as server:
        yield server

"""The vendor's synchronous client, closed so that none of its threads goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

LATE: Final = "100ms"
"""ACK_DELAY for this client on a busy machine: it loses an answer that comes before it waits for one, and then stands
still for half a minute. The default of 2 ms is enough where it has a core for itself."""


@contextlib.contextmanager
def opened(client: Any) -> Iterator[None]:
    """A client that is connected, and closed at the end.

    Its ``close`` runs beside its own threads. When one of them notices the end of the socket while ``close`` takes back
    that the client is stopping, that thread reconnects, to a server that is gone, for minutes. So the client is told
    before that it shall not reconnect.
    """
    with client:
        try:
            yield
        finally:
            client._auto_reconnect = False

"""Who gets in: how many TCP connections there may be, and who goes when there is no room for one more."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from itertools import islice
from typing import Any, Final, Protocol, cast

from gexfaker.limits import IDLE_GRACE_SECONDS, LOOK_AGAIN_SECONDS, MAX_EVICTED, MAX_EVICTED_OF_ADDRESS
from gexfaker.server.rarely import Rarely
from gexfaker.server.transport.intake import Intake
from gexfaker.server.transport.patience import Patience, Phase

log: Final = logging.getLogger(__name__)

FULL: Final = "The server has as many connections as it can take: try again in a second."
_REFUSAL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b"
)


class Guest(Protocol):
    """A connection that speaks HTTP."""

    transport: asyncio.Transport

    @property
    def patience(self) -> Patience:
        """What it is at, and since when."""

    @property
    def sends_ahead(self) -> bool:
        """Whether it has sent requests before the last one was answered, as few clients do."""


class Doors:
    """The connections of one server, and what is shared by them.

    Args:
        most: how many there may be.

    Attributes:
        intake: what they have sent and what waits of it.
        told: what clients do wrong, for the log.
    """

    def __init__(self, most: int) -> None:
        self.most: Final = most
        self.intake: Final = Intake()
        self.told: Final = Rarely(log)
        self._next_look = 0.0
        self._connections: set[Any] = set()

    @property
    def count(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def enter(self, newcomer: Guest, connections: set[Any]) -> None:
        """Let a connection in; for its sake others may have to go, or else it is refused with 503."""
        self._connections = connections
        if len(connections) <= self.most:
            return
        now = asyncio.get_running_loop().time()
        if now >= self._next_look:
            self._make_room(newcomer, connections, now)
        if len(connections) > self.most:
            self._refuse(newcomer, connections)

    def _make_room(self, newcomer: Guest, connections: set[Any], now: float) -> None:
        """Send away who can go. When nobody can, it is not looked again for a while: to look takes 10 ms."""
        others = [cast("Guest", guest) for guest in connections if guest is not newcomer and is_guest(guest)]
        found = _dispensable(others, now) or self._some_of_the_largest(newcomer, connections)
        for guest in found:
            connections.discard(guest)
            guest.transport.abort()
        if not found:
            self._next_look = now + LOOK_AGAIN_SECONDS

    def _some_of_the_largest(self, newcomer: Guest, connections: set[Any]) -> list[Any]:
        """Connections of the address that has more than half of all, for the sake of another one that has fewer."""
        (host, count), *_ = Counter(map(_host_of, connections)).most_common(1)
        above = count - self.most // 2
        if host == _host_of(newcomer) or above <= 0:
            return []
        self.told.tell("address", "one address has %d of all %d connections: some of them make room", count, self.most)
        largest = (one for one in connections if _host_of(one) == host)
        return list(islice(largest, min(above, MAX_EVICTED_OF_ADDRESS)))

    def _refuse(self, newcomer: Guest, connections: set[Any]) -> None:
        self.told.tell("full", "all %d connections are in use: new ones are answered 503", self.most)
        body = b'{"error":"%b"}' % FULL.encode()
        connections.discard(newcomer)
        newcomer.transport.write(_REFUSAL % (len(body), body))
        newcomer.transport.close()


def _host_of(connection: Any) -> str | None:
    """The address that a connection comes from; None where it has none, as on a socket of the file system."""
    peer = connection.transport.get_extra_info("peername")
    return peer[0] if isinstance(peer, tuple) else None


def is_guest(connection: object) -> bool:
    """Whether a connection speaks HTTP, and no WebSocket."""
    return isinstance(getattr(connection, "patience", None), Patience)


def _dispensable(guests: Iterable[Guest], now: float) -> list[Guest]:
    """Who goes first: who asks for much at once or dawdles, then whoever has asked nothing for longest."""
    return nsmallest(MAX_EVICTED, (guest for guest in guests if _is_dispensable(guest, now)), key=_merit)


def _is_dispensable(guest: Guest, now: float) -> bool:
    patience = guest.patience
    does_nothing = patience.phase is not Phase.ANSWER or patience.blocked
    return guest.sends_ahead or (does_nothing and now - patience.since > IDLE_GRACE_SECONDS)


def _merit(guest: Guest) -> tuple[bool, bool, float]:
    return not guest.sends_ahead, guest.patience.phase is Phase.IDLE, guest.patience.since

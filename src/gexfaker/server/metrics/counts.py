"""What happens, as numbers: counted where it happens, read when somebody asks. No key or name of a client is kept."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Final

BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of times, in seconds: from a stored answer to a long download."""

OWN_CODES: Final = 3000
"""From here on the codes of a close frame are the client's own, two thousand of them: they are counted by thousands."""

NO_ROUTE: Final = "(none)"
"""What stands for a path that there is not: clients choose it."""

NO_CODE: Final = "none"
"""What stands for the code of a connection that broke without a close frame."""


NO_SUBPROTOCOL: Final = "none"
"""What stands for the subprotocol of a simple client."""


class Durations:
    """How long something took, and how often.

    Attributes:
        counts: how many were in each of BUCKETS, and above them all.
        seconds: all together.
    """

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts: Final = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


class Counts:
    """All that is counted of one server.

    Attributes:
        requests: by route and status how long the answers took.
        opened: connections by hub and subprotocol.
        closed: connections by hub, code, and who closed: client, server, or nobody.
        recoveries: tries to come back to a connection, by result.
        refusals: what clients were refused, by what it was and the status or the name of the error.
        lag: how long after a turn was due its last message was handed to a socket.
        sent_bytes: of all WebSocket frames.
    """

    def __init__(self) -> None:
        self.requests: Final[dict[tuple[str, str], Durations]] = {}
        self.opened: Final[Counter[tuple[str, str]]] = Counter()
        self.closed: Final[Counter[tuple[str, str, str]]] = Counter()
        self.recoveries: Final[Counter[tuple[str]]] = Counter()
        self.refusals: Final[Counter[tuple[str, str]]] = Counter()
        self.lag: Final = Durations()
        self.sent_bytes = 0

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request to a route was answered."""
        self.durations(route, status).observe(seconds)

    def durations(self, route: str, status: int) -> Durations:
        """What such requests are counted in, for those who answer very many."""
        key = route, str(status)
        found = self.requests.get(key)
        if found is None:
            found = self.requests[key] = Durations()
        return found

    def close(self, hub: str, code: int | None, by: str) -> None:
        """A connection has ended."""
        self.closed[hub, code_label(code), by] += 1


def code_label(code: int | None) -> str:
    """The code of a close frame as it is counted."""
    if code is None:
        return NO_CODE
    return str(code) if code < OWN_CODES else f"{code // 1000}xxx"

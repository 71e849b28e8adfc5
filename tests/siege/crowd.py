"""Very many sockets in one thread, opened anew when the server closes them."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable
from typing import Final

from siege.target import Target
from support.raw import GoneError, RawSocket

ROUND_SECONDS: Final = 0.2
"""Between two looks at all of them."""

OPEN_SECONDS: Final = 1.0
"""What opening one may take before the rest is left for the next round."""

SMALL_BUFFER: Final = 4096
"""Of a socket that does not read: little disappears in its kernel."""

GONE: Final = select.POLLHUP | select.POLLERR | select.POLLRDHUP


def crowd(target: Target, greet: Callable[[RawSocket], None], tend: Callable[[socket.socket], None]) -> None:
    """As many as the attack is to have, for ever; each is greeted once, and tended in each round."""
    members: dict[int, RawSocket] = {}
    looks = select.poll()
    while True:
        _fill(target, members, looks, greet)
        target.begun()
        began = time.monotonic()
        for descriptor, what in looks.poll(0):
            if what & GONE:
                looks.unregister(descriptor)
                members.pop(descriptor).socket.close()
                target.refused += 1
        for member in members.values():
            with contextlib.suppress(OSError):
                tend(member.socket)
        time.sleep(max(0.0, ROUND_SECONDS - (time.monotonic() - began)))


def _fill(
    target: Target, members: dict[int, RawSocket], looks: select.poll, greet: Callable[[RawSocket], None]
) -> None:
    """Open those that are missing, until one cannot be."""
    while len(members) < target.connections:
        made = None
        try:
            made = RawSocket(target.url, receive_buffer=SMALL_BUFFER)
            made.socket.settimeout(OPEN_SECONDS)
            greet(made)
        except (OSError, GoneError, AssertionError):
            target.refused += 1
            if made is not None:
                made.socket.close()
            return
        made.socket.setblocking(False)
        members[made.socket.fileno()] = made
        looks.register(made.socket, GONE)
        target.did += 1


def leave_alone(_member: socket.socket) -> None:
    """Tend it not."""

"""The sockets that a server listens on."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
from typing import Final

from gexfaker.errors import SettingError
from gexfaker.settings import Settings

log: Final = logging.getLogger(__name__)

ACCEPTED_AT_ONCE: Final = 4
"""Connections taken in one round of the loop, from each of the server's sockets. uvloop takes one for each descriptor
that it watches: behind 1,000 others a newcomer would wait for 1,000 rounds, some of several milliseconds."""


def listening_sockets(settings: Settings, shared_port: int | None = None) -> list[socket.socket]:
    """Bound sockets for the settings' host and port.

    ``localhost`` is bound in both families, as clients try either first. The second one may be missing.

    Args:
        shared_port: a port that other sockets of this process have, too; 0 for the first of them.

    Raises:
        SettingError: they cannot be had.
    """
    port, shared = shared_port or settings.port, shared_port is not None
    if shared_port == 0:  # only the first can tell whether another program has the port
        for bound in listening_sockets(settings):
            port = bound.getsockname()[1]
            bound.close()
    if settings.host != "localhost":
        return [_listening(settings, settings.host, port, shared=shared)]
    first = _listening(settings, "127.0.0.1", port, shared=shared)
    try:
        return [first, _listening(settings, "::1", first.getsockname()[1], shared=shared)]
    except SettingError as error:
        if socket.has_ipv6 and settings.port:
            log.info("clients that take localhost for ::1 cannot connect: %s", error)
        return [first]


def multiplied(bound: socket.socket, loop: asyncio.AbstractEventLoop) -> list[socket.socket]:
    """The same socket, as often as the loop has to watch it; asyncio's own loop takes many connections at once."""
    times = ACCEPTED_AT_ONCE if type(loop).__module__ == "uvloop" else 1
    return [bound, *(bound.dup() for _ in range(times - 1))]


def _listening(settings: Settings, host: str, port: int, *, shared: bool = False) -> socket.socket:
    try:
        # As bytes it needs no encoding for names with other letters, which takes 2 ms of a start to load.
        name = host.encode("ascii") if host.isascii() else host
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, _, _, address = found[0]
        bound = socket.socket(family, kind)
    except (OSError, ValueError) as error:
        raise SettingError(
            "HOST", settings.host, settings.sources["HOST"], f"an address of this machine ({error})"
        ) from None
    try:
        if sys.platform != "win32":  # there it would let two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRNOTAVAIL:
            accepted = f"an address of this machine, such as 127.0.0.1 ({error.strerror})"
            raise SettingError("HOST", settings.host, settings.sources["HOST"], accepted) from None
        accepted = f"{error.strerror or error}. Take a free port, such as --port 0, or end the program that has it"
        raise SettingError("PORT", settings.port, settings.sources["PORT"], accepted) from None
    return bound

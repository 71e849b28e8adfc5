"""The server as an attacker sees it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import struct
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from support.raw import GoneError, RawSocket, upgrade_request

PATIENCE: Final = 10.0
"""Seconds an attacker waits for an answer it needs."""

RETRY_SECONDS: Final = 0.05
"""Before an attacker that was refused or cut tries anew."""


class Target:
    """What is attacked, and what has been done to it.

    Attributes:
        url: of the server.
        pid: of its process.
        connections: how many the attack is to have.
        did: steps of the attack so far, whatever its steps are.
        refused: how often the server cut or refused it.
    """

    def __init__(self, url: str, pid: int, connections: int) -> None:
        self.url: Final = url
        self.pid: Final = pid
        self.connections: Final = connections
        self.did = 0
        self.refused = 0
        self._begun = False
        self._kept: Final[list[Any]] = []

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def begun(self) -> None:
        """Tell that the attack is at full strength."""
        if not self._begun:
            self._begun = True
            os.write(1, b"begun\n")

    def keep(self, held: Any) -> None:
        """Hold on to a connection until the end."""
        self._kept.append(held)

    def request(self, method: str, path: str, key: str = "attacker", body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of one request."""
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        with contextlib.closing(connection):
            watching = {"X-Gexfaker-Watch": "true"}  # or each connection would end the one before
            connection.request(method, path, body, {"Authorization": f"Bearer {key}", "User-Agent": "x"} | watching)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def negotiate(self, key: str = "attacker") -> dict[str, str]:
        """The URLs of the hubs."""
        status, body = self.request("GET", "/negotiate", key)
        if status != 200:
            raise GoneError(f"negotiation answered {status}")
        urls: dict[str, str] = json.loads(body)["websocket_urls"]
        return urls

    def plain(self, *, receive_buffer: int | None = None) -> RawSocket:
        """A TCP connection."""
        return RawSocket(self.url, receive_buffer=receive_buffer)

    def connect(
        self, subprotocol: str, key: str = "attacker", hub: str = "orderflow", *, receive_buffer: int | None = None
    ) -> RawSocket:
        """An upgraded connection."""
        url = self.negotiate(key)[hub]
        raw = RawSocket(url, receive_buffer=receive_buffer)
        raw.send(upgrade_request(url, [subprotocol]))
        if raw.read_answer() != 101:
            raise GoneError(f"upgrade answered {raw.status}")
        return raw


def persist(target: Target, step: Callable[[], None]) -> None:
    """Do it again and again, whatever the server does."""
    while True:
        try:
            step()
        except (OSError, GoneError, AssertionError, http.client.HTTPException, struct.error, ValueError):
            target.refused += 1
            time.sleep(RETRY_SECONDS)


def together(target: Target, step: Callable[[int], None], count: int | None = None) -> None:
    """Do it in threads, one for each connection, for ever."""
    for number in range(target.connections if count is None else count):
        threading.Thread(target=persist, args=(target, lambda number=number: step(number)), daemon=True).start()
    target.begun()
    threading.Event().wait()


def drain(raw: RawSocket) -> None:
    """Read and forget whatever comes to it, in a thread, to its end."""

    def read() -> None:
        with contextlib.suppress(OSError):
            while raw.socket.recv(1 << 20):
                pass

    threading.Thread(target=read, daemon=True).start()


def opened(target: Target, count: int, open_one: Callable[[int], socket.socket]) -> Iterator[socket.socket]:
    """So many sockets, each kept; those that cannot be opened are counted and left out."""
    for number in range(count):
        try:
            made = open_one(number)
        except (OSError, GoneError, AssertionError, http.client.HTTPException):
            target.refused += 1
            continue
        target.keep(made)
        yield made


def report_failure(work: Callable[[], None]) -> None:
    """Do it; what it dies of is told on stderr, as an attack that did not happen must not pass for one repelled."""
    try:
        work()
    except BaseException:
        os.write(2, f"the attacker failed: {traceback.format_exc()}".encode())
        os._exit(1)

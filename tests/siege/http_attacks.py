"""Attacks with HTTP: requests that never end, answers that nobody reads, downloads without end."""

from __future__ import annotations

import contextlib
import datetime
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Final

from siege import days
from siege.bounds import DOWNLOAD_SECONDS, NEWCOMER_SECONDS
from siege.crowd import SMALL_BUFFER, crowd, leave_alone
from siege.plan import DOWNLOAD, Attack, Surroundings
from siege.target import Target, persist
from support.raw import RawSocket

FEW_DESCRIPTORS: Final = Surroundings(descriptors=1024)
"""What many systems give a process."""

MORE_THAN_DESCRIPTORS: Final = 1100
PIPELINED: Final = 500
"""Requests in a row; their answers are more than any buffer holds."""

SLOW_SECONDS: Final = 1.0
"""Between two bytes of a head."""

UNREAD_SECONDS: Final = 3.0
"""For which a download is left unread before it is closed."""

LARGE: Final = f"/download/{days.DATE}/SPX/classic/full"


def request(path: str, *headers: str, method: str = "GET") -> bytes:
    """The bytes of one."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: x",
        "Authorization: Bearer attacker",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _say(words: bytes, target: Target) -> None:
    crowd(target, lambda member: member.send(words), leave_alone)


def one_byte_more(target: Target) -> None:
    """A request, its answer, and one byte of another."""

    def greet(member: RawSocket) -> None:
        member.send(request("/health"))
        member.read_answer()
        member.send(b"G")

    crowd(target, greet, leave_alone)


def body_never_comes(target: Target) -> None:
    """A POST whose body does not come."""
    _say(request("/v2/negotiate", "Content-Length: 100", method="POST"), target)


def silent(target: Target) -> None:
    """Connections on which nothing is said."""
    _say(b"", target)


def pipelined(target: Target) -> None:
    """Requests in a row, and no answer is read."""
    many = request(days.MAJORS) * PIPELINED

    def greet(member: RawSocket) -> None:
        member.socket.setblocking(False)
        member.socket.send(many)

    def tend(member: socket.socket) -> None:
        member.send(many)

    crowd(target, greet, tend)


def slow_heads(target: Target) -> None:
    """Heads of which a byte comes each second."""
    last: dict[socket.socket, float] = {}

    def tend(member: socket.socket) -> None:
        if time.monotonic() - last.get(member, 0.0) > SLOW_SECONDS:
            last[member] = time.monotonic()
            member.send(b"a")

    crowd(target, lambda member: member.send(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "), tend)


def unread_downloads(target: Target) -> None:
    """Downloads of which nothing is read."""
    _say(request(LARGE), target)


def ranges(target: Target) -> None:
    """The first byte of a large file, on one signed link, again and again."""
    answer = target.request("GET", f"/hist/SPX/classic/full/{days.DATE}?noredirect")[1]
    link: str = json.loads(answer)["url"].removeprefix(target.url)
    asked = request(link, "Range: bytes=0-0")

    def tend(member: socket.socket) -> None:
        if member.recv(1 << 16):
            target.did += 1
            member.send(asked)

    crowd(target, lambda member: member.send(asked), tend)


def _dates() -> Iterator[str]:
    """Days of this century, again and again."""
    while True:
        day = datetime.date(2001, 1, 1)
        while day.year < 2026:
            if day.weekday() < 5:
                yield day.isoformat()
            day += datetime.timedelta(days=1)


def download_rounds(target: Target) -> None:
    """Downloads of ever other simulated days, unread and closed after a while."""
    dates = _dates()

    def one_round() -> None:
        with contextlib.ExitStack() as held:
            for _ in range(target.connections):
                raw = held.enter_context(target.plain(receive_buffer=SMALL_BUFFER))
                raw.send(request(f"/download/{next(dates)}/SPX/orderflow/orderflow"))
                target.did += 1
            target.begun()
            time.sleep(UNREAD_SECONDS)

    persist(target, one_round)


def _lockout(run: Callable[[Target], None], what: str) -> Attack:
    """More sockets than the server may have, for so long that a newcomer who is locked out is noticed."""
    return Attack(run, MORE_THAN_DESCRIPTORS, what, surroundings=FEW_DESCRIPTORS, at_least=3 * NEWCOMER_SECONDS)


def _crowding(run: Callable[[Target], None], connections: int, what: str) -> Attack:
    """Somebody else wants a download meanwhile."""
    return Attack(
        run,
        connections,
        what,
        days.write_large,
        newcomer=DOWNLOAD,
        newcomer_seconds=DOWNLOAD_SECONDS,
        at_least=DOWNLOAD_SECONDS + 5,
    )


ATTACKS: Final[dict[str, Attack]] = {
    "one-byte-more": _lockout(one_byte_more, "a request, its answer, and one byte of the next"),
    "no-body": _lockout(body_never_comes, "a POST without its body"),
    "silent": _lockout(silent, "connections on which nothing is said"),
    "slow-heads": _lockout(slow_heads, "heads of a byte a second"),
    "pipelined": _lockout(pipelined, "requests in a row, no answer read"),
    "unread-downloads": _crowding(unread_downloads, 256, "downloads of which nothing is read"),
    "ranges": _crowding(ranges, 1500, "bytes=0-0 of a large file"),
    "download-rounds": Attack(
        download_rounds,
        150,
        "unread downloads of simulated days, closed after 3 s, again and again",
        None,
        at_least=5 * UNREAD_SECONDS,
    ),
}

"""Attacks with what any client may ask for: sessions, positions, groups, memory for who does not read."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import socket
import threading
import time
from typing import Final

from siege import days
from siege.frames import SMALL_BUFFER
from siege.http_attacks import request
from siege.plan import Attack
from siege.target import Target, drain, opened, persist, together
from support.raw import JSON, JSON_RELIABLE, TEXT, RawSocket, frame

SESSIONS: Final = 20_000
ROW: Final = 200
"""Requests sent in a row while the sessions are made."""

SESSION_SECONDS: Final = 45.0
"""What making them may take."""

FOLLOWERS: Final = 50
LIST: Final = "/_gexfaker/sessions?limit=10000"
SEEK: Final = "/_gexfaker/sessions/attacker/seek"
GROUPS: Final = 10_000
GROUP_LENGTH: Final = 1024
SEEKS_AT_ONCE: Final = 10
SEEKS_SECONDS: Final = 0.01
"""Between two times so many: 1,000 a second."""

BODY_BYTES: Final = 2_000_000
RELIABLE: Final = 120
"""Of the connections that take nothing; the others are plain."""

SHARED: Final = 4
"""Of those have a key in common; what is sent to one key's clients is one object."""

HEAVY_HUBS: Final = {
    "classic": ("classic_gex_full", "classic_gex_zero"),
    "state_gex": ("state_gex_full", "state_gex_zero"),
}


def _make_sessions(target: Target) -> None:
    """So many keys, by a request each."""
    head = request(days.MAJORS)
    with target.plain() as raw:
        drain(raw)
        raw.socket.settimeout(None)
        for start in range(0, SESSIONS, ROW):
            keys = (b"k%d" % number for number in range(start, start + ROW))
            raw.send(b"".join(head.replace(b"Bearer attacker", b"Bearer " + key) for key in keys))
            target.did += ROW
        until = time.monotonic() + SESSION_SECONDS
        while _sessions(target) < SESSIONS and time.monotonic() < until:
            time.sleep(0.2)


def _sessions(target: Target) -> int:
    with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
        return int(json.loads(target.request("GET", "/health")[1])["sessions"])
    return 0


def _follow(target: Target, *, read: bool) -> None:
    """Follow the stream of positions."""
    raw = target.plain(receive_buffer=None if read else SMALL_BUFFER)
    raw.send(request("/_gexfaker/sync"))
    target.keep(raw)
    if read:
        drain(raw)


def sessions(target: Target) -> None:
    """Very many keys, followers of their positions, and their list again and again."""
    _make_sessions(target)
    for number in range(FOLLOWERS + 1):
        with contextlib.suppress(OSError):
            _follow(target, read=number == 0)
    together(target, lambda _: _listed(target, LIST), 1)


def _listed(target: Target, path: str) -> None:
    """Read a long answer, and keep none of it."""
    with target.plain() as raw:
        raw.send(request(path, "Connection: close"))
        while raw.socket.recv(1 << 20):
            pass
    target.did += 1


def long_groups(target: Target) -> None:
    """Connections in very many groups of very long names, and the list of them."""
    threading.Thread(target=persist, args=(target, lambda: _listed(target, LIST)), daemon=True).start()

    def one(number: int) -> None:
        with target.connect(JSON, f"attacker-{number}") as raw:
            drain(raw)
            raw.socket.settimeout(None)
            for group in range(GROUPS):
                name = f"blue_{number}_{group}_".ljust(GROUP_LENGTH, "x")
                raw.send(frame(TEXT, json.dumps({"type": "joinGroup", "group": name}).encode()))
                target.did += 1
            threading.Event().wait()

    together(target, one)


def take_nothing(target: Target) -> None:
    """Clients in groups with large records that do not acknowledge, or do not read."""

    def one(number: int) -> socket.socket:
        hub = list(HEAVY_HUBS)[number % len(HEAVY_HUBS)]
        is_reliable = number < RELIABLE
        raw = _joined(target, f"attacker-{number // SHARED}", hub, is_reliable)
        if is_reliable:
            drain(raw)
        return raw.socket

    for _ in opened(target, target.connections, one):
        target.did += 1
    target.begun()
    threading.Event().wait()


def _joined(target: Target, key: str, hub: str, is_reliable: bool) -> RawSocket:
    buffer = None if is_reliable else SMALL_BUFFER
    raw = target.connect(JSON_RELIABLE if is_reliable else JSON, key, hub, receive_buffer=buffer)
    for feed in HEAVY_HUBS[hub]:
        raw.send_text(json.dumps({"type": "joinGroup", "group": f"blue_{days.HEAVY}_{feed}"}))
    return raw


def seeks(target: Target) -> None:
    """A key's position changes all the time, and somebody listens to it."""
    listening = target.connect(JSON)
    for ticker in days.LISTENED:
        listening.send_text(json.dumps({"type": "joinGroup", "group": f"blue_{ticker}_orderflow_orderflow"}))
    drain(listening)

    def one(_number: int) -> None:
        with target.plain() as raw:
            drain(raw)
            for start in itertools.cycle(range(0, days.RECORDS, SEEKS_AT_ONCE)):
                raw.send(b"".join(_seek(index) for index in range(start, start + SEEKS_AT_ONCE)))
                target.did += SEEKS_AT_ONCE
                time.sleep(SEEKS_SECONDS)

    together(target, one)


def _seek(index: int) -> bytes:
    body = json.dumps({"index": index}).encode()
    return request(SEEK, f"Content-Length: {len(body)}", method="POST") + body


def bodies(target: Target) -> None:
    """Requests with far too long bodies, and deep ones."""
    large = b'{"index":"' + b"x" * BODY_BYTES + b'"}'
    deep = b"[" * 60_000
    paths = SEEK, "/v2/negotiate", "/_gexfaker/sessions"

    def one(number: int) -> None:
        for path in itertools.cycle(paths[number % len(paths) :] + paths):
            for body in (large, deep):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    target.request("POST", path, "attacker", body)
                target.did += 1

    together(target, one)


ATTACKS: Final[dict[str, Attack]] = {
    "sessions": Attack(sessions, FOLLOWERS + 2, "20,000 keys, followers of their positions, their list in a loop"),
    "long-groups": Attack(long_groups, 30, "10,000 groups of 1,024 characters each", at_least=20.0),
    "take-nothing": Attack(
        take_nothing,
        3 * RELIABLE,
        "120 that never acknowledge, 240 that never read",
        days.write_heavy,
        interval=0.05,
        at_least=20.0,
    ),
    "seeks": Attack(seeks, 1, "1,000 jumps a second of one key"),
    "bodies": Attack(bodies, 4, "bodies of 2 MB, and deep ones"),
}

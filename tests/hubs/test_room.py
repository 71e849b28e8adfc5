"""A full hub: the connection that was lost first makes room, one that is open never does."""

from __future__ import annotations

from gexfaker.hubs.hub import Bounds
from support.clients import RELIABLE, Client, make_hub


def test_the_longest_detached_connection_makes_room() -> None:
    hub = make_hub(Bounds(connections=3))
    clients = [Client(hub, RELIABLE) for _ in range(3)]
    assert not hub.make_room(), "three are open"
    hub.lost(clients[1].connection, 10.0)
    hub.lost(clients[0].connection, 20.0)
    assert hub.make_room()
    assert [client.connection.id in hub.connections for client in clients] == [True, False, True]
    assert hub.make_room(), "there is room now"
    assert len(hub.connections) == 2

"""Our client of the feed when its connection is cut, its server replaced, or refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Sequence

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from gexfaker.catalog import Feed, parse_group
from gexfaker.client.feed import ListenError, Received, Target, negotiate
from gexfaker.client.follow import SUBPROTOCOL, Reconnection, follow
from support.proxy import Proxy, proxied
from support.server import Served, running_server

GROUP = "SPX_orderflow_orderflow"


def feeds() -> list[Feed]:
    found = parse_group(GROUP)
    assert found is not None
    return [found]


class Taker:
    """Takes messages up to a number, and does something at one of them."""

    def __init__(self, count: int, at: int, act: Callable[[], object]) -> None:
        self.got: list[Received] = []
        self._count, self._at, self._act = count, at, act

    def __call__(self, received: Received) -> bool:
        self.got.append(received)
        if len(self.got) == self._at:
            threading.Thread(target=self._act).start()
        return len(self.got) < self._count

    def times(self) -> list[int]:
        return [received.record["timestamp"] for received in self.got]


def via(proxy: Proxy, server: Served) -> Callable[[], Sequence[Target]]:
    """Negotiates with the server, and connects through the proxy."""
    port = server.url.rpartition(":")[2]
    return lambda: [
        Target(target.address.replace(f":{port}/", f":{proxy.port}/"), target.joins)
        for target in negotiate(server.url, "demo", feeds())
    ]


def test_a_cut_connection_is_recovered_and_nothing_is_missing_or_comes_twice() -> None:
    told: list[str] = []
    with running_server(tickers="SPX", speed="60", data_date="2026-06-26") as server, proxied(server) as proxy:
        again = Reconnection(30, via(proxy, server), told.append)
        taker = Taker(200, at=20, act=proxy.cut)
        asyncio.run(follow(again.negotiate(), taker, again))
    times = taker.times()
    assert times == list(range(times[0], times[0] + 200))
    assert told == [
        "the connection is lost: the server is gone without a close frame; trying for 30 s to connect again",
        "connected again, and nothing was lost",
    ]
    assert [recovery for recovery, _ in proxy.handshakes] == [False, True]


def test_a_connection_that_is_ended_on_purpose_stays_ended() -> None:
    told: list[str] = []
    with running_server(tickers="SPX", speed="60") as server:
        again = Reconnection(30, lambda: negotiate(server.url, "demo", feeds()), told.append)
        taker = Taker(10**6, at=20, act=lambda: server.request("DELETE", "/_gexfaker/sessions/by-key?key=demo"))
        with pytest.raises(ListenError, match="the connection is lost: the server closed it with 1000"):
            asyncio.run(follow(again.negotiate(), taker, again))
    assert told == []


def test_a_server_that_takes_the_place_of_another_is_found() -> None:
    """The new server knows nothing of the connection, so the recovery is refused and negotiated again."""
    told: list[str] = []
    with contextlib.ExitStack() as servers:
        first = servers.enter_context(running_server(tickers="SPX", speed="60"))

        def replace() -> None:
            first.stop()
            servers.enter_context(running_server(tickers="SPX", speed="60", port=first.address[1]))

        again = Reconnection(30, lambda: negotiate(first.url, "demo", feeds()), told.append)
        taker = Taker(60, at=20, act=replace)
        asyncio.run(follow(again.negotiate(), taker, again))
    assert "closed it with 1001" in told[0]
    assert told[-1] == "connected again, but what was sent meanwhile is lost"


@pytest.mark.parametrize("seconds", [0, 0.5])
def test_it_gives_up_after_its_time(seconds: float) -> None:
    with running_server(tickers="SPX", speed="60") as server, proxied(server) as proxy:
        lost: list[float] = []

        def end() -> None:
            lost.append(time.monotonic())
            proxy.blocked = True
            proxy.cut()

        again = Reconnection(seconds, via(proxy, server), lambda _: None)
        with pytest.raises(ListenError, match=r"cannot connect|connection is lost"):
            asyncio.run(follow(again.negotiate(), Taker(10**6, at=20, act=end), again))
        assert seconds <= time.monotonic() - lost[0] < seconds + 10


CONNECTED = '{"type":"system","event":"connected","connectionId":"c","userId":null,"reconnectionToken":"t"}'
RECORD = "Cg9wcm90by5vcmRlcmZsb3cSOCi1L/0AAHkBAAjqp6bYBhIDU1BYGIHDLSCZqy0o7tgtMJDDLTjLqS1AkMQtSJDELVCQxC1YkMQt"
MESSAGE = {"type": "message", "from": "group", "group": f"blue_{GROUP}", "dataType": "protobuf", "data": RECORD}


def hear(handler: Callable[[ServerConnection], None], seconds: float, count: int, told: list[str]) -> list[Received]:
    """Follow a server that behaves as ``handler`` does."""
    taker = Taker(count, at=0, act=lambda: None)
    with serve(handler, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        targets = [Target(f"ws://127.0.0.1:{port}/?access_token=x", ())]
        again = Reconnection(seconds, lambda: targets, told.append)
        try:
            asyncio.run(follow(targets, taker, again))
        finally:
            server.shutdown()
    return taker.got


def test_a_server_that_only_greets_is_not_tried_for_ever() -> None:
    greeted: list[float] = []
    told: list[str] = []

    def greet(connection: ServerConnection) -> None:
        greeted.append(time.monotonic())
        connection.send(CONNECTED)
        connection.close(1008, "no")

    with pytest.raises(ListenError, match="closed it with 1008 no"):
        hear(greet, 2.0, 1, told)
    assert len(greeted) <= 6, "the pauses grow"
    assert len(told) == 1, "and it is not said to be back"


def test_messages_without_numbers_are_taken_and_missing_ones_are_told() -> None:
    told: list[str] = []

    def talk(connection: ServerConnection) -> None:
        connection.send(CONNECTED)
        for number in (None, None, 1, 2, 2, 5):
            connection.send(json.dumps(MESSAGE if number is None else MESSAGE | {"sequenceId": number}))
        with contextlib.suppress(ConnectionClosed):
            while True:
                connection.recv()

    assert len(hear(talk, 0, 5, told)) == 5
    assert told == ["messages missing before number 5 of the connection: 2"]


def test_what_the_taker_raises_is_not_a_lost_connection() -> None:
    def refuse(_received: Received) -> bool:
        raise OSError(28, "No space left on device")

    with running_server(tickers="SPX", speed="60") as server:
        again = Reconnection(30, lambda: negotiate(server.url, "demo", feeds()), lambda _: None)
        with pytest.raises(OSError, match="No space left"):
            asyncio.run(follow(again.negotiate(), refuse, again))

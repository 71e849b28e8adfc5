"""Our client of the feed when its connection is cut, its server replaced, or refused."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence

import pytest

from gexfaker.catalog import Feed, parse_group
from gexfaker.client.feed import ListenError, Received, Target, negotiate
from gexfaker.client.follow import Reconnection, follow
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
    with running_server(tickers="SPX", speed="60") as server, proxied(server) as proxy:
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


def test_a_connection_that_the_server_ends_is_negotiated_anew() -> None:
    told: list[str] = []
    with running_server(tickers="SPX", speed="60") as server:
        again = Reconnection(30, lambda: negotiate(server.url, "demo", feeds()), told.append)
        taker = Taker(60, at=20, act=lambda: server.request("DELETE", "/_gexfaker/sessions/by-key?key=demo"))
        asyncio.run(follow(again.negotiate(), taker, again))
    assert told[0].startswith("the connection is lost: the server closed it with 1000")
    assert told[1:] == ["connected again, but what was sent meanwhile is lost"]


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

        def end() -> None:
            proxy.blocked = True
            proxy.cut()

        again = Reconnection(seconds, via(proxy, server), lambda _: None)
        with pytest.raises(ListenError, match=r"cannot connect|connection is lost"):
            asyncio.run(follow(again.negotiate(), Taker(10**6, at=20, act=end), again))

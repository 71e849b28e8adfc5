"""Subscriptions: worked out again exactly when groups have changed; signatures are of a bounded number."""

from __future__ import annotations

import pytest

from gexfaker.catalog import Feed
from gexfaker.hubs.groups import Groups
from gexfaker.playback.options import Options
from gexfaker.wire import messages as m
from gexfaker.worlds import subscriptions as module
from gexfaker.worlds.subscriptions import Subscriber, Subscriptions
from gexfaker.worlds.worlds import Worlds
from support.clients import JSON, Client, make_hub
from support.tapes import OPEN, MemoryDays, at_times, day

TICKERS = ("SPX", "NDX", "SPY")
GROUPS = [f"blue_{ticker}_orderflow_orderflow" for ticker in TICKERS]


class Desk:
    """One hub, and the subscriptions of its worlds."""

    def __init__(self) -> None:
        feeds = [Feed(ticker, "orderflow", "orderflow") for ticker in TICKERS]
        self.days = MemoryDays(day(*(at_times(range(OPEN, OPEN + 3), feed) for feed in feeds)))
        self.hub = make_hub()
        hubs = {"orderflow": self.hub}
        self.worlds = Worlds(self.days, Options())
        self.hub._audience_of = self.worlds.audiences_on("orderflow")  # type: ignore[misc]
        self.subscriber = Subscriber(hubs, Groups(self.days.day(self.days.first), "blue"))

    def client(self, key: str, *groups: str) -> Client:
        return Client(self.hub, JSON, user_id=key, groups=groups)

    def heard(self, key: str) -> Subscriptions:
        return self.worlds.get(key).subscriptions(self.subscriber)

    def tickers(self, key: str) -> list[str]:
        return [subscription.feed.ticker for subscription in self.heard(key).all]


def test_they_follow_each_join_and_leave() -> None:
    world = Desk()
    client, other = world.client("a", GROUPS[0]), world.client("b", *GROUPS)
    before = world.heard("b")
    assert world.tickers("a") == ["SPX"]
    client.send(m.JoinGroup(GROUPS[1]))
    assert world.tickers("a") == ["SPX", "NDX"]
    client.send(m.LeaveGroup(GROUPS[0]))
    client.send(m.JoinGroup(GROUPS[0]))
    assert world.tickers("a") == ["NDX", "SPX"]
    assert world.heard("b") is before, "another key's are worked out once"
    world.hub.end(other.connection)
    assert world.tickers("b") == []


def test_sessions_in_the_same_groups_have_the_same_signature() -> None:
    world = Desk()
    for key, groups in (("a", GROUPS), ("b", GROUPS), ("c", GROUPS[:2])):
        world.client(key, *groups)
    assert world.heard("a").signature == world.heard("b").signature != world.heard("c").signature


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTENING", 10)
    world = Desk()
    for number in range(50):
        world.client(f"key-{number}", *[f"blue_{TICKERS[0]}_orderflow_{count}" for count in range(number)], *GROUPS)
        assert world.tickers(f"key-{number}") == list(TICKERS)
    signatures = {world.heard(f"key-{number}").signature for number in range(50)}
    assert len(signatures) == 50, "other groups, other signature, however much was forgotten"
    assert len(world.subscriber._signatures) <= 11

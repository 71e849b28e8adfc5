"""Subscriptions: worked out again exactly when groups have changed; signatures are of a bounded number."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexfaker.catalog import Feed
from gexfaker.hubs.groups import Groups
from gexfaker.limits import MAX_CHANGED_GROUPS
from gexfaker.playback.options import Options
from gexfaker.wire import messages as m
from gexfaker.worlds import subscriptions as module
from gexfaker.worlds.subscriptions import Subscriber, Subscriptions
from gexfaker.worlds.worlds import Worlds
from support.clients import JSON, Client, make_hub
from support.tapes import OPEN, MemoryDays, at_times, day

TICKERS = ("SPX", "NDX", "SPY", "QQQ", "RUT")
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


def test_groups_that_carry_nothing_change_nothing() -> None:
    world = Desk()
    client = world.client("a", GROUPS[0])
    before = world.heard("a")
    for group in ("nonsense", "blue_SPX_orderflow_nothing", "blue_IWM_orderflow_orderflow", "x" * 500):
        client.send(m.JoinGroup(group))
        assert world.heard("a") is before
        client.send(m.LeaveGroup(group))
        assert world.heard("a") is before


@pytest.mark.parametrize("joins", [1, MAX_CHANGED_GROUPS, MAX_CHANGED_GROUPS + 1, 2 * MAX_CHANGED_GROUPS])
def test_what_came_and_went_between_two_looks_is_bounded_and_followed(joins: int) -> None:
    world = Desk()
    client = world.client("a", GROUPS[0])
    assert world.tickers("a") == ["SPX"]
    for number in range(joins):
        client.send(m.JoinGroup(f"blue_SPX_orderflow_{number}"))
    client.send(m.LeaveGroup(GROUPS[0]))
    client.send(m.JoinGroup(GROUPS[2]))
    client.send(m.JoinGroup(GROUPS[0]))
    assert len(world.worlds.get("a").delivery.regrouped) <= MAX_CHANGED_GROUPS
    assert world.tickers("a") == ["SPY", "SPX"]


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from((*GROUPS, "nonsense", None))), max_size=40))
def test_following_each_change_gives_what_a_look_at_everything_gives(steps: list[tuple[int, str | None]]) -> None:
    """Two clients of a key join, leave (what they are in), and go; sometimes somebody looks."""
    world = Desk()
    clients: list[Client | None] = [None, None]
    for who, group in steps:
        client = clients[who] = clients[who] or world.client("a")
        if group is None:
            world.hub.end(client.connection)
            clients[who] = None
        elif group in client.connection.groups:
            client.send(m.LeaveGroup(group))
        else:
            client.send(m.JoinGroup(group))
        if who:
            world.heard("a")
    followed = world.heard("a")
    world.worlds.get("a").resubscribe()
    assert followed == world.heard("a")


def test_sessions_in_the_same_groups_have_the_same_signature() -> None:
    world = Desk()
    for key, groups in (("a", GROUPS), ("b", GROUPS), ("c", GROUPS[:2])):
        world.client(key, *groups)
    assert world.heard("a").signature == world.heard("b").signature != world.heard("c").signature


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTENING", 10)
    world, arrangements = Desk(), list(itertools.permutations(TICKERS))
    for number in range(50):
        tickers = arrangements[number]
        world.client(f"key-{number}", *(f"blue_{ticker}_orderflow_orderflow" for ticker in tickers))
        assert world.tickers(f"key-{number}") == list(tickers)
    signatures = {world.heard(f"key-{number}").signature for number in range(50)}
    assert len(signatures) == 50, "other groups, other signature, however much was forgotten"
    assert len(world.subscriber._signatures) <= 11
